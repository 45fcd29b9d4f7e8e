package account

import (
	"context"
	"sync"

	"slipway/config"
	"slipway/internal/standing"
	"slipway/spec"
)

// heldBy returns the numbers that rules of a listener hold. Only the stack's own rules keep theirs.
func heldBy(own, others []standing.Rule) spec.HeldPriorities {
	held := make(spec.HeldPriorities)
	for _, rule := range others {
		held.Add(rule.Priority, spec.Route{})
	}
	for _, rule := range own {
		held.Add(rule.Priority, spec.Route{Hostname: rule.Hostname, Path: rule.Path})
	}
	return held
}

// redraw draws the numbers of new rules on a shared listener again. Stacks that are deployed at the same moment do not see each other's
// rules when they begin, and can draw the same number. Each looks again just before it makes a rule, which is when its service is healthy:
// what is left is a moment between this look and the rule, in which AWS refuses one of the two.
type redraw struct {
	config *config.Config
	zone   string
	rules  func(context.Context) (own, others []standing.Rule, err error)

	mu    sync.Mutex
	given map[spec.Route]int
}

// Redraw returns the function of [components.RoutesArgs.Redraw]; nil if the stack has the listener for itself. Before it looks, the numbers
// are the first ones.
func (e Existing) Redraw(first map[spec.Route]int) func(context.Context, spec.Route) int {
	if e.redraw == nil {
		return nil
	}
	for route, number := range first {
		anyone := spec.Route{Hostname: route.Hostname, Path: route.Path}
		if e.Priorities[number] == anyone { // its rule is there already
			e.redraw.given[route] = number
		}
	}
	return func(ctx context.Context, route spec.Route) int { return e.redraw.number(ctx, route, first[route]) }
}

// number returns a route's number. If it cannot look, it is the first one: AWS refuses that if it is taken.
func (r *redraw) number(ctx context.Context, route spec.Route, first int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if number, given := r.given[route]; given {
		return number
	}
	r.given[route] = first
	own, others, err := r.rules(ctx)
	if err != nil {
		return first
	}
	held := heldBy(own, others)
	for given, number := range r.given {
		if given != route {
			held.Add(number, spec.Route{Hostname: given.Hostname, Path: given.Path})
		}
	}
	if drawn, err := r.config.Prioritize(r.zone, held); err == nil {
		r.given[route] = drawn.Routes[route]
	}
	return r.given[route]
}
