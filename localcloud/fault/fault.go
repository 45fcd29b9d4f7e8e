// Package fault makes operations fail as they fail with a cloud that is far away: refused, throttled, slow, left half done, or
// carried out with the reply lost. What fails, and when, is a [Plan]; how a provider takes it, and what its caller then reads,
// are its [Manners].
package fault

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/cloud"
	"slipway/localcloud/wildcard"
)

// Mode is a way to fail.
type Mode string

const (
	// Refuse refuses the operation before it takes effect.
	Refuse Mode = "refuse"
	// Lose carries the operation out and loses the reply: the caller sees a timeout, and does not learn what was made.
	Lose Mode = "lose"
	// Slow lets the operation take longer.
	Slow Mode = "slow"
	// Throttle refuses the requests of the operation with ThrottlingException. The provider makes them again, and only gives
	// up after as many as its [Manners] say.
	Throttle Mode = "throttle"
	// Partial carries the operation out and makes the wait for the resource fail: a created service that is never steady, or a
	// requested certificate that is not validated. It does not affect operations without such a wait.
	Partial Mode = "partial"
)

// Modes are all ways to fail.
var Modes = []Mode{Refuse, Lose, Slow, Throttle, Partial}

// Fault says which operations fail, and how. Empty patterns match everything; in others, * stands for any text and ? for one character.
type Fault struct {
	// ID is given by the plan.
	ID int `json:"id"`
	// Mode is how they fail.
	Mode Mode `json:"mode"`

	// Verb is the operation: create, read, update, delete or invoke; empty for all of them.
	Verb cloud.Verb `json:"operation,omitempty"`
	// Token is a pattern for the kind's token, or the function's, such as "aws:ec2/*".
	Token string `json:"token,omitempty"`
	// Name is a pattern for the resource's name in the program.
	Name string `json:"name,omitempty"`
	// Nth is the first of the operations that match which fails, counted from 1, the default.
	Nth int `json:"nth,omitempty"`
	// Count is how many fail from there on: 1 by default, -1 for all.
	Count int `json:"count,omitempty"`
	// Each lets Nth and Count count the operations of each verb on each resource for themselves. So with their defaults
	// everything fails once.
	Each bool `json:"each,omitempty"`

	// Code and Message are what an operation is refused with; by default the provider's refusal of a caller who may not.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// Delay is how much longer an operation takes.
	Delay time.Duration `json:"delay,omitempty"`
	// Times is how many requests of each operation are throttled in a row; by default as many as make the provider give up.
	Times int `json:"times,omitempty"`
}

// Operations says in words which operations the fault is for.
func (f *Fault) Operations() string {
	var b strings.Builder
	first, count := cmp.Or(f.Nth, 1), cmp.Or(f.Count, 1)
	switch {
	case count == -1 && first == 1:
		b.WriteString("every ")
	case count == -1:
		fmt.Fprintf(&b, "from number %d on every ", first)
	case count == 1:
		fmt.Fprintf(&b, "number %d of every ", first)
	default:
		fmt.Fprintf(&b, "numbers %d to %d of every ", first, first+count-1)
	}
	b.WriteString(cmp.Or(string(f.Verb), "operation"))
	if f.Token != "" {
		b.WriteString(" of " + f.Token)
	}
	if f.Name != "" {
		b.WriteString(" named " + f.Name)
	}
	if f.Each {
		b.WriteString(" on each resource")
	}
	return b.String()
}

// Operation is a caller's operation.
type Operation struct {
	Verb cloud.Verb `json:"operation"`
	// Token is the kind's, or the function's.
	Token string `json:"token"`
	// Name is the resource's in the program; empty for a function.
	Name string `json:"name,omitempty"`
}

func (o Operation) String() string {
	return strings.TrimSpace(string(o.Verb) + " " + o.Token + " " + o.Name)
}

var verbs = []cloud.Verb{cloud.Create, cloud.Read, cloud.Update, cloud.Delete, cloud.Invoke}

// check finds contradictions, so that no fault is added that never has an effect.
func (f *Fault) check() error {
	var wrong []string
	fail := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !slices.Contains(Modes, f.Mode) {
		fail("%q is not a mode: expected one of %q", f.Mode, Modes)
	}
	if f.Verb != "" && !slices.Contains(verbs, f.Verb) {
		fail("%q is not an operation: expected one of %q", f.Verb, verbs)
	}
	if f.Nth < 1 {
		fail("nth is %d, and the first operation is number 1", f.Nth)
	}
	if f.Count < 1 && f.Count != -1 {
		fail("count is %d: expected at least 1, or -1 for all", f.Count)
	}
	if f.Delay < 0 || f.Times < 0 {
		fail("neither delay nor times may be negative")
	}
	options := map[Mode]bool{Refuse: f.Code != "" || f.Message != "", Slow: f.Delay != 0, Throttle: f.Times != 0}
	for _, mode := range slices.Sorted(maps.Keys(options)) {
		if options[mode] && mode != f.Mode {
			fail("an option of mode %s is given to a fault of mode %s", mode, f.Mode)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.Join(wrong, "; "))
}

// matches reports whether the fault is about such operations.
func (f *Fault) matches(o Operation) bool {
	return (f.Verb == "" || f.Verb == o.Verb) && glob(f.Token, o.Token) && glob(f.Name, o.Name)
}

// glob reports whether a text matches a pattern; an empty pattern matches all.
func glob(pattern, text string) bool { return pattern == "" || wildcard.Match(pattern, text) }
