package ec2

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/regions"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type subnet struct {
	VPCID                       string    `json:"vpcId"`
	CIDRBlock                   string    `json:"cidrBlock"`
	IPv6CIDRBlock               string    `json:"ipv6CidrBlock"`
	AvailabilityZone            string    `json:"availabilityZone"`
	MapPublicIPOnLaunch         bool      `json:"mapPublicIpOnLaunch"`
	AssignIPv6AddressOnCreation bool      `json:"assignIpv6AddressOnCreation"`
	IPv6Native                  bool      `json:"ipv6Native"`
	AAAARecordsOnLaunch         bool      `json:"enableResourceNameDnsAaaaRecordOnLaunch"`
	HostnameTypeOnLaunch        string    `json:"privateDnsHostnameTypeOnLaunch"`
	Tags                        tags.Tags `json:"tags"`
}

// checkFamilies refuses a subnet without addresses, and what an IPv6-only one cannot have. AWS turns on the assignment of addresses and
// the AAAA records of an IPv6-only subnet, and refuses to turn them off, which is the provider's default. The sentences are not AWS's.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySubnetAttribute.html
func (in *subnet) checkFamilies() error {
	if !in.IPv6Native {
		if in.CIDRBlock == "" {
			return cloud.Errorf("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
		}
		return nil
	}
	invalid := func(format string, args ...any) error { return cloud.Errorf("InvalidParameterValue", format, args...) }
	switch {
	case in.CIDRBlock != "":
		return invalid("An IPv6-only subnet has no IPv4 CIDR block, and '%s' was given.", in.CIDRBlock)
	case in.IPv6CIDRBlock == "":
		return cloud.Errorf("MissingParameter", "An IPv6-only subnet needs 'ipv6CidrBlock'.")
	case !in.AssignIPv6AddressOnCreation:
		return invalid("Invalid value 'false' for assign-ipv6-address-on-creation. An IPv6-only subnet assigns IPv6 addresses.")
	case !in.AAAARecordsOnLaunch:
		return invalid("Invalid value 'false' for enable-resource-name-dns-aaaa-record-on-launch. An IPv6-only subnet has AAAA records.")
	case in.MapPublicIPOnLaunch:
		return invalid("Invalid value 'true' for map-public-ip-on-launch. An IPv6-only subnet has no IPv4 addresses.")
	case in.HostnameTypeOnLaunch == ipName:
		return invalid("Invalid value 'ip-name' for private-dns-hostname-type-on-launch. An IPv6-only subnet has names of type resource-name.")
	}
	return nil
}

// ipName is the type of host names that are made of an IPv4 address.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/hostname-types.html
const ipName = "ip-name"

type subnetOutputs struct {
	owned
	AvailabilityZone           string `json:"availabilityZone"`
	AvailabilityZoneID         string `json:"availabilityZoneId"`
	IPv6CIDRBlockAssociationID string `json:"ipv6CidrBlockAssociationId"`
	HostnameTypeOnLaunch       string `json:"privateDnsHostnameTypeOnLaunch"`
}

// associate gives the subnet's IPv6 block, if it has one, an association.
func (out *subnetOutputs) associate(in *subnet) {
	switch {
	case in.IPv6CIDRBlock == "":
		out.IPv6CIDRBlockAssociationID = ""
	case out.IPv6CIDRBlockAssociationID == "":
		out.IPv6CIDRBlockAssociationID = ids.New("subnet-cidr-assoc")
	}
}

// Subnet is a range of a VPC's addresses in one availability zone.
// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
var Subnet = &cloud.Kind[subnet, subnetOutputs]{
	Spec: cloud.Spec{
		Token:   SubnetToken,
		Label:   "EC2 Subnet",
		Import:  cloud.ByID,
		Drift:   cloud.Drift{Change: cloud.Map{"mapPublicIpOnLaunch": false}, Serves: true, Refused: "DependencyViolation"},
		Derived: tags.All,
		Needs:   subnetNeeds,
		Filled: cloud.Map{
			"mapPublicIpOnLaunch": false, "enableDns64": false, "ipv6Native": false, "enableResourceNameDnsARecordOnLaunch": false,
			"enableResourceNameDnsAaaaRecordOnLaunch": false, "mapCustomerOwnedIpOnLaunch": false, "enableLniAtDeviceIndex": 0.0,
			"assignIpv6AddressOnCreation": false,
		},
		Replace:  []string{"availabilityZone", "cidrBlock", "ipv6Native", "vpcId"},
		Computed: []string{"availabilityZone", "availabilityZoneId", "privateDnsHostnameTypeOnLaunch"},
		Latency:  cloud.Latency{Create: 12, Delete: 1},
		Patience: 20 * time.Minute,
		NotFound: check.NotFound("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist"),
		InUse:    dependencyViolation("subnet"),
	},
	Check: func(in *subnet) []cloud.Failure {
		return append(checkSize("cidrBlock", in.CIDRBlock, 16, 28), checkIPv6("ipv6CidrBlock", in.IPv6CIDRBlock)...)
	},
	Refs: func(_ *cloud.Call, in *subnet) []cloud.Ref {
		return []cloud.Ref{{Token: VPCToken, Value: in.VPCID}}
	},
	Rules: func(c *cloud.Call, in *subnet) error {
		if err := in.checkFamilies(); err != nil {
			return err
		}
		return fits(c, c.Find(cloud.Ref{Token: VPCToken, Value: in.VPCID}), in)
	},
	Create: func(c *cloud.Call, in *subnet, out *subnetOutputs) (string, error) {
		names := regions.Zones(c.Caller.Scope.Region)
		zone := cmp.Or(in.AvailabilityZone, names[0])
		index := slices.Index(names, zone)
		if index < 0 {
			return "", cloud.Errorf("InvalidParameterValue", "Value (%s) for parameter availabilityZone is invalid. "+
				"Subnets can currently only be created in the following availability zones: %v.", zone, names)
		}
		out.AvailabilityZone, out.AvailabilityZoneID = zone, zoneID(c.Caller.Scope.Region, index)
		out.HostnameTypeOnLaunch = cmp.Or(in.HostnameTypeOnLaunch, ipName)
		if in.IPv6Native {
			out.HostnameTypeOnLaunch = "resource-name"
		}
		out.associate(in)
		return out.create(c, "subnet"), nil
	},
	Update: func(_ *cloud.Call, in *subnet, out *subnetOutputs) error {
		out.associate(in)
		return nil
	},
	Delete: func(c *cloud.Call, _ *subnet) error {
		c.DeleteWhere("subnetId", RouteTableAssociationToken)
		return nil
	},
}

var subnetNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		creates(o, "ec2:CreateSubnet", "subnet")
		o.Other(VPCToken, "vpcId", "ec2:CreateSubnet")
		// An IPv6-only subnet begins with what it assigns.
		if !o.Given("ipv6Native") && (o.Given("assignIpv6AddressOnCreation") || o.Given("mapPublicIpOnLaunch")) {
			o.Own("ec2:ModifySubnetAttribute")
		}
	},
	Read: func(o *permission.Operation) { o.Any("ec2:DescribeSubnets") },
	Update: func(o *permission.Operation) {
		if o.Changes("ipv6CidrBlock") {
			if o.Old.Inputs["ipv6CidrBlock"] != nil {
				o.Own("ec2:DisassociateSubnetCidrBlock")
			}
			if o.Given("ipv6CidrBlock") {
				o.Own("ec2:AssociateSubnetCidrBlock")
			}
		}
		if o.ChangesMoreThan("ipv6CidrBlock", "tags") {
			o.Own("ec2:ModifySubnetAttribute")
		}
		retags(o)
	},
	Delete: func(o *permission.Operation) {
		o.Any("ec2:DescribeNetworkInterfaces") // those that services left behind
		o.Own("ec2:DeleteSubnet")
		o.Any("ec2:DescribeSubnets")
	},
}

// fits refuses a subnet that lies outside its VPC, overlaps another subnet, or has an IPv6 block of a size there is not: from
// /44 to /64 in steps of four.
// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
func fits(c *cloud.Call, network *cloud.Resource, in *subnet) error {
	inside := func(block, whole, invalid string) error {
		if block == "" {
			return nil
		}
		p, err := netip.ParsePrefix(block)
		if err != nil {
			return cloud.Errorf(invalid, "The CIDR '%s' is invalid.", block)
		}
		if v, err := netip.ParsePrefix(whole); err != nil || !v.Contains(p.Addr()) || p.Bits() < v.Bits() {
			return cloud.Errorf(invalid, "The CIDR '%s' is invalid.", block)
		}
		return nil
	}
	if err := inside(in.CIDRBlock, VPC.Inputs(network).CIDRBlock, "InvalidSubnet.Range"); err != nil {
		return err
	}
	if err := inside(in.IPv6CIDRBlock, VPC.Outputs(network).IPv6CIDRBlock, "InvalidSubnet.Range"); err != nil {
		return err
	}
	if p, err := netip.ParsePrefix(in.IPv6CIDRBlock); err == nil && (p.Bits() < 44 || p.Bits() > 64 || p.Bits()%4 != 0) {
		return cloud.Errorf("InvalidSubnet.Range", "The CIDR '%s' is invalid.", in.IPv6CIDRBlock)
	}
	for _, r := range c.Tx.List(c.Caller.Scope, SubnetToken) {
		other := cloud.InputsOf[subnet](r)
		if other.VPCID != in.VPCID || r.ID == c.Resource.ID {
			continue
		}
		for _, pair := range [][2]string{{in.CIDRBlock, other.CIDRBlock}, {in.IPv6CIDRBlock, other.IPv6CIDRBlock}} {
			a, errA := netip.ParsePrefix(pair[0])
			b, errB := netip.ParsePrefix(pair[1])
			if errA == nil && errB == nil && a.Overlaps(b) {
				return cloud.Errorf("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", pair[0])
			}
		}
	}
	return nil
}
