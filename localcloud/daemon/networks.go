package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"slipway/localcloud/aws/ec2/networks"
	"slipway/localcloud/cloudflare"
	"slipway/localcloud/zones"

	"github.com/miekg/dns"
)

// Network is where tasks are.
type Network string

const (
	// NetworkVPC puts tasks, as containers, into the network of their VPC. Where the system does not let them be, they are at loopback
	// addresses.
	NetworkVPC Network = "vpc"
	// NetworkLoopback leaves tasks at loopback addresses of this machine, whose network they use.
	NetworkLoopback Network = "loopback"

	// NetworkDefault is the one of a daemon that is not told.
	NetworkDefault = NetworkLoopback
)

// Set makes a Network a flag.
func (n *Network) Set(value string) error {
	if *n = Network(value); *n != NetworkVPC && *n != NetworkLoopback {
		return fmt.Errorf("want %s or %s", NetworkVPC, NetworkLoopback)
	}
	return nil
}

func (n *Network) String() string { return string(*n) }

// newNetworks returns the networks of VPCs, if the system lets there be any, and says in words where tasks are.
func newNetworks(f *folder, o Options, records *cloudflare.Cloudflare, log *slog.Logger) (n *networks.Networks, tasks string) {
	if cmp.Or(o.Network, NetworkDefault) == NetworkLoopback {
		return nil, "tasks are processes at loopback addresses of this machine"
	}
	if err := f.runner.Containers(); err != nil {
		return nil, fmt.Sprintf("tasks are processes at loopback addresses: %v", err)
	}
	n = networks.New(f.store, log)
	n.Zones = zones.InVPC(f.store, records)
	if !o.Internet {
		return n, "tasks are containers in the network of their VPC, without a way to the real internet (-internet)"
	}
	n.Outside, n.Forward = dialInternet, askMachine
	return n, "tasks are containers in the network of their VPC; those with a public address reach the real internet"
}

// errNotInternet is the error of an address that is not one of the internet.
var errNotInternet = errors.New("the address is not one of the internet")

// notInternet are addresses that are global by form and nobody's by assignment, or another private network's (RFC 6890). VPCs have public
// addresses of the second.
var notInternet = []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4")}

// dialInternet connects to an address of the internet. This machine, and the networks that it is in, are not.
func dialInternet(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	if !isInternet(to.Addr().Unmap()) {
		return nil, fmt.Errorf("dial %s: %w", address, errNotInternet)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

func isInternet(a netip.Addr) bool {
	for _, p := range notInternet {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsGlobalUnicast() && !a.IsPrivate()
}

// askMachine has this machine's resolver answer.
func askMachine(ctx context.Context, question *dns.Msg) (*dns.Msg, error) {
	config, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	if len(config.Servers) == 0 {
		return nil, errors.New("this machine has no resolver")
	}
	answer, _, err := new(dns.Client).ExchangeContext(ctx, question, net.JoinHostPort(config.Servers[0], config.Port))
	return answer, err
}
