package ec2

import (
	"fmt"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

type vpcArgs struct {
	ID            string      `json:"id"`
	CIDRBlock     string      `json:"cidrBlock"`
	Default       bool        `json:"default"`
	DHCPOptionsID string      `json:"dhcpOptionsId"`
	State         string      `json:"state"`
	Tags          tags.Tags   `json:"tags"`
	Filters       []cloud.Map `json:"filters"`
}

// GetVPC returns what a VPC is. It is found only by its id.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html
var GetVPC = &cloud.Function[vpcArgs]{
	Token: "aws:ec2/getVpc:getVpc",
	Needs: permission.Needs{Invoke: func(o *permission.Operation) {
		id, _ := o.Args["id"].(string)
		o.ARN = o.Regional("ec2", "vpc/"+id)
		if r := o.Find(cloud.Ref{Token: VPCToken, Value: id}); r != nil {
			o.Tags = tags.Of(r)
		}
		o.Any("ec2:DescribeVpcs")
		o.Own("ec2:DescribeVpcAttribute")
		o.Any("ec2:DescribeRouteTables") // for the main one
	}},
	Call: func(c *cloud.Call, args *vpcArgs) (cloud.Map, error) {
		if args.ID == "" || args.CIDRBlock+args.DHCPOptionsID+args.State != "" || args.Default || len(args.Tags)+len(args.Filters) > 0 {
			return nil, check.Unimplemented("looking for a VPC by anything but its id")
		}
		r := c.Find(cloud.Ref{Token: VPCToken, Value: args.ID})
		if r == nil {
			return nil, fmt.Errorf("no matching EC2 VPC found: %s", args.ID)
		}
		in, out := VPC.Described(r), VPC.Outputs(r)
		return cloud.Map{
			"id": r.ID, "arn": out.ARN, "ownerId": out.OwnerID, "state": "available", "default": false, "instanceTenancy": in.InstanceTenancy,
			"cidrBlock": in.CIDRBlock, "ipv6CidrBlock": out.IPv6CIDRBlock, "ipv6AssociationId": out.IPv6AssociationID,
			"cidrBlockAssociations": []any{cloud.Map{"associationId": "", "cidrBlock": in.CIDRBlock, "state": "associated"}},
			"enableDnsSupport":      in.EnableDNSSupport, "enableDnsHostnames": in.EnableDNSHostnames, "enableNetworkAddressUsageMetrics": false,
			"mainRouteTableId": out.MainRouteTableID, "dhcpOptionsId": out.DHCPOptionsID, "tags": untyped.Map(tags.Of(r)),
		}, nil
	},
}
