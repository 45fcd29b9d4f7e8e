package vnet

import (
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// card is what a host's stack takes for its network card: a stack.LinkEndpoint.
type card struct {
	mtu        uint32
	send       atomic.Pointer[func([]byte)]
	dispatcher atomic.Pointer[stack.NetworkDispatcher]
}

// outgoing are buffers for packets on their way from a host into the network.
var outgoing = sync.Pool{New: func() any { return new([]byte) }}

// WritePackets implements stack.LinkWriter.
func (c *card) WritePackets(packets stack.PacketBufferList) (int, tcpip.Error) {
	send := c.send.Load()
	if send == nil { // not in a network yet
		return packets.Len(), nil
	}
	b := outgoing.Get().(*[]byte)
	defer outgoing.Put(b)
	for _, p := range packets.AsSlice() {
		raw := (*b)[:0]
		for _, part := range p.AsSlices() {
			raw = append(raw, part...)
		}
		(*send)(raw)
		*b = raw
	}
	return packets.Len(), nil
}

// Attach implements stack.NetworkLinkEndpoint.
func (c *card) Attach(d stack.NetworkDispatcher) {
	if d == nil {
		c.dispatcher.Store(nil)
		return
	}
	c.dispatcher.Store(&d)
}

// IsAttached implements stack.NetworkLinkEndpoint.
func (c *card) IsAttached() bool { return c.dispatcher.Load() != nil }

// MTU implements stack.NetworkLinkEndpoint.
func (c *card) MTU() uint32 { return c.mtu }

// SetMTU implements stack.NetworkLinkEndpoint; the MTU is the network's.
func (c *card) SetMTU(uint32) {}

// MaxHeaderLength implements stack.NetworkLinkEndpoint.
func (c *card) MaxHeaderLength() uint16 { return 0 }

// LinkAddress implements stack.NetworkLinkEndpoint.
func (c *card) LinkAddress() tcpip.LinkAddress { return "" }

// SetLinkAddress implements stack.NetworkLinkEndpoint.
func (c *card) SetLinkAddress(tcpip.LinkAddress) {}

// Capabilities implements stack.NetworkLinkEndpoint.
func (c *card) Capabilities() stack.LinkEndpointCapabilities { return stack.CapabilityNone }

// Wait implements stack.NetworkLinkEndpoint.
func (c *card) Wait() {}

// Close implements stack.NetworkLinkEndpoint.
func (c *card) Close() {}

// ARPHardwareType implements stack.NetworkLinkEndpoint.
func (c *card) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareNone }

// AddHeader implements stack.NetworkLinkEndpoint.
func (c *card) AddHeader(*stack.PacketBuffer) {}

// ParseHeader implements stack.NetworkLinkEndpoint.
func (c *card) ParseHeader(*stack.PacketBuffer) bool { return true }

// SetOnCloseAction implements stack.NetworkLinkEndpoint.
func (c *card) SetOnCloseAction(func()) {}
