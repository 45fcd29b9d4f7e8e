package ec2

import (
	"fmt"
	"net/netip"

	"slipway/localcloud/cloud"
)

// checkIPv4 finds an invalid IPv4 CIDR block, or one that does not begin at a network's address. An empty one is not given.
func checkIPv4(property, block string) []cloud.Failure {
	return checkCIDR(property, block, "IPv4", netip.Addr.Is4)
}

// checkIPv6 is checkIPv4 for IPv6 CIDR blocks.
func checkIPv6(property, block string) []cloud.Failure {
	return checkCIDR(property, block, "IPv6", netip.Addr.Is6)
}

func checkCIDR(property, block, family string, of func(netip.Addr) bool) []cloud.Failure {
	p, err := netip.ParsePrefix(block)
	switch {
	case block == "":
		return nil
	case err != nil || !of(p.Addr()):
		return []cloud.Failure{{Property: property, Reason: fmt.Sprintf("%q is not a valid %s CIDR block", block, family)}}
	case p != p.Masked():
		return []cloud.Failure{{Property: property, Reason: fmt.Sprintf("%q is not a valid CIDR block; did you mean %q?", block, p.Masked())}}
	}
	return nil
}

// checkSize is checkIPv4 for a block whose prefix may be only so short and so long.
func checkSize(property, block string, shortest, longest int) []cloud.Failure {
	if f := checkIPv4(property, block); f != nil || block == "" {
		return f
	}
	if p := netip.MustParsePrefix(block); p.Bits() < shortest || p.Bits() > longest {
		return []cloud.Failure{{
			Property: property,
			Reason:   fmt.Sprintf("expected %q to contain a network value with between %d and %d significant bits, got: %d", block, shortest, longest, p.Bits()),
		}}
	}
	return nil
}
