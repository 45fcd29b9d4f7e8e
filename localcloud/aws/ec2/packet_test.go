package ec2

import (
	"net/netip"
	"testing"
)

func TestRulesAreAboutPackets(t *testing.T) {
	t.Parallel()
	tcp := func(port int) Packet { return Packet{Protocol: protocolTCP, Port: port} }
	for name, c := range map[string]struct {
		rule   SecurityRule
		packet Packet
		want   bool
	}{
		"all":                  {SecurityRule{Protocol: "-1"}, tcp(80), true},
		"all, by name":         {SecurityRule{Protocol: "all"}, Packet{Protocol: 47}, true},
		"port":                 {SecurityRule{Protocol: "tcp", FromPort: 80, ToPort: 81}, tcp(81), true},
		"another port":         {SecurityRule{Protocol: "tcp", FromPort: 80, ToPort: 81}, tcp(82), false},
		"every port":           {SecurityRule{Protocol: "6", FromPort: -1, ToPort: -1}, tcp(82), true},
		"another protocol":     {SecurityRule{Protocol: "udp", FromPort: 80, ToPort: 81}, tcp(80), false},
		"by number":            {SecurityRule{Protocol: "47"}, Packet{Protocol: 47}, true},
		"another number":       {SecurityRule{Protocol: "47"}, Packet{Protocol: 50}, false},
		"echo":                 {SecurityRule{Protocol: "icmp", FromPort: 8, ToPort: -1}, Packet{Protocol: protocolICMP, ICMPType: 8}, true},
		"another type":         {SecurityRule{Protocol: "icmp", FromPort: 8, ToPort: -1}, Packet{Protocol: protocolICMP, ICMPType: 0}, false},
		"another code":         {SecurityRule{Protocol: "icmp", FromPort: 3, ToPort: 4}, Packet{Protocol: protocolICMP, ICMPType: 3, ICMPCode: 3}, false},
		"every type":           {SecurityRule{Protocol: "58", FromPort: -1, ToPort: -1}, Packet{Protocol: protocolICMPv6, ICMPType: 128}, true},
		"the other ICMP":       {SecurityRule{Protocol: "icmp", FromPort: -1}, Packet{Protocol: protocolICMPv6, ICMPType: 128}, false},
		"a protocol not known": {SecurityRule{Protocol: "none"}, tcp(80), false},
	} {
		if got := c.rule.isAbout(c.packet); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if (&SecurityRule{CIDRBlocks: []string{"10.0.0.0/8"}}).covers(netip.MustParseAddr("11.0.0.1")) {
		t.Error("a block holds an address outside it")
	}
}
