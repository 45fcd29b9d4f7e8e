// Package pace scales the time that things take, and waits for it.
package pace

import (
	"context"
	"time"
)

// Pace is how long a second of the cloud's clock takes here, in seconds: the pace of everything that AWS does by the minute.
// It is the cloud's patience ([cloud.Options]); zero is AWS's own pace, as 1 is.
type Pace float64

// Real returns how long something takes here that takes so long with AWS.
func (p Pace) Real(d time.Duration) time.Duration {
	if p == 0 {
		return d
	}
	return time.Duration(float64(d) * float64(p))
}

// Await blocks until the channel is closed, a non-zero time has come, or ctx ends. Its error is ctx's.
func Await(ctx context.Context, changed <-chan struct{}, wake time.Time) error {
	var timer <-chan time.Time
	if !wake.IsZero() {
		t := time.NewTimer(time.Until(wake))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-changed:
	case <-timer:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// Earlier returns the earlier of two times; a zero time is never.
func Earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
