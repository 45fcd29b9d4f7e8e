package ec2

import (
	"fmt"
	"strings"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

// atMostOne finds more than one value among those of properties that exclude each other.
func atMostOne(properties []string, values ...string) []cloud.Failure {
	var given []string
	for i, v := range values {
		if v != "" {
			given = append(given, properties[i])
		}
	}
	if len(given) < 2 {
		return nil
	}
	return []cloud.Failure{{Property: given[1], Reason: fmt.Sprintf("only one of %q can be specified, but %q were specified", properties, given)}}
}

type securityGroupRule struct {
	SecurityGroupID           string    `json:"securityGroupId"`
	IPProtocol                string    `json:"ipProtocol"`
	FromPort                  *int      `json:"fromPort"`
	ToPort                    *int      `json:"toPort"`
	CIDRIPv4                  string    `json:"cidrIpv4"`
	CIDRIPv6                  string    `json:"cidrIpv6"`
	PrefixListID              string    `json:"prefixListId"`
	ReferencedSecurityGroupID string    `json:"referencedSecurityGroupId"`
	Tags                      tags.Tags `json:"tags"`
}

// rule returns the rule in the inline form.
func (r *securityGroupRule) rule() SecurityRule {
	p := SecurityRule{Protocol: r.IPProtocol}
	if r.FromPort != nil && r.ToPort != nil {
		p.FromPort, p.ToPort = *r.FromPort, *r.ToPort
	}
	switch {
	case r.CIDRIPv4 != "":
		p.CIDRBlocks = []string{r.CIDRIPv4}
	case r.CIDRIPv6 != "":
		p.IPv6CIDRBlocks = []string{r.CIDRIPv6}
	case r.ReferencedSecurityGroupID != "":
		p.SecurityGroups = []string{r.ReferencedSecurityGroupID}
	}
	return p
}

// peers are the properties of which a rule has exactly one.
var peers = []string{"cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"}

func (r *securityGroupRule) peer() string {
	return r.CIDRIPv4 + r.CIDRIPv6 + r.PrefixListID + r.ReferencedSecurityGroupID
}

// wellFormed refuses a rule that says too little or too much.
func (r *securityGroupRule) wellFormed() error {
	if r.PrefixListID != "" {
		return fmt.Errorf("a prefix list: %w", cloud.ErrUnimplemented)
	}
	if r.peer() == "" {
		return cloud.Errorf("MissingParameter", "A source or a destination must be specified")
	}
	if f := atMostOne(peers, r.CIDRIPv4, r.CIDRIPv6, r.PrefixListID, r.ReferencedSecurityGroupID); f != nil {
		return cloud.Errorf("InvalidParameterCombination", "%s", f[0].Reason)
	}
	if name := protocolName(r.IPProtocol); (r.FromPort == nil || r.ToPort == nil) && name != "" && name != "icmpv6" {
		return cloud.Errorf("InvalidParameterValue", "Invalid value 'Must specify both from and to ports with %s.' for portRange.",
			map[bool]string{true: "ICMP", false: "TCP/UDP"}[name == "icmp"])
	}
	return wellFormed([]SecurityRule{r.rule()})
}

type securityGroupRuleOutputs struct {
	ARN                 string `json:"arn"`
	SecurityGroupRuleID string `json:"securityGroupRuleId"`
}

// A rule of a security group is a separate resource.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html
var (
	SecurityGroupIngressRule = ruleKind(SecurityGroupIngressRuleToken, "Ingress", cloud.Map{"fromPort": 79.0})
	SecurityGroupEgressRule  = ruleKind(SecurityGroupEgressRuleToken, "Egress", cloud.Map{"tags": cloud.Map{"By": "hand"}})
)

func ruleKind(token, direction string, byHand cloud.Map) *cloud.Kind[securityGroupRule, securityGroupRuleOutputs] {
	return &cloud.Kind[securityGroupRule, securityGroupRuleOutputs]{
		Spec: cloud.Spec{
			Token:   token,
			Label:   "VPC Security Group " + direction + " Rule",
			Import:  cloud.ByID,
			Drift:   cloud.Drift{Change: byHand, Serves: true},
			Derived: tags.All,
			Needs:   securityGroupRuleNeeds(direction),
			Replace: []string{"securityGroupId"},
			Latency: cloud.Latency{Create: 1, Delete: 1},
		},
		Check: func(in *securityGroupRule) []cloud.Failure {
			f := checkIPv4("cidrIpv4", in.CIDRIPv4)
			f = append(f, checkIPv6("cidrIpv6", in.CIDRIPv6)...)
			f = append(f, atMostOne(peers, in.CIDRIPv4, in.CIDRIPv6, in.PrefixListID, in.ReferencedSecurityGroupID)...)
			for p, port := range check.InOrder(map[string]*int{"fromPort": in.FromPort, "toPort": in.ToPort}) {
				if port != nil {
					f = append(f, check.Between(p, *port, -1, 65535)...)
				}
			}
			if in.IPProtocol == "-1" && (in.FromPort != nil || in.ToPort != nil) {
				f = append(f, cloud.Failure{Property: "ipProtocol", Reason: `"-1" means all ports: fromPort and toPort cannot be given with it`})
			}
			return f
		},
		Refs: func(_ *cloud.Call, in *securityGroupRule) []cloud.Ref {
			return []cloud.Ref{
				{Token: SecurityGroupToken, Value: in.SecurityGroupID, Weak: true}, // goes with its group
				{
					Token: SecurityGroupToken, Value: in.ReferencedSecurityGroupID,
					Weak: in.ReferencedSecurityGroupID == in.SecurityGroupID, Optional: true,
				},
			}
		},
		Rules: func(c *cloud.Call, in *securityGroupRule) error {
			if err := in.wellFormed(); err != nil {
				return err
			}
			if in.ReferencedSecurityGroupID != "" && vpcOfGroup(c, in.ReferencedSecurityGroupID) != vpcOfGroup(c, in.SecurityGroupID) {
				return cloud.Errorf("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
			}
			mine := in.rule()
			for _, r := range c.Tx.Where(c.Caller.Scope, token, "securityGroupId", in.SecurityGroupID) {
				if r.ID == c.Resource.ID {
					continue
				}
				other := cloud.InputsOf[securityGroupRule](r)
				p := other.rule()
				if other.peer() == in.peer() && p.Protocol == mine.Protocol && p.FromPort == mine.FromPort && p.ToPort == mine.ToPort {
					return cloud.Errorf("InvalidPermission.Duplicate",
						`the specified rule "peer: %s, %s, from port: %d, to port: %d, ALLOW" already exists`,
						in.peer(), strings.ToUpper(in.IPProtocol), mine.FromPort, mine.ToPort)
				}
			}
			return nil
		},
		Create: func(c *cloud.Call, _ *securityGroupRule, out *securityGroupRuleOutputs) (string, error) {
			out.SecurityGroupRuleID, out.ARN = identify(c.Caller.Scope, "security-group-rule")
			return out.SecurityGroupRuleID, nil
		},
	}
}

// vpcOfGroup returns the VPC of a security group that is there.
func vpcOfGroup(c *cloud.Call, id string) string {
	return SecurityGroup.Inputs(c.Find(cloud.Ref{Token: SecurityGroupToken, Value: id})).VPCID
}

func securityGroupRuleNeeds(direction string) permission.Needs {
	return permission.Needs{
		Create: func(o *permission.Operation) {
			o.Other(SecurityGroupToken, "securityGroupId", "ec2:AuthorizeSecurityGroup"+direction)
			if len(o.WantedTags()) > 0 {
				creates(o, "ec2:AuthorizeSecurityGroup"+direction, "security-group-rule")
			}
		},
		Read: func(o *permission.Operation) { o.Any("ec2:DescribeSecurityGroupRules") },
		Update: func(o *permission.Operation) {
			if o.ChangesMoreThan("tags") {
				o.Other(SecurityGroupToken, "securityGroupId", "ec2:ModifySecurityGroupRules")
				o.Own("ec2:ModifySecurityGroupRules")
			}
			retags(o)
		},
		Delete: func(o *permission.Operation) {
			o.Other(SecurityGroupToken, "securityGroupId", "ec2:RevokeSecurityGroup"+direction)
		},
	}
}
