package ec2

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/cloud"
)

// SecurityRule is a rule of a security group as its inline form writes it.
type SecurityRule struct {
	Protocol       string   `json:"protocol"`
	FromPort       int      `json:"fromPort"`
	ToPort         int      `json:"toPort"`
	CIDRBlocks     []string `json:"cidrBlocks"`
	IPv6CIDRBlocks []string `json:"ipv6CidrBlocks"`
	SecurityGroups []string `json:"securityGroups"`
	Self           bool     `json:"self"`
}

// checkSecurityRules finds invalid CIDR blocks in a group's inline rules.
func checkSecurityRules(ingress, egress []SecurityRule) []cloud.Failure {
	var f []cloud.Failure
	for property, rules := range check.InOrder(map[string][]SecurityRule{"ingress": ingress, "egress": egress}) {
		for i, p := range rules {
			for j, block := range p.CIDRBlocks {
				f = append(f, checkIPv4(fmt.Sprintf("%s[%d].cidrBlocks[%d]", property, i, j), block)...)
			}
			for j, block := range p.IPv6CIDRBlocks {
				f = append(f, checkIPv6(fmt.Sprintf("%s[%d].ipv6CidrBlocks[%d]", property, i, j), block)...)
			}
		}
	}
	return f
}

// protocolName returns the name of a protocol whose rules have ports, given by name or number; empty for one without.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
func protocolName(protocol string) string {
	names := map[string]string{"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
	for number, name := range names {
		if protocol == number || strings.EqualFold(protocol, name) {
			return name
		}
	}
	return ""
}

// wellFormed refuses rules of a protocol or a range of ports that there is not.
func wellFormed(rules ...[]SecurityRule) error {
	for _, p := range slices.Concat(rules...) {
		name := protocolName(p.Protocol)
		number, err := strconv.Atoi(p.Protocol)
		switch {
		case p.Protocol == "-1" || p.Protocol == "all":
		case name == "" && (err != nil || number < 0 || number > 255):
			return cloud.Errorf("InvalidParameterValue", "Invalid value '%s' for IP protocol. Unknown protocol.", p.Protocol)
		case name != "tcp" && name != "udp":
		case p.FromPort < 0 || p.FromPort > 65535:
			return cloud.Errorf("InvalidPermission.Malformed", "TCP/UDP port (%d) out of range", p.FromPort)
		case p.ToPort < 0 || p.ToPort > 65535:
			return cloud.Errorf("InvalidPermission.Malformed", "TCP/UDP port (%d) out of range", p.ToPort)
		case p.FromPort > p.ToPort:
			return cloud.Errorf("InvalidParameterValue", "Invalid TCP/UDP port range (%d:%d)", p.FromPort, p.ToPort)
		}
	}
	return nil
}

// concerns reports whether the rule is about the TCP port.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
func (p *SecurityRule) concerns(port int) bool {
	switch p.Protocol {
	case "-1", "all":
		return true
	case "tcp", "6":
		return p.FromPort == -1 || p.FromPort <= port && port <= p.ToPort
	}
	return false
}

// covers reports whether a CIDR block of the rule holds the address.
func (p *SecurityRule) covers(addr netip.Addr) bool {
	return slices.ContainsFunc(slices.Concat(p.CIDRBlocks, p.IPv6CIDRBlocks), func(block string) bool {
		prefix, err := netip.ParsePrefix(block)
		return err == nil && prefix.Contains(addr)
	})
}

// names reports whether the rule, of the given group, is about a peer that carries one of the groups.
func (p *SecurityRule) names(group string, peers []string) bool {
	return p.Self && slices.Contains(peers, group) ||
		slices.ContainsFunc(p.SecurityGroups, func(g string) bool { return slices.Contains(peers, g) })
}
