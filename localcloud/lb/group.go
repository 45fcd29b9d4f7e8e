package lb

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// group is a target group at work. It outlives the states that mention it until its last target has drained.
type group struct {
	b        *Balancer
	protocol Protocol
	stats    groupStats

	mu      sync.Mutex
	config  TargetGroup
	used    bool // some rule forwards to it
	removed bool // no state mentions it any more
	targets []*target
	routes  []*target // who receives requests now
	turn    uint      // round robin
}

func newGroup(b *Balancer, config TargetGroup) *group {
	return &group{b: b, protocol: config.Protocol, config: config}
}

// withoutTargets is the group's configuration with every target deregistered.
func (g *group) withoutTargets() TargetGroup {
	g.mu.Lock()
	defer g.mu.Unlock()
	config := g.config
	config.Targets = nil
	return config
}

// update registers and deregisters targets and restarts health checks if their settings changed. It reports whether nothing is left of
// a removed group.
func (g *group) update(config TargetGroup, used, removed bool) (gone bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	restart := g.config.HealthCheck != config.HealthCheck || g.used != used
	g.config, g.used, g.removed = config, used, removed

	for _, t := range slices.Clone(g.targets) {
		switch wanted := slices.Contains(config.Targets, t.addr); {
		case wanted && t.health.State == Draining:
			t.undrain()
			t.register()
		case wanted && restart:
			t.register()
		case !wanted && t.health.State != Draining:
			t.drain()
		}
	}
	for _, addr := range config.Targets {
		if !slices.ContainsFunc(g.targets, func(t *target) bool { return t.addr == addr }) {
			t := newTarget(g, addr)
			g.targets = append(g.targets, t)
			t.register()
		}
	}
	g.reroute()
	return removed && len(g.targets) == 0
}

// reroute works out who receives requests: the healthy targets; if there are none but unhealthy ones, all that are not
// draining ("Health checks for Application Load Balancer target groups": the load balancer fails open). A target that has
// yet to pass its first check receives nothing on its own account.
func (g *group) reroute() {
	var healthy, open []*target
	failing := false
	for _, t := range g.targets {
		switch t.health.State {
		case Healthy:
			healthy = append(healthy, t)
		case Unhealthy:
			failing = true
			open = append(open, t)
		case Initial:
			open = append(open, t)
		}
	}
	switch {
	case len(healthy) > 0:
		g.routes = healthy
	case failing:
		g.routes = open
	default:
		g.routes = nil
	}
}

// acquire picks the target for a request and counts it as busy until release; nil if there is none.
func (g *group) acquire() *target {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.routes) == 0 {
		return nil
	}
	t := g.routes[g.turn%uint(len(g.routes))]
	g.turn++
	t.health.InFlight++
	g.stats.requests.Add(1)
	return t
}

func (g *group) release(t *target) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t.health.InFlight--
	if t.health.State == Draining && t.health.InFlight == 0 {
		t.transport.CloseIdleConnections()
	}
}

// expire ends the target's deregistration and cuts what is still connected to it.
func (g *group) expire(t *target, drain int) {
	g.mu.Lock()
	if t.health.State != Draining || t.drains != drain {
		g.mu.Unlock() // it was registered again in time
		return
	}
	g.targets = slices.DeleteFunc(g.targets, func(other *target) bool { return other == t })
	gone := g.removed && len(g.targets) == 0
	g.mu.Unlock()

	t.close()
	if gone {
		g.b.forget(g)
	}
	g.b.changes.notify()
}

// forget drops a removed group whose last target has drained, unless a state has brought it back.
func (b *Balancer) forget(g *group) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.removed && len(g.targets) == 0 && b.groups[g.config.ID] == g {
		delete(b.groups, g.config.ID)
	}
}

func (g *group) health() []TargetHealth {
	g.mu.Lock()
	defer g.mu.Unlock()
	health := make([]TargetHealth, 0, len(g.targets))
	for _, t := range g.targets {
		health = append(health, t.health.TargetHealth)
	}
	slices.SortFunc(health, func(a, b TargetHealth) int { return a.Target.Compare(b.Target) })
	return health
}

// closeIdle closes the pooled connections to the targets that match.
func (g *group) closeIdle(match func(netip.AddrPort) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.targets {
		if match(t.addr) {
			t.transport.CloseIdleConnections()
		}
	}
}

// close cuts everything at once.
func (g *group) close() {
	g.mu.Lock()
	targets := g.targets
	g.targets, g.routes = nil, nil
	for _, t := range targets {
		t.stopChecks()
		t.undrain()
	}
	g.mu.Unlock()
	for _, t := range targets {
		t.close()
	}
}

func (g *group) idleTimeout() time.Duration {
	if t := g.b.table.Load(); t.State != nil {
		return t.IdleTimeout
	}
	return defaultIdleTimeout
}
