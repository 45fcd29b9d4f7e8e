package spec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Egress is how tasks reach out of their network.
type Egress string

const (
	// EgressPublic gives each task a public address, in the public subnets.
	EgressPublic Egress = "public"
	// EgressNAT puts tasks into private subnets. One NAT gateway lets them out, in the first zone.
	EgressNAT Egress = "nat"
	// EgressNATPerZone has a NAT gateway in each zone, so that the outage of one zone leaves the others a way out.
	EgressNATPerZone Egress = "nat-per-zone"
)

// Check reports an unknown way out.
func (e Egress) Check() error {
	switch e {
	case EgressPublic, EgressIPv6, EgressNAT, EgressNATPerZone:
		return nil
	}
	return fmt.Errorf("must be %s, %s, %s or %s", EgressPublic, EgressIPv6, EgressNAT, EgressNATPerZone)
}

// Private reports whether tasks have subnets of their own, without public addresses.
func (e Egress) Private() bool { return e != EgressPublic }

// NATGateways returns how many NAT gateways a network with this number of zones has.
func (e Egress) NATGateways(zones int) int {
	switch e {
	case EgressNAT:
		return 1
	case EgressNATPerZone:
		return zones
	}
	return 0
}

const (
	// privateBlocks is the base-2 logarithm of the number of blocks in a VPC that are as large as a private subnet. Public subnets are all
	// in the lower half.
	privateBlocks = 5
	// blocksPerEgress are those of one way out: a subnet in each zone, and a spare one.
	blocksPerEgress = MaxZones + 1
	// maxPrivateVPCBits is the smallest VPC with private subnets: they are /27s then, with 27 usable addresses.
	maxPrivateVPCBits = maxSubnetBits - privateBlocks
)

// PrivateBlocks returns the IPv4 blocks of the tasks' private subnets, one per zone: 10.0.128.0/21, 10.0.136.0/21 and so on in
// 10.0.0.0/16. Each way out has blocks of its own. When a stack changes from one to another, tasks in the new subnets replace those in
// the old ones, whose way out stays until they are gone.
func (e Egress) PrivateBlocks(vpc netip.Prefix, zones int) ([]netip.Prefix, error) {
	if vpc.Bits() > maxPrivateVPCBits {
		return nil, errors.New("has no room for private subnets in addition to the public ones; use /22 or larger, or egress public")
	}
	first := map[Egress]uint32{EgressNAT: 0, EgressNATPerZone: 1}[e] * blocksPerEgress
	addr, bits := vpc.Addr().As4(), vpc.Bits()+privateBlocks
	half := uint32(1) << (31 - vpc.Bits())
	start := binary.BigEndian.Uint32(addr[:]) + half + first<<(32-bits)
	blocks := make([]netip.Prefix, zones)
	for i := range blocks {
		binary.BigEndian.PutUint32(addr[:], start)
		blocks[i] = netip.PrefixFrom(netip.AddrFrom4(addr), bits)
		start += 1 << (32 - bits)
	}
	return blocks, nil
}
