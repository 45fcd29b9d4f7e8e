package networks

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/vnet"
)

// natGateways are the NAT gateways of a VPC to which routes lead, each with a place in its network.
type natGateways struct {
	attach func(key cloud.Key) (*vnet.Outside, error)
	vpc    cloud.Key

	mu  sync.Mutex
	all map[cloud.Key]*vnet.Outside
}

func (n *Networks) natGatewaysOf(network *vnet.Network, vpc cloud.Key) *natGateways {
	return &natGateways{vpc: vpc, all: map[cloud.Key]*vnet.Outside{}, attach: func(key cloud.Key) (*vnet.Outside, error) {
		return network.AttachOutside(key.ID, n.natDialer(key))
	}}
}

// natDialer connects what leaves by a NAT gateway, all of it with the gateway's own address. What the gateway has no way for is lost.
// https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html
func (n *Networks) natDialer(key cloud.Key) vnet.Dial {
	return func(ctx context.Context, network string, _, to netip.AddrPort) (net.Conn, error) {
		var as netip.Addr
		var err error
		n.Store.View(func(tx *cloud.Tx) { as, err = ec2.NATAddress(tx, key.Scope, key.ID, to.Addr()) })
		if err != nil {
			return nil, vnet.ErrSilence
		}
		return n.dialOutside(ctx, network, to, func() netip.Addr { return as })
	}
}

// of returns the interface of a NAT gateway; nil if the network is closed.
func (g *natGateways) of(id string) *vnet.Interface {
	key := cloud.Key{Scope: g.vpc.Scope, Token: ec2.NATGatewayToken, ID: id}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all[key] == nil {
		o, err := g.attach(key)
		if err != nil {
			return nil
		}
		g.all[key] = o
	}
	return g.all[key].Interface
}

// keys are those of the gateways that have a place.
func (g *natGateways) keys() []cloud.Key {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []cloud.Key
	for key := range g.all {
		out = append(out, key)
	}
	return out
}

// keep forgets the gateways that do not live any more, and returns what ends them, with every connection that goes by them. Connections
// that are being made may hold that up, and ask about networks.
func (g *natGateways) keep(living map[cloud.Key]bool) (ends []func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, o := range g.all {
		if !living[key] {
			delete(g.all, key)
			ends = append(ends, func() { _ = o.Close() }) // has nothing to say
		}
	}
	return ends
}
