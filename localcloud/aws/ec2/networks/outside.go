package networks

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/vnet"
)

// AWS's own endpoints, of every service and region, are at these addresses. They are for documentation (RFC 5737, RFC 3849), and so nobody's.
var (
	ServicesIPv4 = netip.MustParseAddr("203.0.113.1")
	ServicesIPv6 = netip.MustParseAddr("2001:db8::1")
)

// dialer connects what leaves a VPC by its internet gateway, which translates private IPv4 addresses to public ones, one to one.
// https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
func (n *Networks) dialer(key cloud.Key) vnet.Dial {
	return func(ctx context.Context, network string, from, to netip.AddrPort) (net.Conn, error) {
		return n.dialOutside(ctx, network, to, func() netip.Addr { return n.publicAddress(key, from.Addr()) })
	}
}

// dialOutside connects to AWS's own endpoints, to the owner of a public address in any VPC, or to the real internet. Nobody else is there.
// An owner sees the address that as returns, and nobody without one is let through.
func (n *Networks) dialOutside(ctx context.Context, network string, to netip.AddrPort, as func() netip.Addr) (net.Conn, error) {
	if a := to.Addr(); a == ServicesIPv4 || a == ServicesIPv6 {
		return n.services.dial(ctx, network, to.Port())
	}
	if there, at := n.publicOwner(to); there != nil {
		if from := as(); from.IsValid() {
			return there.DialFrom(ctx, network, from, at)
		}
	}
	if n.Outside == nil {
		return nil, vnet.ErrSilence
	}
	return n.Outside(ctx, network, to.String())
}

// publicAddress returns the address that an internet gateway gives to what a network interface of the VPC sends.
func (n *Networks) publicAddress(vpc cloud.Key, from netip.Addr) (as netip.Addr) {
	if from.Is6() {
		return from
	}
	n.Store.View(func(tx *cloud.Tx) {
		if ni := ec2.InterfaceWith(tx, vpc.Scope, vpc.ID, from); ni != nil {
			as, _ = netip.ParseAddr(ni.PublicIP)
		}
	})
	return as
}

// publicOwner finds whose public address something is sent to: the way into the owner's network, and the owner's address there. An egress-only
// gateway lets nobody in.
func (n *Networks) publicOwner(to netip.AddrPort) (there *vnet.Outside, at netip.AddrPort) {
	var owner cloud.Key
	n.Store.View(func(tx *cloud.Tx) {
		for _, r := range tx.Everywhere(ec2.NetworkInterfaceToken) {
			in := ec2.NetworkInterface.Inputs(r)
			if a := to.Addr().String(); a == in.PublicIP || a == in.IPv6Address && ec2.HasInternetGateway(tx, r.Scope, in) {
				owner = cloud.Key{Scope: r.Scope, Token: ec2.VPCToken, ID: in.VPCID}
				at = to
				if private, err := netip.ParseAddr(in.PrivateIP); err == nil && to.Addr().Is4() {
					at = netip.AddrPortFrom(private, to.Port())
				}
			}
		}
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	if v := n.vpcs[owner]; v != nil {
		there = v.outside
	}
	return there, at
}

// services are AWS's own endpoints. One server has them in all VPCs.
type services struct{ plain, encrypted pipes }

func newServices() *services { return &services{newPipes(), newPipes()} }

// errRefused is the error of a port at which nobody listens.
var errRefused = errors.New("connection refused")

func (s *services) dial(ctx context.Context, network string, port uint16) (net.Conn, error) {
	const plain, encrypted = 80, 443
	switch {
	case network != "tcp":
		return nil, errRefused
	case port == plain:
		return s.plain.dial(ctx)
	case port == encrypted:
		return s.encrypted.dial(ctx)
	}
	return nil, errRefused
}

// serve answers until it is stopped. Without a handler it refuses everybody.
func (s *services) serve(h http.Handler, certificate func(name string) (tls.Certificate, error)) (stop func()) {
	if h == nil {
		s.plain.shut()
		s.encrypted.shut()
		return func() {}
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	var issued sync.Map // a certificate by its name
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if c, ok := issued.Load(hello.ServerName); ok {
			return c.(*tls.Certificate), nil
		}
		c, err := certificate(hello.ServerName)
		if err != nil {
			return nil, err
		}
		issued.Store(hello.ServerName, &c)
		return &c, nil
	}}
	var serving sync.WaitGroup
	for _, l := range []net.Listener{&s.plain, tls.NewListener(&s.encrypted, config)} {
		serving.Go(func() { _ = server.Serve(l) }) // until it is closed
	}
	return func() {
		_ = server.Close() // has nothing to say
		serving.Wait()
	}
}

// pipes is a listener within this process.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	shut  func()
}

func newPipes() pipes {
	p := pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	p.shut = sync.OnceFunc(func() { close(p.done) })
	return p
}

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done:
		return nil, errRefused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements [net.Listener].
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (p *pipes) Close() error {
	p.shut()
	return nil
}

// Addr implements [net.Listener].
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: ServicesIPv4.AsSlice()} }
