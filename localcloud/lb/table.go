package lb

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"slices"
)

// table is the compiled state. It never changes once requests are served by it.
type table struct {
	*State
	listeners map[int]*listener // by port
}

type listener struct {
	Listener
	rules    []rule // by priority
	fallback action
	tls      *tls.Config // nil for HTTP
	stats    *listenerStats
}

type rule struct {
	predicates []predicate
	action     action
}

// action is a compiled [Action]: exactly one of its fields is set.
type action struct {
	forward  *splitter
	redirect *Redirect
	fixed    *FixedResponse
}

// compile builds the table for a state that was checked. The groups are up to date with it already.
func (b *Balancer) compile(state *State) *table {
	t := &table{State: state, listeners: map[int]*listener{}}
	stats := map[string]*listenerStats{}
	for _, l := range state.Listeners {
		if stats[l.ID] = b.stats[l.ID]; stats[l.ID] == nil {
			stats[l.ID] = &listenerStats{}
		}
		compiled := &listener{
			Listener: l,
			fallback: l.Default.compile(b.groups),
			stats:    stats[l.ID],
			tls:      tlsConfig(l, !state.DisableHTTP2),
		}
		for _, r := range slices.SortedFunc(slices.Values(l.Rules), func(a, b Rule) int { return a.Priority - b.Priority }) {
			next := rule{action: r.Action.compile(b.groups)}
			for _, condition := range r.Conditions {
				if p, err := condition.compile(); err == nil { // check has seen to it
					next.predicates = append(next.predicates, p)
				}
			}
			compiled.rules = append(compiled.rules, next)
		}
		t.listeners[l.Port] = compiled
	}
	b.stats = stats
	return t
}

func (a Action) compile(groups map[string]*group) action {
	if len(a.Forward) > 0 {
		return action{forward: newSplitter(a.Forward, groups)}
	}
	return action{redirect: a.Redirect, fixed: a.FixedResponse}
}

func tlsConfig(l Listener, http2 bool) *tls.Config {
	if l.Protocol != HTTPS {
		return nil
	}
	protocols := []string{"http/1.1"}
	if http2 {
		protocols = []string{"h2", "http/1.1"}
	}
	return &tls.Config{
		GetCertificate: chooser(l.Certificates),
		MinVersion:     l.MinTLS,
		MaxVersion:     l.MaxTLS,
		NextProtos:     protocols,
	}
}

// route returns the action of the first rule whose conditions are all met, or the default one.
func (l *listener) route(r *http.Request) action {
	for _, rule := range l.rules {
		if !slices.ContainsFunc(rule.predicates, func(met predicate) bool { return !met(r) }) {
			return rule.action
		}
	}
	return l.fallback
}

// admits tells whether client's packets reach the listener on port.
func (t *table) admits(client netip.Addr, port int) bool {
	return t.State == nil || t.Access == nil || t.Access(client, port)
}

// reaches tells whether the balancer's packets reach target.
func (b *Balancer) reaches(target netip.AddrPort) bool {
	t := b.table.Load()
	return t.State == nil || t.Reach == nil || t.Reach(target)
}
