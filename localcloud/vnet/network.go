// Package vnet is a network within a process: a router, and interfaces that have IPv4 and IPv6 addresses of their own. Nothing of it
// is seen on the machine's own network, and nothing that it routes gets there.
//
// An interface is a [Host], by which this process dials and listens as with package net; or it is somebody else's, such as a tap device in
// a network namespace ([Network.AttachEthernet], [SetUp]). A [Filter] is asked for each new connection, once on the way out of the
// interface that begins it and once on the way into the other. Answers pass without a question. What is not let through vanishes, so that
// whoever waits for it waits in vain. Routes decide by the longest prefix.
//
// Everything is bounded: queues, which drop what they have no room for, as network interfaces do, and the connections that are tracked.
package vnet

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMTU is the longest packet of a network that does not say. It is that of AWS's virtual networks.
const DefaultMTU = 9001

// ErrClosed is returned for a network or an interface that was closed.
var ErrClosed = errors.New("the virtual network interface is closed")

// Config is what a network keeps for its whole life.
type Config struct {
	// Filter decides about new connections; nil lets all of them through.
	Filter Filter
	// MTU is the length of the longest IP packet; default [DefaultMTU].
	MTU int
	// MaxFlows is how many tracked connections each interface may have begun; more are dropped. Default 65536.
	MaxFlows int
	// Now is the clock by which connections are forgotten; default time.Now.
	Now func() time.Time
}

// Network is a virtual network. Its methods, and those of its interfaces, may be called from any goroutine.
type Network struct {
	config Config
	flows  flowTable
	// epoch grows with each call of Refilter.
	epoch atomic.Uint64

	// owners is replaced as a whole; packets read it without a lock.
	owners atomic.Pointer[map[netip.Addr]*Interface]
	mu     sync.Mutex // held while interfaces come and go
	all    map[*Interface]struct{}
	closed bool
}

// New makes a network without interfaces.
func New(config Config) *Network {
	if config.Filter == nil {
		config.Filter = func(Connection, Direction) Verdict { return Accept }
	}
	if config.MTU == 0 {
		config.MTU = DefaultMTU
	}
	if config.MaxFlows == 0 {
		config.MaxFlows = 1 << 16
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	n := &Network{config: config, all: map[*Interface]struct{}{}}
	n.flows.init()
	n.owners.Store(&map[netip.Addr]*Interface{})
	return n
}

// MTU is the length of the network's longest packet.
func (n *Network) MTU() int { return n.config.MTU }

// Refilter says that the filter's answers have changed. Connections under way that were let through by [Accept] go on; those let through
// by [AcceptUntracked] are asked about again.
func (n *Network) Refilter() { n.epoch.Add(1) }

// Owner returns the interface that has the address.
func (n *Network) Owner(address netip.Addr) (*Interface, bool) {
	i, ok := (*n.owners.Load())[address]
	return i, ok
}

// Connections is how many connections are tracked.
func (n *Network) Connections() int { return n.flows.count() }

// Close closes all interfaces; the network takes no others.
func (n *Network) Close() error {
	n.mu.Lock()
	n.closed = true
	all := make([]*Interface, 0, len(n.all))
	for i := range n.all {
		all = append(all, i)
	}
	n.mu.Unlock()
	var errs []error
	for _, i := range all {
		errs = append(errs, i.Close())
	}
	return errors.Join(errs...)
}

// add makes an interface reachable.
func (n *Network) add(i *Interface) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return ErrClosed
	}
	owners := maps.Clone(*n.owners.Load())
	for _, address := range i.config.Addresses {
		if !address.IsValid() || address.Is4In6() || address.IsUnspecified() || address.IsMulticast() {
			return fmt.Errorf("%s is not an address that an interface can have", address)
		}
		if owner, taken := owners[address]; taken {
			return fmt.Errorf("interface %s has the address %s already", owner.config.Name, address)
		}
		owners[address] = i
	}
	n.all[i] = struct{}{}
	n.owners.Store(&owners)
	return nil
}

// remove makes an interface unreachable, and forgets its connections.
func (n *Network) remove(i *Interface) {
	n.mu.Lock()
	defer n.mu.Unlock()
	owners := maps.Clone(*n.owners.Load())
	maps.DeleteFunc(owners, func(_ netip.Addr, owner *Interface) bool { return owner == i })
	delete(n.all, i)
	n.owners.Store(&owners)
	n.flows.forget(i)
}
