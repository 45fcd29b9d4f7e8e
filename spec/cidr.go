package spec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
)

const (
	// Bounds of a VPC's IPv4 block ("VPC CIDR blocks" in the Amazon VPC user guide).
	minVPCBits, maxVPCBits = 16, 28
	// preferredSubnetBits is the size of a subnet if the VPC is large enough: 251 usable addresses.
	preferredSubnetBits = 24
	// maxSubnetBits is the smallest subnet that an application load balancer accepts ("Subnets for your load balancer" in the user
	// guide for Application Load Balancers).
	maxSubnetBits = 27
	// subnetBlocks is the base-2 logarithm of the number of subnets in a VPC that is too small for /24s. The first block stays free,
	// the next three are for public subnets, and the rest is for other subnets.
	subnetBlocks = 3
	// ipv6VPCBits and ipv6SubnetBits are the sizes of Amazon-provided IPv6 blocks.
	ipv6VPCBits, ipv6SubnetBits = 56, 64
)

// ParseVPCBlock parses the IPv4 CIDR block of a VPC: private (RFC 1918), /16 to /28, without host bits.
func ParseVPCBlock(s string) (netip.Prefix, error) {
	block, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return netip.Prefix{}, errors.New("must be a CIDR block such as 10.0.0.0/16")
	case !block.Addr().Is4():
		return netip.Prefix{}, errors.New("must be IPv4; AWS provides the IPv6 block itself")
	case block != block.Masked():
		return netip.Prefix{}, fmt.Errorf("has bits set beyond its /%d", block.Bits())
	case block.Bits() < minVPCBits || block.Bits() > maxVPCBits:
		return netip.Prefix{}, fmt.Errorf("must be /%d to /%d, as every VPC", minVPCBits, maxVPCBits)
	case !block.Addr().IsPrivate():
		return netip.Prefix{}, errors.New("must be private: a block of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
	}
	return block, nil
}

// PublicBlocks returns the IPv4 blocks of the public subnets, one per zone. In a VPC of /21 or larger they are the /24s after the
// first: 10.0.1.0/24, 10.0.2.0/24 and so on in 10.0.0.0/16. Smaller VPCs have smaller subnets. The blocks depend only on the VPC: an
// added zone does not change the others.
func PublicBlocks(vpc netip.Prefix, zones int) ([]netip.Prefix, error) {
	bits := min(max(preferredSubnetBits, vpc.Bits()+subnetBlocks), maxSubnetBits)
	if bits < vpc.Bits() || zones >= 1<<(bits-vpc.Bits()) {
		return nil, fmt.Errorf("has no room for %d subnets of /%d, the smallest a load balancer accepts, and the one that is kept free; use /25 or larger",
			zones, bits)
	}
	addr := vpc.Addr().As4()
	start := binary.BigEndian.Uint32(addr[:])
	blocks := make([]netip.Prefix, zones)
	for i := range blocks {
		start += 1 << (32 - bits)
		binary.BigEndian.PutUint32(addr[:], start)
		blocks[i] = netip.PrefixFrom(netip.AddrFrom4(addr), bits)
	}
	return blocks, nil
}

// IPv6TaskSubnet returns the block of the n-th IPv6-only subnet for tasks, of those of a VPC. Public subnets have lower numbers.
func IPv6TaskSubnet(vpcBlock string, n int) (string, error) {
	const first = 0x10
	return IPv6Subnet(vpcBlock, first+n)
}

// IPv6Subnet returns the n-th /64 of the /56 that Amazon provided for a VPC.
func IPv6Subnet(vpcBlock string, n int) (string, error) {
	vpc, err := netip.ParsePrefix(vpcBlock)
	if err != nil {
		return "", fmt.Errorf("parse the IPv6 block of the VPC: %w", err)
	}
	if !vpc.Addr().Is6() || vpc.Bits() != ipv6VPCBits || n < 0 || n > math.MaxUint8 {
		return "", fmt.Errorf("IPv6 block of the VPC: %s is not a /%d with a subnet number %d", vpc, ipv6VPCBits, n)
	}
	addr := vpc.Masked().Addr().As16()
	addr[ipv6VPCBits/8] = byte(n)
	return netip.PrefixFrom(netip.AddrFrom16(addr), ipv6SubnetBits).String(), nil
}
