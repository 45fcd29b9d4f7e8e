package aws

import (
	"fmt"
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
	Token:    securityGroupToken,
	Label:    "EC2 Security Group",
	Defaults: cloud.Map{"description": "Managed by Pulumi"},
	AutoName: &cloud.AutoName{Property: "name", Max: 255},
	Replace:  []string{"description", "name", "namePrefix", "vpcId"},
	Latency:  cloud.Latency{Create: 4, Delete: 1},
	Patience: 15 * time.Minute,
	NotFound: notFound("InvalidGroup.NotFound", "The security group '%s' does not exist"),
	InUse: func(r, by *cloud.Resource) *cloud.Error {
		return cloud.Errorf("DependencyViolation", "resource %s has a dependent object (%s)", r.ID, by.ID)
	},
	Check: func(in *securityGroup) []cloud.Failure {
		if strings.HasPrefix(in.Name, "sg-") {
			return []cloud.Failure{{Property: "name", Reason: "invalid value for name (cannot begin with sg-)"}}
		}
		return nil
	},
	Refs: func(c *cloud.Call, in *securityGroup) []cloud.Ref {
		if cloud.StatusOf[madeByVPC](c.Resource).VPC != "" {
			return nil // goes with its VPC
		}
		return []cloud.Ref{{Token: vpcToken, Value: in.VPCID}}
	},
	Outputs: func(c *cloud.Call, in *securityGroup) (cloud.Map, error) {
		s, out := c.Caller.Scope, cloud.Map{"tagsAll": in.Tags.all(c)}
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
	Delete: func(c *cloud.Call, _ *securityGroup) error {
		for _, token := range []string{securityGroupIngressRuleToken, securityGroupEgressRuleToken} {
			for _, r := range c.Tx.List(c.Resource.Scope, token) {
				if r.Inputs["securityGroupId"] == c.Resource.ID {
					c.Tx.Delete(r.Key)
				}
			}
		}
		return nil
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
	Token:   defaultSecurityGroupToken,
	Label:   "EC2 Default Security Group",
	Replace: []string{"vpcId"},
	Latency: cloud.Latency{Create: 1},
	Refs: func(_ *cloud.Call, in *defaultSecurityGroup) []cloud.Ref {
		return []cloud.Ref{{Token: vpcToken, Value: in.VPCID, Weak: true}}
	},
	Outputs: func(c *cloud.Call, in *defaultSecurityGroup) (cloud.Map, error) {
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

func (r *securityGroupRule) peer() string {
	return r.CIDRIPv4 + r.CIDRIPv6 + r.PrefixListID + r.ReferencedSecurityGroupID
}

// A rule of a security group is a resource of its own.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html
var (
	SecurityGroupIngressRule = ruleKind(securityGroupIngressRuleToken, "VPC Security Group Ingress Rule")
	SecurityGroupEgressRule  = ruleKind(securityGroupEgressRuleToken, "VPC Security Group Egress Rule")
)

func ruleKind(token, label string) *cloud.Kind[securityGroupRule] {
	return &cloud.Kind[securityGroupRule]{
		Token:   token,
		Label:   label,
		Replace: []string{"securityGroupId"},
		Latency: cloud.Latency{Create: 1, Delete: 1},
		Check: func(in *securityGroupRule) []cloud.Failure {
			if in.IPProtocol == "-1" && (in.FromPort != nil || in.ToPort != nil) {
				return []cloud.Failure{{Property: "ipProtocol", Reason: `"-1" means all ports: fromPort and toPort cannot be given with it`}}
			}
			return nil
		},
		Refs: func(_ *cloud.Call, in *securityGroupRule) []cloud.Ref {
			return []cloud.Ref{
				{Token: securityGroupToken, Value: in.SecurityGroupID, Weak: true}, // goes with its group
				{Token: securityGroupToken, Value: in.ReferencedSecurityGroupID, Weak: in.ReferencedSecurityGroupID == in.SecurityGroupID},
			}
		},
		Outputs: func(c *cloud.Call, in *securityGroupRule) (cloud.Map, error) {
			if in.PrefixListID != "" {
				return nil, fmt.Errorf("a prefix list: %w", cloud.ErrUnimplemented)
			}
			if in.peer() == "" {
				return nil, cloud.Errorf("MissingParameter", "A source or a destination must be specified")
			}
			s, out := c.Caller.Scope, cloud.Map{"tagsAll": in.Tags.all(c)}
			mine := in.Permission()
			for _, r := range c.Tx.List(s, token) {
				other, err := cloud.Decode[securityGroupRule](r.Inputs)
				if err != nil || r.ID == c.Resource.ID || other.SecurityGroupID != in.SecurityGroupID {
					continue
				}
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
