package networks

import (
	"errors"
	"net/netip"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/vnet"
)

// verdict decides about a connection at one of its ends.
func (n *Networks) verdict(s cloud.Scope, c vnet.Connection, d vnet.Direction) (v vnet.Verdict) {
	p := ec2.Packet{
		Protocol: uint8(c.Protocol), Port: int(c.Destination.Port()), ICMPType: int(c.ICMPType), ICMPCode: int(c.ICMPCode),
		Source: c.Source.Addr(), Destination: c.Destination.Addr(),
	}
	n.Store.View(func(tx *cloud.Tx) {
		from, to := interfaceOf(tx, s, c.From), interfaceOf(tx, s, c.To)
		if own, err := ownAddress(from); isProxy(p.Source) && err == nil {
			p.Source = own
		}
		switch {
		// What security groups do not filter, "Control traffic to your AWS resources using security groups" lists: AWS's own DNS and the
		// endpoints of tasks among others; and what a task and its proxy say to each other stays within it. https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
		case c.To.Name() == resolverName, c.To.Name() == endpointsName, c.To.Name() == c.From.Name():
			v = vnet.Accept
		case c.From.Name() == outsideName && d == vnet.Egress, c.To.Name() == outsideName && d == vnet.Ingress && from != nil && hasPublic(from, p.Source):
			v = vnet.Accept
		// A NAT gateway has no security group, and what it sends by itself does not exist.
		case ec2.IsNATGateway(c.To.Name()) && d == vnet.Ingress:
			v = vnet.Accept
		case d == vnet.Egress && from != nil:
			v = verdictOf(ec2.LetsOut(tx, s, from, p, to))
		case d == vnet.Ingress && to != nil:
			v = verdictOf(ec2.LetsIn(tx, s, to, p, from))
		}
	})
	return v
}

// ownAddress is the address of a network interface in its VPC.
func ownAddress(ni *ec2.Interface) (netip.Addr, error) {
	if ni == nil {
		return netip.Addr{}, errNoInterface
	}
	return netip.ParseAddr(ni.Address())
}

func isProxy(a netip.Addr) bool { return proxies.Contains(a) || proxiesIPv6.Contains(a) }

func verdictOf(p ec2.Passage) vnet.Verdict {
	return map[ec2.Passage]vnet.Verdict{ec2.Refused: vnet.Drop, ec2.Tracked: vnet.Accept, ec2.Untracked: vnet.AcceptUntracked}[p]
}

// hasPublic reports whether an internet gateway takes packets from that address of the interface: an IPv4 address needs a public one, for
// which the gateway translates.
// https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
func hasPublic(ni *ec2.Interface, source netip.Addr) bool { return source.Is6() || ni.PublicIP != "" }

func interfaceOf(tx *cloud.Tx, s cloud.Scope, i *vnet.Interface) *ec2.Interface {
	if r := tx.Get(cloud.Key{Scope: s, Token: ec2.NetworkInterfaceToken, ID: i.Name()}); r != nil {
		return ec2.NetworkInterface.Inputs(r)
	}
	return nil
}

// Egress returns nil if TCP packets of a task's network interface get to a port of AWS's own endpoints, as they will once it is plugged in,
// and otherwise the obstacle: what the task needs before its first container starts comes from there. See [ec2.Egress] for the family.
func Egress(tx *cloud.Tx, s cloud.Scope, ni *ec2.Interface, port int) error {
	to := ServicesIPv4
	if ni.IPv6Only() {
		to = ServicesIPv6
	}
	if source, err := ownAddress(ni); err == nil && leaves(tx, s, ni, source, netip.AddrPortFrom(to, uint16(port))) { //nolint:gosec // a port
		return nil
	}
	if err := ec2.Egress(tx, s, ni, port); err != nil {
		return err
	}
	return errors.New("no way to AWS's endpoints: a route or a rule leaves out their addresses")
}

// leaves reports whether the first packet of a TCP connection is routed to a gateway that takes it to the internet, and let through.
func leaves(tx *cloud.Tx, s cloud.Scope, ni *ec2.Interface, source netip.Addr, to netip.AddrPort) bool {
	d, _ := ec2.DestinationOf(tx, s, ni, to.Addr())
	switch d.Token {
	case ec2.InternetGatewayToken, ec2.EgressOnlyInternetGatewayToken:
		if !hasPublic(ni, source) {
			return false
		}
	case ec2.NATGatewayToken:
		if _, err := ec2.NATAddress(tx, s, d.ID, to.Addr()); err != nil {
			return false
		}
	default:
		return false
	}
	p := ec2.Packet{Protocol: uint8(vnet.TCP), Port: int(to.Port()), Source: source, Destination: to.Addr()}
	return ec2.LetsOut(tx, s, ni, p, nil) != ec2.Refused
}
