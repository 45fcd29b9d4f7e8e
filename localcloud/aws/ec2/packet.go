package ec2

import (
	"net/netip"
	"slices"
	"strconv"

	"slipway/localcloud/cloud"
)

// Packet is the first packet of a connection, as security groups look at it.
type Packet struct {
	Protocol uint8 // its number
	Port     int   // of the receiver, for TCP and UDP
	// ICMPType and ICMPCode are those of ICMP, in either version.
	ICMPType, ICMPCode int
	Source             netip.Addr
	Destination        netip.Addr
}

// Numbers of protocols that have ports, or types.
const (
	protocolICMP   = 1
	protocolTCP    = 6
	protocolUDP    = 17
	protocolICMPv6 = 58
)

// Passage is what security groups make of a packet that begins a connection.
type Passage int

const (
	// Refused is a packet that is lost.
	Refused Passage = iota
	// Tracked is the first of a connection that goes on even when its rule does not.
	Tracked
	// Untracked is the first of a connection that ends when its rule does.
	Untracked
)

// LetsOut says what the security groups of the network interface make of a packet to its peer, which is nil for one that is not in the VPC.
// LetsIn is the same for packets from the peer.
func LetsOut(tx *cloud.Tx, s cloud.Scope, ni *Interface, p Packet, peer *Interface) Passage {
	return lets(tx, s, ni, egress, p, p.Destination, peer)
}

// LetsIn says what the security groups of the network interface make of a packet from its peer.
func LetsIn(tx *cloud.Tx, s cloud.Scope, ni *Interface, p Packet, peer *Interface) Passage {
	return lets(tx, s, ni, ingress, p, p.Source, peer)
}

func lets(tx *cloud.Tx, s cloud.Scope, ni *Interface, d direction, p Packet, address netip.Addr, peer *Interface) Passage {
	var groups []string
	if peer != nil {
		groups = peer.SecurityGroups
	}
	passage := Refused
	for _, id := range ni.SecurityGroups {
		for _, rule := range securityRules(tx, s, id, d) {
			if !rule.isAbout(p) || !rule.covers(address) && !rule.names(id, groups) {
				continue
			}
			if passage = Tracked; rule.isForEveryone(address) && answersPass(tx, s, ni, d, p, address) {
				return Untracked
			}
		}
	}
	return passage
}

// answersPass reports whether a rule lets all answers pass, so that nobody has to remember the connection. TCP and UDP alone go untracked.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html#untracked-connections
func answersPass(tx *cloud.Tx, s cloud.Scope, ni *Interface, d direction, p Packet, peer netip.Addr) bool {
	if p.Protocol != protocolTCP && p.Protocol != protocolUDP {
		return false
	}
	back := ingress
	if d == ingress {
		back = egress
	}
	for _, id := range ni.SecurityGroups {
		for _, rule := range securityRules(tx, s, id, back) {
			if rule.isForEveryone(peer) && rule.hasAllPorts(p) {
				return true
			}
		}
	}
	return false
}

// isForEveryone reports whether the rule is about every address of the family of the given one.
func (p *SecurityRule) isForEveryone(address netip.Addr) bool {
	if address.Is4() {
		return slices.Contains(p.CIDRBlocks, anyIPv4)
	}
	return slices.Contains(p.IPv6CIDRBlocks, anyIPv6)
}

// hasAllPorts reports whether the rule is about every packet of the given one's protocol.
func (p *SecurityRule) hasAllPorts(packet Packet) bool {
	const last = 1<<16 - 1
	first := packet
	first.Port, packet.Port = 0, last
	return p.isAbout(first) && p.isAbout(packet)
}

// isAbout reports whether the rule is about packets of that protocol, and its port or type.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
func (p *SecurityRule) isAbout(packet Packet) bool {
	numbers := map[string]uint8{"tcp": protocolTCP, "udp": protocolUDP, "icmp": protocolICMP, "icmpv6": protocolICMPv6}
	name := protocolName(p.Protocol)
	number, known := numbers[name]
	if !known {
		n, err := strconv.ParseUint(p.Protocol, 10, 8)
		return p.Protocol == "-1" || p.Protocol == "all" || err == nil && uint8(n) == packet.Protocol
	}
	switch {
	case number != packet.Protocol:
		return false
	case name == "tcp" || name == "udp":
		return p.FromPort == -1 || p.FromPort <= packet.Port && packet.Port <= p.ToPort
	}
	return p.FromPort == -1 || p.FromPort == packet.ICMPType && (p.ToPort == -1 || p.ToPort == packet.ICMPCode)
}

// Destination is where a subnet's packets to the addresses of a block go.
type Destination struct {
	Block netip.Prefix
	// Token and ID are those of the gateway that takes them; empty for what stays in the VPC, and for a black hole.
	Token, ID string
	Blackhole bool
}

// Destinations are the routes of the network interface's subnet, with those to the VPC itself.
// https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html
func Destinations(tx *cloud.Tx, s cloud.Scope, ni *Interface) []Destination {
	var out []Destination
	if network := tx.Get(cloud.Key{Scope: s, Token: VPCToken, ID: ni.VPCID}); network != nil {
		for _, block := range []string{VPC.Inputs(network).CIDRBlock, VPC.Outputs(network).IPv6CIDRBlock} {
			if prefix, err := netip.ParsePrefix(block); err == nil {
				out = append(out, Destination{Block: prefix})
			}
		}
	}
	for _, r := range tx.Where(s, RouteToken, "routeTableId", routeTableOf(tx, s, ni)) {
		in := Route.Inputs(r)
		if prefix, err := netip.ParsePrefix(in.destination()); err == nil {
			out = append(out, in.leads(tx, s, ni.VPCID, prefix))
		}
	}
	return out
}

// DestinationOf returns where the network interface's packets to an address go: by the route with the longest prefix.
func DestinationOf(tx *cloud.Tx, s cloud.Scope, ni *Interface, to netip.Addr) (longest Destination, found bool) {
	for _, d := range Destinations(tx, s, ni) {
		if d.Block.Contains(to) && (!found || d.Block.Bits() > longest.Block.Bits()) {
			longest, found = d, true
		}
	}
	return longest, found
}

// leads returns where a route of a VPC leads. Without its gateway, it is a black hole.
func (r *route) leads(tx *cloud.Tx, s cloud.Scope, network string, block netip.Prefix) Destination {
	token, id := r.target()
	switch gateway := tx.Get(cloud.Key{Scope: s, Token: token, ID: id}); {
	case gateway == nil:
	case token == InternetGatewayToken && InternetGateway.Inputs(gateway).VPCID != network: // it is not attached
	default:
		return Destination{Block: block, Token: token, ID: id}
	}
	return Destination{Block: block, Blackhole: true}
}
