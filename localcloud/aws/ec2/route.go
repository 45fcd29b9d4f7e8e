package ec2

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strings"

	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/cloud"
)

type route struct {
	RouteTableID             string `json:"routeTableId"`
	DestinationCIDRBlock     string `json:"destinationCidrBlock"`
	DestinationIPv6CIDRBlock string `json:"destinationIpv6CidrBlock"`
	DestinationPrefixListID  string `json:"destinationPrefixListId"`
	GatewayID                string `json:"gatewayId"`
	EgressOnlyGatewayID      string `json:"egressOnlyGatewayId"`
	NATGatewayID             string `json:"natGatewayId"`
}

func (r *route) destination() string { return r.DestinationCIDRBlock + r.DestinationIPv6CIDRBlock }

// target returns the gateway that the route leads to.
func (r *route) target() (token, id string) {
	switch {
	case r.NATGatewayID != "":
		return NATGatewayToken, r.NATGatewayID
	case r.EgressOnlyGatewayID != "":
		return EgressOnlyInternetGatewayToken, r.EgressOnlyGatewayID
	}
	return InternetGatewayToken, r.GatewayID
}

// destinations are the properties of which a route has exactly one.
var destinations = []string{"destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"}

// targets are the properties of which a route has exactly one: where it leads.
var targets = []string{"gatewayId", "natGatewayId", "egressOnlyGatewayId"}

type routeOutputs struct {
	Origin string `json:"origin"`
	State  string `json:"state"`
}

// Route sends the traffic for a range of addresses to a gateway.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html
var Route = &cloud.Kind[route, routeOutputs]{
	Spec: cloud.Spec{
		Token:   RouteToken,
		Label:   "EC2 Route",
		Drift:   cloud.Drift{Unchanged: "AWS has nothing else that it could lead to"},
		Needs:   routeNeeds,
		Replace: []string{"routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock"},
		// https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/route#import
		Import: &cloud.Import{
			ID: func(r *cloud.Resource) string {
				in := cloud.InputsOf[route](r)
				return in.RouteTableID + "_" + in.destination()
			},
			Find: func(_ *cloud.Tx, _ cloud.Scope, id string) string {
				table, destination, _ := strings.Cut(id, "_")
				return routeID(table, destination)
			},
		},
		Latency: cloud.Latency{Create: 1, Delete: 1},
	},
	Check: func(in *route) []cloud.Failure {
		f := checkIPv4("destinationCidrBlock", in.DestinationCIDRBlock)
		f = append(f, checkIPv6("destinationIpv6CidrBlock", in.DestinationIPv6CIDRBlock)...)
		f = append(f, atMostOne(targets, in.GatewayID, in.NATGatewayID, in.EgressOnlyGatewayID)...)
		return append(f, atMostOne(destinations, in.DestinationCIDRBlock, in.DestinationIPv6CIDRBlock, in.DestinationPrefixListID)...)
	},
	Refs: func(_ *cloud.Call, in *route) []cloud.Ref {
		return []cloud.Ref{
			{Token: RouteTableToken, Value: in.RouteTableID, Weak: true}, // a table takes its routes along
			// When the gateway goes, the route becomes a black hole.
			{Token: InternetGatewayToken, Value: in.GatewayID, Weak: true, Optional: true},
			{Token: EgressOnlyInternetGatewayToken, Value: in.EgressOnlyGatewayID, Weak: true, Optional: true},
			{Token: NATGatewayToken, Value: in.NATGatewayID, Weak: true, Optional: true},
		}
	},
	Rules: func(c *cloud.Call, in *route) error {
		switch {
		case in.GatewayID+in.NATGatewayID+in.EgressOnlyGatewayID == "":
			return fmt.Errorf("a route to anything but an internet gateway, an egress-only one or a NAT gateway: %w", cloud.ErrUnimplemented)
		case in.NATGatewayID != "" && in.DestinationIPv6CIDRBlock != "":
			return fmt.Errorf("a route of IPv6 addresses to a NAT gateway: %w", cloud.ErrUnimplemented)
		case in.DestinationPrefixListID != "":
			return fmt.Errorf("a route to a prefix list: %w", cloud.ErrUnimplemented)
		case in.destination() == "":
			return fmt.Errorf("one of %q must be specified", destinations)
		}
		if f := atMostOne(destinations, in.DestinationCIDRBlock, in.DestinationIPv6CIDRBlock); f != nil {
			return errors.New(f[0].Reason)
		}
		// https://docs.aws.amazon.com/vpc/latest/userguide/egress-only-internet-gateway.html
		if in.EgressOnlyGatewayID != "" && in.DestinationIPv6CIDRBlock == "" {
			return cloud.Errorf("InvalidParameterValue", "The destination %s is invalid: an egress-only internet gateway is for IPv6.", in.destination())
		}
		table := c.Find(cloud.Ref{Token: RouteTableToken, Value: in.RouteTableID})
		token, id := in.target()
		gateway := c.Find(cloud.Ref{Token: token, Value: id})
		if RouteTable.Inputs(table).VPCID != vpcOfGateway(c, gateway) {
			return cloud.Errorf("InvalidParameterValue", "route table %s and network gateway %s belong to different networks", table.ID, gateway.ID)
		}
		return nil
	},
	Create: func(c *cloud.Call, in *route, out *routeOutputs) (string, error) {
		id := routeID(in.RouteTableID, in.destination())
		if c.Find(cloud.Ref{Token: RouteToken, Value: id}) != nil {
			return "", cloud.Errorf("RouteAlreadyExists", "The route identified by %s already exists.", in.destination())
		}
		out.Origin, out.State = "CreateRoute", "active"
		return id, nil
	},
}

var routeNeeds = permission.Needs{
	Create: func(o *permission.Operation) { o.Other(RouteTableToken, "routeTableId", "ec2:CreateRoute") },
	Read:   func(o *permission.Operation) { o.Any("ec2:DescribeRouteTables") },
	Update: func(o *permission.Operation) { o.Other(RouteTableToken, "routeTableId", "ec2:ReplaceRoute") },
	Delete: func(o *permission.Operation) {
		o.Other(RouteTableToken, "routeTableId", "ec2:DeleteRoute")
		o.Any("ec2:DescribeRouteTables")
	},
}

// vpcOfGateway returns the VPC in which a gateway is.
func vpcOfGateway(c *cloud.Call, gateway *cloud.Resource) string {
	switch gateway.Token {
	case NATGatewayToken:
		subnet := c.Find(cloud.Ref{Token: SubnetToken, Value: NATGateway.Inputs(gateway).SubnetID})
		return Subnet.Inputs(subnet).VPCID
	case EgressOnlyInternetGatewayToken:
		return EgressOnlyInternetGateway.Inputs(gateway).VPCID
	}
	return InternetGateway.Inputs(gateway).VPCID
}

// routeID is the Terraform provider's own form of id, because a route has none.
func routeID(table, destination string) string {
	return fmt.Sprintf("r-%s%d", table, crc32.ChecksumIEEE([]byte(destination)))
}

// listed is the route as its table lists it: with everything that it could lead to.
func (r *route) listed() cloud.Map {
	out := cloud.Map{
		"cidrBlock": r.DestinationCIDRBlock, "ipv6CidrBlock": r.DestinationIPv6CIDRBlock,
		"gatewayId": r.GatewayID, "egressOnlyGatewayId": r.EgressOnlyGatewayID, "natGatewayId": r.NATGatewayID,
	}
	for _, p := range []string{
		"carrierGatewayId", "coreNetworkArn", "destinationPrefixListId", "instanceId", "localGatewayId",
		"networkInterfaceId", "transitGatewayId", "vpcEndpointId", "vpcPeeringConnectionId",
	} {
		out[p] = ""
	}
	return out
}
