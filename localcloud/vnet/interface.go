package vnet

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// InterfaceConfig describes an interface.
type InterfaceConfig struct {
	Name string // for whoever reads errors, and for filters
	// Addresses are those that the interface has. It may send from no others.
	Addresses []netip.Addr
	// Gateway says that the interface takes, and sends, packets of addresses that are not its own, as routes to it say ([Route.Via]).
	Gateway bool
	// Routes are for what the interface sends; nil leads to every interface. [Interface.SetRoutes] replaces them.
	Routes *Routes
}

// Link carries the packets of one interface.
type Link interface {
	// Start begins to call receive with each IP packet that comes from the interface. The memory is the link's again when it returns.
	Start(receive func(packet []byte))
	// Send takes an IP packet to the interface, or drops it if there is no room. It does not wait, and does not keep the memory.
	Send(packet []byte)
	// Close ends the link: after it, receive is not called any more.
	Close() error
}

// Interface is a place in a network.
type Interface struct {
	network *Network
	config  InterfaceConfig
	link    Link
	routes  atomic.Pointer[Routes]
	begun   atomic.Int64 // connections that it has begun
	gone    atomic.Bool
	counts  counters
	watched atomic.Pointer[[]*capture]

	mu    sync.Mutex // held while watched changes
	close func() error
}

// Attach adds an interface to the network, at the end of a link. It closes the link if it fails.
func (n *Network) Attach(config InterfaceConfig, link Link) (*Interface, error) {
	config.Addresses = slices.Clone(config.Addresses)
	i := &Interface{network: n, config: config, link: link}
	i.SetRoutes(config.Routes)
	i.close = sync.OnceValue(func() error {
		i.gone.Store(true)
		n.remove(i)
		err := link.Close()
		i.endCaptures()
		return err
	})
	if err := n.add(i); err != nil {
		_ = link.Close()
		return nil, fmt.Errorf("attach interface %s: %w", config.Name, err)
	}
	link.Start(i.receive)
	return i, nil
}

// Name is the one that the interface was configured with.
func (i *Interface) Name() string { return i.config.Name }

// Addresses are those of the interface.
func (i *Interface) Addresses() []netip.Addr { return slices.Clone(i.config.Addresses) }

// Address returns the interface's first address of the family of the given one, and whether it has any.
func (i *Interface) Address(family netip.Addr) (netip.Addr, bool) {
	for _, a := range i.config.Addresses {
		if a.Is4() == family.Unmap().Is4() {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// SetRoutes replaces the routes for what the interface sends, connections under way included. Nil leads to every interface.
func (i *Interface) SetRoutes(routes *Routes) {
	if routes == nil {
		routes = everywhere
	}
	i.routes.Store(routes)
}

// Close takes the interface out of the network. Nothing of it is left when it returns.
func (i *Interface) Close() error { return i.close() }

// Counters tell what has passed an interface. Received is what it was sent; dropped is what it sent and the network lost.
type Counters struct {
	SentPackets, SentBytes, ReceivedPackets, ReceivedBytes uint64
	// DroppedMalformed counts what is no IP packet, or one of a kind that is not routed; DroppedSource what came from an address that the
	// interface does not have; DroppedRoute what has no route, or leads to nobody; DroppedFilter what the filter let not through, and
	// connections that there were too many of.
	DroppedMalformed, DroppedSource, DroppedRoute, DroppedFilter uint64
}

type counters struct {
	sentPackets, sentBytes, receivedPackets, receivedBytes atomic.Uint64
	malformed, source, route, filter                       atomic.Uint64
}

// Counters returns what has passed so far.
func (i *Interface) Counters() Counters {
	c := &i.counts
	return Counters{
		c.sentPackets.Load(), c.sentBytes.Load(), c.receivedPackets.Load(), c.receivedBytes.Load(),
		c.malformed.Load(), c.source.Load(), c.route.Load(), c.filter.Load(),
	}
}

// receive routes a packet that the interface sends.
func (i *Interface) receive(raw []byte) {
	i.counts.sentPackets.Add(1)
	i.counts.sentBytes.Add(uint64(len(raw)))
	i.observe(raw)
	p, ok := parse(raw)
	if !ok || len(p.raw) > i.network.config.MTU {
		i.counts.malformed.Add(1)
		return
	}
	if !i.config.Gateway && !slices.Contains(i.config.Addresses, p.source.addr()) {
		i.counts.source.Add(1)
		return
	}
	to := i.route(p.destination.addr())
	if to == nil {
		i.counts.route.Add(1)
		return
	}
	if !i.network.passes(&p, i, to) {
		i.counts.filter.Add(1)
		return
	}
	to.deliver(p.raw)
}

// route returns the interface to which packets to the address go; nil for none.
func (i *Interface) route(address netip.Addr) *Interface {
	r, ok := i.routes.Load().Lookup(address)
	switch {
	case !ok || r.Blackhole:
		return nil
	case r.Via != nil && r.Via.gone.Load():
		return nil
	case r.Via != nil:
		return r.Via
	}
	return (*i.network.owners.Load())[address]
}

// deliver hands the interface's owner a packet.
func (i *Interface) deliver(raw []byte) {
	i.counts.receivedPackets.Add(1)
	i.counts.receivedBytes.Add(uint64(len(raw)))
	i.observe(raw)
	i.link.Send(raw)
}

// passes reports whether a packet belongs to a connection that is let through.
func (n *Network) passes(p *packet, from, to *Interface) bool {
	now := n.config.Now()
	if p.about != nil {
		k := p.about.key()
		f := n.flows.find(&k)
		return f != nil && !f.expired(now) && n.still(&k, f)
	}
	if p.isError() && (p.protocol == ICMP || p.protocol == ICMPv6) {
		return false
	}
	k := p.key()
	if f := n.flows.find(&k); f != nil {
		forward := p.source == f.first.source && from == f.from && to == f.to
		backward := p.source == f.first.destination && from == f.to && to == f.from
		if (forward || backward) && !f.expired(now) {
			if !n.still(&k, f) {
				return false
			}
			f.see(p, forward, now)
			return true
		}
		n.flows.remove(&k, f) // the address is somebody else's by now, or nobody remembers
	}
	return n.begin(p, &k, from, to, now)
}

// begin asks whether a new connection passes, and remembers it.
func (n *Network) begin(p *packet, k *flowKey, from, to *Interface, now time.Time) bool {
	if p.protocol == TCP && p.tcpFlags&tcpRST != 0 {
		return false // there is nothing to reset
	}
	f := &flow{first: *p, from: from, to: to}
	f.first.raw = nil
	f.epoch.Store(n.epoch.Load())
	c := f.connection()
	for _, d := range []Direction{Egress, Ingress} {
		switch n.config.Filter(c, d) {
		case Drop:
			return false
		case AcceptUntracked:
			f.untracked[d] = true
		case Accept:
		}
	}
	f.see(p, true, now)
	there := n.flows.add(k, f, n.config.MaxFlows, now)
	return there != nil
}

// still reports whether a connection passes as it did, and forgets it if not.
func (n *Network) still(k *flowKey, f *flow) bool {
	epoch := n.epoch.Load()
	if f.epoch.Load() == epoch {
		return true
	}
	c := f.connection()
	for _, d := range []Direction{Egress, Ingress} {
		if f.untracked[d] && n.config.Filter(c, d) == Drop {
			n.flows.remove(k, f)
			return false
		}
	}
	f.epoch.Store(epoch)
	return true
}

// connection is the flow as the filter sees it.
func (f *flow) connection() Connection {
	c := Connection{
		From: f.from, To: f.to, Protocol: f.first.protocol, ICMPType: f.first.icmpType, ICMPCode: f.first.icmpCode,
		Source: f.first.source.addrPort(), Destination: f.first.destination.addrPort(),
	}
	if c.Protocol != TCP && c.Protocol != UDP {
		c.Source, c.Destination = netip.AddrPortFrom(c.Source.Addr(), 0), netip.AddrPortFrom(c.Destination.Addr(), 0)
	}
	return c
}
