package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// worker takes work until it must stop, one item after the other. Several tasks are several workers.
//
// It finishes what it has begun: after SIGTERM it takes no more, and the current item gets SHUTDOWN_TIMEOUT to finish. An unfinished
// item must not be lost, so a source gives it out again, like a queue with a message that was received and not deleted. So an item may
// be done twice, and that must be the same as once.
type worker struct {
	source source
	limit  time.Duration // for one item
	grace  time.Duration // for the item at hand after the end of ctx
	pause  time.Duration // after a failure of the source
	log    *slog.Logger

	telemetry *telemetry // nil: none

	deadline atomic.Pointer[time.Time] // of the item at hand; nil between items
}

// source is the source of work.
type source interface {
	// take waits for the next item. It returns ctx's error once ctx has ended.
	take(ctx context.Context) (item, error)
}

// item is a piece of work.
type item interface {
	// do does the work, and reports it to its source as done. After an error it is given out again.
	do(ctx context.Context) error
	String() string
}

// run works until ctx ends and the item at hand is done.
func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		next, err := w.source.take(ctx)
		switch {
		case ctx.Err() != nil && err != nil:
			return
		case err != nil:
			w.log.Warn("no work", "error", err.Error())
			select {
			case <-ctx.Done():
			case <-time.After(w.pause):
			}
		default:
			w.do(ctx, next)
		}
	}
}

// do does one item, also after the end of ctx.
func (w *worker) do(ctx context.Context, next item) {
	begun := time.Now()
	deadline := begun.Add(w.limit)
	w.deadline.Store(&deadline)
	defer w.deadline.Store(nil)

	working, cancel := context.WithDeadlineCause(context.WithoutCancel(ctx), deadline, errors.New("WORK_TIMEOUT is over"))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		w.log.Info("finishing", "item", next.String(), "timeout", w.grace.String())
		time.AfterFunc(w.grace, cancel)
	})
	defer stop()

	err := next.do(working)
	w.telemetry.work("work", begun, time.Now(), err)
	took := time.Since(begun).Round(time.Millisecond).String()
	if err != nil {
		w.log.Warn("not done", "item", next.String(), "took", took, "error", err.Error())
		return
	}
	w.log.Info("done", "item", next.String(), "took", took)
}

// healthy reports whether the worker gets on with its work: no item has been at hand for longer than it may.
func (w *worker) healthy() bool {
	deadline := w.deadline.Load()
	return deadline == nil || time.Now().Before(*deadline)
}

// work runs a worker until ctx ends, and answers `app healthcheck` on the listener meanwhile.
func work(ctx context.Context, listener net.Listener, cfg config, log *slog.Logger) error {
	var from source = &ticker{every: cfg.workInterval, takes: cfg.workDuration}
	if q := newQueue(cfg, log); q != nil {
		from = q
	}
	w := &worker{
		source: from,
		limit:  cfg.workTimeout, grace: cfg.shutdownTimeout, pause: time.Second, log: log,
		telemetry: newTelemetry(cfg.telemetry, currentVersion(hostname()), log),
	}
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx)) // until the last item is done
	var running sync.WaitGroup
	running.Go(func() { w.telemetry.run(background) })
	defer running.Wait()
	defer stopBackground()
	health := &http.Server{Handler: w.health(), ReadTimeout: cfg.readTimeout, WriteTimeout: cfg.writeTimeout, MaxHeaderBytes: maxHeaderBytes}
	served := make(chan error, 1)
	go func() { served <- health.Serve(listener) }()
	defer func() { _ = health.Close() }()

	log.Info("working", "version", version, "health", listener.Addr().String())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	worked := make(chan struct{})
	go func() { w.run(ctx); close(worked) }()
	select {
	case err := <-served:
		cancel()
		<-worked // what is at hand is finished all the same
		return fmt.Errorf("serve the health check on %s: %w", listener.Addr(), err)
	case <-worked:
		log.Info("stopped")
		return nil
	}
}

// health answers 200 while the worker is healthy.
func (w *worker) health() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(out http.ResponseWriter, _ *http.Request) {
		if !w.healthy() {
			writeJSON(out, http.StatusServiceUnavailable, map[string]string{"status": "stuck"})
			return
		}
		writeJSON(out, http.StatusOK, map[string]string{"status": "ok"})
	})
	return mux
}

// ticker is a source that makes its work up: an item at every interval. With QUEUE_URL a worker has a queue instead.
type ticker struct {
	every, takes time.Duration
	count        int
}

func (t *ticker) take(ctx context.Context) (item, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(t.every):
		t.count++
		return tick{t.count, t.takes}, nil
	}
}

// tick is work that takes its time and nothing else.
type tick struct {
	number int
	takes  time.Duration
}

func (t tick) String() string { return fmt.Sprintf("tick %d", t.number) }

func (t tick) do(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(t.takes):
		return nil
	}
}
