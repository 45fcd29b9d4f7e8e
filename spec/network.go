package spec

import (
	"cmp"
	"errors"
	"net/netip"
)

// Network has the settings of a stack's network.
type Network struct {
	// CIDR is the VPC's IPv4 block, by default [DefaultCIDR]. See [ParseVPCBlock]. A change makes a new network before the old one
	// goes.
	CIDR string
	// Zones is the number of availability zones with a subnet, by default [DefaultZones].
	Zones int
	// IPv6 gives the network an Amazon-provided IPv6 block in addition to the IPv4 one. Turning it on or off makes a new network, as a
	// change of CIDR does: AWS keeps a VPC's IPv6 block while anything in it has an IPv6 address.
	IPv6 bool
	// Egress is how tasks reach out, by default [EgressPublic].
	Egress Egress
	// FlowLogs records connections.
	FlowLogs FlowLogs
}

// Defaults of a [Network], and its bounds.
const (
	DefaultCIDR  = "10.0.0.0/16"
	DefaultZones = MinZones
	MaxZones     = 3
	MinZones     = 2 // the least a load balancer takes; each zone costs another public IPv4 address
)

// WithDefaults fills in what is not given.
func (n Network) WithDefaults() Network {
	n.CIDR, n.Zones, n.Egress = cmp.Or(n.CIDR, DefaultCIDR), cmp.Or(n.Zones, DefaultZones), cmp.Or(n.Egress, EgressPublic)
	return n
}

// Problems reports what no VPC can have, or what leaves no room for the subnets.
func (n Network) Problems() Problems {
	var found Problems
	found.AddRange(n.Zones, MinZones, MaxZones, "zones")
	found.Include(n.FlowLogs.Problems(), "flowLogs")
	found.AddValue(string(n.Egress), n.Egress.Check(), "egress")
	if n.Egress.IPv6Only() && !n.IPv6 {
		found.AddValue(string(n.Egress), errors.New("needs network.ipv6 true: tasks have no other addresses"), "egress")
	}
	block, err := ParseVPCBlock(n.CIDR)
	if err == nil && len(found) == 0 {
		err = n.checkRoom(block)
	}
	found.AddValue(n.CIDR, err, "cidr")
	return found
}

// checkRoom reports a block that is too small for the subnets.
func (n Network) checkRoom(block netip.Prefix) error {
	if _, err := PublicBlocks(block, n.Zones); err != nil {
		return err
	}
	if !n.Egress.Private() || n.Egress.IPv6Only() {
		return nil
	}
	_, err := n.Egress.PrivateBlocks(block, n.Zones)
	return err
}
