package aws

import (
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"strings"
	"time"

	"slipway/localcloud/cloud"
)

// The tokens are constants so that kinds can refer to each other in a circle, as a VPC and its default group do.
const (
	vpcToken                      = "aws:ec2/vpc:Vpc"
	subnetToken                   = "aws:ec2/subnet:Subnet"
	internetGatewayToken          = "aws:ec2/internetGateway:InternetGateway"
	routeTableToken               = "aws:ec2/routeTable:RouteTable"
	routeToken                    = "aws:ec2/route:Route"
	routeTableAssociationToken    = "aws:ec2/routeTableAssociation:RouteTableAssociation"
	securityGroupToken            = "aws:ec2/securityGroup:SecurityGroup"
	defaultSecurityGroupToken     = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
	securityGroupIngressRuleToken = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
	securityGroupEgressRuleToken  = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
	networkInterfaceToken         = "aws:ec2/networkInterface:NetworkInterface"
)

func ec2Kinds() []any {
	return []any{
		VPC, Subnet, InternetGateway, RouteTable, Route, RouteTableAssociation,
		SecurityGroup, DefaultSecurityGroup, SecurityGroupIngressRule, SecurityGroupEgressRule, NetworkInterface,
		getAvailabilityZones, getRegion, getCallerIdentity, getPartition, getRouteTable,
	}
}

type vpc struct {
	CIDRBlock                    string `json:"cidrBlock"`
	EnableDNSHostnames           bool   `json:"enableDnsHostnames"`
	EnableDNSSupport             bool   `json:"enableDnsSupport"`
	InstanceTenancy              string `json:"instanceTenancy"`
	AssignGeneratedIPv6CIDRBlock bool   `json:"assignGeneratedIpv6CidrBlock"`
	Tags                         tags   `json:"tags"`

	// Not modelled: refused unless empty.
	IPv4IPAMPoolID string `json:"ipv4IpamPoolId"`
	IPv6IPAMPoolID string `json:"ipv6IpamPoolId"`
}

// VPC is a network of an account's own. With it AWS makes a security group and a route table, which go with it.
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
var VPC = &cloud.Kind[vpc]{
	Spec: cloud.Spec{
		Token:    vpcToken,
		Label:    "EC2 VPC",
		Needs:    vpcNeeds,
		Filled:   cloud.Map{"enableNetworkAddressUsageMetrics": false, "ipv6NetmaskLength": 0.0},
		Defaults: cloud.Map{"enableDnsSupport": true, "instanceTenancy": "default"},
		Replace:  []string{"cidrBlock"},
		Computed: []string{"cidrBlock", "enableDnsHostnames", "enableNetworkAddressUsageMetrics", "ipv6CidrBlock", "ipv6CidrBlockNetworkBorderGroup"},
		Latency:  cloud.Latency{Create: 4, Delete: 1},
		Patience: 5 * time.Minute,
		NotFound: notFound("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist"),
		InUse:    dependencyViolation("vpc"),
	},
	Check: func(in *vpc) []cloud.Failure { return checkSize("cidrBlock", in.CIDRBlock, 16, 28) },
	Outputs: func(c *cloud.Call, in *vpc) (cloud.Map, error) {
		s, out := c.Caller.Scope, cloud.Map{"tagsAll": in.Tags.all(c)}
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
			block := randomHex(6)
			out["ipv6CidrBlock"] = "2a05:d014:" + block[:4] + ":" + block[4:] + "00::/56"
			out["ipv6AssociationId"] = newID("vpc-cidr-assoc")
		case !in.AssignGeneratedIPv6CIDRBlock && before != nil:
			// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateVpcCidrBlock.html
			for _, r := range c.Tx.List(s, subnetToken) {
				if sub := cloud.InputsOf[subnet](r); sub.VPCID == c.Resource.ID && sub.IPv6CIDRBlock != "" {
					return nil, cloud.Errorf("InvalidCidrBlock.InUse", "The vpc %s currently has a subnet within CIDR block %s", c.Resource.ID, before)
				}
			}
			out["ipv6CidrBlock"], out["ipv6AssociationId"] = nil, nil
		}
		if c.Old != nil {
			return out, nil
		}
		id := newID("vpc")
		c.Resource.ID = id
		group := &cloud.Resource{
			Key: cloud.Key{Scope: s, Token: securityGroupToken, ID: newID("sg")}, Name: "default",
			// https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html
			Inputs: cloud.Map{
				"name": "default", "description": "default VPC security group", "vpcId": id,
				"ingress": []any{cloud.Map{"protocol": "-1", "fromPort": 0.0, "toPort": 0.0, "self": true}},
				"egress":  []any{cloud.Map{"protocol": "-1", "fromPort": 0.0, "toPort": 0.0, "cidrBlocks": []any{"0.0.0.0/0"}}},
			},
		}
		table := &cloud.Resource{
			Key: cloud.Key{Scope: s, Token: routeTableToken, ID: newID("rtb")}, Name: "main", Inputs: cloud.Map{"vpcId": id},
		}
		for _, r := range []*cloud.Resource{group, table} {
			r.Outputs = r.Inputs
			r.SetStatus(madeByVPC{VPC: id})
			c.Tx.Put(r)
		}
		out["arn"] = arn(s, "ec2", "vpc/"+id)
		out["ownerId"] = s.Account
		out["defaultSecurityGroupId"] = group.ID
		out["defaultRouteTableId"], out["mainRouteTableId"] = table.ID, table.ID
		out["defaultNetworkAclId"], out["dhcpOptionsId"] = newID("acl"), newID("dopt")
		return out, nil
	},
	Delete: func(c *cloud.Call, _ *vpc) error {
		for _, p := range []string{"defaultSecurityGroupId", "mainRouteTableId"} {
			token := securityGroupToken
			if p == "mainRouteTableId" {
				token = routeTableToken
			}
			c.Tx.Delete(cloud.Key{Scope: c.Resource.Scope, Token: token, ID: c.Resource.Outputs[p].(string)})
		}
		c.Tx.Delete(cloud.Key{Scope: c.Resource.Scope, Token: defaultSecurityGroupToken, ID: c.Resource.Text("defaultSecurityGroupId")})
		return nil
	},
}

var vpcNeeds = needs{
	Create: func(o *operation) {
		createsEC2(o, "ec2:CreateVpc", "vpc")
		// A new VPC has DNS support and no DNS host names.
		if o.given("enableDnsHostnames") || !o.given("enableDnsSupport") {
			o.own("ec2:ModifyVpcAttribute")
		}
	},
	Read: func(o *operation) {
		o.any("ec2:DescribeVpcs")
		o.own("ec2:DescribeVpcAttribute")
	},
	Update: func(o *operation) {
		if o.changes("enableDnsHostnames", "enableDnsSupport", "enableNetworkAddressUsageMetrics") {
			o.own("ec2:ModifyVpcAttribute")
		}
		if o.changes("instanceTenancy") {
			o.own("ec2:ModifyVpcTenancy")
		}
		if o.changes("assignGeneratedIpv6CidrBlock") {
			if o.given("assignGeneratedIpv6CidrBlock") {
				o.own("ec2:AssociateVpcCidrBlock")
			} else {
				o.own("ec2:DisassociateVpcCidrBlock")
			}
		}
		retagsEC2(o)
	},
	Delete: func(o *operation) {
		o.own("ec2:DeleteVpc")
		o.any("ec2:DescribeVpcs")
	},
}

// madeByVPC is the status of what AWS made together with a VPC.
type madeByVPC struct{ VPC string }

type subnet struct {
	VPCID                       string `json:"vpcId"`
	CIDRBlock                   string `json:"cidrBlock"`
	IPv6CIDRBlock               string `json:"ipv6CidrBlock"`
	AvailabilityZone            string `json:"availabilityZone"`
	MapPublicIPOnLaunch         bool   `json:"mapPublicIpOnLaunch"`
	AssignIPv6AddressOnCreation bool   `json:"assignIpv6AddressOnCreation"`
	Tags                        tags   `json:"tags"`

	// Not modelled: refused unless false.
	IPv6Native bool `json:"ipv6Native"`
}

// Subnet is a range of a VPC's addresses in one availability zone.
// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
var Subnet = &cloud.Kind[subnet]{
	Spec: cloud.Spec{
		Token: subnetToken,
		Label: "EC2 Subnet",
		Needs: subnetNeeds,
		Filled: cloud.Map{
			"mapPublicIpOnLaunch": false, "enableDns64": false, "ipv6Native": false, "enableResourceNameDnsARecordOnLaunch": false,
			"enableResourceNameDnsAaaaRecordOnLaunch": false, "mapCustomerOwnedIpOnLaunch": false, "enableLniAtDeviceIndex": 0.0,
			"privateDnsHostnameTypeOnLaunch": "ip-name", "assignIpv6AddressOnCreation": false,
		},
		Replace:  []string{"availabilityZone", "cidrBlock", "vpcId"},
		Computed: []string{"availabilityZone", "availabilityZoneId"},
		Latency:  cloud.Latency{Create: 12, Delete: 1},
		Patience: 20 * time.Minute,
		NotFound: notFound("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist"),
		InUse:    dependencyViolation("subnet"),
	},
	Check: func(in *subnet) []cloud.Failure {
		return append(checkSize("cidrBlock", in.CIDRBlock, 16, 28), checkIPv6("ipv6CidrBlock", in.IPv6CIDRBlock)...)
	},
	Refs: func(_ *cloud.Call, in *subnet) []cloud.Ref {
		return []cloud.Ref{{Token: vpcToken, Value: in.VPCID}}
	},
	Outputs: func(c *cloud.Call, in *subnet) (cloud.Map, error) {
		s, out := c.Caller.Scope, cloud.Map{"tagsAll": in.Tags.all(c)}
		if associated := c.Resource.Text("ipv6CidrBlockAssociationId"); in.IPv6CIDRBlock != "" && associated == "" {
			out["ipv6CidrBlockAssociationId"] = newID("subnet-cidr-assoc")
		} else if in.IPv6CIDRBlock == "" {
			out["ipv6CidrBlockAssociationId"] = ""
		}
		switch {
		case in.IPv6Native:
			return nil, fmt.Errorf("a subnet of IPv6 addresses alone: %w", cloud.ErrUnimplemented)
		case in.CIDRBlock == "":
			return nil, cloud.Errorf("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
		}
		network := c.Find(cloud.Ref{Token: vpcToken, Value: in.VPCID})
		if err := fits(c, network, in); err != nil {
			return nil, err
		}
		if c.Old != nil {
			return out, nil
		}
		names := zones(s.Region)
		zone := in.AvailabilityZone
		if zone == "" {
			zone = names[0]
		}
		index := -1
		for i, n := range names {
			if n == zone {
				index = i
			}
		}
		if index < 0 {
			return nil, cloud.Errorf("InvalidParameterValue", "Value (%s) for parameter availabilityZone is invalid. "+
				"Subnets can currently only be created in the following availability zones: %v.", zone, names)
		}
		c.Resource.ID = newID("subnet")
		out["arn"] = arn(s, "ec2", "subnet/"+c.Resource.ID)
		out["ownerId"] = s.Account
		out["availabilityZone"] = zone
		out["availabilityZoneId"] = zoneID(s.Region, index)
		return out, nil
	},
	Delete: func(c *cloud.Call, _ *subnet) error {
		deleteWhere(c, "subnetId", routeTableAssociationToken)
		return nil
	},
}

var subnetNeeds = needs{
	Create: func(o *operation) {
		createsEC2(o, "ec2:CreateSubnet", "subnet")
		o.other(vpcToken, "vpcId", "ec2:CreateSubnet")
		if o.given("assignIpv6AddressOnCreation") || o.given("mapPublicIpOnLaunch") {
			o.own("ec2:ModifySubnetAttribute")
		}
	},
	Read: func(o *operation) { o.any("ec2:DescribeSubnets") },
	Update: func(o *operation) {
		if o.changes("ipv6CidrBlock") {
			if o.Old.Inputs["ipv6CidrBlock"] != nil {
				o.own("ec2:DisassociateSubnetCidrBlock")
			}
			if o.given("ipv6CidrBlock") {
				o.own("ec2:AssociateSubnetCidrBlock")
			}
		}
		if o.changesMoreThan("ipv6CidrBlock", "tags") {
			o.own("ec2:ModifySubnetAttribute")
		}
		retagsEC2(o)
	},
	Delete: func(o *operation) {
		o.any("ec2:DescribeNetworkInterfaces") // those that services left behind
		o.own("ec2:DeleteSubnet")
		o.any("ec2:DescribeSubnets")
	},
}

// fits refuses a subnet that lies outside its VPC, overlaps another subnet, or has an IPv6 block of a size there is not: from
// /44 to /64 in steps of four.
// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
func fits(c *cloud.Call, network *cloud.Resource, in *subnet) error {
	inside := func(block string, whole any, invalid string) error {
		if block == "" {
			return nil
		}
		p, err := netip.ParsePrefix(block)
		w, ok := whole.(string)
		if err != nil || !ok {
			return cloud.Errorf(invalid, "The CIDR '%s' is invalid.", block)
		}
		if v, err := netip.ParsePrefix(w); err != nil || !v.Contains(p.Addr()) || p.Bits() < v.Bits() {
			return cloud.Errorf(invalid, "The CIDR '%s' is invalid.", block)
		}
		return nil
	}
	if err := inside(in.CIDRBlock, network.Outputs["cidrBlock"], "InvalidSubnet.Range"); err != nil {
		return err
	}
	if err := inside(in.IPv6CIDRBlock, network.Outputs["ipv6CidrBlock"], "InvalidSubnet.Range"); err != nil {
		return err
	}
	if p, err := netip.ParsePrefix(in.IPv6CIDRBlock); err == nil && (p.Bits() < 44 || p.Bits() > 64 || p.Bits()%4 != 0) {
		return cloud.Errorf("InvalidSubnet.Range", "The CIDR '%s' is invalid.", in.IPv6CIDRBlock)
	}
	for _, r := range c.Tx.List(c.Caller.Scope, subnetToken) {
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

type internetGateway struct {
	VPCID string `json:"vpcId"`
	Tags  tags   `json:"tags"`
}

// InternetGateway joins a VPC to the internet.
// https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
var InternetGateway = &cloud.Kind[internetGateway]{
	Spec: cloud.Spec{
		Token:    internetGatewayToken,
		Label:    "EC2 Internet Gateway",
		Needs:    internetGatewayNeeds,
		Computed: []string{"vpcId"},
		Latency:  cloud.Latency{Create: 1, Delete: 11},
		Patience: 20 * time.Minute,
		NotFound: notFound("InvalidInternetGatewayID.NotFound", "The internetGateway ID '%s' does not exist"),
		InUse:    dependencyViolation("internetGateway"),
	},
	Refs: func(_ *cloud.Call, in *internetGateway) []cloud.Ref {
		return []cloud.Ref{{Token: vpcToken, Value: in.VPCID, Optional: true}}
	},
	Outputs: func(c *cloud.Call, in *internetGateway) (cloud.Map, error) {
		s, out := c.Caller.Scope, cloud.Map{"tagsAll": in.Tags.all(c)}
		for _, r := range c.Tx.List(s, internetGatewayToken) {
			if in.VPCID != "" && r.Inputs["vpcId"] == in.VPCID && r.ID != c.Resource.ID {
				return nil, cloud.Errorf("InvalidParameterValue", "Network %s already has an internet gateway attached", in.VPCID)
			}
		}
		if c.Old == nil {
			c.Resource.ID = newID("igw")
			out["arn"] = arn(s, "ec2", "internet-gateway/"+c.Resource.ID)
			out["ownerId"] = s.Account
			return out, nil
		}
		// The provider detaches the gateway from the one VPC and attaches it to the other (terraform-provider-aws v5.100.0,
		// internal/service/ec2/vpc_internet_gateway.go, resourceInternetGatewayUpdate).
		if was := cloud.InputsOf[internetGateway](c.Old).VPCID; was != in.VPCID {
			return out, detachGateway(c, was)
		}
		return out, nil
	},
	Delete: func(c *cloud.Call, in *internetGateway) error { return detachGateway(c, in.VPCID) },
}

var internetGatewayNeeds = needs{
	Create: func(o *operation) {
		createsEC2(o, "ec2:CreateInternetGateway", "internet-gateway")
		if o.given("vpcId") {
			o.own("ec2:AttachInternetGateway")
			o.other(vpcToken, "vpcId", "ec2:AttachInternetGateway")
		}
	},
	Read: func(o *operation) { o.any("ec2:DescribeInternetGateways") },
	Update: func(o *operation) {
		if o.changes("vpcId") {
			if before, _ := o.Old.Inputs["vpcId"].(string); before != "" {
				o.own("ec2:DetachInternetGateway")
				o.on(o.regional("ec2", "vpc/"+before), "ec2:DetachInternetGateway")
			}
			if o.given("vpcId") {
				o.own("ec2:AttachInternetGateway")
				o.other(vpcToken, "vpcId", "ec2:AttachInternetGateway")
			}
		}
		retagsEC2(o)
	},
	Delete: func(o *operation) {
		if o.given("vpcId") {
			o.own("ec2:DetachInternetGateway")
			o.other(vpcToken, "vpcId", "ec2:DetachInternetGateway")
			o.any("ec2:DescribeInternetGateways")
		}
		o.own("ec2:DeleteInternetGateway")
	},
}

// detachGateway refuses to take the gateway from a VPC in which public IPv4 addresses are mapped: those of load balancers and
// of tasks.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html
func detachGateway(c *cloud.Call, network string) error {
	for _, r := range c.Tx.List(c.Resource.Scope, networkInterfaceToken) {
		if ni := NetworkInterface.Of(r); ni.VPCID == network && ni.PublicIP != "" {
			return cloud.InUsef("DependencyViolation", "Network %s has some mapped public address(es). "+
				"Please unmap those public address(es) before detaching the gateway.", network)
		}
	}
	return nil
}

type routeTable struct {
	VPCID string `json:"vpcId"`
	Tags  tags   `json:"tags"`
}

// RouteTable says where the traffic of the subnets goes that are associated with it; those of its own VPC always reach each
// other. Routes are resources of their own: inline ones are not modelled.
// https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html
var RouteTable = &cloud.Kind[routeTable]{
	Spec: cloud.Spec{
		Token:    routeTableToken,
		Label:    "EC2 Route Table",
		Needs:    routeTableNeeds,
		Filled:   cloud.Map{"routes": []any{}, "propagatingVgws": []any{}},
		Computed: []string{"propagatingVgws", "routes"},
		Replace:  []string{"vpcId"},
		Latency:  cloud.Latency{Create: 2, Delete: 1},
		Patience: 5 * time.Minute,
		NotFound: notFound("InvalidRouteTableID.NotFound", "The routeTable ID '%s' does not exist"),
		InUse:    dependencyViolation("routeTable"),
	},
	Refs: func(c *cloud.Call, in *routeTable) []cloud.Ref {
		if cloud.StatusOf[madeByVPC](c.Resource).VPC != "" {
			return nil // goes with its VPC
		}
		return []cloud.Ref{{Token: vpcToken, Value: in.VPCID}}
	},
	Outputs: func(c *cloud.Call, in *routeTable) (cloud.Map, error) {
		s, out := c.Caller.Scope, cloud.Map{"tagsAll": in.Tags.all(c)}
		if inline, _ := c.Resource.Inputs["routes"].([]any); len(inline) > 0 {
			return nil, fmt.Errorf("inline routes: %w; use aws:ec2/route:Route", cloud.ErrUnimplemented)
		}
		if c.Old == nil {
			c.Resource.ID = newID("rtb")
			out["arn"] = arn(s, "ec2", "route-table/"+c.Resource.ID)
			out["ownerId"] = s.Account
		}
		return out, nil
	},
	Release: func(c *cloud.Call, _ *routeTable) error {
		if cloud.StatusOf[madeByVPC](c.Resource).VPC != "" { // a main route table goes with its VPC alone
			return cloud.Errorf("DependencyViolation", "The routeTable '%s' has dependencies and cannot be deleted.", c.Resource.ID)
		}
		return nil
	},
	// The provider takes a table from its subnets before it deletes it.
	Delete: func(c *cloud.Call, _ *routeTable) error {
		deleteWhere(c, "routeTableId", routeToken, routeTableAssociationToken)
		return nil
	},
}

var routeTableNeeds = needs{
	Create: func(o *operation) {
		createsEC2(o, "ec2:CreateRouteTable", "route-table")
		o.other(vpcToken, "vpcId", "ec2:CreateRouteTable")
	},
	Read:   func(o *operation) { o.any("ec2:DescribeRouteTables") },
	Update: retagsEC2,
	Delete: func(o *operation) {
		o.any("ec2:DescribeRouteTables")
		o.own("ec2:DeleteRouteTable")
	},
}

// deleteWhere removes the resources of some kinds that name the call's by an input.
func deleteWhere(c *cloud.Call, input string, tokens ...string) {
	for _, token := range tokens {
		for _, r := range c.Tx.List(c.Resource.Scope, token) {
			if r.Inputs[input] == c.Resource.ID {
				c.Tx.Delete(r.Key)
			}
		}
	}
}

type route struct {
	RouteTableID             string `json:"routeTableId"`
	DestinationCIDRBlock     string `json:"destinationCidrBlock"`
	DestinationIPv6CIDRBlock string `json:"destinationIpv6CidrBlock"`
	DestinationPrefixListID  string `json:"destinationPrefixListId"`
	GatewayID                string `json:"gatewayId"`
	NATGatewayID             string `json:"natGatewayId"`
}

func (r *route) destination() string { return r.DestinationCIDRBlock + r.DestinationIPv6CIDRBlock }

// destinations are the properties of which a route has exactly one.
var destinations = []string{"destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"}

// Route sends the traffic for a range of addresses to a gateway.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html
var Route = &cloud.Kind[route]{
	Spec: cloud.Spec{
		Token:   routeToken,
		Label:   "EC2 Route",
		Needs:   routeNeeds,
		Replace: []string{"routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock"},
		// https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/route#import
		Import: func(_ *cloud.Tx, _ cloud.Scope, id string) string {
			table, destination, _ := strings.Cut(id, "_")
			return routeID(table, destination)
		},
		Latency: cloud.Latency{Create: 1, Delete: 1},
	},
	Check: func(in *route) []cloud.Failure {
		f := checkIPv4("destinationCidrBlock", in.DestinationCIDRBlock)
		f = append(f, checkIPv6("destinationIpv6CidrBlock", in.DestinationIPv6CIDRBlock)...)
		return append(f, atMostOne(destinations, in.DestinationCIDRBlock, in.DestinationIPv6CIDRBlock, in.DestinationPrefixListID)...)
	},
	Refs: func(_ *cloud.Call, in *route) []cloud.Ref {
		return []cloud.Ref{
			{Token: routeTableToken, Value: in.RouteTableID, Weak: true}, // a table takes its routes along
			// When the gateway goes, the route becomes a black hole.
			{Token: internetGatewayToken, Value: in.GatewayID, Weak: true, Optional: true},
		}
	},
	Outputs: func(c *cloud.Call, in *route) (cloud.Map, error) {
		switch {
		case in.GatewayID == "" || in.NATGatewayID != "":
			return nil, fmt.Errorf("a route to anything but an internet gateway: %w", cloud.ErrUnimplemented)
		case in.DestinationPrefixListID != "":
			return nil, fmt.Errorf("a route to a prefix list: %w", cloud.ErrUnimplemented)
		case in.destination() == "":
			return nil, fmt.Errorf("one of %q must be specified", destinations)
		}
		if f := atMostOne(destinations, in.DestinationCIDRBlock, in.DestinationIPv6CIDRBlock); f != nil {
			return nil, errors.New(f[0].Reason)
		}
		table := c.Find(cloud.Ref{Token: routeTableToken, Value: in.RouteTableID})
		gateway := c.Find(cloud.Ref{Token: internetGatewayToken, Value: in.GatewayID})
		if table.Inputs["vpcId"] != gateway.Inputs["vpcId"] {
			return nil, cloud.Errorf("InvalidParameterValue", "route table %s and network gateway %s belong to different networks",
				table.ID, gateway.ID)
		}
		id := routeID(in.RouteTableID, in.destination())
		if c.Old == nil && c.Find(cloud.Ref{Token: routeToken, Value: id}) != nil {
			return nil, cloud.Errorf("RouteAlreadyExists", "The route identified by %s already exists.", in.destination())
		}
		c.Resource.ID = id
		return cloud.Map{"origin": "CreateRoute", "state": "active"}, nil
	},
}

var routeNeeds = needs{
	Create: func(o *operation) { o.other(routeTableToken, "routeTableId", "ec2:CreateRoute") },
	Read:   func(o *operation) { o.any("ec2:DescribeRouteTables") },
	Update: func(o *operation) { o.other(routeTableToken, "routeTableId", "ec2:ReplaceRoute") },
	Delete: func(o *operation) {
		o.other(routeTableToken, "routeTableId", "ec2:DeleteRoute")
		o.any("ec2:DescribeRouteTables")
	},
}

// routeID is the Terraform provider's own form of id, since a route has none.
func routeID(table, destination string) string {
	return fmt.Sprintf("r-%s%d", table, crc32.ChecksumIEEE([]byte(destination)))
}

type routeTableAssociation struct {
	SubnetID     string `json:"subnetId"`
	RouteTableID string `json:"routeTableId"`
}

// RouteTableAssociation makes a subnet use a route table in place of its VPC's main one.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateRouteTable.html
var RouteTableAssociation = &cloud.Kind[routeTableAssociation]{
	Spec: cloud.Spec{
		Token:   routeTableAssociationToken,
		Label:   "EC2 Route Table Association",
		Needs:   routeTableAssociationNeeds,
		Replace: []string{"subnetId"},
		// https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/route_table_association#import
		Import: func(tx *cloud.Tx, s cloud.Scope, id string) string {
			subnet, table, _ := strings.Cut(id, "/")
			for _, r := range tx.List(s, routeTableAssociationToken) {
				if r.Inputs["subnetId"] == subnet && r.Inputs["routeTableId"] == table {
					return r.ID
				}
			}
			return ""
		},
		Latency: cloud.Latency{Create: 1, Delete: 1},
	},
	Refs: func(_ *cloud.Call, in *routeTableAssociation) []cloud.Ref {
		return []cloud.Ref{
			{Token: subnetToken, Value: in.SubnetID, Weak: true}, // goes with its subnet
			{Token: routeTableToken, Value: in.RouteTableID, Weak: true},
		}
	},
	Outputs: func(c *cloud.Call, in *routeTableAssociation) (cloud.Map, error) {
		for _, r := range c.Tx.List(c.Caller.Scope, routeTableAssociationToken) {
			if r.Inputs["subnetId"] == in.SubnetID && r.ID != c.Resource.ID {
				return nil, cloud.Errorf("Resource.AlreadyAssociated",
					"the specified association for route table %s conflicts with an existing association", in.RouteTableID)
			}
		}
		if c.Old == nil {
			c.Resource.ID = newID("rtbassoc")
		}
		return nil, nil
	},
}

var routeTableAssociationNeeds = needs{
	Create: func(o *operation) {
		o.other(routeTableToken, "routeTableId", "ec2:AssociateRouteTable")
		o.other(subnetToken, "subnetId", "ec2:AssociateRouteTable")
	},
	Read: func(o *operation) { o.any("ec2:DescribeRouteTables") },
	Update: func(o *operation) {
		o.other(routeTableToken, "routeTableId", "ec2:ReplaceRouteTableAssociation")
		o.other(subnetToken, "subnetId", "ec2:ReplaceRouteTableAssociation")
	},
	Delete: func(o *operation) {
		o.other(routeTableToken, "routeTableId", "ec2:DisassociateRouteTable")
		o.other(subnetToken, "subnetId", "ec2:DisassociateRouteTable")
		o.any("ec2:DescribeRouteTables")
	},
}

// checkIPv4 finds an IPv4 CIDR block that is none or does not begin at a network's address. An empty one has not been given.
func checkIPv4(property, block string) []cloud.Failure {
	return checkCIDR(property, block, "IPv4", netip.Addr.Is4)
}

// checkIPv6 is to IPv6 CIDR blocks what checkIPv4 is to IPv4 ones.
func checkIPv6(property, block string) []cloud.Failure {
	return checkCIDR(property, block, "IPv6", netip.Addr.Is6)
}

func checkCIDR(property, block, family string, of func(netip.Addr) bool) []cloud.Failure {
	p, err := netip.ParsePrefix(block)
	switch {
	case block == "":
		return nil
	case err != nil || !of(p.Addr()):
		return []cloud.Failure{{Property: property, Reason: fmt.Sprintf("%q is not a valid %s CIDR block", block, family)}}
	case p != p.Masked():
		return []cloud.Failure{{Property: property, Reason: fmt.Sprintf("%q is not a valid CIDR block; did you mean %q?", block, p.Masked())}}
	}
	return nil
}

// checkSize is checkIPv4 for a block whose prefix may be only so short and so long.
func checkSize(property, block string, shortest, longest int) []cloud.Failure {
	if f := checkIPv4(property, block); f != nil || block == "" {
		return f
	}
	if p := netip.MustParsePrefix(block); p.Bits() < shortest || p.Bits() > longest {
		return []cloud.Failure{{
			Property: property,
			Reason:   fmt.Sprintf("expected %q to contain a network value with between %d and %d significant bits, got: %d", block, shortest, longest, p.Bits()),
		}}
	}
	return nil
}

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

// zoneID returns an availability zone's identifier, which is the same in every account, such as euc1-az2.
// https://docs.aws.amazon.com/global-infrastructure/latest/regions/az-ids.html
func zoneID(region string, index int) string {
	parts := strings.Split(region, "-") // such as ap, northeast and 1
	direction := parts[1][:1]
	if strings.HasSuffix(parts[1], "east") && direction != "e" {
		direction += "e"
	}
	return fmt.Sprintf("%s%s%s-az%d", parts[0], direction, parts[2], index+1)
}
