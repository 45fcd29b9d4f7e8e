package main

import (
	"context"
	"slices"
	"time"

	"slipway/internal/stack"
)

const driftTimeout = 10 * time.Minute

// watchDrift looks for drift, one stack after the other.
func (o *observer) watchDrift(ctx context.Context) {
	every(ctx, func() time.Duration {
		for _, name := range o.driftDue(time.Now()) {
			o.lookForDrift(ctx, name)
		}
		return min(o.pace.locks, o.pace.drift)
	})
}

// driftDue returns the stacks that were not checked for long, or not since their last update. It leaves out those of pull requests:
// Pulumi starts the plugins that a state names, with this process's environment, and pull requests can write those states.
func (o *observer) driftDue(now time.Time) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(o.order), func(name string) bool {
		e := o.environments[name]
		if !e.read || e.run != nil || e.resources == 0 || stack.OfPullRequest(name) {
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
			return // an update has changed it meanwhile
		}
		e.drift = drift{checked: time.Now(), of: of, changes: changes}
		if err != nil {
			e.drift.err = firstLine(err.Error())
		}
	})
}
