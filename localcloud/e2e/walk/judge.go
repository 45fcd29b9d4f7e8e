package walk

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Observation is what a client saw of one request on a new connection.
type Observation struct {
	Target
	Sent, Answered time.Time
	Status         int
	// Service and Version are in the answer.
	Service, Version string
	// Failure is why there is no answer, or why it is not one of a service's.
	Failure string
	// Held says that the client used the cached address, as the record's time-to-live allows.
	Held bool
}

// Expectation is what clients may see of a step.
type Expectation struct {
	// Before has the possible configurations of the stack when the step begins: one, or several after an update that failed half-way.
	Before []Config
	// After is the applied configuration, or the one that stays if the step must fail.
	After Config
	// Settled says that the owner after the step answers all requests later than Ended.
	Settled bool
	Begun   time.Time // the update
	Ended   time.Time
}

// Complaint is what clients saw and should not have.
type Complaint struct {
	URL  string
	What string
	// Times is how often, Held how often of that by a client that held the address, First and Last when, as times since the update
	// began.
	Times, Held int
	First, Last time.Duration
}

func (c Complaint) String() string {
	return fmt.Sprintf("%s: %s, %d times (%d with an address held) from %+.2f s to %+.2f s",
		c.URL, c.What, c.Times, c.Held, c.First.Seconds(), c.Last.Seconds())
}

// Judge returns the errors in the clients' observations, one for each URL and kind.
func (e Expectation) Judge(all []Observation) []Complaint {
	slices.SortStableFunc(all, func(a, b Observation) int { return a.Sent.Compare(b.Sent) })
	var out []Complaint
	arrived := map[Target]time.Time{} // when the owner after the step first answered
	for _, o := range all {
		if what := e.wrong(o, arrived); what != "" {
			out = e.add(out, o, what)
		}
	}
	return out
}

func (e Expectation) add(all []Complaint, o Observation, what string) []Complaint {
	i := slices.IndexFunc(all, func(c Complaint) bool { return c.URL == o.URL() && c.What == what })
	at := o.Sent.Sub(e.Begun)
	if i < 0 {
		i, all = len(all), append(all, Complaint{URL: o.URL(), What: what, First: at})
	}
	c := &all[i]
	c.Times++
	c.Last = at
	if o.Held {
		c.Held++
	}
	return all
}

// wrong returns what is wrong with an observation, or nothing.
func (e Expectation) wrong(o Observation, arrived map[Target]time.Time) string {
	switch {
	case o.Failure != "":
		return o.Failure
	case o.Status != 200:
		return fmt.Sprintf("%d of %s %s", o.Status, o.Service, o.Version)
	}
	after, _ := e.After.Owner(o.Host, o.Path)
	_, before := ownersOf(e.Before, o.Host, o.Path)
	answered := fmt.Sprintf("answered by %s %s", o.Service, o.Version)
	if !before {
		return answered + ", which nobody serves before"
	}
	if by(o, after) {
		old := slices.ContainsFunc(e.Before, func(c Config) bool { b, _ := c.Owner(o.Host, o.Path); return b.Service == after.Service })
		if _, known := arrived[o.Target]; !known && !old {
			arrived[o.Target] = o.Answered
		}
		if e.Settled && o.Sent.After(e.Ended) && !exactly(o, after) {
			return answered + ", after the update"
		}
		return ""
	}
	if !e.formerly(o) {
		return answered + ", neither the owner before (" + e.owners(o) + ") nor that after (" + after.String() + ")"
	}
	if e.Settled && o.Sent.After(e.Ended) {
		return answered + ", the owner before, after the update"
	}
	// A client with the cached address of a replaced load balancer follows that one's rules, which have not changed.
	held := o.Held && slices.ContainsFunc(e.Before, e.After.moves)
	if at, known := arrived[o.Target]; known && o.Sent.After(at) && o.Service != after.Service && !held {
		return answered + ", the owner before, once the owner after had answered"
	}
	return ""
}

// formerly reports whether the owner in one of the configurations before may have given the answer. It may have the versions that it has
// in another one of them, or after the step: it may get them before a route passes to another service.
func (e Expectation) formerly(o Observation) bool {
	owned := slices.ContainsFunc(e.Before, func(c Config) bool { b, _ := c.Owner(o.Host, o.Path); return b.Service == o.Service })
	return owned && slices.ContainsFunc(append(slices.Clone(e.Before), e.After), func(c Config) bool { return by(o, c.versions(o.Service)) })
}

func (e Expectation) owners(o Observation) string {
	var names []string
	for _, c := range e.Before {
		owner, _ := c.Owner(o.Host, o.Path)
		names = append(names, owner.String())
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " or ")
}

func (o Owner) String() string {
	if o.Canary == "" {
		return o.Service + " " + o.Version
	}
	return o.Service + " " + o.Version + " with " + o.Canary
}

// by reports whether the owner may have given the answer while a stack changes: its canary answers those who ask for it, and
// others too, as soon as it has a weight.
func by(o Observation, owner Owner) bool {
	return o.Service == owner.Service && (o.Version == owner.Version || o.Version == owner.Canary && (owner.Weighted || o.Canary))
}

// exactly reports whether the owner may have given the answer in a stack that does not change.
func exactly(o Observation, owner Owner) bool {
	if o.Canary && owner.Canary != "" {
		return o.Service == owner.Service && o.Version == owner.Canary
	}
	return by(o, owner)
}
