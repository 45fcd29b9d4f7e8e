package ec2

import (
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

type defaultSecurityGroup struct {
	VPCID   string         `json:"vpcId"`
	Ingress []SecurityRule `json:"ingress"`
	Egress  []SecurityRule `json:"egress"`
	Tags    tags.Tags      `json:"tags"`
}

type defaultSecurityGroupOutputs struct {
	owned
	Name        string `json:"name"`
	Description string `json:"description"`
}

// DefaultSecurityGroup adopts the group that AWS made with a VPC and gives it the program's rules. Deleting it leaves the
// group to its VPC.
var DefaultSecurityGroup = &cloud.Kind[defaultSecurityGroup, defaultSecurityGroupOutputs]{
	Spec: cloud.Spec{
		Token:  DefaultSecurityGroupToken,
		Label:  "EC2 Default Security Group",
		Import: cloud.ByID,
		Drift: cloud.Drift{Change: cloud.Map{"ingress": []any{
			cloud.Map{"protocol": "tcp", "fromPort": 22.0, "toPort": 22.0, "cidrBlocks": []any{"0.0.0.0/0"}},
		}}, Serves: true, Refused: "CannotDelete"},
		Derived: tags.All,
		Needs:   defaultSecurityGroupNeeds,
		Filled:  cloud.Map{"revokeRulesOnDelete": false, "ingress": []any{}, "egress": []any{}},
		Replace: []string{"vpcId"},
		Latency: cloud.Latency{Create: 1},
	},
	Check: func(in *defaultSecurityGroup) []cloud.Failure { return checkSecurityRules(in.Ingress, in.Egress) },
	Refs: func(_ *cloud.Call, in *defaultSecurityGroup) []cloud.Ref {
		return []cloud.Ref{{Token: VPCToken, Value: in.VPCID, Weak: true}}
	},
	Rules: func(_ *cloud.Call, in *defaultSecurityGroup) error { return wellFormed(in.Ingress, in.Egress) },
	Create: func(c *cloud.Call, in *defaultSecurityGroup, out *defaultSecurityGroupOutputs) (string, error) {
		group := in.adopt(c)
		own := SecurityGroup.Inputs(group)
		out.ARN, out.OwnerID = arns.New(c.Caller.Scope, "ec2", "security-group/"+group.ID), c.Caller.Scope.Account
		out.Name, out.Description = own.Name, own.Description
		return group.ID, nil
	},
	Update: func(c *cloud.Call, in *defaultSecurityGroup, _ *defaultSecurityGroupOutputs) error {
		in.adopt(c)
		return nil
	},
}

// adopt gives the group that AWS made with the VPC the program's rules.
func (in *defaultSecurityGroup) adopt(c *cloud.Call) *cloud.Resource {
	network := c.Find(cloud.Ref{Token: VPCToken, Value: in.VPCID})
	group := c.Find(cloud.Ref{Token: SecurityGroupToken, Value: VPC.Outputs(network).DefaultSecurityGroupID}).Clone()
	for _, p := range []string{"ingress", "egress"} {
		group.Inputs[p] = c.Resource.Inputs[p]
		group.Outputs[p] = c.Resource.Inputs[p]
	}
	c.Tx.Put(group)
	return group
}

// The default group exists already and stays: its creation adopts it.
var defaultSecurityGroupNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		o.Any("ec2:DescribeSecurityGroups")
		if network := o.Find(cloud.Ref{Token: VPCToken, Value: o.Text("vpcId")}); network != nil {
			o.ARN = o.Regional("ec2", "security-group/"+VPC.Outputs(network).DefaultSecurityGroupID)
		}
		o.Own("ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress")
		authorizes(o, "ingress", "ec2:AuthorizeSecurityGroupIngress")
		authorizes(o, "egress", "ec2:AuthorizeSecurityGroupEgress")
		if tags := o.WantedTags(); len(tags) > 0 {
			o.Own("ec2:CreateTags")
			s := &o.Steps[len(o.Steps)-1]
			s.Context, s.TagKeys = permission.RequestTags(tags), untyped.Keys(tags)
		}
	},
	Read:   func(o *permission.Operation) { o.Any("ec2:DescribeSecurityGroups") },
	Update: rerules,
}
