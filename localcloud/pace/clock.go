package pace

import (
	"errors"
	"sync"
	"time"
)

// Clock is the cloud's clock, by which schedules come due. It shows the wall's time until it is turned forward. A nil one shows the
// wall's time.
type Clock struct {
	mu     sync.Mutex
	ahead  time.Duration
	turned chan struct{} // closed, and replaced, when the clock is turned
}

// NewClock returns a clock that is ahead of the wall's.
func NewClock(ahead time.Duration) *Clock { return &Clock{ahead: ahead, turned: make(chan struct{})} }

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time { return time.Now().UTC().Add(c.Ahead()) }

// Ahead returns by how much the clock is ahead of the wall's.
func (c *Clock) Ahead() time.Duration {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead
}

// Wall returns the wall's time at which the clock will show a time, if it is not turned before; zero for zero.
func (c *Clock) Wall(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(-c.Ahead())
}

// Turned returns a channel that is closed when the clock is turned next.
func (c *Clock) Turned() <-chan struct{} {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turned
}

// Turn turns the clock forward, and returns by how much it is ahead then.
func (c *Clock) Turn(by time.Duration) (ahead time.Duration, err error) {
	if by <= 0 {
		return 0, errors.New("turn the clock: it only turns forward, as in +24h: what has come due cannot be undone")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += by
	close(c.turned)
	c.turned = make(chan struct{})
	return c.ahead, nil
}
