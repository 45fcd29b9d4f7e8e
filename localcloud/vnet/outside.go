package vnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// Dial connects to an address outside of a network, for an address within. The network is tcp or udp.
type Dial func(ctx context.Context, network string, from, to netip.AddrPort) (net.Conn, error)

// ErrSilence is for a [Dial] to return: the connection is then not refused, but waits in vain.
var ErrSilence = errors.New("nobody answers, and nobody refuses")

// Outside is an interface that stands for the world outside of a network.
type Outside struct {
	*Interface
	stack *stack.Stack
}

const (
	// maxOpening bounds the connections to the outside that are being made.
	maxOpening = 256
	// outsideTimeout is how long a connection to the outside may take to be made, and one by UDP may say nothing.
	outsideTimeout = 30 * time.Second
)

// AttachOutside adds an interface that takes what routes lead to it ([Route.Via]) to the world outside: TCP connections and UDP packets,
// by dial, for those who have an address there. A connection that cannot be made is refused; addresses that dial must not be asked for
// are for the caller's routes to leave out, or for dial to refuse.
func (n *Network) AttachOutside(name string, dial Dial) (*Outside, error) {
	c := &card{mtu: uint32(n.config.MTU)} //nolint:gosec // an MTU
	config := InterfaceConfig{Name: name, Gateway: true}
	s, err := newStack(config, c, false) // everybody's address seems to be its own
	if err != nil {
		return nil, fmt.Errorf("attach %s: %w", name, err)
	}
	// It has the addresses of everybody outside.
	if err := s.SetPromiscuousMode(nic, true); err != nil {
		destroy(s)
		return nil, fmt.Errorf("attach %s: %s", name, err)
	}
	if err := s.SetSpoofing(nic, true); err != nil {
		destroy(s)
		return nil, fmt.Errorf("attach %s: %s", name, err)
	}
	o := &outsideLink{dial: dial, hostLink: newHostLink(s, c)}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	s.SetTransportProtocolHandler(tcp.ProtocolNumber, tcp.NewForwarder(s, 0, maxOpening, o.forwardTCP).HandlePacket)
	s.SetTransportProtocolHandler(udp.ProtocolNumber, udp.NewForwarder(s, o.forwardUDP).HandlePacket)
	i, err := n.Attach(config, o)
	if err != nil {
		return nil, err
	}
	return &Outside{i, s}, nil
}

// DialFrom connects to an address in the network as somebody outside, who has the address from.
func (o *Outside) DialFrom(ctx context.Context, network string, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	if o.gone.Load() {
		return nil, ErrClosed
	}
	return dialFrom(ctx, o.stack, network, netip.AddrPortFrom(from, 0), to)
}

// outsideLink is the link of an interface that leads outside.
type outsideLink struct {
	*hostLink
	dial   Dial
	ctx    context.Context // ends with the link
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// Close implements [Link].
func (o *outsideLink) Close() error {
	o.cancel()
	err := o.hostLink.Close()
	o.work.Wait()
	return err
}

// forwardTCP is called on a goroutine of its own for each connection.
func (o *outsideLink) forwardTCP(r *tcp.ForwarderRequest) {
	ctx, cancel := context.WithTimeout(o.ctx, outsideTimeout)
	defer cancel()
	from, to := ends(r.ID())
	there, err := o.dial(ctx, "tcp", from, to)
	if err != nil {
		r.Complete(!errors.Is(err, ErrSilence))
		return
	}
	var queue waiter.Queue
	ep, terr := r.CreateEndpoint(&queue)
	r.Complete(terr != nil)
	if terr != nil {
		_ = there.Close()
		return
	}
	noDelay(ep)
	o.splice(gonet.NewTCPConn(&queue, ep), there)
}

// forwardUDP is called for the first packet from an address to another.
func (o *outsideLink) forwardUDP(r *udp.ForwarderRequest) bool {
	var queue waiter.Queue
	ep, terr := r.CreateEndpoint(&queue)
	if terr != nil {
		return true
	}
	here := gonet.NewUDPConn(&queue, ep)
	from, to := ends(r.ID())
	o.work.Go(func() {
		ctx, cancel := context.WithTimeout(o.ctx, outsideTimeout)
		defer cancel()
		there, err := o.dial(ctx, "udp", from, to)
		if err != nil {
			_ = here.Close()
			return
		}
		o.splice(idleConn{here}, idleConn{there})
	})
	return true
}

// ends are those of a connection that comes to the outside, for which the outside is the local end.
func ends(id stack.TransportEndpointID) (from, to netip.AddrPort) {
	inside, _ := netip.AddrFromSlice(id.RemoteAddress.AsSlice())
	outside, _ := netip.AddrFromSlice(id.LocalAddress.AsSlice())
	return netip.AddrPortFrom(inside, id.RemotePort), netip.AddrPortFrom(outside, id.LocalPort)
}

// splice copies between two connections until both directions have ended, or the link does.
func (o *outsideLink) splice(here, there net.Conn) {
	stop := context.AfterFunc(o.ctx, func() { _, _ = here.Close(), there.Close() })
	defer stop()
	var copying sync.WaitGroup
	for _, c := range [][2]net.Conn{{here, there}, {there, here}} {
		copying.Go(func() {
			_, _ = io.Copy(c[0], c[1])
			if half, ok := c[0].(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
				return
			}
			_ = c[0].Close()
		})
	}
	copying.Wait()
	_, _ = here.Close(), there.Close()
}

// idleConn ends when nothing comes for some time, as packets have no end.
type idleConn struct{ net.Conn }

func (c idleConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(outsideTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}
