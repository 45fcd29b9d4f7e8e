package main

import (
	"context"
	"sync"
	"time"
)

// pace says how often is looked where.
type pace struct {
	idle  time.Duration // between looks at the stacks
	busy  time.Duration // the same, while an update runs
	locks time.Duration // between looks for locks, which cost nothing
	ask   time.Duration // between rounds of asking a service; while it is being deployed, it is busy
	drift time.Duration // between looks for drift; 0: never
}

var defaultPace = pace{idle: 10 * time.Second, busy: 2 * time.Second, locks: time.Second, ask: 10 * time.Second, drift: 10 * time.Minute}

// observer keeps the board up to date.
type observer struct {
	source source
	ask    func(context.Context, question) (answer, error)
	names  []string // of the stacks to show; all if there are none
	pace   pace

	mu           sync.Mutex
	err          string
	listed       bool
	order        []string
	environments map[string]environment // what is in them is replaced, never changed
	readings     map[string]reading
	windows      map[key]*watched
	changed      chan struct{} // closed, and replaced, on each change
}

func newObserver(source source, ask func(context.Context, question) (answer, error), names []string, pace pace) *observer {
	return &observer{
		source: source, ask: ask, names: names, pace: pace,
		environments: map[string]environment{}, readings: map[string]reading{}, windows: map[key]*watched{}, changed: make(chan struct{}),
	}
}

// run observes until ctx ends.
func (o *observer) run(ctx context.Context) {
	var loops sync.WaitGroup
	loops.Go(func() { o.watchStacks(ctx) })
	loops.Go(func() { o.watchServices(ctx) })
	if o.pace.drift > 0 {
		loops.Go(func() { o.watchDrift(ctx) })
	}
	loops.Wait()
}

// board returns what is known now, and a channel that is closed when there is more.
func (o *observer) board(now time.Time) (board, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := board{err: o.err, listed: o.listed}
	for _, name := range o.order {
		e := o.environments[name]
		e.drift.disabled = o.pace.drift == 0
		e.seen = map[string]sight{}
		for _, s := range e.services {
			if w := o.windows[key{name, s.name}]; w != nil {
				e.seen[s.name] = w.window.sight(now)
			}
		}
		b.environments = append(b.environments, e)
	}
	return b, o.changed
}

// change changes what is known, and tells.
func (o *observer) change(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
	close(o.changed)
	o.changed = make(chan struct{})
}

// update changes what is known of one environment.
func (o *observer) update(name string, f func(*environment)) {
	o.change(func() {
		e := o.environments[name]
		f(&e)
		o.environments[name] = e
	})
}

// every calls f, and again and again after the time that it returns, until ctx ends.
func every(ctx context.Context, f func() time.Duration) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			timer.Reset(f())
		case <-ctx.Done():
			return
		}
	}
}
