// Package lb is the local cloud's load balancer. On loopback sockets it behaves as an AWS Application Load Balancer
// does: listeners with rules, target groups with health checks and draining, and AWS's answers when something is wrong.
//
// Facts about AWS come from the user guide "Elastic Load Balancing: Application Load Balancers"; comments name the page.
// Not modelled: stickiness, slow start, algorithms other than round robin, gRPC and HTTP/2 to targets, authentication
// actions, access logs, and the upper limit on a client connection's age.
package lb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// defaultConnectTimeout is ALB's, from "Troubleshoot your Application Load Balancers", HTTP 504.
	defaultConnectTimeout = 10 * time.Second
	defaultIdleTimeout    = 60 * time.Second
	defaultMaxHeld        = 256

	// fallbackOffset moves a listener to a port that an ordinary user may bind: 443 to 8443, 80 to 8080.
	fallbackOffset = 8000
)

// ErrClosed is returned by [Balancer.Apply] after [Balancer.Close].
var ErrClosed = errors.New("load balancer is closed")

// Config is what a balancer keeps for its whole life.
type Config struct {
	// Address is the loopback address to listen on, and to reach targets from unless there is Dial.
	Address netip.Addr
	// ConnectTimeout bounds connecting to a target. Default 10 s, as on AWS.
	ConnectTimeout time.Duration
	// Registration is how long it takes to register a target, before its first health check. Default none; AWS does not tell
	// how long it takes (API_TargetHealth, Elb.RegistrationInProgress).
	Registration time.Duration
	// MaxHeld bounds the connections of clients that have no access; past it the oldest is closed. Default 256.
	MaxHeld int
	// Dial connects to a target; default from Address, which packets leave only if [State.Reach] says so.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Inside opens further sockets for a listener's port, at which clients of a network of its own reach it; default none.
	Inside func(port int) ([]net.Listener, error)
	// Listen opens a listening socket. Default net.Listen.
	Listen func(network, address string) (net.Listener, error)
	// Log receives, at debug level, why the balancer answered an error. Default: nowhere.
	Log *slog.Logger
}

// Balancer is one load balancer. Its methods may be called from any goroutine.
type Balancer struct {
	config  Config
	proxy   *httputil.ReverseProxy
	probes  *http.Transport
	held    *holdingPen
	changes broadcast

	// table is what requests are served by. It is replaced as a whole.
	table atomic.Pointer[table]

	mu        sync.Mutex // held while the state changes
	frontends map[int]*frontend
	groups    map[string]*group
	stats     map[string]*listenerStats
	closed    bool

	ctx    context.Context // ends with Close, and with it what runs in the background
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// New makes a balancer without listeners; [Balancer.Apply] gives it something to do.
func New(config Config) (*Balancer, error) {
	if !config.Address.IsLoopback() {
		return nil, fmt.Errorf("make load balancer on %s: not a loopback address", config.Address)
	}
	setDefault(&config.ConnectTimeout, defaultConnectTimeout)
	setDefault(&config.MaxHeld, defaultMaxHeld)
	if config.Listen == nil {
		config.Listen = net.Listen
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	b := &Balancer{
		config:    config,
		held:      newHoldingPen(config.MaxHeld),
		frontends: map[int]*frontend{},
		groups:    map[string]*group{},
		stats:     map[string]*listenerStats{},
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.proxy = b.newProxy()
	b.probes = b.newProbeTransport()
	b.table.Store(&table{})
	return b, nil
}

// Apply makes state the balancer's desired state: all of it, or, with an error, nothing. It returns once the sockets are
// open and new requests follow the new state; health checks and draining go on in the background ([Balancer.Await]).
// Listeners keep their socket while their port stays, target groups and targets keep their health while their identity
// stays. The state must not be changed afterwards.
func (b *Balancer) Apply(state State) error {
	if err := state.check(); err != nil {
		return fmt.Errorf("apply load balancer state: %w", err)
	}
	setDefault(&state.IdleTimeout, defaultIdleTimeout)

	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("apply load balancer state: %w", ErrClosed)
	}
	if err := b.checkProtocols(state.TargetGroups); err != nil {
		return fmt.Errorf("apply load balancer state: %w", err)
	}
	opened, err := b.open(state.Listeners)
	if err != nil {
		return fmt.Errorf("apply load balancer state: %w", err)
	}
	b.updateGroups(&state)
	next := b.compile(&state)
	b.table.Store(next)
	b.serveFrontends(opened, next)
	b.forgetUnreachable()
	b.held.release(next.admits)
	b.changes.notify()
	return nil
}

// checkProtocols refuses to change what a target group speaks, as AWS does: it takes another target group.
func (b *Balancer) checkProtocols(configs []TargetGroup) error {
	for _, config := range configs {
		if group := b.groups[config.ID]; group != nil && group.protocol != config.Protocol {
			return fmt.Errorf("target group %q: its protocol is %s and cannot be changed to %s", config.ID, group.protocol, config.Protocol)
		}
	}
	return nil
}

// open binds the sockets of listeners on new ports.
func (b *Balancer) open(listeners []Listener) (opened []*frontend, err error) {
	defer func() {
		if err != nil {
			for _, f := range opened {
				f.closeSockets()
			}
		}
	}()
	for _, l := range listeners {
		if _, ok := b.frontends[l.Port]; ok {
			continue
		}
		socket, err := b.listen(l.Port)
		if err != nil {
			return opened, fmt.Errorf("listener %q: %w", l.ID, err)
		}
		f := newFrontend(b, l.Port, socket)
		opened = append(opened, f)
		if b.config.Inside != nil {
			if f.inside, err = b.config.Inside(l.Port); err != nil {
				return opened, fmt.Errorf("listener %q: %w", l.ID, err)
			}
		}
	}
	return opened, nil
}

// listen binds the port. Where that takes a privilege this process has not, or another program has the port on every address,
// it binds the port 8000 above it, or else any that is free.
func (b *Balancer) listen(port int) (net.Listener, error) {
	address := func(port int) string { return net.JoinHostPort(b.config.Address.String(), strconv.Itoa(port)) }
	socket, err := b.config.Listen("tcp", address(port))
	for _, other := range []int{port + fallbackOffset, 0} {
		if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
		if other <= 65535 {
			socket, err = b.config.Listen("tcp", address(other))
		}
	}
	return socket, err
}

// updateGroups brings the target groups to the desired state. One that is gone from it drains its targets first.
func (b *Balancer) updateGroups(state *State) {
	used := map[string]bool{}
	for _, l := range state.Listeners {
		for _, action := range append([]Action{l.Default}, actions(l.Rules)...) {
			for _, share := range action.Forward {
				used[share.TargetGroup] = true
			}
		}
	}
	desired := map[string]TargetGroup{}
	for _, config := range state.TargetGroups {
		config.HealthCheck = config.HealthCheck.withDefaults()
		desired[config.ID] = config
		if b.groups[config.ID] == nil {
			b.groups[config.ID] = newGroup(b, config)
		}
	}
	for id, group := range b.groups {
		config, ok := desired[id]
		if !ok {
			config = group.withoutTargets()
		}
		if group.update(config, used[id], !ok) {
			delete(b.groups, id)
		}
	}
}

func actions(rules []Rule) []Action {
	all := make([]Action, 0, len(rules))
	for _, rule := range rules {
		all = append(all, rule.Action)
	}
	return all
}

// serveFrontends starts the sockets just opened, gives the others the new settings and closes those without a listener.
func (b *Balancer) serveFrontends(opened []*frontend, next *table) {
	for _, f := range opened {
		b.frontends[f.port] = f
		for _, socket := range append(f.inside, f.socket) {
			b.wg.Go(func() { f.acceptAll(socket) })
		}
	}
	for port, f := range b.frontends {
		if _, ok := next.listeners[port]; ok {
			f.serve(next.IdleTimeout)
			continue
		}
		delete(b.frontends, port)
		f.closeSockets() // at once, for the next state may want the port again
		b.wg.Go(func() { _ = f.close(b.ctx) })
	}
}

// forgetUnreachable closes pooled connections to targets that packets no longer reach, so that the next request feels it.
func (b *Balancer) forgetUnreachable() {
	for _, group := range b.groups {
		group.closeIdle(func(target netip.AddrPort) bool { return !b.reaches(target) })
	}
}

// Endpoint is where a listener really listens.
type Endpoint struct {
	Listener string
	Protocol Protocol
	Port     int            // the listener's own
	Addr     netip.AddrPort // its port differs from Port if that one was taken or takes a privilege
}

// Endpoints lists the listeners by port.
func (b *Balancer) Endpoints() []Endpoint {
	b.mu.Lock()
	defer b.mu.Unlock()
	var endpoints []Endpoint
	listeners := b.table.Load().listeners
	for port, f := range b.frontends {
		addr := f.socket.Addr().(*net.TCPAddr).AddrPort()
		endpoints = append(endpoints, Endpoint{Listener: listeners[port].ID, Protocol: listeners[port].Protocol, Port: port, Addr: addr})
	}
	slices.SortFunc(endpoints, func(a, b Endpoint) int { return a.Port - b.Port })
	return endpoints
}

// Health returns the targets of a group with their state, those that drain included, ordered by address; nil for a
// group that is not there.
func (b *Balancer) Health(targetGroup string) []TargetHealth {
	b.mu.Lock()
	group := b.groups[targetGroup]
	b.mu.Unlock()
	if group == nil {
		return nil
	}
	return group.health()
}

// Changed returns a channel that is closed at the next change of any target's health or of the state applied. Take it
// before looking at [Balancer.Health], and no change is missed.
func (b *Balancer) Changed() <-chan struct{} { return b.changes.next() }

// Await returns once ok accepts the health of the target group, or with an error when ctx is done.
func (b *Balancer) Await(ctx context.Context, targetGroup string, ok func([]TargetHealth) bool) error {
	for {
		changed := b.Changed()
		health := b.Health(targetGroup)
		if ok(health) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for target group %q, now %v: %w", targetGroup, health, context.Cause(ctx))
		}
	}
}

// Close stops listening, lets the requests under way finish until ctx is done, and then cuts what is left: those requests,
// WebSockets, and clients that were kept waiting for lack of access. It returns an error if a request had to be cut.
func (b *Balancer) Close(ctx context.Context) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	frontends, groups := b.frontends, b.groups
	b.frontends, b.groups = map[int]*frontend{}, map[string]*group{}
	b.mu.Unlock()

	b.held.close()
	errs := make(chan error, len(frontends))
	for _, f := range frontends {
		go func() { errs <- f.close(ctx) }()
	}
	var err error
	for range frontends {
		err = errors.Join(err, <-errs)
	}
	b.cancel()
	for _, group := range groups {
		group.close()
	}
	b.wg.Wait()
	if err != nil {
		return fmt.Errorf("close load balancer: %w", err)
	}
	return nil
}
