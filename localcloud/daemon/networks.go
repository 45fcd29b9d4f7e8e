package daemon

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"

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
	NetworkDefault = NetworkVPC
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
func newNetworks(f *folder, o Options, records *cloudflare.Cloudflare, log *slog.Logger) (n *networks.Networks, tasks string, err error) {
	const shared = "tasks are processes at loopback addresses of this machine, and may use all of its processors and memory"
	if cmp.Or(o.Network, NetworkDefault) == NetworkLoopback {
		return nil, shared + " (-network loopback)", nil
	}
	if err := f.runner.Containers(); err != nil {
		return nil, fmt.Sprintf("%s: %v", shared, err), nil
	}
	n = networks.New(f.store, log)
	if n.Authorities, err = os.ReadFile(f.authority.CertFile()); err != nil {
		return nil, "", err
	}
	n.Zones = zones.InVPC(f.store, records, networks.ServicesIPv4, networks.ServicesIPv6)
	n.Certificate = func(name string) (tls.Certificate, error) { return f.authority.Issue([]string{name}) }
	reach := "without a way to the real internet (-internet)"
	if o.Internet {
		n.Outside, n.Forward = dialInternet, askMachine
		reach = "and those with a public address reach the real internet"
	}
	limits := "they have the processors and the memory of their size"
	if err := f.runner.Limits(); err != nil {
		limits = fmt.Sprintf("they may use all processors and memory of this machine, because it delegates no control groups to this user: %v", err)
	}
	return n, "tasks are containers in the network of their VPC, " + reach + "; " + limits, nil
}

// errNotInternet is the error of an address that is not one of the internet.
var errNotInternet = errors.New("the address is not one of the internet")

// notInternet are addresses that are global by form and nobody's by assignment, or another private network's (RFC 6890). VPCs have public
// addresses of the second, IPv6 blocks of the last, and AWS's endpoints in those for documentation.
var notInternet = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2a05:d014::/32"),
}

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

// capture writes the packets of a task.
func (d *daemon) capture(ctx context.Context, task string, w io.Writer) error {
	if d.vpcs == nil {
		return fmt.Errorf("there are no packets of its own: %s", d.tasks)
	}
	eni, err := d.services.Scheduler.InterfaceOf(d.taskCalled(task))
	if err != nil {
		return err
	}
	return d.vpcs.Capture(ctx, eni, w)
}

// taskCalled returns the ARN of the service that has the name, or else the name, which may be a task's id.
func (d *daemon) taskCalled(name string) string {
	if service, err := d.serviceCalled(name); err == nil {
		return service
	}
	return name
}
