package main

import (
	"context"
	"sync"
	"time"
)

// pace has the intervals of the observer.
type pace struct {
	idle  time.Duration // between looks at the stacks
	busy  time.Duration // the same, while an update runs
	locks time.Duration // between look-ups of locks, which cost nothing
	ask   time.Duration // between rounds of requests to a service; during a deployment it is busy
	drift time.Duration // between searches for drift; 0: never
	jobs  time.Duration // between look-ups of a job's last run
}

var defaultPace = pace{idle: 10 * time.Second, busy: 2 * time.Second, locks: time.Second, ask: 10 * time.Second, drift: 10 * time.Minute, jobs: time.Minute}

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
	environments map[string]environment // values are replaced, never changed
	readings     map[string]reading
	windows      map[key]*watched
	runs         map[key]lastRun
	changed      chan struct{} // closed, and replaced, on each change
}

func newObserver(source source, ask func(context.Context, question) (answer, error), names []string, pace pace) *observer {
	return &observer{
		source: source, ask: ask, names: names, pace: pace,
		environments: map[string]environment{}, readings: map[string]reading{}, windows: map[key]*watched{}, runs: map[key]lastRun{}, changed: make(chan struct{}),
	}
}

// run observes until ctx ends.
func (o *observer) run(ctx context.Context) {
	var loops sync.WaitGroup
	loops.Go(func() { o.watchStacks(ctx) })
	loops.Go(func() { o.watchServices(ctx) })
	loops.Go(func() { o.watchJobs(ctx) })
	if o.pace.drift > 0 {
		loops.Go(func() { o.watchDrift(ctx) })
	}
	loops.Wait()
}

// board returns the current board, and a channel that is closed at the next change.
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
		e.ran = map[string]lastRun{}
		for _, j := range e.jobs {
			e.ran[j.name] = o.runs[key{name, j.name}]
		}
		b.environments = append(b.environments, e)
	}
	return b, o.changed
}

// change changes the board, and notifies readers.
func (o *observer) change(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
	close(o.changed)
	o.changed = make(chan struct{})
}

// update changes one environment.
func (o *observer) update(name string, f func(*environment)) {
	o.change(func() {
		e := o.environments[name]
		f(&e)
		o.environments[name] = e
	})
}

// every calls f repeatedly, each time after the pause that f returns, until ctx ends.
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
