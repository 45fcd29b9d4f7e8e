package ec2

import (
	"strings"
	"time"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type securityGroup struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	VPCID       string         `json:"vpcId"`
	Ingress     []SecurityRule `json:"ingress"`
	Egress      []SecurityRule `json:"egress"`
	Tags        tags.Tags      `json:"tags"`
}

// SecurityGroup says what traffic may enter and leave the network interfaces that carry it. Unlike one made by hand, a group
// made by the provider lets nothing out until a rule says so.
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
var SecurityGroup = &cloud.Kind[securityGroup, owned]{
	Spec: cloud.Spec{
		Token:    SecurityGroupToken,
		Label:    "EC2 Security Group",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true, Refused: "DependencyViolation"},
		Derived:  tags.All,
		Needs:    securityGroupNeeds,
		Filled:   cloud.Map{"revokeRulesOnDelete": false, "ingress": []any{}, "egress": []any{}},
		Defaults: cloud.Map{"description": "Managed by Pulumi"},
		AutoName: &cloud.AutoName{Property: "name", Max: 255},
		Replace:  []string{"description", "name", "namePrefix", "vpcId"},
		Computed: []string{"egress", "ingress", "name", "namePrefix", "vpcId"},
		Latency:  cloud.Latency{Create: 4, Delete: 1},
		Patience: 15 * time.Minute,
		NotFound: check.NotFound("InvalidGroup.NotFound", "The security group '%s' does not exist"),
		InUse: func(r, by *cloud.Resource) *cloud.Error {
			return cloud.Errorf("DependencyViolation", "resource %s has a dependent object (%s)", r.ID, by.ID)
		},
	},
	Check: func(in *securityGroup) []cloud.Failure {
		f := checkSecurityRules(in.Ingress, in.Egress)
		if strings.HasPrefix(in.Name, "sg-") {
			f = append(f, cloud.Failure{Property: "name", Reason: "invalid value for name (cannot begin with sg-)"})
		}
		return f
	},
	Refs: func(c *cloud.Call, in *securityGroup) []cloud.Ref {
		if cloud.StatusOf[madeByVPC](c.Resource).VPC != "" {
			return nil // goes with its VPC
		}
		return []cloud.Ref{{Token: VPCToken, Value: in.VPCID}}
	},
	Rules: func(c *cloud.Call, in *securityGroup) error {
		if err := wellFormed(in.Ingress, in.Egress); err != nil {
			return err
		}
		for _, r := range c.Tx.List(c.Caller.Scope, SecurityGroupToken) {
			if other := cloud.InputsOf[securityGroup](r); other.VPCID == in.VPCID && other.Name == in.Name && r.ID != c.Resource.ID {
				return cloud.Errorf("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", in.Name, in.VPCID)
			}
		}
		return nil
	},
	Create: func(c *cloud.Call, _ *securityGroup, out *owned) (string, error) {
		return out.create(c, "security-group"), nil
	},
	Release: func(c *cloud.Call, in *securityGroup) error {
		if cloud.StatusOf[madeByVPC](c.Resource).VPC != "" { // it is only deleted with its VPC
			return cloud.Errorf("CannotDelete", `the specified group: "%s" name: "%s" cannot be deleted by a user`, c.Resource.ID, in.Name)
		}
		return nil
	},
	Delete: func(c *cloud.Call, _ *securityGroup) error {
		c.DeleteWhere("securityGroupId", SecurityGroupIngressRuleToken, SecurityGroupEgressRuleToken)
		return nil
	},
}

var securityGroupNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		creates(o, "ec2:CreateSecurityGroup", "security-group")
		o.Other(VPCToken, "vpcId", "ec2:CreateSecurityGroup")
		o.Own("ec2:RevokeSecurityGroupEgress") // the rule that lets everything out, which every new group has
		authorizes(o, "ingress", "ec2:AuthorizeSecurityGroupIngress")
		authorizes(o, "egress", "ec2:AuthorizeSecurityGroupEgress")
	},
	Read:   func(o *permission.Operation) { o.Any("ec2:DescribeSecurityGroups") },
	Update: rerules,
	Delete: func(o *permission.Operation) {
		o.Any("ec2:DescribeNetworkInterfaces")
		o.Own("ec2:DeleteSecurityGroup")
		o.Any("ec2:DescribeSecurityGroups")
	},
}

// authorizes adds the call that puts the rules of an input into the group, if it has any.
func authorizes(o *permission.Operation, input, action string) {
	if rules, _ := o.Resource.Inputs[input].([]any); len(rules) > 0 {
		o.Own(action)
	}
}

// rerules is the update of a group that has its rules itself.
func rerules(o *permission.Operation) {
	for _, input := range []string{"ingress", "egress"} {
		if !o.Changes(input) {
			continue
		}
		direction := strings.ToUpper(input[:1]) + input[1:]
		if old, _ := o.Old.Inputs[input].([]any); len(old) > 0 {
			o.Own("ec2:RevokeSecurityGroup" + direction)
		}
		authorizes(o, input, "ec2:AuthorizeSecurityGroup"+direction)
	}
	retags(o)
}
