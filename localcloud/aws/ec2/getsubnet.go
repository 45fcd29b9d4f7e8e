package ec2

import (
	"fmt"
	"net/netip"
	"slices"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

type subnetArgs struct {
	ID                 string      `json:"id"`
	AvailabilityZone   string      `json:"availabilityZone"`
	AvailabilityZoneID string      `json:"availabilityZoneId"`
	CIDRBlock          string      `json:"cidrBlock"`
	IPv6CIDRBlock      string      `json:"ipv6CidrBlock"`
	DefaultForAZ       bool        `json:"defaultForAz"`
	State              string      `json:"state"`
	VPCID              string      `json:"vpcId"`
	Tags               tags.Tags   `json:"tags"`
	Filters            []cloud.Map `json:"filters"`
}

// byMore reports whether the arguments say more than the id.
func (a *subnetArgs) byMore() bool {
	return a.AvailabilityZone+a.AvailabilityZoneID+a.CIDRBlock+a.IPv6CIDRBlock+a.State+a.VPCID != "" || a.DefaultForAZ || len(a.Tags)+len(a.Filters) > 0
}

// GetSubnet returns what a subnet is, and how many of its addresses are free. It is found only by its id.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html
var GetSubnet = &cloud.Function[subnetArgs]{
	Token: "aws:ec2/getSubnet:getSubnet",
	Needs: permission.Needs{Invoke: func(o *permission.Operation) { o.Any("ec2:DescribeSubnets") }},
	Call: func(c *cloud.Call, args *subnetArgs) (cloud.Map, error) {
		if args.ID == "" || args.byMore() {
			return nil, check.Unimplemented("looking for a subnet by anything but its id")
		}
		r := c.Find(cloud.Ref{Token: SubnetToken, Value: args.ID})
		if r == nil {
			return nil, fmt.Errorf("no matching EC2 Subnet found: %s", args.ID)
		}
		in, out := Subnet.Described(r), Subnet.Outputs(r)
		return cloud.Map{
			"id": r.ID, "arn": out.ARN, "ownerId": out.OwnerID, "state": "available", "vpcId": in.VPCID,
			"availabilityZone": out.AvailabilityZone, "availabilityZoneId": out.AvailabilityZoneID, "defaultForAz": false,
			"cidrBlock": in.CIDRBlock, "ipv6CidrBlock": in.IPv6CIDRBlock, "ipv6CidrBlockAssociationId": out.IPv6CIDRBlockAssociationID,
			"ipv6Native": in.IPv6Native, "assignIpv6AddressOnCreation": in.AssignIPv6AddressOnCreation, "mapPublicIpOnLaunch": in.MapPublicIPOnLaunch,
			"availableIpAddressCount": float64(FreeAddresses(c.Tx, r, "")), "tags": untyped.Map(tags.Of(r)),
		}, nil
	},
}

// FreeAddresses returns how many IPv4 addresses of a subnet are free, or belong to the owner. Five are AWS's own.
// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
func FreeAddresses(tx *cloud.Tx, subnet *cloud.Resource, owner string) int {
	block, err := netip.ParsePrefix(Subnet.Inputs(subnet).CIDRBlock)
	if err != nil {
		return 0
	}
	const reserved = 5
	n := 1<<(block.Addr().BitLen()-block.Bits()) - reserved
	for _, r := range tx.Where(subnet.Scope, NetworkInterfaceToken, "subnetId", subnet.ID) {
		if owner == "" || NetworkInterface.Inputs(r).Owner != owner {
			n--
		}
	}
	return n
}

// filter is one of the filters by which EC2 lists resources.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html
type filter struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// matches reports whether the filters and tags name the resource. Each modelled filter has the values that the resource has for it.
func matches(r *cloud.Resource, filters []filter, wanted tags.Tags, has map[string][]string) (bool, error) {
	for _, f := range filters {
		values, known := has[f.Name]
		if !known {
			return false, cloud.Errorf("InvalidParameterValue", "The filter '%s' is not modelled by the local cloud", f.Name)
		}
		if !slices.ContainsFunc(values, func(v string) bool { return slices.Contains(f.Values, v) }) {
			return false, nil
		}
	}
	own := tags.Of(r)
	for key, value := range wanted {
		if has, ok := own[key]; !ok || has != value {
			return false, nil
		}
	}
	return true, nil
}

type subnetsArgs struct {
	Filters []filter  `json:"filters"`
	Tags    tags.Tags `json:"tags"`
}

// GetSubnets returns the ids of the subnets of a VPC, or with tags.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html
var GetSubnets = &cloud.Function[subnetsArgs]{
	Token: "aws:ec2/getSubnets:getSubnets",
	Needs: permission.Needs{Invoke: func(o *permission.Operation) { o.Any("ec2:DescribeSubnets") }},
	Call: func(c *cloud.Call, args *subnetsArgs) (cloud.Map, error) {
		found := []any{}
		for _, r := range c.Tx.List(c.Caller.Scope, SubnetToken) {
			in := Subnet.Inputs(r)
			ok, err := matches(r, args.Filters, args.Tags, map[string][]string{"vpc-id": {in.VPCID}, "availability-zone": {Subnet.Outputs(r).AvailabilityZone}})
			if err != nil {
				return nil, err
			}
			if ok {
				found = append(found, r.ID)
			}
		}
		return cloud.Map{"id": c.Caller.Scope.Region, "ids": found}, nil
	},
}
