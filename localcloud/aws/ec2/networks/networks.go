// Package networks makes VPCs real: each is a virtual network, in which the network interfaces of tasks and load balancers have their
// addresses. Route tables say where packets go, and security groups which connections begin. A VPC's addresses exist in there alone.
package networks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"reflect"
	"slices"
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
	// Zones are the names that resolvers answer with authority; Forward answers the others, and nil none.
	Zones   func() []dns.Zone
	Forward dns.Forward
	// Outside dials addresses of the internet for tasks with a public address and a route to an internet gateway. Nil loses their packets.
	Outside func(ctx context.Context, network, address string) (net.Conn, error)
	// Services answers AWS's own endpoints, over HTTP and HTTPS, with certificates for the names that clients ask for.
	Services    http.Handler
	Certificate func(name string) (tls.Certificate, error)
	// Authorities are certificates in PEM, for tasks to trust those of the services and of load balancers.
	Authorities []byte
	Log         *slog.Logger

	services *services

	mu    sync.Mutex
	vpcs  map[cloud.Key]*vpc
	hosts map[cloud.Key]*vnet.Host // of load balancers, by their network interface
}

// vpc is the network of a VPC.
type vpc struct {
	*vnet.Network
	interfaces map[cloud.Key]*plugged
	outside    *vnet.Outside // the internet, by the internet gateway
	nats       *natGateways
	resolvers  []*dns.Server
	endpoints  *endpoints
}

// plugged is an interface that is in its network.
type plugged struct {
	*vnet.Interface
	routes []ec2.Destination
}

// New returns networks without VPCs.
func New(store *cloud.Store, log *slog.Logger) *Networks {
	return &Networks{Store: store, Log: log, services: newServices(), vpcs: map[cloud.Key]*vpc{}, hosts: map[cloud.Key]*vnet.Host{}}
}

// Run follows the store until the context ends: routes change, and so do rules; load balancers go, and VPCs.
func (n *Networks) Run(ctx context.Context) error {
	store := n.Store.Watch(ec2.SecurityGroupToken, ec2.SecurityGroupIngressRuleToken, ec2.SecurityGroupEgressRuleToken)
	defer store.Stop()
	defer n.close()
	defer n.services.serve(n.Services, n.Certificate)()
	for {
		for _, end := range n.follow(store) {
			end()
		}
		select {
		case <-store.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// follow makes the networks what the store has, and returns what ends those that are gone, and gone parts of others.
func (n *Networks) follow(store *cloud.Watcher) (ends []func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	routes, living := map[cloud.Key][]ec2.Destination{}, map[cloud.Key]bool{}
	ofSubnet := map[string][]ec2.Destination{}
	store.View(func(tx *cloud.Tx) {
		for _, r := range tx.Everywhere(ec2.NetworkInterfaceToken) {
			living[r.Key] = true
			in := ec2.NetworkInterface.Inputs(r)
			if _, found := ofSubnet[in.SubnetID]; !found {
				ofSubnet[in.SubnetID] = ec2.Destinations(tx, r.Scope, in)
			}
			routes[r.Key] = ofSubnet[in.SubnetID]
		}
		for key, v := range n.vpcs {
			living[key] = tx.Get(key) != nil
			for _, gateway := range v.nats.keys() {
				living[gateway] = tx.Get(gateway) != nil
			}
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
				i.SetRoutes(routesOf(now, v.gateway))
			}
		}
		ends = append(ends, v.nats.keep(living)...)
		v.Refilter()
		if !living[key] {
			delete(n.vpcs, key)
			ends = append(ends, v.end)
		}
	}
	return ends
}

func (n *Networks) close() {
	n.mu.Lock()
	all := slices.Collect(maps.Values(n.vpcs))
	clear(n.vpcs)
	n.mu.Unlock()
	for _, v := range all {
		v.end()
	}
}

// end closes a network. Connections to the outside that are being made may hold it up, and ask about networks.
func (v *vpc) end() {
	_ = v.Close() // has nothing to say, and neither has the resolver, whose sockets are gone
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, r := range v.resolvers {
		_ = r.Close(ctx)
	}
	v.endpoints.close()
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

// gateway returns the interface that takes what a route leads to a gateway.
func (v *vpc) gateway(d ec2.Destination) *vnet.Interface {
	if d.Token == ec2.NATGatewayToken {
		return v.nats.of(d.ID)
	}
	return v.outside.Interface
}

// equip gives a network what AWS has in each.
func (n *Networks) equip(v *vpc, key cloud.Key, resolver netip.Addr) (err error) {
	if v.outside, err = v.AttachOutside(outsideName, n.dialer(key)); err != nil {
		return err
	}
	v.nats = n.natGatewaysOf(v.Network, key)
	if v.endpoints, err = serveEndpoints(v.Network); err != nil {
		return err
	}
	if n.Zones == nil {
		return nil
	}
	addresses := []netip.Addr{resolver, resolverIPv6}
	h, err := v.AttachHost(vnet.InterfaceConfig{Name: resolverName, Addresses: addresses})
	if err != nil {
		return err
	}
	for _, a := range addresses {
		if err := n.resolve(v, h, a); err != nil {
			return err
		}
	}
	return nil
}

// resolve answers questions about names at an address of the host.
func (n *Networks) resolve(v *vpc, h *vnet.Host, address netip.Addr) error {
	const port = 53
	l, err := h.Listen(netip.AddrPortFrom(address, port))
	if err != nil {
		return err
	}
	packets, err := h.ListenPacket(netip.AddrPortFrom(address, port))
	if err != nil {
		return errors.Join(err, l.Close())
	}
	forward := n.Forward
	if forward == nil {
		forward = func(context.Context, *mdns.Msg) (*mdns.Msg, error) { return nil, nil }
	}
	v.resolvers = append(v.resolvers, dns.Serve(l, packets, n.Zones, forward, n.Log))
	return nil
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
		Resolvers: p.resolvers, Authorities: n.Authorities,
		Attach: func(frames *os.File) (io.Closer, error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			v, err := n.vpcOf(p.vpc, p.inVPC)
			if err != nil {
				return nil, errors.Join(err, frames.Close())
			}
			i, err := v.AttachEthernet(p.configured(v), hardware, frames)
			if err != nil {
				return nil, err
			}
			v.interfaces[key] = &plugged{i, p.routes}
			v.endpoints.set(p.asks, endpoint)
			return closing(func() error {
				n.mu.Lock()
				defer n.mu.Unlock()
				delete(v.interfaces, key)
				v.endpoints.set(p.asks, nil)
				return i.Close()
			}), nil
		},
	}, nil
}

// proxies are the addresses of the proxies of tasks, which are nobody's (RFC 1112, section 4), and which no route table is about. The lower
// half of each is that of the task's address in its VPC. On AWS a proxy has the task's own address, and names lead to its loopback device.
// Here both are the kernel's.
var proxies = netip.MustParsePrefix("240.0.0.0/8")

// proxiesIPv6 are those of tasks in IPv6-only subnets, of addresses that lead nowhere (RFC 6666). The lower half has the subnet's number
// in the VPC, and the end of the task's address.
var proxiesIPv6 = netip.MustParsePrefix("100::/64")

// proxyOf is an address of the proxy of the task with the address: the one it dials from is the zeroth, and the others are for names.
func proxyOf(task netip.Addr, number int) netip.Addr {
	if task.Is6() {
		const byNumber, bySubnet, byHost, subnet = 8, 11, 12, 7
		own, low := proxiesIPv6.Addr().As16(), task.As16()
		own[byNumber], own[bySubnet] = byte(number), low[subnet] //nolint:gosec // bounded by maxNames
		copy(own[byHost:], low[byHost:])
		return netip.AddrFrom16(own)
	}
	own, low := proxies.Addr().As4(), task.As4()
	own[1] = byte(number) //nolint:gosec // bounded by maxNames
	copy(own[2:], low[2:])
	return netip.AddrFrom4(own)
}

// maxNames is how many names a proxy has addresses for. A namespace has up to 100 services by default ("AWS Cloud Map service quotas").
const maxNames = 255

// Proxy returns the addresses at which the proxy of a task listens for names, by the key of the task's network interface, and what puts it
// into the network. Security groups take the proxy for the interface itself, and let the two talk to each other.
func (n *Networks) Proxy(key cloud.Key, names int) (addresses []netip.Addr, plug func() (*vnet.Host, error), err error) {
	p, err := n.find(key)
	if err != nil {
		return nil, nil, fmt.Errorf("put a proxy next to network interface %s: %w", key.ID, err)
	}
	if names > maxNames {
		return nil, nil, fmt.Errorf("put a proxy next to network interface %s: it would have %d names, and can have %d", key.ID, names, maxNames)
	}
	task := p.config.Addresses[0]
	for i := range names {
		addresses = append(addresses, proxyOf(task, i+1))
	}
	return addresses, func() (*vnet.Host, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		v, err := n.vpcOf(p.vpc, p.inVPC)
		if err != nil {
			return nil, err
		}
		config := p.configured(v)
		config.Addresses = append([]netip.Addr{proxyOf(task, 0)}, addresses...)
		return v.AttachHost(config)
	}, nil
}

// closing is a closer.
type closing func() error

func (c closing) Close() error { return c() }

// Capture writes what a network interface sends and is sent to w, as a pcap file, until ctx ends or the interface goes.
func (n *Networks) Capture(ctx context.Context, key cloud.Key, w io.Writer) error {
	n.mu.Lock()
	var found *plugged
	for _, v := range n.vpcs {
		if i := v.interfaces[key]; i != nil {
			found = i
		}
	}
	n.mu.Unlock()
	if found == nil {
		return fmt.Errorf("capture packets of network interface %s: %w", key.ID, errNoInterface)
	}
	return found.Capture(ctx, w)
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
	v, err := n.vpcOf(p.vpc, p.inVPC)
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
