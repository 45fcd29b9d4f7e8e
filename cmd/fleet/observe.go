package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"slipway/internal/stack"
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

const (
	readTimeout  = time.Minute
	driftTimeout = 10 * time.Minute
	// rereadAfter is when a stack is read again though nothing says that it has changed.
	rereadAfter = 5 * time.Minute
	// settling is how long after its state was written a stack is read again and again: its history is written later.
	settling = time.Minute
	// forgottenAfter is when an update that has not written anything is taken for one that was killed, where there are no
	// locks to be seen. Nothing that the program makes takes longer: ECS is waited for 20 minutes.
	forgottenAfter = 30 * time.Minute
)

// observer keeps the board up to date.
type observer struct {
	source source
	ask    func(ctx context.Context, url string) (answer, error)
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

// listing is what the backend lists of a stack, by which is seen whether there is anything new to read.
type listing struct {
	written    time.Time
	resources  int
	inProgress bool
	lock       stack.Lock
}

// reading is when a stack was read, and what was listed of it then.
type reading struct {
	listing listing
	at      time.Time
}

type key struct{ stack, service string }

// watched is a service that is asked now and then.
type watched struct {
	url    string
	next   time.Time
	asking bool
	window window
}

func newObserver(source source, ask func(context.Context, string) (answer, error), names []string, pace pace) *observer {
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

// watchStacks reads what has changed.
func (o *observer) watchStacks(ctx context.Context) {
	var looked time.Time
	every(ctx, func() time.Duration {
		interval := o.pace.idle
		if o.busy() {
			interval = o.pace.busy
		}
		if time.Since(looked) >= interval || o.lockMoved() {
			o.look(ctx)
			looked = time.Now()
		}
		return min(o.pace.locks, o.pace.busy)
	})
}

func (o *observer) busy() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.environments {
		if e.deploying() {
			return true
		}
	}
	return false
}

// lockMoved says whether a stack has been locked or released since it was read.
func (o *observer) lockMoved() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range o.order {
		if lock, _, err := o.source.lock(name); err == nil && lock != o.readings[name].listing.lock {
			return true
		}
	}
	return false
}

// look lists the stacks, and reads those that have changed.
func (o *observer) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	summaries, err := o.source.list(ctx)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			o.change(func() { o.err = firstLine(err.Error()) })
		}
		return
	}
	byName := map[string]stack.Summary{}
	var all []string
	for _, s := range summaries {
		byName[s.Name] = s
		all = append(all, s.Name)
	}
	order := o.names
	if len(order) == 0 {
		order = inOrder(all)
	}
	o.change(func() {
		o.err, o.listed = "", true
		o.order = order
		for name := range o.environments {
			if _, exists := byName[name]; !exists {
				delete(o.environments, name)
				delete(o.readings, name)
			}
		}
		for _, name := range order {
			e := o.environments[name]
			_, e.staged = step(name)
			e.name, e.staged = name, e.staged || len(o.names) > 0
			if _, exists := byName[name]; !exists {
				e.err = "there is no such stack; make it with: pulumi stack init " + quote(name)
			}
			o.environments[name] = e
		}
	})
	var reading sync.WaitGroup
	for _, name := range order {
		if summary, exists := byName[name]; exists {
			reading.Go(func() { o.read(ctx, summary) })
		}
	}
	reading.Wait()
}

// read reads a stack, if there is anything new in it.
func (o *observer) read(ctx context.Context, summary stack.Summary) {
	name := summary.Name
	lock, locked, err := o.source.lock(name)
	if err != nil {
		o.update(name, func(e *environment) { e.err = firstLine(err.Error()) })
		return
	}
	now := time.Now()
	current := listing{summary.LastUpdate, summary.Resources, summary.InProgress, lock}
	o.mu.Lock()
	before, earlier := o.environments[name], o.readings[name]
	o.mu.Unlock()
	if before.read && before.err == "" && current == earlier.listing && !before.deploying() &&
		now.Sub(earlier.at) < rereadAfter && now.Sub(before.written) > settling {
		return
	}

	e, err := o.readAll(ctx, before, summary, lock, locked, now)
	if errors.Is(err, context.Canceled) {
		return
	}
	o.change(func() {
		if err != nil {
			before.err = firstLine(err.Error())
			e = before
		} else {
			o.readings[name] = reading{current, now}
		}
		e.drift = o.environments[name].drift // which is looked for at the same time
		o.environments[name] = e
	})
}

func (o *observer) readAll(ctx context.Context, before environment, summary stack.Summary, lock stack.Lock, locked bool, now time.Time) (environment, error) {
	e := before
	deployment, err := o.source.deployment(ctx, e.name)
	if err != nil {
		return e, err
	}
	history, err := o.source.history(ctx, e.name)
	if err != nil {
		return e, err
	}
	e.facts = readFacts(deployment)
	if e.region == "" {
		// Nothing is deployed that would tell.
		placement, err := o.source.placement(ctx, e.name)
		if err != nil {
			return e, err
		}
		e.region, e.account = placement.Region, placement.Account
	}
	e.err, e.read, e.last = "", true, nil
	for i, u := range history {
		if !u.End.IsZero() {
			e.last = &history[i]
			break
		}
	}
	e.run = runningUpdate(signs{summary, history, lock, locked, o.source.showsLocks(), deployment, now})
	if e.run == nil {
		return e, nil
	}
	if e.run.after = e.run.since; e.run.after.IsZero() && e.last != nil {
		e.run.after = e.last.End
	}
	if before.run != nil {
		e.run.before = before.run.before
	} else if before.read {
		e.run.before = before.resources
	}
	return e, nil
}

// signs are what tells whether an update is running.
type signs struct {
	summary    stack.Summary
	history    []stack.Update
	lock       stack.Lock
	locked     bool
	showsLocks bool
	deployment apitype.DeploymentV3
	now        time.Time
}

// runningUpdate tells from them which update is running, if one is. Pulumi Cloud says so; a backend in a folder has a lock
// for as long; of one in a bucket there are only the operations that have begun and not ended, written since the last update
// that has ended.
func runningUpdate(s signs) *running {
	if s.locked {
		return &running{since: s.lock.Since, by: s.lock.Username + "@" + s.lock.Hostname, abandoned: s.lock.Abandoned}
	}
	if len(s.history) > 0 && s.history[0].End.IsZero() {
		return &running{since: s.history[0].Start, by: who(s.history[0])}
	}
	if s.summary.InProgress {
		return &running{}
	}
	if len(s.deployment.PendingOperations) == 0 {
		return nil
	}
	if s.showsLocks {
		return &running{abandoned: true}
	}
	written := s.deployment.Manifest.Time
	if len(s.history) > 0 && !written.After(s.history[0].End.Add(time.Second)) {
		return &running{abandoned: true}
	}
	return &running{abandoned: s.now.Sub(written) > forgottenAfter}
}

// watchDrift looks for drift, one stack after the other.
func (o *observer) watchDrift(ctx context.Context) {
	every(ctx, func() time.Duration {
		for _, name := range o.driftDue(time.Now()) {
			o.lookForDrift(ctx, name)
		}
		return min(o.pace.locks, o.pace.drift)
	})
}

// driftDue returns the stacks that were not looked at for long, or not since their last update.
func (o *observer) driftDue(now time.Time) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(o.order), func(name string) bool {
		e := o.environments[name]
		if !e.read || e.run != nil || e.resources == 0 {
			return true
		}
		return now.Sub(e.drift.checked) < o.pace.drift && e.updated().Equal(e.drift.of)
	})
}

func (o *observer) lookForDrift(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, driftTimeout)
	defer cancel()
	var of time.Time
	o.update(name, func(e *environment) { e.drift.looking, of = true, e.updated() })
	changes, err := o.source.drift(ctx, name)
	o.update(name, func(e *environment) {
		e.drift.looking = false
		if e.run != nil || !e.updated().Equal(of) {
			return // an update has changed what was being looked at
		}
		e.drift = drift{checked: time.Now(), of: of, changes: changes}
		if err != nil {
			e.drift.err = firstLine(err.Error())
		}
	})
}

// watchServices asks each service now and then.
func (o *observer) watchServices(ctx context.Context) {
	rounds := make(chan struct{}, 4) // so many services are asked at once
	var asking sync.WaitGroup
	defer asking.Wait()
	every(ctx, func() time.Duration {
		for _, k := range o.servicesDue(time.Now()) {
			asking.Go(func() {
				select {
				case rounds <- struct{}{}:
					defer func() { <-rounds }()
					o.askService(ctx, k)
				case <-ctx.Done():
				}
			})
		}
		return min(o.pace.locks, o.pace.ask)
	})
}

// servicesDue returns the services to ask now, and notes that they are being asked.
func (o *observer) servicesDue(now time.Time) []key {
	o.mu.Lock()
	defer o.mu.Unlock()
	var due []key
	current := map[key]bool{}
	for _, name := range o.order {
		for _, s := range o.environments[name].services {
			if s.url == "" {
				continue
			}
			k := key{name, s.name}
			current[k] = true
			w := o.windows[k]
			if w == nil || w.url != s.url {
				w = &watched{url: s.url}
				o.windows[k] = w
			}
			if o.environments[name].deploying() {
				w.next = minTime(w.next, w.window.asked.Add(o.pace.busy))
			}
			if !w.asking && !now.Before(w.next) {
				w.asking = true
				due = append(due, k)
			}
		}
	}
	for k := range o.windows {
		if !current[k] {
			delete(o.windows, k)
		}
	}
	return due
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (o *observer) askService(ctx context.Context, k key) {
	o.mu.Lock()
	w, e := o.windows[k], o.environments[k.stack]
	o.mu.Unlock()
	if w == nil {
		return
	}
	desired := 1
	for _, s := range e.services {
		if s.name == k.service {
			desired = s.desired
		}
	}
	answers, err := round(ctx, o.ask, w.url, desired, e.deploying())
	if ctx.Err() != nil {
		return
	}
	o.change(func() {
		now := time.Now()
		w.window.add(answers, err, now)
		w.asking, w.next = false, now.Add(o.pace.ask)
	})
}
