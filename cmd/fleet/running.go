package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"slipway/internal/stack"
)

// Without visible locks, an update that has not written anything for long counts as killed.
const (
	forgottenAfter = 30 * time.Minute
	// beyondTimeout is how long to wait beyond an operation's own timeout.
	beyondTimeout = 10 * time.Minute
)

// patience returns how long a running update may write nothing: a service can take hours, and its state has its timeout.
func patience(pending []apitype.OperationV2) time.Duration {
	longest := forgottenAfter
	for _, op := range pending {
		if t := op.Resource.CustomTimeouts; t != nil {
			seconds := max(t.Create, t.Update, t.Delete)
			longest = max(longest, time.Duration(seconds*float64(time.Second))+beyondTimeout)
		}
	}
	return longest
}

// running is an update that another process is making.
type running struct {
	since     time.Time // zero if it is not recorded
	by        string    // empty if it is not recorded
	abandoned bool      // its process is gone, and has not finished it
	after     time.Time // the update made the changes after this time, if it is known
	before    int       // how many resources there were when it began; 0 if there were none or it is not known
}

// signs are the signs of a running update.
type signs struct {
	summary    stack.Summary
	history    []stack.Update
	lock       stack.Lock
	locked     bool
	showsLocks bool
	deployment apitype.DeploymentV3
	now        time.Time
}

// runningUpdate finds out from them whether an update is running, and which. Pulumi Cloud says so, and a backend in a folder has a
// lock. A bucket only has the pending operations, written since the last update that has ended.
func runningUpdate(s signs) *running {
	if s.locked {
		return &running{since: s.lock.Since, by: s.lock.Username + "@" + s.lock.Hostname, abandoned: s.lock.Abandoned}
	}
	if len(s.history) > 0 && s.history[0].End.IsZero() {
		return &running{since: s.history[0].Start, by: system(s.history[0])}
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
	return &running{abandoned: s.now.Sub(written) > patience(s.deployment.PendingOperations)}
}

// progress is how far a running update has come. Pulumi does not record how far it has to go, except when it destroys.
type progress struct {
	done, total int // total is 0 if it is not known
	sentence    string
	pending     []operation
}

// progressOf computes it from the state that the update has written so far.
func progressOf(f facts, r running) progress {
	changed := 0
	for _, at := range f.touched {
		if at.After(r.after) {
			changed++
		}
	}
	deleting := 0
	for _, op := range f.pending {
		if op.Verb == string(apitype.OperationTypeDeleting) {
			deleting++
		}
	}
	p := progress{pending: slices.Clone(f.pending)}
	gone := r.before - f.resources
	switch {
	case gone > 0 && changed == 0:
		p.done, p.total = gone, r.before
		p.sentence = count(f.resources) + " of " + plural(r.before, "resource") + " left"
	case r.before == 0 && changed == f.resources:
		p.sentence = plural(f.resources, "resource") + " made so far"
	case changed > 0:
		p.sentence = count(changed) + " of " + plural(f.resources, "resource") + " changed so far"
	case deleting > 0:
		p.sentence = "deleting"
	default:
		p.sentence = "nothing changed so far"
	}
	slices.SortStableFunc(p.pending, func(a, b operation) int { return cmp.Compare(rank(a.Kind), rank(b.Kind)) })
	return p
}

// rank puts the slowest operations first: services take minutes, everything else seconds.
func rank(kind string) int {
	if kind == "aws:ecs:Service" {
		return 0
	}
	return 1
}
