package main

import (
	"context"
	"sync"
	"time"
)

type key struct{ stack, service string }

// watched is a service with the time of its next round.
type watched struct {
	url    string
	next   time.Time
	asking bool
	window window
}

// watchServices asks each service at intervals.
func (o *observer) watchServices(ctx context.Context) {
	rounds := make(chan struct{}, 4) // this many services are asked at once
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
			if s.url == "" || s.refused != "" {
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
	q, desired := question{url: w.url}, 1
	for _, s := range e.services {
		if s.name == k.service {
			q.checks, desired = s.checks, s.desired
		}
	}
	answers, err := round(ctx, o.ask, q, desired, e.deploying())
	if ctx.Err() != nil {
		return
	}
	o.change(func() {
		now := time.Now()
		w.window.add(answers, err, now)
		w.asking, w.next = false, now.Add(o.pace.ask)
	})
}
