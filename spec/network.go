package spec

import "cmp"

// Network is what a stack's network is like.
type Network struct {
	// CIDR is the VPC's IPv4 block, by default [DefaultCIDR]. See [ParseVPCBlock]. Another one makes another network, which comes up
	// beside the old one.
	CIDR string
	// Zones is in how many availability zones the network has subnets, by default [DefaultZones].
	Zones int
	// IPv6 gives the network an Amazon-provided IPv6 block in addition to the IPv4 one. Turning it on or off makes another network, as
	// another CIDR does: AWS keeps a VPC's IPv6 block as long as anything in it has an IPv6 address.
	IPv6 bool
}

// Defaults of a [Network], and its bounds.
const (
	DefaultCIDR  = "10.0.0.0/16"
	DefaultZones = MinZones
	MaxZones     = 3
	MinZones     = 2 // the least a load balancer takes; each zone costs it another public IPv4 address
)

// WithDefaults returns the network with what is not given filled in.
func (n Network) WithDefaults() Network {
	n.CIDR, n.Zones = cmp.Or(n.CIDR, DefaultCIDR), cmp.Or(n.Zones, DefaultZones)
	return n
}

// Problems reports what no VPC is like, or has no room for the subnets.
func (n Network) Problems() Problems {
	var found Problems
	found.AddRange(n.Zones, MinZones, MaxZones, "zones")
	block, err := ParseVPCBlock(n.CIDR)
	if err == nil && len(found) == 0 {
		_, err = PublicBlocks(block, n.Zones)
	}
	found.AddValue(n.CIDR, err, "cidr")
	return found
}
