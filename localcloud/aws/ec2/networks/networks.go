// Package networks makes VPCs real: each is a virtual network, in which the network interfaces of tasks and load balancers have their
// addresses. Route tables say where packets go, and security groups which connections begin. A VPC's addresses exist in there alone.
package networks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"reflect"
	"sync"
	"time"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/dns"
	"slipway/localcloud/task"
	"slipway/localcloud/vnet"

	mdns "github.com/miekg/dns"
)

// Networks are the networks of all VPCs.
type Networks struct {
	Store *cloud.Store
	// Zones are the names that resolvers answer with authority in a VPC; Forward answers the others, and nil none.
	Zones   func(vpc cloud.Key) []dns.Zone
	Forward dns.Forward
	// Outside dials for tasks with a public address and a route to an internet gateway. Nil loses their packets.
	Outside vnet.Dial
	Log     *slog.Logger

	mu    sync.Mutex
	vpcs  map[cloud.Key]*vpc
	hosts map[cloud.Key]*vnet.Host // of load balancers, by their network interface
}

// vpc is the network of a VPC.
type vpc struct {
	*vnet.Network
	interfaces map[cloud.Key]*plugged
	outside    *vnet.Interface // of the internet gateway; nil if nothing is there
	resolver   *dns.Server
	endpoints  *endpoints
}

// plugged is an interface that is in its network.
type plugged struct {
	*vnet.Interface
	routes []ec2.Destination
}

// New returns networks without VPCs.
func New(store *cloud.Store, log *slog.Logger) *Networks {
	return &Networks{Store: store, Log: log, vpcs: map[cloud.Key]*vpc{}, hosts: map[cloud.Key]*vnet.Host{}}
}

// Run follows the store until the context ends: routes change, and so do rules; load balancers go, and VPCs.
func (n *Networks) Run(ctx context.Context) error {
	store := n.Store.Watch(ec2.SecurityGroupToken, ec2.SecurityGroupIngressRuleToken, ec2.SecurityGroupEgressRuleToken)
	defer store.Stop()
	defer n.close()
	for {
		n.follow(store)
		select {
		case <-store.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// follow makes the networks what the store has.
func (n *Networks) follow(store *cloud.Watcher) {
	n.mu.Lock()
	defer n.mu.Unlock()
	routes, living := map[cloud.Key][]ec2.Destination{}, map[cloud.Key]bool{}
	store.View(func(tx *cloud.Tx) {
		for _, r := range tx.Everywhere(ec2.NetworkInterfaceToken) {
			living[r.Key] = true
			routes[r.Key] = ec2.Destinations(tx, r.Scope, ec2.NetworkInterface.Inputs(r))
		}
		for key := range n.vpcs {
			living[key] = tx.Get(key) != nil
		}
	})
	for key, host := range n.hosts {
		if !living[key] {
			delete(n.hosts, key)
			for _, v := range n.vpcs {
				delete(v.interfaces, key)
			}
			_ = host.Close() // has nothing to say
		}
	}
	for key, v := range n.vpcs {
		for id, i := range v.interfaces {
			if now, ok := routes[id]; ok && !reflect.DeepEqual(now, i.routes) {
				i.routes = now
				i.SetRoutes(v.routesOf(now))
			}
		}
		v.Refilter()
		if !living[key] {
			delete(n.vpcs, key)
			v.end()
		}
	}
}

func (n *Networks) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, v := range n.vpcs {
		v.end()
	}
}

// end closes a network.
func (v *vpc) end() {
	_ = v.Close() // has nothing to say, and neither has the resolver, whose sockets are gone
	if v.resolver != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = v.resolver.Close(ctx)
	}
	v.endpoints.close()
}

// routesOf are the routes of an interface. What leaves the VPC is lost at its internet gateway if nothing is outside.
func (v *vpc) routesOf(destinations []ec2.Destination) *vnet.Routes {
	out := []vnet.Route{{Prefix: linkLocal}}
	for _, d := range destinations {
		r := vnet.Route{Prefix: d.Block, Blackhole: d.Blackhole}
		if d.Gateway != "" && v.outside != nil {
			r.Via = v.outside
		} else if d.Gateway != "" {
			r.Blackhole = true
		}
		out = append(out, r)
	}
	return vnet.NewRoutes(out...)
}

// Names of what is in a network and no network interface of the VPC. No security group is about it.
const (
	resolverName  = "resolver"
	endpointsName = "task endpoints"
	outsideName   = "internet gateway"
)

// vpcOf returns the network of a VPC, whose resolver is at the address.
func (n *Networks) vpcOf(key cloud.Key, resolver netip.Addr) (*vpc, error) {
	if v := n.vpcs[key]; v != nil {
		return v, nil
	}
	v := &vpc{interfaces: map[cloud.Key]*plugged{}}
	v.Network = vnet.New(vnet.Config{Filter: func(c vnet.Connection, d vnet.Direction) vnet.Verdict { return n.verdict(key.Scope, c, d) }})
	err := n.equip(v, key, resolver)
	if err != nil {
		v.end()
		return nil, err
	}
	n.vpcs[key] = v
	return v, nil
}

// equip gives a network what AWS has in each.
func (n *Networks) equip(v *vpc, key cloud.Key, resolver netip.Addr) (err error) {
	if n.Outside != nil {
		if v.outside, err = v.AttachOutside(outsideName, n.Outside); err != nil {
			return err
		}
	}
	if v.endpoints, err = serveEndpoints(v.Network); err != nil {
		return err
	}
	if n.Zones == nil {
		return nil
	}
	h, err := v.AttachHost(vnet.InterfaceConfig{Name: resolverName, Addresses: []netip.Addr{resolver}})
	if err != nil {
		return err
	}
	const port = 53
	l, err := h.Listen(netip.AddrPortFrom(resolver, port))
	if err != nil {
		return err
	}
	packets, err := h.ListenPacket(netip.AddrPortFrom(resolver, port))
	if err != nil {
		return errors.Join(err, l.Close())
	}
	forward := n.Forward
	if forward == nil {
		forward = func(context.Context, *mdns.Msg) (*mdns.Msg, error) { return nil, nil }
	}
	v.resolver = dns.Serve(l, packets, func() []dns.Zone { return n.Zones(key) }, forward, n.Log)
	return nil
}

// verdict asks the security groups of one end of a connection.
func (n *Networks) verdict(s cloud.Scope, c vnet.Connection, d vnet.Direction) (v vnet.Verdict) {
	p := ec2.Packet{
		Protocol: uint8(c.Protocol), Port: int(c.Destination.Port()), ICMPType: int(c.ICMPType), ICMPCode: int(c.ICMPCode),
		Source: c.Source.Addr(), Destination: c.Destination.Addr(),
	}
	n.Store.View(func(tx *cloud.Tx) {
		from, to := interfaceOf(tx, s, c.From), interfaceOf(tx, s, c.To)
		switch {
		// What security groups do not filter, "Control traffic to your AWS resources using security groups" lists: AWS's own DNS and the
		// endpoints of tasks among others. https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
		case c.To.Name() == resolverName, c.To.Name() == endpointsName:
			v = vnet.Accept
		case d == vnet.Ingress && c.To.Name() == outsideName && from != nil && (c.Source.Addr().Is6() || from.PublicIP != ""):
			v = vnet.Accept
		case d == vnet.Egress && from != nil && ec2.LetsOut(tx, s, from, p, to), d == vnet.Ingress && to != nil && ec2.LetsIn(tx, s, to, p, from):
			v = vnet.Accept
		}
	})
	return v
}

func interfaceOf(tx *cloud.Tx, s cloud.Scope, i *vnet.Interface) *ec2.Interface {
	if r := tx.Get(cloud.Key{Scope: s, Token: ec2.NetworkInterfaceToken, ID: i.Name()}); r != nil {
		return ec2.NetworkInterface.Inputs(r)
	}
	return nil
}

// place is what there is to know of an interface before it is plugged in.
type place struct {
	key, vpc  cloud.Key
	config    vnet.InterfaceConfig
	routes    []ec2.Destination
	prefixes  []netip.Prefix // of its subnet, with its addresses
	gateways  []netip.Addr
	resolvers []netip.Addr
}

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
	block, err := netip.ParsePrefix(ec2.Subnet.Inputs(subnet).CIDRBlock)
	if err != nil {
		return p, err
	}
	own, err := netip.ParseAddr(in.PrivateIP)
	if err != nil {
		return p, err
	}
	whole, err := netip.ParsePrefix(ec2.VPC.Inputs(network).CIDRBlock)
	if err != nil {
		return p, err
	}
	p.config.Addresses = []netip.Addr{own}
	p.prefixes = []netip.Prefix{netip.PrefixFrom(own, block.Bits())}
	p.gateways = []netip.Addr{block.Masked().Addr().Next()}
	// https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
	p.resolvers = []netip.Addr{whole.Masked().Addr().Next().Next()}
	if own6, err := netip.ParseAddr(in.IPv6Address); err == nil {
		const subnetBits = 64
		p.config.Addresses = append(p.config.Addresses, own6)
		p.prefixes = append(p.prefixes, netip.PrefixFrom(own6, subnetBits))
		p.gateways = append(p.gateways, netip.MustParseAddr("fe80::1"))
	}
	return p, nil
}

// Task returns the network interface of a task, which the task's containers are to have. The endpoint answers them, and nobody else, at
// port 80 of [TaskEndpoint]; nil leaves it silent.
func (n *Networks) Task(key cloud.Key, endpoint http.Handler) (*task.Interface, error) {
	p, err := n.find(key)
	if err != nil {
		return nil, fmt.Errorf("plug in network interface %s: %w", key.ID, err)
	}
	hardware := hardwareOf(p.config.Addresses[0])
	return &task.Interface{
		Tap:       vnet.TapConfig{Name: "eth0", Hardware: hardware, Addresses: p.prefixes, Gateways: p.gateways, MTU: vnet.DefaultMTU},
		Resolvers: p.resolvers,
		Attach: func(frames *os.File) (io.Closer, error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			v, err := n.vpcOf(p.vpc, p.resolvers[0])
			if err != nil {
				return nil, errors.Join(err, frames.Close())
			}
			i, err := v.AttachEthernet(p.configured(v), hardware, frames)
			if err != nil {
				return nil, err
			}
			v.interfaces[key] = &plugged{i, p.routes}
			v.endpoints.set(p.config.Addresses[0], endpoint)
			return closing(func() error {
				n.mu.Lock()
				defer n.mu.Unlock()
				delete(v.interfaces, key)
				v.endpoints.set(p.config.Addresses[0], nil)
				return i.Close()
			}), nil
		},
	}, nil
}

// closing is a closer.
type closing func() error

func (c closing) Close() error { return c() }

func (p *place) configured(v *vpc) vnet.InterfaceConfig {
	c := p.config
	c.Routes = v.routesOf(p.routes)
	return c
}

// hardwareOf is a hardware address that is nobody's, as network interfaces of AWS have them.
func hardwareOf(a netip.Addr) net.HardwareAddr {
	const locallyAdministered = 0x0a
	return append(net.HardwareAddr{locallyAdministered, 0x58}, a.AsSlice()...)
}

// Nodes returns the nodes of a load balancer, one for each of its network interfaces.
func (n *Networks) Nodes(s cloud.Scope, owner string) ([]*vnet.Host, error) {
	var keys []cloud.Key
	n.Store.View(func(tx *cloud.Tx) {
		for _, r := range ec2.InterfacesOf(tx, s, owner) {
			keys = append(keys, r.Key)
		}
	})
	var out []*vnet.Host
	for _, key := range keys {
		h, err := n.host(key)
		if err != nil {
			return nil, fmt.Errorf("plug in network interface %s: %w", key.ID, err)
		}
		out = append(out, h)
	}
	return out, nil
}

func (n *Networks) host(key cloud.Key) (*vnet.Host, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h := n.hosts[key]; h != nil {
		return h, nil
	}
	p, err := n.find(key)
	if err != nil {
		return nil, err
	}
	v, err := n.vpcOf(p.vpc, p.resolvers[0])
	if err != nil {
		return nil, err
	}
	h, err := v.AttachHost(p.configured(v))
	if err != nil {
		return nil, err
	}
	n.hosts[key] = h
	v.interfaces[key] = &plugged{h.Interface, p.routes}
	return h, nil
}
