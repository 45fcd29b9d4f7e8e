package ec2

import (
	"fmt"
	"time"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type vpc struct {
	CIDRBlock                    string    `json:"cidrBlock"`
	EnableDNSHostnames           bool      `json:"enableDnsHostnames"`
	EnableDNSSupport             bool      `json:"enableDnsSupport"`
	InstanceTenancy              string    `json:"instanceTenancy"`
	AssignGeneratedIPv6CIDRBlock bool      `json:"assignGeneratedIpv6CidrBlock"`
	Tags                         tags.Tags `json:"tags"`

	// Not modelled: refused unless empty.
	IPv4IPAMPoolID string `json:"ipv4IpamPoolId"`
	IPv6IPAMPoolID string `json:"ipv6IpamPoolId"`
}

// VPC is a network of an account's own. With it AWS makes a security group and a route table, which go with it.
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
var VPC = &cloud.Kind[vpc]{
	Spec: cloud.Spec{
		Token:    VPCToken,
		Label:    "EC2 VPC",
		Needs:    vpcNeeds,
		Filled:   cloud.Map{"enableNetworkAddressUsageMetrics": false, "ipv6NetmaskLength": 0.0},
		Defaults: cloud.Map{"enableDnsSupport": true, "instanceTenancy": "default"},
		Replace:  []string{"cidrBlock"},
		Computed: []string{"cidrBlock", "enableDnsHostnames", "enableNetworkAddressUsageMetrics", "ipv6CidrBlock", "ipv6CidrBlockNetworkBorderGroup"},
		Latency:  cloud.Latency{Create: 4, Delete: 1},
		Patience: 5 * time.Minute,
		NotFound: check.NotFound("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist"),
		InUse:    dependencyViolation("vpc"),
	},
	Check: func(in *vpc) []cloud.Failure { return checkSize("cidrBlock", in.CIDRBlock, 16, 28) },
	Outputs: func(c *cloud.Call, in *vpc) (cloud.Map, error) {
		s, out := c.Caller.Scope, cloud.Map{"tagsAll": in.Tags.All(c)}
		switch {
		case in.IPv4IPAMPoolID != "" || in.IPv6IPAMPoolID != "":
			return nil, fmt.Errorf("an address range from an IPAM pool: %w", cloud.ErrUnimplemented)
		case in.CIDRBlock == "":
			return nil, cloud.Errorf("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
		}
		before := any(nil)
		if c.Old != nil {
			before = c.Old.Outputs["ipv6CidrBlock"]
		}
		switch {
		case in.AssignGeneratedIPv6CIDRBlock && before == nil:
			// Amazon's pool gives each VPC a /56.
			block := ids.Hex(6)
			out["ipv6CidrBlock"] = "2a05:d014:" + block[:4] + ":" + block[4:] + "00::/56"
			out["ipv6AssociationId"] = ids.New("vpc-cidr-assoc")
		case !in.AssignGeneratedIPv6CIDRBlock && before != nil:
			// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateVpcCidrBlock.html
			for _, r := range c.Tx.List(s, SubnetToken) {
				if sub := cloud.InputsOf[subnet](r); sub.VPCID == c.Resource.ID && sub.IPv6CIDRBlock != "" {
					return nil, cloud.Errorf("InvalidCidrBlock.InUse", "The vpc %s currently has a subnet within CIDR block %s", c.Resource.ID, before)
				}
			}
			out["ipv6CidrBlock"], out["ipv6AssociationId"] = nil, nil
		}
		if c.Old != nil {
			return out, nil
		}
		id := ids.New("vpc")
		c.Resource.ID = id
		group := &cloud.Resource{
			Key: cloud.Key{Scope: s, Token: SecurityGroupToken, ID: ids.New("sg")}, Name: "default",
			// https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
			Inputs: cloud.Map{
				"name": "default", "description": "default VPC security group", "vpcId": id,
				"ingress": []any{cloud.Map{"protocol": "-1", "fromPort": 0.0, "toPort": 0.0, "self": true}},
				"egress":  []any{cloud.Map{"protocol": "-1", "fromPort": 0.0, "toPort": 0.0, "cidrBlocks": []any{"0.0.0.0/0"}}},
			},
		}
		table := &cloud.Resource{
			Key: cloud.Key{Scope: s, Token: RouteTableToken, ID: ids.New("rtb")}, Name: "main", Inputs: cloud.Map{"vpcId": id},
		}
		for _, r := range []*cloud.Resource{group, table} {
			r.Outputs = r.Inputs
			r.SetStatus(madeByVPC{VPC: id})
			c.Tx.Put(r)
		}
		out["arn"] = arns.New(s, "ec2", "vpc/"+id)
		out["ownerId"] = s.Account
		out["defaultSecurityGroupId"] = group.ID
		out["defaultRouteTableId"], out["mainRouteTableId"] = table.ID, table.ID
		out["defaultNetworkAclId"], out["dhcpOptionsId"] = ids.New("acl"), ids.New("dopt")
		return out, nil
	},
	Delete: func(c *cloud.Call, _ *vpc) error {
		for _, p := range []string{"defaultSecurityGroupId", "mainRouteTableId"} {
			token := SecurityGroupToken
			if p == "mainRouteTableId" {
				token = RouteTableToken
			}
			c.Tx.Delete(cloud.Key{Scope: c.Resource.Scope, Token: token, ID: c.Resource.Outputs[p].(string)})
		}
		c.Tx.Delete(cloud.Key{Scope: c.Resource.Scope, Token: DefaultSecurityGroupToken, ID: c.Resource.Text("defaultSecurityGroupId")})
		return nil
	},
}

var vpcNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		creates(o, "ec2:CreateVpc", "vpc")
		// A new VPC has DNS support and no DNS host names.
		if o.Given("enableDnsHostnames") || !o.Given("enableDnsSupport") {
			o.Own("ec2:ModifyVpcAttribute")
		}
	},
	Read: func(o *permission.Operation) {
		o.Any("ec2:DescribeVpcs")
		o.Own("ec2:DescribeVpcAttribute")
	},
	Update: func(o *permission.Operation) {
		if o.Changes("enableDnsHostnames", "enableDnsSupport", "enableNetworkAddressUsageMetrics") {
			o.Own("ec2:ModifyVpcAttribute")
		}
		if o.Changes("instanceTenancy") {
			o.Own("ec2:ModifyVpcTenancy")
		}
		if o.Changes("assignGeneratedIpv6CidrBlock") {
			if o.Given("assignGeneratedIpv6CidrBlock") {
				o.Own("ec2:AssociateVpcCidrBlock")
			} else {
				o.Own("ec2:DisassociateVpcCidrBlock")
			}
		}
		retags(o)
	},
	Delete: func(o *permission.Operation) {
		o.Own("ec2:DeleteVpc")
		o.Any("ec2:DescribeVpcs")
	},
}

// madeByVPC is the status of what AWS made together with a VPC.
type madeByVPC struct{ VPC string }
