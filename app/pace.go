package main

import "time"

// pace is a token bucket, kept as a single point in time (the generic cell rate algorithm): burst events at once, then
// one every interval. It is for one goroutine at a time.
type pace struct {
	burst    int
	interval time.Duration
	next     time.Time // when the next event would be due if events came one every interval
}

// wait accounts for an event that wants to happen now and returns how long it has to wait: never more than one interval
// if the caller waits each time.
func (p *pace) wait(now time.Time) time.Duration {
	if earliest := now.Add(-time.Duration(p.burst-1) * p.interval); p.next.Before(earliest) {
		p.next = earliest
	}
	wait := p.next.Sub(now)
	p.next = p.next.Add(p.interval)
	return max(wait, 0)
}
