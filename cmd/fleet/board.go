package main

import (
	"time"

	"slipway/internal/stack"
)

// board is all that is known of the fleet at one moment.
type board struct {
	err          string // why the stacks could not be listed; empty if they could
	listed       bool   // they were, at least once
	environments []environment
}

// environment is what is known of one stack.
type environment struct {
	name   string
	staged bool   // it is a step from development to production, and not one pull request's
	err    string // why it could not be read when that was last tried
	read   bool   // it was, at least once; the facts are from the last time

	facts
	last  *stack.Update // the newest one that has ended; nil if there is none
	by    string        // who made it, as its lock said while it was watched; empty if nobody looked
	run   *running      // nil if no update is running
	drift drift
	seen  map[string]sight // by service
}

// deploying says whether an update is being made now.
func (e environment) deploying() bool { return e.run != nil && !e.run.abandoned }

// updated is when the newest update ended.
func (e environment) updated() time.Time {
	if e.last == nil {
		return time.Time{}
	}
	return e.last.End
}

// drift is the outcome of looking for it.
type drift struct {
	checked  time.Time // zero if nobody looked yet
	of       time.Time // when the update ended whose outcome was looked at
	looking  bool
	err      string
	changes  []stack.Change
	disabled bool
}

// sight is what a service said of itself when it was asked.
type sight struct {
	asked     time.Time // zero if it was not asked yet
	err       string    // why it did not answer the last time; empty if it did
	instances int       // how many different ones answered, healthy, in the window
	nameless  bool      // those that answered healthy do not say which ones they are
	versions  []share   // who answered the last time, the most frequent version first
	problem   string    // what one of them said lately is not well; empty if none did
}

// share is how often a version was the one that answered.
type share struct {
	version string
	count   int
}
