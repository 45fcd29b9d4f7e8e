package spec

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseVPCBlock(t *testing.T) {
	t.Parallel()
	for _, valid := range []string{"10.0.0.0/16", "172.31.0.0/20", "192.168.7.0/28"} {
		if block, err := ParseVPCBlock(valid); err != nil || block.String() != valid {
			t.Errorf("ParseVPCBlock(%q) = %v, %v", valid, block, err)
		}
	}
	for block, want := range map[string]string{
		"":               "CIDR block",
		"10.0.0.0":       "CIDR block",
		"10.0.0.0/33":    "CIDR block",
		"10.0.0.256/16":  "CIDR block",
		"2001:db8::/56":  "IPv4",
		"10.0.0.1/16":    "bits set beyond its /16",
		"10.0.0.0/15":    "/16 to /28",
		"10.0.0.0/29":    "/16 to /28",
		"8.8.0.0/16":     "private",
		"172.32.0.0/16":  "private",
		"100.64.0.0/16":  "private",
		"169.254.0.0/16": "private",
	} {
		if _, err := ParseVPCBlock(block); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseVPCBlock(%q): %v, want an error with %q", block, err, want)
		}
	}
}

func TestPublicBlocks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		vpc   string
		zones int
		want  string
	}{
		{"10.0.0.0/16", 2, "[10.0.1.0/24 10.0.2.0/24]"},
		{"10.0.0.0/16", 3, "[10.0.1.0/24 10.0.2.0/24 10.0.3.0/24]"},
		{"10.0.0.0/21", 3, "[10.0.1.0/24 10.0.2.0/24 10.0.3.0/24]"},
		{"10.0.0.0/22", 3, "[10.0.0.128/25 10.0.1.0/25 10.0.1.128/25]"},
		{"10.0.0.0/24", 2, "[10.0.0.32/27 10.0.0.64/27]"},
		{"10.0.0.0/25", 3, "[10.0.0.32/27 10.0.0.64/27 10.0.0.96/27]"},
		{"10.0.0.0/26", 2, "no room"},
		{"10.0.0.0/28", 2, "no room"},
	} {
		blocks, err := PublicBlocks(netip.MustParsePrefix(test.vpc), test.zones)
		if got := fmt.Sprint(blocks); err == nil && got != test.want || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("PublicBlocks(%s, %d) = %s, %v; want %s", test.vpc, test.zones, got, err, test.want)
		}
	}
}

// In every VPC the subnets lie within it, do not overlap, have a size that a load balancer accepts, and stay when a zone is added.
func TestPublicBlocksProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(minVPCBits, maxVPCBits).Draw(t, "bits")
		last := rapid.Uint16().Draw(t, "address")
		vpc := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, byte(last >> 8), byte(last)}), bits).Masked()

		three, err := PublicBlocks(vpc, 3)
		if err != nil {
			if bits <= 25 {
				t.Fatalf("%s: %v", vpc, err)
			}
			return
		}
		for i, block := range three {
			if !vpc.Contains(block.Addr()) || block.Bits() < vpc.Bits() || block != block.Masked() {
				t.Fatalf("%s is not in %s", block, vpc)
			}
			if block.Bits() > maxSubnetBits {
				t.Fatalf("%s is too small", block)
			}
			for _, other := range three[:i] {
				if block.Overlaps(other) {
					t.Fatalf("%s overlaps %s", block, other)
				}
			}
		}
		two, err := PublicBlocks(vpc, 2)
		if err != nil || two[0] != three[0] || two[1] != three[1] {
			t.Fatalf("%s: %v with two zones, %v with three (%v)", vpc, two, three, err)
		}
	})
}

func TestIPv6Subnet(t *testing.T) {
	t.Parallel()
	if got, err := IPv6Subnet("2001:db8:0:1a00::/56", 3); err != nil || got != "2001:db8:0:1a03::/64" {
		t.Errorf("third subnet = %s, %v", got, err)
	}
	for _, block := range []string{"", "2001:db8::/48", "10.0.0.0/16"} {
		if got, err := IPv6Subnet(block, 1); err == nil {
			t.Errorf("ipv6Subnet(%q) = %s, want an error", block, got)
		}
	}
	if got, err := IPv6Subnet("2001:db8::/56", 256); err == nil {
		t.Errorf("subnet 256 of a /56 = %s, want an error", got)
	}
}
