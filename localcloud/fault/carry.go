package fault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"slipway/localcloud/cloud"
)

// Manners are how a provider takes it that its service does not answer as it should. The zero value never tries again.
type Manners struct {
	// Denied is the service's refusal of a caller who may not.
	Denied *cloud.Error
	// Throttled is the service's refusal of a request that came too soon after others.
	Throttled *cloud.Error
	// Attempts is how many times a request is made before the provider gives up; Backoff is the pause before the n-th retry, on the
	// service's clock.
	Attempts int
	Backoff  func(n int) time.Duration
	// GaveUp words that it did.
	GaveUp func(attempts int, err error) error
	// Lost is the provider's error for a request without a reply: it cannot know whether the request took effect.
	Lost error
	// Waits has the provider's waits after a successful request.
	Waits []Wait
}

// Wait is a wait for what an operation on a kind brings about.
type Wait struct {
	Token string
	cloud.Wait
}

// Waits returns those of the kinds among members, which are kinds and functions.
func Waits(members ...any) []Wait {
	var out []Wait
	for _, k := range cloud.Specs(members...) {
		for _, w := range k.Waits {
			out = append(out, Wait{Token: k.Token, Wait: w})
		}
	}
	return out
}

// errLost is wrapped by the failure of an operation that was carried out, unknown to its caller.
var errLost = errors.New("reply lost")

// IsLost reports whether the error hides the result of an operation: the caller must not learn what it made.
func IsLost(err error) bool { return errors.Is(err, errLost) }

// lost adds to an error that it is one about a lost reply, and no word to its text.
type lost struct{ error }

func (lost) Is(target error) bool { return target == errLost }
func (l lost) Unwrap() error      { return l.error }

// Around carries out an operation under the faults of the plan. Do returns the id of what it worked on; label is the
// service's name of that in error messages. Unless the error [IsLost], the caller learns what do made, if it was called.
func (p *Plan) Around(ctx context.Context, o Operation, label string, m *Manners, do func() (id string, err error)) error {
	doing := participle[o.Verb] + " " + label
	var after []func(id string, err error) error
	w := m.wait(o)
	for _, f := range p.take(o, w != nil) {
		switch f.Mode {
		case Slow:
			if err := sleep(ctx, f.Delay); err != nil {
				return fmt.Errorf("%s: %w", doing, err)
			}
		case Throttle:
			if err := p.throttle(ctx, f, m); err != nil {
				return fmt.Errorf("%s: %w", doing, err)
			}
		case Refuse:
			err := *m.Denied
			err.Code, err.Message = cmp.Or(f.Code, err.Code), cmp.Or(f.Message, err.Message)
			return fmt.Errorf("%s: %w", doing, &err)
		case Lose:
			after = append(after, func(string, error) error { return lost{fmt.Errorf("%s: %w", doing, m.Lost)} })
		case Partial:
			if w.Whole {
				return fmt.Errorf("%s: %s", doing, w.Failure)
			}
			after = append(after, func(id string, err error) error {
				if err == nil {
					err = fmt.Errorf(w.Failure, id)
				}
				return err
			})
		}
	}
	id, err := do()
	for _, f := range after {
		err = f(id, err)
	}
	return err
}

var participle = map[cloud.Verb]string{
	cloud.Create: "creating", cloud.Read: "reading", cloud.Update: "updating", cloud.Delete: "deleting", cloud.Invoke: "invoking",
}

func (m *Manners) wait(o Operation) *Wait {
	for i, w := range m.Waits {
		if w.Verb == o.Verb && w.Token == o.Token {
			return &m.Waits[i]
		}
	}
	return nil
}

// throttle makes failing requests, until the fault is used up or the provider gives up.
func (p *Plan) throttle(ctx context.Context, f Fault, m *Manners) error {
	for n := 1; f.Times == 0 || n <= f.Times; n++ {
		if n >= m.Attempts {
			return m.GaveUp(m.Attempts, m.Throttled)
		}
		if err := sleep(ctx, time.Duration(float64(m.Backoff(n))*p.Latency)); err != nil {
			return err
		}
	}
	return nil
}

// Exponential returns a backoff that doubles from one to two times the shortest, at random, up to the longest.
func Exponential(shortest, longest time.Duration) func(n int) time.Duration {
	return func(n int) time.Duration {
		d := shortest + rand.N(shortest) //nolint:gosec // G404: it spreads load, and hides nothing
		for ; n > 1 && d < longest; n-- {
			d *= 2
		}
		return min(d, longest)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
