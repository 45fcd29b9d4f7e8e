package aws

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/localcloud/cloud"
)

// Permission is a rule of a security group as its inline form writes it.
type Permission struct {
	Protocol       string   `json:"protocol"`
	FromPort       int      `json:"fromPort"`
	ToPort         int      `json:"toPort"`
	CIDRBlocks     []string `json:"cidrBlocks"`
	IPv6CIDRBlocks []string `json:"ipv6CidrBlocks"`
	SecurityGroups []string `json:"securityGroups"`
	Self           bool     `json:"self"`
}

// checkPermissions finds CIDR blocks of a group's inline rules that are none.
func checkPermissions(ingress, egress []Permission) []cloud.Failure {
	var f []cloud.Failure
	for property, rules := range map[string][]Permission{"ingress": ingress, "egress": egress} {
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
func wellFormed(rules ...[]Permission) error {
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

type securityGroup struct {
	Name        string       `json:"name"`
	Description string       `json:"description"`
	VPCID       string       `json:"vpcId"`
	Ingress     []Permission `json:"ingress"`
	Egress      []Permission `json:"egress"`
	Tags        tags         `json:"tags"`
}

// SecurityGroup says what traffic may enter and leave the network interfaces that carry it. Unlike one made by hand, a group
// made by the provider lets nothing out until a rule says so.
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
var SecurityGroup = &cloud.Kind[securityGroup]{
	Spec: cloud.Spec{
		Token:    securityGroupToken,
		Label:    "EC2 Security Group",
		Needs:    securityGroupNeeds,
		Filled:   cloud.Map{"revokeRulesOnDelete": false, "ingress": []any{}, "egress": []any{}},
		Defaults: cloud.Map{"description": "Managed by Pulumi"},
		AutoName: &cloud.AutoName{Property: "name", Max: 255},
		Replace:  []string{"description", "name", "namePrefix", "vpcId"},
		Computed: []string{"egress", "ingress", "name", "namePrefix", "vpcId"},
		Latency:  cloud.Latency{Create: 4, Delete: 1},
		Patience: 15 * time.Minute,
		NotFound: notFound("InvalidGroup.NotFound", "The security group '%s' does not exist"),
		InUse: func(r, by *cloud.Resource) *cloud.Error {
			return cloud.Errorf("DependencyViolation", "resource %s has a dependent object (%s)", r.ID, by.ID)
		},
	},
	Check: func(in *securityGroup) []cloud.Failure {
		f := checkPermissions(in.Ingress, in.Egress)
		if strings.HasPrefix(in.Name, "sg-") {
			f = append(f, cloud.Failure{Property: "name", Reason: "invalid value for name (cannot begin with sg-)"})
		}
		return f
	},
	Refs: func(c *cloud.Call, in *securityGroup) []cloud.Ref {
		if cloud.StatusOf[madeByVPC](c.Resource).VPC != "" {
			return nil // goes with its VPC
		}
		return []cloud.Ref{{Token: vpcToken, Value: in.VPCID}}
	},
	Outputs: func(c *cloud.Call, in *securityGroup) (cloud.Map, error) {
		s, out := c.Caller.Scope, cloud.Map{"tagsAll": in.Tags.all(c)}
		if err := wellFormed(in.Ingress, in.Egress); err != nil {
			return nil, err
		}
		for _, r := range c.Tx.List(s, securityGroupToken) {
			if r.Inputs["vpcId"] == in.VPCID && r.Inputs["name"] == in.Name && r.ID != c.Resource.ID {
				return nil, cloud.Errorf("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", in.Name, in.VPCID)
			}
		}
		if c.Old == nil {
			c.Resource.ID = newID("sg")
			out["arn"] = arn(s, "ec2", "security-group/"+c.Resource.ID)
			out["ownerId"] = s.Account
		}
		return out, nil
	},
	Release: func(c *cloud.Call, in *securityGroup) error {
		if cloud.StatusOf[madeByVPC](c.Resource).VPC != "" { // it goes with its VPC alone
			return cloud.Errorf("CannotDelete", `the specified group: "%s" name: "%s" cannot be deleted by a user`, c.Resource.ID, in.Name)
		}
		return nil
	},
	Delete: func(c *cloud.Call, _ *securityGroup) error {
		deleteWhere(c, "securityGroupId", securityGroupIngressRuleToken, securityGroupEgressRuleToken)
		return nil
	},
}

var securityGroupNeeds = needs{
	Create: func(o *operation) {
		createsEC2(o, "ec2:CreateSecurityGroup", "security-group")
		o.other(vpcToken, "vpcId", "ec2:CreateSecurityGroup")
		o.own("ec2:RevokeSecurityGroupEgress") // the rule that lets everything out, which every new group has
		authorizes(o, "ingress", "ec2:AuthorizeSecurityGroupIngress")
		authorizes(o, "egress", "ec2:AuthorizeSecurityGroupEgress")
	},
	Read:   func(o *operation) { o.any("ec2:DescribeSecurityGroups") },
	Update: rerules,
	Delete: func(o *operation) {
		o.any("ec2:DescribeNetworkInterfaces")
		o.own("ec2:DeleteSecurityGroup")
		o.any("ec2:DescribeSecurityGroups")
	},
}

type defaultSecurityGroup struct {
	VPCID   string       `json:"vpcId"`
	Ingress []Permission `json:"ingress"`
	Egress  []Permission `json:"egress"`
	Tags    tags         `json:"tags"`
}

// DefaultSecurityGroup adopts the group that AWS made with a VPC and gives it the program's rules. Deleting it leaves the
// group to its VPC.
var DefaultSecurityGroup = &cloud.Kind[defaultSecurityGroup]{
	Spec: cloud.Spec{
		Token:   defaultSecurityGroupToken,
		Label:   "EC2 Default Security Group",
		Needs:   defaultSecurityGroupNeeds,
		Filled:  cloud.Map{"revokeRulesOnDelete": false, "ingress": []any{}, "egress": []any{}},
		Replace: []string{"vpcId"},
		Latency: cloud.Latency{Create: 1},
	},
	Check: func(in *defaultSecurityGroup) []cloud.Failure { return checkPermissions(in.Ingress, in.Egress) },
	Refs: func(_ *cloud.Call, in *defaultSecurityGroup) []cloud.Ref {
		return []cloud.Ref{{Token: vpcToken, Value: in.VPCID, Weak: true}}
	},
	Outputs: func(c *cloud.Call, in *defaultSecurityGroup) (cloud.Map, error) {
		if err := wellFormed(in.Ingress, in.Egress); err != nil {
			return nil, err
		}
		network := c.Find(cloud.Ref{Token: vpcToken, Value: in.VPCID})
		id, _ := network.Outputs["defaultSecurityGroupId"].(string)
		group := c.Find(cloud.Ref{Token: securityGroupToken, Value: id}).Clone()
		for _, p := range []string{"ingress", "egress"} {
			group.Inputs[p] = c.Resource.Inputs[p]
			group.Outputs[p] = c.Resource.Inputs[p]
		}
		c.Tx.Put(group)
		c.Resource.ID = id
		return cloud.Map{
			"arn": arn(c.Caller.Scope, "ec2", "security-group/"+id), "ownerId": c.Caller.Scope.Account,
			"name": group.Inputs["name"], "description": group.Inputs["description"], "tagsAll": in.Tags.all(c),
		}, nil
	},
}

// The default group is there already and stays: to create it is to take it over.
var defaultSecurityGroupNeeds = needs{
	Create: func(o *operation) {
		o.any("ec2:DescribeSecurityGroups")
		if network := o.Find(cloud.Ref{Token: vpcToken, Value: o.text("vpcId")}); network != nil {
			o.arn = o.regional("ec2", "security-group/"+network.Text("defaultSecurityGroupId"))
		}
		o.own("ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress")
		authorizes(o, "ingress", "ec2:AuthorizeSecurityGroupIngress")
		authorizes(o, "egress", "ec2:AuthorizeSecurityGroupEgress")
		if tags := o.wantedTags(); len(tags) > 0 {
			o.own("ec2:CreateTags")
			s := &o.steps[len(o.steps)-1]
			s.Context, s.TagKeys = requestTags(tags), keys(tags)
		}
	},
	Read:   func(o *operation) { o.any("ec2:DescribeSecurityGroups") },
	Update: rerules,
}

type securityGroupRule struct {
	SecurityGroupID           string `json:"securityGroupId"`
	IPProtocol                string `json:"ipProtocol"`
	FromPort                  *int   `json:"fromPort"`
	ToPort                    *int   `json:"toPort"`
	CIDRIPv4                  string `json:"cidrIpv4"`
	CIDRIPv6                  string `json:"cidrIpv6"`
	PrefixListID              string `json:"prefixListId"`
	ReferencedSecurityGroupID string `json:"referencedSecurityGroupId"`
	Tags                      tags   `json:"tags"`
}

// Permission returns the rule in the inline form.
func (r *securityGroupRule) Permission() Permission {
	p := Permission{Protocol: r.IPProtocol}
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

// A rule of a security group is a resource of its own.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html
var (
	SecurityGroupIngressRule = ruleKind(securityGroupIngressRuleToken, "Ingress")
	SecurityGroupEgressRule  = ruleKind(securityGroupEgressRuleToken, "Egress")
)

func ruleKind(token, direction string) *cloud.Kind[securityGroupRule] {
	return &cloud.Kind[securityGroupRule]{
		Spec: cloud.Spec{
			Token:   token,
			Label:   "VPC Security Group " + direction + " Rule",
			Needs:   securityGroupRuleNeeds(direction),
			Replace: []string{"securityGroupId"},
			Latency: cloud.Latency{Create: 1, Delete: 1},
		},
		Check: func(in *securityGroupRule) []cloud.Failure {
			f := checkIPv4("cidrIpv4", in.CIDRIPv4)
			f = append(f, checkIPv6("cidrIpv6", in.CIDRIPv6)...)
			f = append(f, atMostOne(peers, in.CIDRIPv4, in.CIDRIPv6, in.PrefixListID, in.ReferencedSecurityGroupID)...)
			for p, port := range map[string]*int{"fromPort": in.FromPort, "toPort": in.ToPort} {
				if port != nil {
					f = append(f, between(p, *port, -1, 65535)...)
				}
			}
			if in.IPProtocol == "-1" && (in.FromPort != nil || in.ToPort != nil) {
				f = append(f, cloud.Failure{Property: "ipProtocol", Reason: `"-1" means all ports: fromPort and toPort cannot be given with it`})
			}
			return f
		},
		Refs: func(_ *cloud.Call, in *securityGroupRule) []cloud.Ref {
			return []cloud.Ref{
				{Token: securityGroupToken, Value: in.SecurityGroupID, Weak: true}, // goes with its group
				{
					Token: securityGroupToken, Value: in.ReferencedSecurityGroupID,
					Weak: in.ReferencedSecurityGroupID == in.SecurityGroupID, Optional: true,
				},
			}
		},
		Outputs: func(c *cloud.Call, in *securityGroupRule) (cloud.Map, error) {
			if in.PrefixListID != "" {
				return nil, fmt.Errorf("a prefix list: %w", cloud.ErrUnimplemented)
			}
			if in.peer() == "" {
				return nil, cloud.Errorf("MissingParameter", "A source or a destination must be specified")
			}
			if f := atMostOne(peers, in.CIDRIPv4, in.CIDRIPv6, in.PrefixListID, in.ReferencedSecurityGroupID); f != nil {
				return nil, cloud.Errorf("InvalidParameterCombination", "%s", f[0].Reason)
			}
			s, out := c.Caller.Scope, cloud.Map{"tagsAll": in.Tags.all(c)}
			mine := in.Permission()
			if name := protocolName(in.IPProtocol); (in.FromPort == nil || in.ToPort == nil) && name != "" && name != "icmpv6" {
				return nil, cloud.Errorf("InvalidParameterValue", "Invalid value 'Must specify both from and to ports with %s.' for portRange.",
					map[bool]string{true: "ICMP", false: "TCP/UDP"}[name == "icmp"])
			}
			if err := wellFormed([]Permission{mine}); err != nil {
				return nil, err
			}
			for _, r := range c.Tx.Where(s, token, "securityGroupId", in.SecurityGroupID) {
				if r.ID == c.Resource.ID {
					continue
				}
				other := cloud.InputsOf[securityGroupRule](r)
				p := other.Permission()
				if other.peer() == in.peer() && p.Protocol == mine.Protocol && p.FromPort == mine.FromPort && p.ToPort == mine.ToPort {
					return nil, cloud.Errorf("InvalidPermission.Duplicate",
						`the specified rule "peer: %s, %s, from port: %d, to port: %d, ALLOW" already exists`,
						in.peer(), strings.ToUpper(in.IPProtocol), mine.FromPort, mine.ToPort)
				}
			}
			if c.Old == nil {
				c.Resource.ID = newID("sgr")
				out["securityGroupRuleId"] = c.Resource.ID
				out["arn"] = arn(s, "ec2", "security-group-rule/"+c.Resource.ID)
			}
			return out, nil
		},
	}
}
