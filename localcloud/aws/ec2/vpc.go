package ec2

import (
	"fmt"
	"time"

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

type vpcOutputs struct {
	owned
	IPv6CIDRBlock          string `json:"ipv6CidrBlock,omitempty"`
	IPv6AssociationID      string `json:"ipv6AssociationId,omitempty"`
	DefaultSecurityGroupID string `json:"defaultSecurityGroupId"`
	DefaultRouteTableID    string `json:"defaultRouteTableId"`
	MainRouteTableID       string `json:"mainRouteTableId"`
	DefaultNetworkACLID    string `json:"defaultNetworkAclId"`
	DHCPOptionsID          string `json:"dhcpOptionsId"`
}

// VPC is a network of an account's own. With it AWS makes a security group and a route table, which go with it.
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
var VPC = &cloud.Kind[vpc, vpcOutputs]{
	Spec: cloud.Spec{
		Token:    VPCToken,
		Label:    "EC2 VPC",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"enableDnsHostnames": false}, Serves: true, Refused: "DependencyViolation"},
		Derived:  tags.All,
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
	Rules: func(_ *cloud.Call, in *vpc) error {
		switch {
		case in.IPv4IPAMPoolID != "" || in.IPv6IPAMPoolID != "":
			return fmt.Errorf("an address range from an IPAM pool: %w", cloud.ErrUnimplemented)
		case in.CIDRBlock == "":
			return cloud.Errorf("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
		}
		return nil
	},
	Create: func(c *cloud.Call, in *vpc, out *vpcOutputs) (string, error) {
		id := out.create(c, "vpc")
		if in.AssignGeneratedIPv6CIDRBlock {
			out.associate()
		}
		group, table := addDefaults(c.Tx, c.Caller.Scope, id)
		out.DefaultSecurityGroupID, out.DefaultRouteTableID, out.MainRouteTableID = group, table, table
		out.DefaultNetworkACLID, out.DHCPOptionsID = ids.New("acl"), ids.New("dopt")
		return id, nil
	},
	Update: func(c *cloud.Call, in *vpc, out *vpcOutputs) error {
		switch had := out.IPv6CIDRBlock != ""; {
		case in.AssignGeneratedIPv6CIDRBlock && !had:
			out.associate()
		case !in.AssignGeneratedIPv6CIDRBlock && had:
			return out.disassociate(c)
		}
		return nil
	},
	Delete: func(c *cloud.Call, _ *vpc) error {
		out := cloud.OutputsOf[vpcOutputs](c.Resource)
		for token, id := range map[string]string{
			SecurityGroupToken: out.DefaultSecurityGroupID, DefaultSecurityGroupToken: out.DefaultSecurityGroupID,
			RouteTableToken: out.MainRouteTableID,
		} {
			c.Tx.Delete(cloud.Key{Scope: c.Resource.Scope, Token: token, ID: id})
		}
		return nil
	},
}

// associate gives the VPC a /56 of addresses from Amazon's pool.
func (out *vpcOutputs) associate() {
	block := ids.Hex(6)
	out.IPv6CIDRBlock = "2a05:d014:" + block[:4] + ":" + block[4:] + "00::/56"
	out.IPv6AssociationID = ids.New("vpc-cidr-assoc")
}

// disassociate takes them away, unless a subnet has some.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateVpcCidrBlock.html
func (out *vpcOutputs) disassociate(c *cloud.Call) error {
	for _, r := range c.Tx.List(c.Caller.Scope, SubnetToken) {
		if sub := cloud.InputsOf[subnet](r); sub.VPCID == c.Resource.ID && sub.IPv6CIDRBlock != "" {
			return cloud.Errorf("InvalidCidrBlock.InUse", "The vpc %s currently has a subnet within CIDR block %s", c.Resource.ID, out.IPv6CIDRBlock)
		}
	}
	out.IPv6CIDRBlock, out.IPv6AssociationID = "", ""
	return nil
}

// addDefaults makes what each VPC has from the beginning, and returns the ids.
func addDefaults(tx *cloud.Tx, s cloud.Scope, vpc string) (group, table string) {
	group, table = ids.New("sg"), ids.New("rtb")
	for _, r := range []*cloud.Resource{
		{
			Key: cloud.Key{Scope: s, Token: SecurityGroupToken, ID: group}, Name: "default",
			// https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
			Inputs: cloud.Map{
				"name": "default", "description": "default VPC security group", "vpcId": vpc,
				"ingress": []any{cloud.Map{"protocol": "-1", "fromPort": 0.0, "toPort": 0.0, "self": true}},
				"egress":  []any{cloud.Map{"protocol": "-1", "fromPort": 0.0, "toPort": 0.0, "cidrBlocks": []any{"0.0.0.0/0"}}},
			},
		},
		{Key: cloud.Key{Scope: s, Token: RouteTableToken, ID: table}, Name: "main", Inputs: cloud.Map{"vpcId": vpc}},
	} {
		r.Outputs = r.Inputs
		r.SetStatus(madeByVPC{VPC: vpc})
		tx.Put(r)
	}
	return group, table
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

// madeByVPC is the status of a resource that AWS made together with a VPC.
type madeByVPC struct{ VPC string }
