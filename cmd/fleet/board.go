package main

import (
	"time"

	"slipway/internal/stack"
)

// board is everything known about the fleet at one moment.
type board struct {
	err          string // why the stacks could not be listed; empty if they could
	listed       bool   // they were, at least once
	environments []environment
}

// environment is everything known about one stack.
type environment struct {
	name   string
	staged bool   // it is a step from development to production, and not a pull request's
	err    string // why the last attempt to read it failed
	read   bool   // it was read at least once; the facts are from the last time

	facts
	last  *stack.Update // the newest one that has ended; nil if there is none
	by    string        // its author, from its lock while it ran; empty if that was not seen
	run   *running      // nil if no update is running
	drift drift
	seen  map[string]sight   // by service
	ran   map[string]lastRun // by job
}

// deploying reports whether an update is running.
func (e environment) deploying() bool { return e.run != nil && !e.run.abandoned }

// updated is when the newest update ended.
func (e environment) updated() time.Time {
	if e.last == nil {
		return time.Time{}
	}
	return e.last.End
}

// drift is the result of a search for drift.
type drift struct {
	checked  time.Time // zero before the first search
	of       time.Time // the end of the update that was checked
	looking  bool
	err      string
	changes  []stack.Change
	disabled bool
}

// sight sums up a service's answers.
type sight struct {
	asked     time.Time // zero before the first request
	err       string    // why the last request failed; empty if it did not
	instances int       // how many different healthy ones answered in the window
	nameless  bool      // the healthy answers do not name their instance
	versions  []share   // the last answers, the most frequent version first
	problem   string    // why one of them was not healthy lately; empty if all were
}

// share is how often a version answered.
type share struct {
	version string
	count   int
}
