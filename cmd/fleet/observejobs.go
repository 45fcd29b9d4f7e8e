package main

import (
	"context"
	"time"

	"slipway/internal/jobs"
	"slipway/internal/stack"
)

const lastRunTimeout = 30 * time.Second

// lastRun is what is known of a job's last scheduled run.
type lastRun struct {
	jobs.LastRun
	asked time.Time // zero before the first look-up
	err   string    // why the last look-up failed
}

// jobKey is a job of a stack.
type jobKey struct {
	key
	machine string
}

// watchJobs looks up the last runs of the jobs that have a schedule.
func (o *observer) watchJobs(ctx context.Context) {
	every(ctx, func() time.Duration {
		for _, k := range o.jobsDue(time.Now()) {
			o.lookUpRun(ctx, k)
		}
		return min(o.pace.locks, o.pace.jobs)
	})
}

// jobsDue returns the jobs whose last runs were not looked up for long. It leaves out those of pull requests, which can write any state
// machine into their states.
func (o *observer) jobsDue(now time.Time) []jobKey {
	o.mu.Lock()
	defer o.mu.Unlock()
	var due []jobKey
	for _, name := range o.order {
		e := o.environments[name]
		if !e.read || stack.OfPullRequest(name) {
			continue
		}
		for _, j := range e.jobs {
			k := key{name, j.name}
			if j.machine != "" && now.Sub(o.runs[k].asked) >= o.pace.jobs {
				due = append(due, jobKey{k, j.machine})
			}
		}
	}
	return due
}

func (o *observer) lookUpRun(ctx context.Context, k jobKey) {
	ctx, cancel := context.WithTimeout(ctx, lastRunTimeout)
	defer cancel()
	found, err := o.source.lastRun(ctx, k.stack, k.machine)
	run := lastRun{LastRun: found, asked: time.Now()}
	if err != nil {
		run.err = firstLine(err.Error())
	}
	o.change(func() { o.runs[k.key] = run })
}
