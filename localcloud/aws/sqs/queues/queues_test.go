package queues_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/sqs"
	"slipway/localcloud/aws/sqs/queues"
	"slipway/localcloud/cloud"
)

// stage is a queue called orders.
type stage struct {
	*awstest.Tester
	queues *queues.Queues
	queue  *cloud.Resource
	path   string
}

func newStage(t *testing.T, in cloud.Map) *stage {
	t.Helper()
	c := awstest.New(t, sqs.Kinds()...)
	s := &stage{Tester: c, path: filepath.Join(t.TempDir(), "queues.db")}
	c.Make(sqs.QueueToken, cloud.Map{"name": "dead"})
	all := cloud.Map{"name": "orders"}
	for k, v := range in {
		all[k] = v
	}
	s.queue = c.Make(sqs.QueueToken, all)
	s.open(t)
	t.Cleanup(func() { _ = s.queues.Close() })
	return s
}

func (s *stage) open(t *testing.T) {
	t.Helper()
	var err error
	if s.queues, err = queues.Open(s.Store, s.path); err != nil {
		t.Fatal(err)
	}
}

func (s *stage) send(t *testing.T, delay time.Duration, bodies ...string) {
	t.Helper()
	now := time.Now()
	for _, body := range bodies {
		if _, err := s.queues.Send(s.queue, queues.Message{Body: body, Sent: now, VisibleAt: now.Add(delay)}); err != nil {
			t.Fatal(err)
		}
	}
}

// receive takes messages and wants their bodies.
func (s *stage) receive(t *testing.T, of *cloud.Resource, hide, wait time.Duration, want ...string) []queues.Message {
	t.Helper()
	got, err := s.queues.Receive(t.Context(), of, 10, hide, wait)
	if err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for _, m := range got {
		bodies = append(bodies, m.Body)
	}
	if !slices.Equal(bodies, want) {
		t.Errorf("received %q, want %q", bodies, want)
	}
	return got
}

func TestVisibility(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		s.send(t, 0, "one", "two")
		s.send(t, 10*time.Second, "later")
		got := s.receive(t, s.queue, 30*time.Second, 0, "one", "two")
		s.receive(t, s.queue, 30*time.Second, 0)
		if c := s.queues.Counts(s.queue); c.Visible != 0 || c.NotVisible != 2 || c.Delayed != 1 {
			t.Errorf("counts %+v", c)
		}
		if err := s.queues.Delete(s.queue, got[0].Receipt); err != nil {
			t.Error(err)
		}
		s.receive(t, s.queue, time.Minute, 20*time.Second, "later") // it waits for it
		again := s.receive(t, s.queue, time.Minute, 20*time.Second, "two")
		if again[0].Receives != 2 || again[0].Receipt == got[1].Receipt {
			t.Errorf("received again, it is %+v", again[0])
		}
		if err := s.queues.Delete(s.queue, got[1].Receipt); err != nil || s.queues.Counts(s.queue).NotVisible != 2 {
			t.Errorf("an old receipt handle: %v, %+v", err, s.queues.Counts(s.queue))
		}
		if err := s.queues.Hide(s.queue, again[0].Receipt, 0); err != nil {
			t.Error(err)
		}
		s.receive(t, s.queue, time.Minute, 0, "two")
		if err := s.queues.Hide(s.queue, again[0].Receipt, 0); err == nil {
			t.Error("a message that is not in flight is hidden")
		}
	})
}

func TestLongPollEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		begun := time.Now()
		s.receive(t, s.queue, time.Minute, 20*time.Second)
		if took := time.Since(begun); took != 20*time.Second {
			t.Errorf("without messages it took %s", took)
		}
		var waiting sync.WaitGroup
		waiting.Go(func() { s.receive(t, s.queue, time.Minute, 20*time.Second, "now") })
		synctest.Wait()
		s.send(t, 0, "now")
		waiting.Wait()
		if took := time.Since(begun); took != 20*time.Second {
			t.Errorf("a message that came was received after %s", took)
		}
	})
}

func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, cloud.Map{"messageRetentionSeconds": 60.0})
		s.send(t, 0, "old")
		<-time.After(50 * time.Second)
		s.send(t, 0, "new")
		if c := s.queues.Counts(s.queue); c.Visible != 2 || c.OldestAge != 50*time.Second {
			t.Errorf("counts %+v", c)
		}
		<-time.After(11 * time.Second)
		if c := s.queues.Counts(s.queue); c.Visible != 1 || c.OldestAge != 11*time.Second {
			t.Errorf("counts %+v", c)
		}
		s.receive(t, s.queue, time.Minute, 0, "new")
	})
}

func TestDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := "arn:aws:sqs:" + awstest.Caller.Scope.Region + ":" + awstest.Caller.Scope.Account + ":dead"
		s := newStage(t, cloud.Map{"redrivePolicy": `{"deadLetterTargetArn":"` + dead + `","maxReceiveCount":2}`})
		s.send(t, 0, "poison")
		for range 2 {
			s.receive(t, s.queue, time.Second, 2*time.Second, "poison")
		}
		s.receive(t, s.queue, time.Second, 2*time.Second)
		s.Store.View(func(tx *cloud.Tx) { s.receive(t, sqs.ByARN(tx, awstest.Caller.Scope, dead), time.Second, 0, "poison") })
	})
}

// Whoever waits for a message of a queue is told that it is gone.
func TestQueueGoesWhileSomebodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = s.queues.Run(ctx) })
		s.send(t, time.Hour, "later")
		running.Go(func() {
			if _, err := s.queues.Receive(ctx, s.queue, 1, time.Minute, 20*time.Second); cloud.Code(err) != "QueueDoesNotExist" {
				t.Errorf("a receiver of a queue that went got %v", err)
			}
		})
		synctest.Wait()
		if err := s.Delete(t.Context(), awstest.Caller, sqs.QueueToken, s.queue.ID, 0); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		stop()
		running.Wait()
	})
}

// Without its dead-letter queue a queue keeps its messages.
func TestDeadLettersWithoutQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := "arn:aws:sqs:" + awstest.Caller.Scope.Region + ":" + awstest.Caller.Scope.Account + ":dead"
		s := newStage(t, cloud.Map{"redrivePolicy": `{"deadLetterTargetArn":"` + dead + `","maxReceiveCount":1}`})
		s.send(t, 0, "poison")
		if err := s.Delete(t.Context(), awstest.Caller, sqs.QueueToken, sqs.URL(awstest.Caller.Scope, "dead"), 0); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			s.receive(t, s.queue, time.Second, 2*time.Second, "poison")
		}
	})
}

// What was sent is there after a restart, and gone with its queue.
func TestMessagesAreKept(t *testing.T) {
	s := newStage(t, nil)
	s.send(t, 0, "one", "two")
	s.receive(t, s.queue, time.Hour, 0, "one", "two")
	s.send(t, 0, "three")
	if err := s.queues.Close(); err != nil {
		t.Fatal(err)
	}
	s.open(t)
	s.receive(t, s.queue, time.Hour, 0, "three")
	if c := s.queues.Counts(s.queue); c.NotVisible != 3 {
		t.Errorf("counts %+v", c)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = s.queues.Run(ctx) })
	if err := s.Delete(t.Context(), awstest.Caller, sqs.QueueToken, s.queue.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.queues.Send(s.queue, queues.Message{Body: "late"}); cloud.Code(err) != "QueueDoesNotExist" {
		t.Errorf("a message to a queue that is gone: %v", err)
	}
	remade := s.Make(sqs.QueueToken, cloud.Map{"name": "orders"})
	s.receive(t, remade, time.Hour, 0)
	stop()
	running.Wait()
}

// Consumers never get a message twice while it is hidden.
func TestManyConsumers(t *testing.T) {
	t.Parallel()
	const messages, consumers = 300, 8
	s := newStage(t, nil)
	var mu sync.Mutex
	seen := map[string]int{}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var working sync.WaitGroup
	for range consumers {
		working.Go(func() {
			for ctx.Err() == nil {
				got, err := s.queues.Receive(ctx, s.queue, 10, time.Hour, 10*time.Second)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, m := range got {
					seen[m.Body]++
				}
				if len(seen) == messages {
					stop()
				}
				mu.Unlock()
				for _, m := range got {
					if err := s.queues.Delete(s.queue, m.Receipt); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for i := range messages {
		s.send(t, 0, fmt.Sprint(i))
	}
	working.Wait()
	if c := s.queues.Counts(s.queue); c != (sqs.Counts{}) {
		t.Errorf("what is left: %+v", c)
	}
	for body, n := range seen {
		if n != 1 {
			t.Errorf("message %s was received %d times", body, n)
		}
	}
}
