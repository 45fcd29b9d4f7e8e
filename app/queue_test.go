package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeQueue answers like SQS, for one queue. It gives a message out again when it is no longer hidden.
type fakeQueue struct {
	mu       sync.Mutex
	messages []*fakeMessage
	calls    []string
	refuses  string // an action that fails
}

type fakeMessage struct {
	body    string
	visible time.Time
}

func (f *fakeQueue) call(ctx context.Context, action string, in, out any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	f.calls = append(f.calls, action)
	if action == f.refuses {
		return errors.New("AccessDenied: no")
	}
	args := in.(map[string]any)
	named := func(m *fakeMessage) bool { return m.body == args["ReceiptHandle"] }
	hide := func(m *fakeMessage) {
		m.visible = time.Now().Add(time.Duration(args["VisibilityTimeout"].(int)) * time.Second)
	}
	switch action {
	case "ReceiveMessage":
		for _, m := range f.messages {
			if !m.visible.After(time.Now()) {
				hide(m)
				got := out.(*struct{ Messages []parcel })
				got.Messages = []parcel{{ID: m.body, Receipt: m.body, Body: m.body}}
				return nil
			}
		}
		f.mu.Unlock()
		defer f.mu.Lock()
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(args["WaitTimeSeconds"].(int)) * time.Second):
		}
		return ctx.Err()
	case "ChangeMessageVisibility":
		hide(f.messages[slices.IndexFunc(f.messages, named)])
	case "DeleteMessage":
		f.messages = slices.DeleteFunc(f.messages, named)
	}
	return nil
}

func (f *fakeQueue) count(action string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c == action {
			n++
		}
	}
	return n
}

func (f *fakeQueue) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.messages)
}

var quiet = slog.New(slog.NewJSONHandler(io.Discard, nil))

// consumer returns a worker of the queue, with an hour for each message and ten seconds after the end.
func (f *fakeQueue) consumer(work func(ctx context.Context, body string) error) *worker {
	return &worker{
		source: &queue{url: "u", call: f.call, work: work, log: quiet},
		limit:  time.Hour, grace: 10 * time.Second, pause: time.Second, log: quiet,
	}
}

// Work that takes longer than a message is hidden is done by one worker, once: both look at the queue all the time.
func TestMessageStaysHiddenWhileItIsWorkedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeQueue{messages: []*fakeMessage{{body: "long"}}}
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		begun := 0
		work := func(ctx context.Context, _ string) error {
			mu.Lock()
			begun++
			mu.Unlock()
			return tick{takes: 5 * time.Minute}.do(ctx)
		}
		var running sync.WaitGroup
		for range 2 {
			running.Go(func() { f.consumer(work).run(ctx) })
		}
		<-time.After(4 * time.Minute)
		if f.left() != 1 {
			t.Error("the message is deleted before it is done")
		}
		<-time.After(2 * time.Minute)
		cancel()
		running.Wait()
		if begun != 1 || f.left() != 0 {
			t.Errorf("the message was begun %d times, and %d are left", begun, f.left())
		}
	})
}

// A message whose work fails is not deleted, and comes again.
func TestMessageThatFailsComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeQueue{messages: []*fakeMessage{{body: "hard"}}}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tries := 0
		f.consumer(func(context.Context, string) error {
			if tries++; tries < 3 {
				return errors.New("broken")
			}
			cancel() // SIGTERM: what is done is deleted all the same
			return nil
		}).run(ctx)
		if tries != 3 || f.left() != 0 || f.count("DeleteMessage") != 1 {
			t.Errorf("%d tries, %d messages left, %d deletions", tries, f.left(), f.count("DeleteMessage"))
		}
	})
}

// After SIGTERM no message is taken, and the one at hand is finished and deleted, or left in the queue if its time is over.
func TestQueueAtTheEnd(t *testing.T) {
	for name, test := range map[string]struct {
		takes time.Duration
		left  int
	}{
		"in time":  {9 * time.Second, 1},
		"too late": {11 * time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeQueue{messages: []*fakeMessage{{body: "a"}, {body: "b"}}}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				f.consumer(func(ctx context.Context, _ string) error {
					cancel() // SIGTERM
					return tick{takes: test.takes}.do(ctx)
				}).run(ctx)
				if f.left() != test.left || f.count("ReceiveMessage") != 1 {
					t.Errorf("%d messages are left after %d receptions", f.left(), f.count("ReceiveMessage"))
				}
			})
		})
	}
}

// Work that is done when the worker's time is over is deleted: done again, it would cost the same again.
func TestMessageIsDeletedAfterTheGrace(t *testing.T) {
	f := &fakeQueue{messages: []*fakeMessage{{body: "a"}}}
	ctx, cancel := context.WithCancel(t.Context())
	q := &queue{url: "u", call: f.call, log: quiet, work: func(context.Context, string) error { cancel(); return nil }}
	if err := (delivery{parcel{Receipt: "a"}, q}).do(ctx); err != nil || f.left() != 0 {
		t.Errorf("it ended with %v and %d messages", err, f.left())
	}
}

// A worker that may not receive says so and goes on; one that may not delete reports the message as not done.
func TestQueueThatRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeQueue{refuses: "ReceiveMessage"}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer cancel()
		f.consumer(nil).run(ctx)
		if n := f.count("ReceiveMessage"); n != 11 {
			t.Errorf("it asked %d times in 10 seconds", n)
		}
	})
	f := &fakeQueue{refuses: "DeleteMessage"}
	q := &queue{url: "u", call: f.call, log: quiet, work: func(context.Context, string) error { return nil }}
	if err := (delivery{parcel{Receipt: "a"}, q}).do(t.Context()); err == nil || !strings.Contains(err.Error(), "delete the message, which is done: AccessDenied") {
		t.Errorf("it ended with %v", err)
	}
}

const testQueue = "https://sqs.eu-central-1.amazonaws.com/000000000000/orders"

// sqsServer answers every action with the same, and returns the requests' targets and bodies.
func sqsServer(t *testing.T, status int, answer string) (environment map[string]string, asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/credentials" {
			_, _ = io.WriteString(w, `{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"2100-01-01T00:00:00Z"}`)
			return
		}
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		got = append(got, r.Header.Get("Content-Type")+" "+r.Header.Get("X-Amz-Target")+" "+string(body))
		mu.Unlock()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return map[string]string{
		"QUEUE_URL": testQueue, "AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": server.URL,
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL + "/credentials",
	}, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
}

const sentHello = `application/x-amz-json-1.0 AmazonSQS.SendMessage {"MessageBody":"hello","QueueUrl":"` + testQueue + `"}`

func TestEnqueue(t *testing.T) {
	environment, asked := sqsServer(t, http.StatusOK, `{"MessageId":"m-1"}`)
	var out strings.Builder
	if err := run(t.Context(), []string{"enqueue", "hello"}, getenv(environment), &out); err != nil {
		t.Fatal(err)
	}
	if got := asked(); !slices.Equal(got, []string{sentHello}) || !strings.Contains(out.String(), `"msg":"sent","item":"message m-1"`) {
		t.Errorf("SQS was asked %q; the log is %s", got, out.String())
	}
	err := run(t.Context(), []string{"enqueue", "hello"}, getenv(nil), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "set QUEUE_URL") {
		t.Errorf("without a queue it ended with %v", err)
	}
}

func TestWorkRoute(t *testing.T) {
	for name, test := range map[string]struct {
		method, body, answer string
		queue, sqs, status   int
	}{
		"sent":            {"POST", "hello", `{"id":"m-1"}`, 1, 200, 202},
		"nothing to send": {"POST", "", "Bad Request", 1, 200, 400},
		"no text":         {"POST", "a\x00", "Bad Request", 1, 200, 400},
		"too long":        {"POST", strings.Repeat("a", maxBodyBytes+1), "Too Large", 1, 200, 413},
		"read":            {"GET", "", "Not Allowed", 1, 200, 405},
		"refused by SQS":  {"POST", "hello", "Service Unavailable", 1, 403, 503},
		"without a queue": {"POST", "hello", "Not Found", 0, 200, 404},
	} {
		t.Run(name, func(t *testing.T) {
			environment, asked := sqsServer(t, test.sqs, `{"MessageId":"m-1"}`)
			if test.queue == 0 {
				delete(environment, "QUEUE_URL")
			}
			cfg, err := loadConfig(getenv(environment))
			if err != nil {
				t.Fatal(err)
			}
			answer := httptest.NewRecorder()
			request := httptest.NewRequestWithContext(t.Context(), test.method, workRoute, strings.NewReader(test.body))
			newServer(cfg, quiet).ServeHTTP(answer, request)
			if answer.Code != test.status || !strings.Contains(answer.Body.String(), test.answer) {
				t.Errorf("it answers %d %s", answer.Code, answer.Body)
			}
			if sent := slices.Contains(asked(), sentHello); sent != (test.body == "hello" && test.queue == 1) {
				t.Errorf("SQS was asked %q", asked())
			}
		})
	}
}

func TestQueueURL(t *testing.T) {
	for url, fits := range map[string]bool{
		testQueue:           true,
		testQueue + ".fifo": false, // its messages need a group
		"http://sqs.eu-central-1.amazonaws.com/000000000000/orders":    false,
		"https://example.com/000000000000/orders":                      false,
		"arn:aws:sqs:eu-central-1:000000000000:orders":                 false,
		"https://sqs.cn-north-1.amazonaws.com.cn/000000000000/orders":  true,
		"https://sqs.eu-central-1.amazonaws.com/000000000000/orders/x": false,
	} {
		if _, err := loadConfig(getenv(map[string]string{"QUEUE_URL": url})); (err == nil) != fits {
			t.Errorf("%s: %v", url, err)
		}
	}
}
