package main

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whenever events want to happen: those that waited as told happen in any period at most burst plus one for each
// interval of it, and no wait is longer than an interval.
func TestPace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := pace{
			burst:    rapid.IntRange(1, 20).Draw(t, "burst"),
			interval: time.Duration(rapid.IntRange(1, 1000).Draw(t, "interval")),
		}
		pauses := rapid.SliceOfN(rapid.IntRange(0, 3000), 1, 100).Draw(t, "pauses")

		now := time.Unix(0, 0)
		var happened []time.Time
		for _, pause := range pauses {
			now = now.Add(time.Duration(pause))
			wait := p.wait(now)
			if wait < 0 || wait > p.interval {
				t.Fatalf("wait of %d, want 0 to %d", wait, p.interval)
			}
			now = now.Add(wait)
			happened = append(happened, now)
		}
		for i, from := range happened {
			for j, to := range happened[i:] {
				if allowed := p.burst + int(to.Sub(from)/p.interval); j+1 > allowed {
					t.Fatalf("%d events within %d, want at most %d", j+1, to.Sub(from), allowed)
				}
			}
		}
	})
}

func TestPaceLetsBurstThrough(t *testing.T) {
	p := pace{burst: 3, interval: time.Second}
	now := time.Unix(0, 0)
	for i, want := range []time.Duration{0, 0, 0, time.Second} {
		if got := p.wait(now); got != want {
			t.Errorf("event %d waits %s, want %s", i, got, want)
		}
	}
}
