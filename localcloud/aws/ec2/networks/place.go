package networks

import (
	"errors"
	"net"
	"net/netip"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/vnet"
)

// place is what there is to know of an interface before it is plugged in.
type place struct {
	key, vpc  cloud.Key
	config    vnet.InterfaceConfig
	routes    []ec2.Destination
	prefixes  []netip.Prefix // of its subnet, with its addresses
	gateways  []netip.Addr
	resolvers []netip.Addr // those in its family
	asks      netip.Addr   // its address towards the task endpoint
	inVPC     netip.Addr   // the VPC's own resolver
}

// resolverIPv6 is the address of the VPC's resolver for those with IPv6. It is the same in all VPCs.
// https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
var resolverIPv6 = netip.MustParseAddr("fd00:ec2::253")

var errNoInterface = errors.New("the network interface does not exist")

// find reads what the store has of an interface.
func (n *Networks) find(key cloud.Key) (p place, err error) {
	n.Store.View(func(tx *cloud.Tx) {
		r := tx.Get(key)
		if r == nil {
			err = errNoInterface
			return
		}
		p, err = placeOf(tx, r)
	})
	return p, err
}

func placeOf(tx *cloud.Tx, r *cloud.Resource) (p place, err error) {
	in := ec2.NetworkInterface.Inputs(r)
	p = place{
		key: r.Key, vpc: cloud.Key{Scope: r.Scope, Token: ec2.VPCToken, ID: in.VPCID}, routes: ec2.Destinations(tx, r.Scope, in),
		config: vnet.InterfaceConfig{Name: r.ID},
	}
	subnet, network := tx.Get(cloud.Key{Scope: r.Scope, Token: ec2.SubnetToken, ID: in.SubnetID}), tx.Get(p.vpc)
	if subnet == nil || network == nil {
		return p, errNoInterface
	}
	whole, err := netip.ParsePrefix(ec2.VPC.Inputs(network).CIDRBlock)
	if err != nil {
		return p, err
	}
	p.inVPC = whole.Masked().Addr().Next().Next()
	if in.IPv6Only() {
		return p, p.withIPv6Only(in)
	}
	block, err := netip.ParsePrefix(ec2.Subnet.Inputs(subnet).CIDRBlock)
	if err != nil {
		return p, err
	}
	own, err := netip.ParseAddr(in.PrivateIP)
	if err != nil {
		return p, err
	}
	p.asks, p.resolvers = own, []netip.Addr{p.inVPC}
	p.config.Addresses = []netip.Addr{own}
	p.prefixes = []netip.Prefix{netip.PrefixFrom(own, block.Bits())}
	p.gateways = []netip.Addr{block.Masked().Addr().Next()}
	if own6, err := netip.ParseAddr(in.IPv6Address); err == nil {
		p.addIPv6(own6)
	}
	return p, nil
}

// withIPv6Only gives the place the addresses of an interface in an IPv6-only subnet. The only IPv4 address is for the task endpoint: the
// kernel has no route to any other, and says that the network is unreachable.
func (p *place) withIPv6Only(in *ec2.Interface) error {
	own, err := netip.ParseAddr(in.IPv6Address)
	if err != nil {
		return err
	}
	p.addIPv6(own)
	p.resolvers = []netip.Addr{resolverIPv6}
	if p.asks, err = netip.ParseAddr(in.LinkLocal); err != nil {
		return err
	}
	p.config.Addresses = append(p.config.Addresses, p.asks)
	p.prefixes = append(p.prefixes, netip.PrefixFrom(p.asks, linkLocal.Bits()))
	return nil
}

func (p *place) addIPv6(own netip.Addr) {
	const subnetBits = 64
	p.config.Addresses = append(p.config.Addresses, own)
	p.prefixes = append(p.prefixes, netip.PrefixFrom(own, subnetBits))
	p.gateways = append(p.gateways, netip.MustParseAddr("fe80::1"))
}

func (p *place) configured(v *vpc) vnet.InterfaceConfig {
	c := p.config
	c.Routes = routesOf(p.routes, v.gateway)
	return c
}

// routesOf are the routes of an interface. The function says which interface is that of a destination's gateway; nil is a black hole.
func routesOf(destinations []ec2.Destination, gateway func(ec2.Destination) *vnet.Interface) *vnet.Routes {
	out := []vnet.Route{{Prefix: linkLocal}, {Prefix: proxies}, {Prefix: proxiesIPv6}, {Prefix: netip.PrefixFrom(resolverIPv6, resolverIPv6.BitLen())}}
	for _, d := range destinations {
		r := vnet.Route{Prefix: d.Block, Blackhole: d.Blackhole}
		if d.ID != "" {
			r.Via = gateway(d)
			r.Blackhole = r.Via == nil
		}
		out = append(out, r)
	}
	return vnet.NewRoutes(out...)
}

// hardwareOf is a hardware address that is nobody's, as network interfaces of AWS have them.
func hardwareOf(a netip.Addr) net.HardwareAddr {
	const locallyAdministered, lowest = 0x0a, 4
	b := a.AsSlice()
	return append(net.HardwareAddr{locallyAdministered, 0x58}, b[len(b)-lowest:]...)
}
