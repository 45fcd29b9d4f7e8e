// Package balancers does the work of Elastic Load Balancing: it lets a real load balancer do what listeners, rules and
// target groups say.
package balancers

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"slipway/localcloud/addr"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/lb"
	"slipway/localcloud/pace"
	"slipway/localcloud/vnet"
)

const (
	// defaultRetry is after how long a port that could not be bound is tried again.
	defaultRetry = 5 * time.Second

	// balancerClose is how long the requests under way have when a load balancer goes.
	balancerClose = 2 * time.Second
)

// Balancers runs the load balancers of the store on loopback addresses, and writes the health of their targets back into it.
// An address belongs to its load balancer for life, restarts of the daemon included.
type Balancers struct {
	Store     *cloud.Store
	Addresses *addr.Allocator
	Log       *slog.Logger
	// ConnectTimeout bounds connecting to a target; default AWS's.
	ConnectTimeout time.Duration
	// Registration is how long it takes to register a target.
	Registration time.Duration
	// Nodes returns the nodes of a load balancer in its VPC, from which it reaches its targets. Nil leaves load balancers and targets at
	// loopback addresses.
	Nodes func(s cloud.Scope, loadBalancer string) ([]*vnet.Host, error)
	// Listen opens a listening socket; default net.Listen.
	Listen func(network, address string) (net.Listener, error)
	// Retry is after how long a port that could not be bound is tried again; default 5 s.
	Retry time.Duration

	// Only Run changes these; mu is for readers of running.
	mu      sync.Mutex
	running map[cloud.Key]*balancer
	certs   keyPairs
	poke    chan struct{} // the health of a target has changed
	wg      sync.WaitGroup
}

// balancer is a load balancer that is up.
type balancer struct {
	*lb.Balancer
	address  netip.Addr
	applied  *plan     // the last applied plan
	problems []string  // its parts that do not work
	retry    time.Time // when to try it again; zero if there is no need to
	access   *verdicts[netip.AddrPort]
	reach    *verdicts[netip.AddrPort]
	stop     context.CancelFunc
}

// Run works until the context ends, and returns its cause. The load balancers end with it.
func (b *Balancers) Run(ctx context.Context) error {
	b.Retry = cmp.Or(b.Retry, defaultRetry)
	b.certs, b.poke = keyPairs{}, make(chan struct{}, 1)
	b.mu.Lock()
	b.running = map[cloud.Key]*balancer{}
	b.mu.Unlock()
	defer b.wg.Wait()
	defer func() {
		for key := range b.running {
			b.close(key)
		}
	}()
	store := b.Store.Watch()
	defer store.Stop()
	for {
		wake, err := b.reconcile(ctx, store, time.Now())
		if err != nil {
			return fmt.Errorf("run load balancers: %w", err)
		}
		var timer <-chan time.Time
		if !wake.IsZero() {
			timer = time.After(time.Until(wake))
		}
		select {
		case <-store.C:
		case <-b.poke:
		case <-timer:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Metrics returns the counters of a load balancer since the daemon started, and whether there is such a load balancer.
func (b *Balancers) Metrics(key cloud.Key) (lb.Metrics, bool) {
	b.mu.Lock()
	run := b.running[key]
	b.mu.Unlock()
	if run == nil {
		return lb.Metrics{}, false
	}
	return run.Metrics(), true
}

// reconcile brings the running load balancers to the stored ones, and the stored status to the real one. It returns when to look again
// without a change; zero for never.
func (b *Balancers) reconcile(ctx context.Context, store *cloud.Watcher, now time.Time) (wake time.Time, err error) {
	plans := map[cloud.Key]*plan{}
	store.View(func(tx *cloud.Tx) {
		for _, r := range tx.Everywhere(elbv2.LoadBalancer.Token) {
			plans[r.Key] = b.certs.plan(tx, r, b.Nodes != nil)
		}
		b.certs.forget(tx)
	})
	for key := range b.running {
		if plans[key] == nil {
			b.close(key)
		}
	}
	status := map[cloud.Key]elbv2.LoadBalancerStatus{}
	for key, p := range plans {
		run, err := b.ensure(ctx, key, p)
		if err != nil {
			status[key] = elbv2.LoadBalancerStatus{State: elbv2.LoadBalancerFailed, Reason: err.Error()}
			wake = pace.Earlier(wake, now.Add(b.Retry))
			continue
		}
		p.address = run.address.String()
		if !reflect.DeepEqual(run.applied, p) || !run.retry.IsZero() && !now.Before(run.retry) {
			b.apply(run, key, p, now)
		}
		wake = pace.Earlier(wake, run.retry)
		status[key] = run.status()
	}
	health := map[string]map[netip.AddrPort]lb.TargetHealth{}
	for key, p := range plans {
		if run := b.running[key]; run != nil {
			for _, g := range p.state.TargetGroups {
				health[g.ID] = map[netip.AddrPort]lb.TargetHealth{}
				for _, h := range run.Health(g.ID) {
					health[g.ID][h.Target] = h
				}
			}
		}
	}
	err = store.Update(func(tx *cloud.Tx) error {
		for key, s := range status {
			recordBalancer(tx, key, s)
		}
		wake = pace.Earlier(wake, recordTargets(tx, health, now))
		return nil
	})
	return wake, err
}

// ensure returns the running load balancer. If necessary, it starts it: at its address, or at a new one if it has none or another
// program has one of its ports there by now.
func (b *Balancers) ensure(ctx context.Context, key cloud.Key, p *plan) (*balancer, error) {
	if run := b.running[key]; run != nil {
		return run, nil
	}
	ip, err := netip.ParseAddr(p.address)
	if err != nil || !b.Addresses.Reserve(ip, p.ports()...) {
		if ip, err = b.Addresses.Allocate(); err != nil {
			return nil, err
		}
	}
	l, err := lb.New(lb.Config{
		Address: ip, ConnectTimeout: b.ConnectTimeout, Registration: b.Registration, Listen: b.Listen, Log: b.Log, Dial: b.dialer(key), Inside: b.inside(key),
	})
	if err != nil {
		b.Addresses.Release(ip)
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	run := &balancer{Balancer: l, address: ip, stop: stop, access: newVerdicts[netip.AddrPort](b.Store), reach: newVerdicts[netip.AddrPort](b.Store)}
	b.wg.Go(func() {
		for {
			changed := l.Changed() // before poking, so that no change falls in between
			select {
			case b.poke <- struct{}{}:
			default:
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	})
	b.mu.Lock()
	b.running[key] = run
	b.mu.Unlock()
	return run, nil
}

// dialer connects to targets of a load balancer from its nodes in turn, if it has any.
func (b *Balancers) dialer(key cloud.Key) func(ctx context.Context, network, address string) (net.Conn, error) {
	if b.Nodes == nil {
		return nil
	}
	var turn atomic.Uint64
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		nodes, err := b.Nodes(key.Scope, key.ID)
		if err != nil {
			return nil, err
		}
		if len(nodes) == 0 {
			return nil, fmt.Errorf("load balancer %s has no network interface", key.ID)
		}
		return nodes[turn.Add(1)%uint64(len(nodes))].DialContext(ctx, network, address)
	}
}

// inside opens the sockets of a load balancer's nodes, if it has any.
func (b *Balancers) inside(key cloud.Key) func(port int) ([]net.Listener, error) {
	if b.Nodes == nil {
		return nil
	}
	return func(port int) (out []net.Listener, err error) {
		nodes, err := b.Nodes(key.Scope, key.ID)
		if err != nil {
			return nil, err
		}
		for _, node := range nodes {
			l, err := node.Listen(netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port))) //nolint:gosec // a listener's port
			if err != nil {
				return out, err
			}
			out = append(out, l)
		}
		return out, nil
	}
}

// close ends a load balancer in the background.
func (b *Balancers) close(key cloud.Key) {
	run := b.running[key]
	b.mu.Lock()
	delete(b.running, key)
	b.mu.Unlock()
	run.stop()
	b.wg.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), balancerClose)
		defer cancel()
		if err := run.Close(ctx); err != nil {
			b.Log.Debug("load balancer is gone", "loadBalancer", key.ID, "error", err)
		}
		run.access.store.Stop()
		run.reach.store.Stop()
		b.Addresses.Release(run.address)
	})
}

// apply applies the plan to the load balancer. If a listener cannot work, the others still do.
func (b *Balancers) apply(run *balancer, key cloud.Key, p *plan, now time.Time) {
	state := p.state
	state.Access = func(client netip.Addr, port int) bool {
		return run.access.on(netip.AddrPortFrom(client, uint16(port)), //nolint:gosec // a listener's port
			func(tx *cloud.Tx) bool { return admits(tx, key, client, port) })
	}
	if b.Nodes == nil { // or else packets find out
		state.Reach = func(target netip.AddrPort) bool {
			return run.reach.on(target, func(tx *cloud.Tx) bool {
				return reaches(tx, key.Scope, ec2.InterfacesOf(tx, key.Scope, key.ID), target)
			})
		}
	}
	run.applied, run.problems, run.retry = p, slices.Clone(p.problems), time.Time{}
	if run.Apply(state) == nil {
		return
	}
	var working []lb.Listener
	for _, l := range p.state.Listeners {
		state.Listeners = append(slices.Clone(working), l)
		if err := run.Apply(state); err != nil {
			run.problems = append(run.problems, err.Error())
			continue
		}
		working = state.Listeners
	}
	if len(working) == 0 {
		state.Listeners = nil
		if err := run.Apply(state); err != nil {
			run.problems = append(run.problems, err.Error())
		}
	}
	run.retry = now.Add(b.Retry)
	b.Log.Warn("load balancer does not work as asked", "loadBalancer", key.ID, "problems", run.problems)
}

// status describes the load balancer for the store.
func (run *balancer) status() elbv2.LoadBalancerStatus {
	s := elbv2.LoadBalancerStatus{Address: run.address.String(), State: elbv2.LoadBalancerActive}
	for _, e := range run.Endpoints() {
		s.Endpoints = append(s.Endpoints, elbv2.Endpoint{
			ListenerARN: e.Listener, Protocol: string(e.Protocol), Port: e.Port, Address: e.Addr.String(),
		})
	}
	if len(run.problems) > 0 {
		s.State, s.Reason = elbv2.LoadBalancerImpaired, strings.Join(run.problems, "; ")
	}
	return s
}

// recordBalancer writes the status of a load balancer, if it is still there and the status is news.
func recordBalancer(tx *cloud.Tx, key cloud.Key, s elbv2.LoadBalancerStatus) {
	r := tx.Get(key)
	if r == nil {
		return
	}
	was := cloud.Peek[elbv2.LoadBalancerStatus](r)
	s.Address = cmp.Or(s.Address, was.Address)
	if !reflect.DeepEqual(*was, s) {
		r = r.Clone()
		r.SetStatus(s)
		tx.Put(r)
	}
}

// recordTargets writes the health that the load balancers found into the target groups and takes out the targets that have
// drained. It returns when the next one will have; zero if none drains.
func recordTargets(tx *cloud.Tx, health map[string]map[netip.AddrPort]lb.TargetHealth, now time.Time) (wake time.Time) {
	for _, r := range tx.Everywhere(elbv2.TargetGroup.Token) {
		group := elbv2.TargetGroup.Described(r)
		delay := time.Duration(group.DeregistrationDelay) * time.Second
		balancers := elbv2.TargetGroup.Outputs(r).LoadBalancerARNs
		was := cloud.Peek[elbv2.TargetGroupStatus](r)
		var is elbv2.TargetGroupStatus
		for _, t := range was.Targets {
			address, ok := addressOf(tx, r.Scope, group.VPCID, t)
			found, checked := health[r.ID][address]
			switch end := t.Deregistered.Add(delay); {
			case t.State == elbv2.TargetDraining:
				if len(balancers) == 0 || !now.Before(end) {
					continue // it is no longer a target
				}
				wake = pace.Earlier(wake, end)
			case len(balancers) == 0:
				t.State, t.Reason = elbv2.TargetUnused, string(lb.TargetNotInUse)
				t.Description = "Target group is not configured to receive traffic from the load balancer"
			case !ok:
				// Nobody has the address: packets to it are lost.
				t.State, t.Reason, t.Description = elbv2.TargetUnhealthy, string(lb.Timeout), "Request timed out"
			case checked && found.State != lb.Draining: // what drains there was registered again since
				t.State, t.Reason, t.Description = elbv2.TargetState(found.State), string(found.Reason), found.Description
			}
			is.Targets = append(is.Targets, t)
		}
		if !slices.Equal(was.Targets, is.Targets) {
			r = r.Clone()
			r.SetStatus(is)
			tx.Put(r)
		}
	}
	return wake
}

// addressOf returns the target's real address on this machine.
func addressOf(tx *cloud.Tx, s cloud.Scope, vpc string, t elbv2.Target) (netip.AddrPort, bool) {
	ip, ok := ec2.AddressOf(tx, s, vpc, t.ID)
	return netip.AddrPortFrom(ip, uint16(t.Port)), ok //nolint:gosec // the port was checked in the inputs
}

// admits reports whether the client's packets reach a port of the load balancer. A task's packets come from its network interface,
// those of other clients from the internet. The nodes of all zones are one socket here: it suffices to reach one of them, because
// clients try the next address themselves.
func admits(tx *cloud.Tx, key cloud.Key, client netip.Addr, port int) bool {
	r := tx.Get(key)
	if r == nil {
		return false
	}
	internal := elbv2.LoadBalancer.Described(r).Internal
	clients := ec2.InterfacesAt(tx, key.Scope, client)
	for _, node := range ec2.InterfacesOf(tx, key.Scope, key.ID) {
		to := ec2.NetworkInterface.Inputs(node)
		if !internal && ec2.FromInternet(tx, key.Scope, to, port) {
			return true
		}
		for _, from := range clients {
			if internal && ec2.Reachable(tx, key.Scope, from, to, port) {
				return true
			}
		}
	}
	return false
}

// reaches reports whether the packets of a load balancer with these network interfaces reach the target. It may send them from any.
func reaches(tx *cloud.Tx, s cloud.Scope, nodes []*cloud.Resource, target netip.AddrPort) bool {
	for _, to := range ec2.InterfacesAt(tx, s, target.Addr()) {
		for _, node := range nodes {
			if ec2.ReachableAt(tx, s, ec2.NetworkInterface.Inputs(node), to, to.Address(), int(target.Port())) {
				return true
			}
		}
	}
	return false
}

// verdicts remembers answers until something changes that one of them depends on.
type verdicts[Q comparable] struct {
	mu    sync.Mutex
	store *cloud.Watcher
	known map[Q]bool
}

// maxVerdicts bounds the number of remembered answers.
const maxVerdicts = 1024

func newVerdicts[Q comparable](store *cloud.Store) *verdicts[Q] {
	return &verdicts[Q]{store: store.Watch(), known: map[Q]bool{}}
}

// on returns the answer to the question, which ask finds.
func (v *verdicts[Q]) on(question Q, ask func(*cloud.Tx) bool) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.store.C:
		clear(v.known)
	default:
	}
	if len(v.known) == maxVerdicts {
		clear(v.known)
	}
	answer, ok := v.known[question]
	if !ok {
		v.store.View(func(tx *cloud.Tx) { answer = ask(tx) })
		v.known[question] = answer
	}
	return answer
}
