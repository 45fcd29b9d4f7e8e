package vnet

import (
	"sync"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

// maxQueued bounds the packets that wait for a host.
const maxQueued = 2048

// hostLink is the link of a host, whose stack has the card.
type hostLink struct {
	card  *card
	stack *stack.Stack
	queue chan *stack.PacketBuffer
	quit  chan struct{}
	pump  sync.WaitGroup
}

func newHostLink(s *stack.Stack, c *card) *hostLink {
	return &hostLink{card: c, stack: s, queue: make(chan *stack.PacketBuffer, maxQueued), quit: make(chan struct{})}
}

// Start implements [Link].
func (l *hostLink) Start(receive func(packet []byte)) {
	l.card.send.Store(&receive)
	l.pump.Go(l.run)
}

// Send implements [Link].
func (l *hostLink) Send(raw []byte) {
	p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(raw)})
	select {
	case l.queue <- p:
	default:
		p.DecRef()
	}
}

// run delivers what was sent to the host, so that who sends it does not wait for the host's stack.
func (l *hostLink) run() {
	for {
		select {
		case p := <-l.queue:
			l.deliver(p)
		case <-l.quit:
			return
		}
	}
}

func (l *hostLink) deliver(p *stack.PacketBuffer) {
	defer p.DecRef()
	d := l.card.dispatcher.Load()
	first, ok := p.Data().PullUp(1)
	switch {
	case d == nil || !ok:
	case header.IPVersion(first) == header.IPv4Version:
		(*d).DeliverNetworkPacket(ipv4.ProtocolNumber, p)
	default:
		(*d).DeliverNetworkPacket(ipv6.ProtocolNumber, p)
	}
}

// Close implements [Link].
func (l *hostLink) Close() error {
	close(l.quit)
	l.pump.Wait()
	destroy(l.stack)
	for {
		select {
		case p := <-l.queue:
			p.DecRef()
		default:
			return nil
		}
	}
}

// destroy ends all connections of a stack, and its goroutines. Its own Destroy would wait for connections that are closing, to which no
// packet comes any more.
func destroy(s *stack.Stack) {
	for _, ep := range append(s.RegisteredEndpoints(), s.CleanupEndpoints()...) {
		ep.Abort()
	}
	s.Close()
	for _, number := range []tcpip.TransportProtocolNumber{tcp.ProtocolNumber, udp.ProtocolNumber} {
		s.TransportProtocolInstance(number).Wait()
	}
	_ = s.RemoveNIC(nic) // there is none if the stack could not be configured
}
