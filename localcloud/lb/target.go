package lb

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	// maxIdlePerTarget bounds the connections kept open to a target that has nothing to do.
	maxIdlePerTarget = 128

	// targetTLSTimeout is ALB's ("Troubleshoot your Application Load Balancers", HTTP 502).
	targetTLSTimeout = 10 * time.Second
)

// unverified is for HTTPS targets: ALB encrypts to them without validating their certificates ("Target groups for your
// Application Load Balancers", routing configuration).
var unverified = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10} //nolint:gosec // as AWS does

var errDeregistered = errors.New("target is deregistered")

// target is a registered target, or one that drains, with its own pool of connections.
type target struct {
	group     *group
	addr      netip.AddrPort
	transport *http.Transport

	// guarded by group.mu
	health     tally
	stopChecks context.CancelFunc
	timer      *time.Timer // ends the draining
	drains     int         // how often it has drained, to tell a timer's late call

	mu     sync.Mutex
	conns  map[*idleConn]struct{}
	closed bool
}

func newTarget(g *group, addr netip.AddrPort) *target {
	t := &target{
		group:      g,
		addr:       addr,
		stopChecks: func() {},
		conns:      map[*idleConn]struct{}{},
	}
	t.health.Target = addr
	t.transport = &http.Transport{
		DialContext:         t.dial,
		TLSClientConfig:     unverified,
		TLSHandshakeTimeout: targetTLSTimeout,
		DisableCompression:  true, // or the transport would ask for gzip where the client did not
		MaxIdleConnsPerHost: maxIdlePerTarget,
		// A longer one is an error, and so answered 502.
		MaxResponseHeaderBytes: maxResponseHeader,
		// Sooner than idleConn would end an unused connection, so that no request is sent over one about to end.
		IdleConnTimeout: g.idleTimeout() / 2,
	}
	return t
}

func scheme(p Protocol) string { return strings.ToLower(string(p)) }

// register starts health checks from the beginning, or none if no rule forwards to the group.
func (t *target) register() {
	t.stopChecks()
	t.stopChecks = func() {}
	if !t.group.used {
		t.health.set(Unused, TargetNotInUse)
		return
	}
	// A target that was in service stays so while its settings change.
	var after time.Duration
	if t.health.State != Healthy && t.health.State != Unhealthy {
		t.health.set(Initial, RegistrationInProgress)
		after = t.group.b.config.Registration
	}
	ctx, cancel := context.WithCancel(t.group.b.ctx)
	t.stopChecks = cancel
	check := t.group.config.HealthCheck
	t.group.b.wg.Go(func() { t.watch(ctx, check, after) })
}

// drain takes the target out of service and gives the requests it has the deregistration delay to end. Without any, AWS
// completes the deregistration at once, but shows it as draining for that time ("Edit target group attributes").
func (t *target) drain() {
	t.stopChecks()
	t.health.set(Draining, DeregistrationInProgress)
	t.drains++
	drain := t.drains
	t.timer = time.AfterFunc(t.group.config.DeregistrationDelay, func() { t.group.expire(t, drain) })
	t.transport.CloseIdleConnections()
}

// undrain takes a deregistration back.
func (t *target) undrain() {
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
}

// dial connects for a request and keeps the connection on record, so that the end of the deregistration can cut it.
func (t *target) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := t.group.b.dial(ctx, network, address)
	if err != nil {
		t.group.stats.connectionErrors.Add(1)
		return nil, err
	}
	c := &idleConn{Conn: conn, idle: t.group.idleTimeout, onClose: t.forget}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		_ = conn.Close()
		return nil, errDeregistered
	}
	t.conns[c] = struct{}{}
	return c, nil
}

func (t *target) forget(c *idleConn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.conns, c)
}

// close cuts every connection to the target and lets no other be made.
func (t *target) close() {
	t.mu.Lock()
	t.closed = true
	conns := t.conns
	t.conns = map[*idleConn]struct{}{}
	t.mu.Unlock()
	for c := range conns {
		_ = c.Close()
	}
}

// dial connects to a target from the balancer's address, or, if packets do not reach it, waits in vain.
func (b *Balancer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, b.config.ConnectTimeout)
	defer cancel()
	if b.config.Dial != nil {
		return b.config.Dial(ctx, network, address)
	}
	if !b.reaches(target) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(target), Err: ctx.Err()}
	}
	var dialer net.Dialer
	if target.Addr().Is4() == b.config.Address.Is4() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(b.config.Address, 0))
	}
	return dialer.DialContext(ctx, network, address)
}
