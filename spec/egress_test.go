package spec

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPrivateBlocks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		egress Egress
		vpc    string
		zones  int
		want   string
	}{
		{EgressNAT, "10.0.0.0/16", 2, "[10.0.128.0/21 10.0.136.0/21]"},
		{EgressNAT, "10.0.0.0/16", 3, "[10.0.128.0/21 10.0.136.0/21 10.0.144.0/21]"},
		{EgressNATPerZone, "10.0.0.0/16", 3, "[10.0.160.0/21 10.0.168.0/21 10.0.176.0/21]"},
		{EgressNAT, "10.0.0.0/22", 3, "[10.0.2.0/27 10.0.2.32/27 10.0.2.64/27]"},
		{EgressNAT, "10.0.0.0/23", 2, "no room"},
	} {
		blocks, err := test.egress.PrivateBlocks(netip.MustParsePrefix(test.vpc), test.zones)
		if got := fmt.Sprint(blocks); err == nil && got != test.want || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s in %s in %d zones: %s, %v; want %s", test.egress, test.vpc, test.zones, got, err, test.want)
		}
	}
}

// IPv6-only subnets have other numbers than public ones, in the same /56.
func TestIPv6TaskSubnets(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{1: "2a05:d014:0:1211::/64", 3: "2a05:d014:0:1213::/64"} {
		if got, err := IPv6TaskSubnet("2a05:d014:0:1200::/56", n); got != want {
			t.Errorf("subnet %d is %s, %v; want %s", n, got, err, want)
		}
	}
}

// In every VPC all subnets that a stack may have at once are within it and overlap with no other: the public ones, and those of two ways
// out, while tasks move from one to another.
func TestSubnetsOfEveryEgressAreApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(minVPCBits, maxPrivateVPCBits).Draw(t, "bits")
		vpc := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(0, 255).Draw(t, "b")), byte(rapid.IntRange(0, 255).Draw(t, "c")), 0}), bits).Masked()
		all, err := PublicBlocks(vpc, MaxZones)
		if err != nil {
			t.Fatal(err)
		}
		for _, egress := range []Egress{EgressNAT, EgressNATPerZone} {
			blocks, err := egress.PrivateBlocks(vpc, MaxZones)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, blocks...)
		}
		for i, a := range all {
			if !vpc.Overlaps(a) || a.Bits() < vpc.Bits() || a != a.Masked() {
				t.Fatalf("%s is no subnet of %s", a, vpc)
			}
			for _, b := range all[i+1:] {
				if a.Overlaps(b) {
					t.Fatalf("%s and %s of %s overlap", a, b, vpc)
				}
			}
		}
	})
}
