package mocks

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// VPC is a network that others keep.
type VPC struct {
	ID    string
	NoDNS bool
	// Subnets are the subnets by id, those of other VPCs too, and Tables its route tables by id. The one called "main" is the main one.
	Subnets map[string]Subnet
	Tables  map[string]Table
}

// Subnet is a subnet of a VPC.
type Subnet struct {
	VPCID, Zone, IPv6, Tier string // Tier is its tag of that name
	Free                    int
}

// Table is a route table: its subnets, and for each destination the property of a route and its value.
type Table struct {
	Subnets []string
	Routes  map[string][2]string
}

// What [NewVPC] has: subnets in zones a and b, with a route to an internet gateway, or to a NAT gateway.
const (
	VPCID    = "vpc-0123456789abcdef0"
	PublicA  = "subnet-0123456789abcdefa"
	PublicB  = "subnet-0123456789abcdefb"
	PrivateA = "subnet-0123456789abcdefc"
	PrivateB = "subnet-0123456789abcdefd"
)

// NewVPC returns a VPC in which everything is right. The private subnets use the main route table.
func NewVPC() VPC {
	return VPC{
		ID: VPCID,
		Subnets: map[string]Subnet{
			PublicA:  {VPCID: VPCID, Zone: "a", IPv6: "2001:db8::/64", Tier: "public", Free: 200},
			PublicB:  {VPCID: VPCID, Zone: "b", IPv6: "2001:db8:1::/64", Tier: "public", Free: 200},
			PrivateA: {VPCID: VPCID, Zone: "a", Tier: "private", Free: 200},
			PrivateB: {VPCID: VPCID, Zone: "b", Tier: "private", Free: 200},
		},
		Tables: map[string]Table{
			"main":     {Routes: map[string][2]string{"0.0.0.0/0": {"natGatewayId", "nat-1"}}},
			"public":   {[]string{PublicA, PublicB}, map[string][2]string{"0.0.0.0/0": {"gatewayId", "igw-1"}, "::/0": {"gatewayId", "igw-1"}}},
			"isolated": {},
		},
	}
}

// Functions returns the answers about the VPC.
func (v VPC) Functions() map[string]Function {
	return map[string]Function{
		"aws:ec2/getVpc:getVpc": func(args resource.PropertyMap) (map[string]any, error) {
			if args["id"].StringValue() != v.ID {
				return nil, fmt.Errorf("no matching EC2 VPC found")
			}
			return map[string]any{"id": v.ID, "enableDnsSupport": !v.NoDNS, "enableDnsHostnames": !v.NoDNS}, nil
		},
		"aws:ec2/getSubnet:getSubnet": func(args resource.PropertyMap) (map[string]any, error) {
			s, found := v.Subnets[args["id"].StringValue()]
			if !found {
				return nil, fmt.Errorf("no matching EC2 Subnet found")
			}
			return map[string]any{"vpcId": s.VPCID, "availabilityZone": s.Zone, "ipv6CidrBlock": s.IPv6, "availableIpAddressCount": s.Free}, nil
		},
		"aws:ec2/getSubnets:getSubnets": v.tagged,
		"aws:ec2/getRouteTables:getRouteTables": func(resource.PropertyMap) (map[string]any, error) {
			return map[string]any{"ids": texts(slices.Sorted(maps.Keys(v.Tables)))}, nil
		},
		"aws:ec2/getRouteTable:getRouteTable": v.table,
	}
}

func (v VPC) tagged(args resource.PropertyMap) (map[string]any, error) {
	var ids []string
	for id, s := range v.Subnets {
		if s.VPCID == v.ID && s.Tier == args["tags"].ObjectValue()["Tier"].StringValue() {
			ids = append(ids, id)
		}
	}
	return map[string]any{"ids": texts(ids)}, nil
}

func (v VPC) table(args resource.PropertyMap) (map[string]any, error) {
	id := args["routeTableId"].StringValue()
	associations := []any{map[string]any{"main": id == "main", "subnetId": ""}}
	for _, subnet := range v.Tables[id].Subnets {
		associations = append(associations, map[string]any{"main": false, "subnetId": subnet})
	}
	routes := []any{map[string]any{"cidrBlock": "10.0.0.0/16", "gatewayId": "local"}}
	for destination, to := range v.Tables[id].Routes {
		route := map[string]any{"cidrBlock": destination, to[0]: to[1]}
		if slices.Contains([]byte(destination), ':') {
			route = map[string]any{"ipv6CidrBlock": destination, to[0]: to[1]}
		}
		routes = append(routes, route)
	}
	return map[string]any{"associations": associations, "routes": routes}, nil
}

func texts(all []string) []any {
	list := make([]any, len(all))
	for i, text := range all {
		list[i] = text
	}
	return list
}
