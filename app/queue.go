package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"time"
	"unicode/utf8"
)

// queueURL matches the URLs of standard queues of Amazon SQS ("Queue and message identifiers" in the SQS developer guide).
var queueURL = regexp.MustCompile(`^https://sqs\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[0-9]{12}/[A-Za-z0-9_-]{1,80}$`)

const (
	// hidden is how long other workers do not see a message at hand. It is extended until the work is done: it is short, so that the
	// message of a worker that died is soon given out again.
	hidden = 30 * time.Second
	// extendEvery leaves room for one failed extension.
	extendEvery = hidden / 3
	// longPoll is how long SQS waits for a message, its longest: an empty answer costs as much as a full one.
	longPoll = 20 * time.Second
	// confirming is how long it may take to delete a message whose work is done, at the end of the worker, too.
	confirming = 5 * time.Second
)

// queue is a queue of Amazon SQS, from which a worker takes messages.
type queue struct {
	url  string
	call func(ctx context.Context, action string, in, out any) error // asks SQS
	work func(ctx context.Context, body string) error                // on a message
	log  *slog.Logger
}

// parcel is a message of SQS, which has to be deleted under its receipt when its work is done.
type parcel struct {
	ID      string `json:"MessageId"`
	Receipt string `json:"ReceiptHandle"`
	Body    string
}

func (m parcel) String() string { return "message " + m.ID } // and not its body, which may be personal

// take waits for a message. If ctx ends meanwhile, SQS may have given one to a request that is no longer waited for: it gives that out
// again when its time is over.
func (q *queue) take(ctx context.Context) (item, error) {
	for {
		var got struct{ Messages []parcel }
		err := q.call(ctx, "ReceiveMessage", map[string]any{
			"QueueUrl": q.url, "MaxNumberOfMessages": 1, // more would wait here while another worker is idle
			"WaitTimeSeconds": seconds(longPoll), "VisibilityTimeout": seconds(hidden),
		}, &got)
		if err != nil {
			return nil, fmt.Errorf("receive a message: %w", err)
		}
		if len(got.Messages) > 0 {
			return delivery{got.Messages[0], q}, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// send puts a message into the queue and returns its id.
func (q *queue) send(ctx context.Context, body string) (id string, err error) {
	var sent parcel
	if err := q.call(ctx, "SendMessage", map[string]any{"QueueUrl": q.url, "MessageBody": body}, &sent); err != nil {
		return "", fmt.Errorf("send a message: %w", err)
	}
	return sent.ID, nil
}

// delivery is a message at hand.
type delivery struct {
	parcel
	from *queue
}

// do works on the message, keeps it hidden from other workers meanwhile, and deletes it only when the work is done. After an error the
// queue gives it out again, and moves it to its dead-letter queue after as many times as its redrive policy says.
func (d delivery) do(ctx context.Context) error {
	working, done := context.WithCancel(ctx)
	extended := make(chan struct{})
	go func() { d.extend(working); close(extended) }()
	err := d.from.work(working, d.Body)
	done()
	<-extended // or it could hide the message after its deletion, which is an error
	if err != nil {
		return err
	}
	// What is done must not be done again only because the worker's time is over now.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), confirming)
	defer cancel()
	if err := d.from.call(ctx, "DeleteMessage", map[string]any{"QueueUrl": d.from.url, "ReceiptHandle": d.Receipt}, nil); err != nil {
		return fmt.Errorf("delete the message, which is done: %w", err)
	}
	return nil
}

// extend keeps the message hidden until ctx ends.
func (d delivery) extend(ctx context.Context) {
	tick := time.NewTicker(extendEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := d.from.call(ctx, "ChangeMessageVisibility", map[string]any{
			"QueueUrl": d.from.url, "ReceiptHandle": d.Receipt, "VisibilityTimeout": seconds(hidden),
		}, nil)
		if err != nil && ctx.Err() == nil {
			d.from.log.Warn("message not kept", "item", d.String(), "error", err.Error())
		}
	}
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// newQueue returns the queue of the configuration, or nil if there is none. Its work takes WORK_DURATION, and nothing else.
func newQueue(cfg config, log *slog.Logger) *queue {
	if cfg.queueURL == "" {
		return nil
	}
	return &queue{url: cfg.queueURL, call: cfg.aws.queues, log: log, work: func(ctx context.Context, _ string) error {
		return tick{takes: cfg.workDuration}.do(ctx)
	}}
}

// queues asks SQS ("Making query API requests using AWS JSON protocol" in its developer guide).
func (c *awsClient) queues(ctx context.Context, action string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := c.do(ctx, "sqs", http.MethodPost, "/", http.Header{
		"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Target": {"AmazonSQS." + action},
	}, body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// enqueue sends one message and returns: for a job.
func enqueue(ctx context.Context, body string, cfg config, log *slog.Logger) error {
	q := newQueue(cfg, log)
	if q == nil {
		return errors.New("send a message: set QUEUE_URL to the URL of a queue")
	}
	id, err := q.send(ctx, body)
	if err != nil {
		return err
	}
	log.Info("sent", "item", parcel{ID: id}.String())
	return nil
}

// unfit matches what a message cannot hold (SendMessage in the Amazon SQS API reference).
var unfit = regexp.MustCompile(`[^\t\n\r\x{20}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]`)

// serveWork answers POST /work: it sends the request's body to the queue, and does not wait for the work.
func (q *queue) serveWork(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		writeError(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	case len(body) == 0 || !utf8.Valid(body) || unfit.Match(body):
		writeError(w, http.StatusBadRequest, "Bad Request")
		return
	}
	id, err := q.send(r.Context(), string(body))
	if err != nil {
		q.log.Warn("not sent", "error", err.Error())
		writeError(w, http.StatusServiceUnavailable, "Service Unavailable")
		return
	}
	writeJSON(w, http.StatusAccepted, map[string]string{"id": id})
}
