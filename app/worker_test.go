package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// supply is a source with items, which ends the test's worker when it is empty.
type supply struct {
	items []item
	empty func()
	fails int // so many times before the first item
}

func (q *supply) take(ctx context.Context) (item, error) {
	if q.fails > 0 {
		q.fails--
		return nil, errors.New("the queue is away")
	}
	if len(q.items) == 0 {
		q.empty()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	next := q.items[0]
	q.items = q.items[1:]
	return next, nil
}

// chore is an item that a test does.
type chore struct {
	name string
	work func(ctx context.Context) error
}

func (c chore) String() string               { return c.name }
func (c chore) do(ctx context.Context) error { return c.work(ctx) }

func newWorker(q *supply) *worker {
	return &worker{
		source: q, limit: 30 * time.Second, grace: 10 * time.Second, pause: time.Second,
		log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
	}
}

// One item fails, one before it makes the source fail: the others are done all the same.
func TestWorkerGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var done []string
		work := func(name string, err error) item {
			return chore{name, func(context.Context) error { done = append(done, name); return err }}
		}
		w := newWorker(&supply{items: []item{work("a", nil), work("b", errors.New("broken")), work("c", nil)}, empty: cancel, fails: 3})
		w.run(ctx)
		if !slices.Equal(done, []string{"a", "b", "c"}) {
			t.Errorf("done are %v", done)
		}
	})
}

// SIGTERM ends the taking. The item at hand is finished, or given up after the grace period.
func TestWorkerFinishesWhatItHas(t *testing.T) {
	for name, test := range map[string]struct {
		takes time.Duration
		done  bool
	}{
		"in time":  {9 * time.Second, true},
		"too late": {11 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var err error
				w := newWorker(&supply{items: []item{
					chore{"long", func(ctx context.Context) error {
						cancel() // SIGTERM
						err = tick{takes: test.takes}.do(ctx)
						return err
					}},
					chore{"next", func(context.Context) error { t.Error("another item was taken"); return nil }},
				}})
				w.run(ctx)
				if (err == nil) != test.done {
					t.Errorf("the item ended with %v", err)
				}
			})
		})
	}
}

// An item gets its time and no more; one that does not end then makes the worker unhealthy, and ECS replaces the task.
func TestWorkerThatIsStuckIsUnhealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		release := make(chan struct{})
		givenUp := make(chan error, 1)
		w := newWorker(&supply{empty: cancel, items: []item{
			chore{"stuck", func(ctx context.Context) error {
				<-ctx.Done()
				givenUp <- context.Cause(ctx)
				<-release
				return nil
			}},
		}})
		finished := make(chan struct{})
		go func() { w.run(ctx); close(finished) }()
		<-time.After(29 * time.Second)
		synctest.Wait()
		if !w.healthy() || len(givenUp) > 0 {
			t.Error("after 29 s it is unhealthy, or given up")
		}
		<-time.After(time.Second)
		synctest.Wait()
		if cause := <-givenUp; w.healthy() || !strings.Contains(cause.Error(), "WORK_TIMEOUT") {
			t.Errorf("after 30 s it is healthy, or was given up because of %v", cause)
		}
		close(release)
		<-finished
		if !w.healthy() {
			t.Error("it stays unhealthy")
		}
	})
}

// listening returns a config of the environment, and the listener of its health check, where the config looks for it.
func listening(t *testing.T, environment map[string]string) (config, net.Listener) {
	t.Helper()
	cfg, err := loadConfig(getenv(environment))
	if err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	cfg.host, cfg.port = address.IP.String(), address.Port
	return cfg, listener
}

// The whole program: it works, tells of its health, and ends without an error at the first signal.
func TestWork(t *testing.T) {
	var logged logBuffer
	cfg, listener := listening(t, map[string]string{"WORK_INTERVAL": "1ms", "WORK_DURATION": "1ms"})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- work(ctx, listener, cfg, slog.New(slog.NewJSONHandler(&logged, nil))) }()
	until(t, "work", func() bool { return len(logged.lines(t, "done")) > 2 })
	if err := healthcheck(t.Context(), cfg); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil || len(logged.lines(t, "stopped")) != 1 {
		t.Errorf("it ended with %v", err)
	}
	if err := healthcheck(t.Context(), cfg); err == nil {
		t.Error("it is healthy after its end")
	}
}

// A worker that cannot tell of its health any more ends with an error, so that ECS replaces the task, and finishes what it has first.
func TestWorkWithoutHealth(t *testing.T) {
	var logged logBuffer
	cfg, listener := listening(t, map[string]string{"WORK_INTERVAL": "1ms", "WORK_DURATION": "100ms"})
	ended := make(chan error, 1)
	go func() { ended <- work(t.Context(), listener, cfg, slog.New(slog.NewJSONHandler(&logged, nil))) }()
	until(t, "work", func() bool { return len(logged.lines(t, "done")) > 0 })
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "serve the health check on 127.0.0.1:") {
		t.Errorf("it ended with %v", err)
	}
	if given := logged.lines(t, "not done"); len(given) > 0 {
		t.Errorf("it gave up %v", given)
	}
}
