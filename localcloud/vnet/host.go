package vnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// Host is an interface of this process. It dials and listens as package net does, in the virtual network.
type Host struct {
	*Interface
	stack *stack.Stack
}

// nic is the number of a host's one interface.
const nic = 1

// maxBuffer bounds what a connection buffers in each direction.
const (
	defaultBuffer = 256 << 10
	maxBuffer     = 4 << 20
)

// AttachHost adds an interface of this process to the network.
func (n *Network) AttachHost(config InterfaceConfig) (*Host, error) {
	c := &card{mtu: uint32(n.config.MTU)} //nolint:gosec // an MTU
	s, err := newStack(config, c, true)
	if err != nil {
		return nil, fmt.Errorf("attach host %s: %w", config.Name, err)
	}
	i, err := n.Attach(config, newHostLink(s, c))
	if err != nil {
		return nil, err
	}
	return &Host{i, s}, nil
}

// newStack makes the stack behind a card. Own says that packets to its addresses do not go by the card.
func newStack(config InterfaceConfig, c *card, own bool) (*stack.Stack, error) {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6},
		HandleLocal:        own,
	})
	err := configureStack(s, config, c)
	if err != nil {
		destroy(s)
		return nil, err
	}
	return s, nil
}

func configureStack(s *stack.Stack, config InterfaceConfig, c *card) error {
	sack, moderate := tcpip.TCPSACKEnabled(true), tcpip.TCPModerateReceiveBufferOption(true)
	send := tcpip.TCPSendBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: defaultBuffer, Max: maxBuffer}
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: defaultBuffer, Max: maxBuffer}
	for _, option := range []tcpip.SettableTransportProtocolOption{&sack, &moderate, &send, &receive} {
		if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, option); err != nil {
			return errors.New(err.String())
		}
	}
	if err := s.CreateNIC(nic, c); err != nil {
		return errors.New(err.String())
	}
	for _, a := range config.Addresses {
		protocol := tcpip.ProtocolAddress{Protocol: family(a), AddressWithPrefix: address(a).WithPrefix()}
		// Nobody else has the address, and nobody would answer a question for it.
		if err := s.AddProtocolAddress(nic, protocol, stack.AddressProperties{Disp: nil}); err != nil {
			return fmt.Errorf("address %s: %s", a, err)
		}
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nic}, {Destination: header.IPv6EmptySubnet, NIC: nic}})
	return nil
}

func address(a netip.Addr) tcpip.Address { return tcpip.AddrFromSlice(a.AsSlice()) }

func family(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Is4() {
		return ipv4.ProtocolNumber
	}
	return ipv6.ProtocolNumber
}

func full(a netip.AddrPort) tcpip.FullAddress {
	out := tcpip.FullAddress{NIC: nic, Port: a.Port()}
	if !a.Addr().IsUnspecified() {
		out.Addr = address(a.Addr())
	}
	return out
}

// DialContext connects from the interface. The network is tcp or udp, also with 4 or 6, and the address one of IP and port. It is a
// DialContext for http.Transport.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	from, err := h.from(to)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	return dialFrom(ctx, h.stack, network, from, to)
}

// dialFrom connects from an address of a stack.
func dialFrom(ctx context.Context, s *stack.Stack, network string, from, to netip.AddrPort) (conn net.Conn, err error) {
	switch strings.TrimRight(network, "46") {
	case "tcp":
		conn, err = dialTCP(ctx, s, from, to)
	case "udp":
		local, remote := full(from), full(to)
		conn, err = gonet.DialUDP(s, &local, &remote, family(to.Addr()))
	default:
		err = net.UnknownNetworkError(network)
	}
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	return conn, nil
}

// from returns the address from which the interface reaches another one.
func (h *Host) from(to netip.AddrPort) (netip.AddrPort, error) {
	if h.gone.Load() {
		return netip.AddrPort{}, ErrClosed
	}
	own, ok := h.Address(to.Addr())
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("interface %s has no address from which it reaches %s", h.config.Name, to.Addr())
	}
	return netip.AddrPortFrom(own, 0), nil
}

func dialTCP(ctx context.Context, s *stack.Stack, from, to netip.AddrPort) (net.Conn, error) {
	var queue waiter.Queue
	ep, terr := s.NewEndpoint(tcp.ProtocolNumber, family(to.Addr()), &queue)
	if terr != nil {
		return nil, asErrno(terr)
	}
	entry, writable := waiter.NewChannelEntry(waiter.WritableEvents)
	queue.EventRegister(&entry)
	defer queue.EventUnregister(&entry)
	if terr = ep.Bind(full(from)); terr == nil {
		terr = ep.Connect(full(to))
	}
	if _, started := terr.(*tcpip.ErrConnectStarted); started {
		select {
		case <-ctx.Done():
			ep.Close()
			return nil, ctx.Err()
		case <-writable:
			terr = ep.LastError()
		}
	}
	if terr != nil {
		ep.Close()
		return nil, asErrno(terr)
	}
	noDelay(ep)
	return gonet.NewTCPConn(&queue, ep), nil
}

// noDelay sends what is written at once, as package net does.
func noDelay(ep tcpip.Endpoint) { ep.SocketOptions().SetDelayOption(false) }

// Listen accepts TCP connections to an address of the interface, to all of its IPv4 addresses if it is 0.0.0.0, or to all if it is ::.
// Port 0 is any free port.
func (h *Host) Listen(address netip.AddrPort) (net.Listener, error) {
	fail := func(err error) (net.Listener, error) {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: net.TCPAddrFromAddrPort(address), Err: err}
	}
	if err := h.canListen(address.Addr()); err != nil {
		return fail(err)
	}
	var queue waiter.Queue
	ep, terr := h.stack.NewEndpoint(tcp.ProtocolNumber, family(address.Addr()), &queue)
	if terr != nil {
		return fail(asErrno(terr))
	}
	const backlog = 4096 // Linux's default, net.core.somaxconn
	if terr = ep.Bind(full(address)); terr == nil {
		terr = ep.Listen(backlog)
	}
	if terr != nil {
		ep.Close()
		return fail(asErrno(terr))
	}
	return &listener{gonet.NewTCPListener(h.stack, &queue, ep)}, nil
}

// canListen says whether there is an interface to listen at, with the address.
func (h *Host) canListen(address netip.Addr) error {
	switch {
	case h.gone.Load():
		return ErrClosed
	case !address.IsUnspecified() && !slices.Contains(h.config.Addresses, address):
		return syscall.EADDRNOTAVAIL
	}
	return nil
}

// listener ends what waits in Accept when it is closed, as that of package net does.
type listener struct{ *gonet.TCPListener }

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.TCPListener.Accept()
	if err != nil {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
	}
	return conn, nil
}

func (l *listener) Close() error {
	l.Shutdown()
	return l.TCPListener.Close()
}

// ListenPacket receives UDP packets at an address of the interface; port 0 is any free port.
func (h *Host) ListenPacket(address netip.AddrPort) (net.PacketConn, error) {
	if err := h.canListen(address.Addr()); err != nil {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: net.UDPAddrFromAddrPort(address), Err: err}
	}
	local := full(address)
	return gonet.DialUDP(h.stack, &local, nil, family(address.Addr()))
}

// asErrno is the error as the kernel's network would have it, where it has one.
func asErrno(err tcpip.Error) error {
	switch err.(type) {
	case *tcpip.ErrConnectionRefused:
		return syscall.ECONNREFUSED
	case *tcpip.ErrConnectionReset:
		return syscall.ECONNRESET
	case *tcpip.ErrTimeout:
		return syscall.ETIMEDOUT
	case *tcpip.ErrPortInUse:
		return syscall.EADDRINUSE
	case *tcpip.ErrNoPortAvailable:
		return syscall.EADDRNOTAVAIL
	case *tcpip.ErrBadLocalAddress:
		return syscall.EADDRNOTAVAIL
	}
	return errors.New(err.String())
}
