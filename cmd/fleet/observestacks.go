package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"slipway/internal/stack"
)

const (
	readTimeout = time.Minute
	// rereadAfter is when a stack is read again without a sign of a change.
	rereadAfter = 5 * time.Minute
	// settling is how long a stack is read repeatedly after its state was written, because its history is written later.
	settling = time.Minute
)

// listing is the backend's list entry of a stack, which shows whether there is anything new to read.
type listing struct {
	written    time.Time
	resources  int
	inProgress bool
	lock       stack.Lock
}

// reading is when a stack was read, and its list entry then.
type reading struct {
	listing listing
	at      time.Time
}

// watchStacks reads stacks that have changed.
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

// lockMoved reports whether a stack has been locked or released since it was read.
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
		e.drift = o.environments[name].drift // another goroutine looks for it at the same time
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
	e.facts = readFacts(deployment, o.source.domains())
	if e.region == "" {
		// Without a deployment there is no answer.
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
		if !e.updated().Equal(before.updated()) {
			e.by = ""
			if before.run != nil {
				e.by = before.run.by
			}
		}
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
