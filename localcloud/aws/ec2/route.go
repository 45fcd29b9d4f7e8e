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

// destinations are the properties of which a route has exactly one.
var destinations = []string{"destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"}

// routeTargets are the properties with what a route leads to, one of which it has.
var routeTargets = []string{"gatewayId", "egressOnlyGatewayId"}

// target is the id of what the route leads to.
func (r *route) target() string { return r.GatewayID + r.EgressOnlyGatewayID }

// gatewaysVPC returns the VPC of the gateway that the route leads to.
func gatewaysVPC(c *cloud.Call, in *route) string {
	if in.EgressOnlyGatewayID != "" {
		return EgressOnlyInternetGateway.Inputs(c.Find(cloud.Ref{Token: EgressOnlyInternetGatewayToken, Value: in.EgressOnlyGatewayID})).VPCID
	}
	return InternetGateway.Inputs(c.Find(cloud.Ref{Token: InternetGatewayToken, Value: in.GatewayID})).VPCID
}

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
		return append(f, atMostOne(destinations, in.DestinationCIDRBlock, in.DestinationIPv6CIDRBlock, in.DestinationPrefixListID)...)
	},
	Refs: func(_ *cloud.Call, in *route) []cloud.Ref {
		return []cloud.Ref{
			{Token: RouteTableToken, Value: in.RouteTableID, Weak: true}, // a table takes its routes along
			// When the gateway goes, the route becomes a black hole.
			{Token: InternetGatewayToken, Value: in.GatewayID, Weak: true, Optional: true},
			{Token: EgressOnlyInternetGatewayToken, Value: in.EgressOnlyGatewayID, Weak: true, Optional: true},
		}
	},
	Rules: func(c *cloud.Call, in *route) error {
		switch {
		case in.target() == "" || in.NATGatewayID != "":
			return fmt.Errorf("a route to anything but an internet gateway: %w", cloud.ErrUnimplemented)
		case in.DestinationPrefixListID != "":
			return fmt.Errorf("a route to a prefix list: %w", cloud.ErrUnimplemented)
		case in.destination() == "":
			return fmt.Errorf("one of %q must be specified", destinations)
		}
		if f := atMostOne(destinations, in.DestinationCIDRBlock, in.DestinationIPv6CIDRBlock); f != nil {
			return errors.New(f[0].Reason)
		}
		if f := atMostOne(routeTargets, in.GatewayID, in.EgressOnlyGatewayID); f != nil {
			return errors.New(f[0].Reason)
		}
		// https://docs.aws.amazon.com/vpc/latest/userguide/egress-only-internet-gateway.html
		if in.EgressOnlyGatewayID != "" && in.DestinationIPv6CIDRBlock == "" {
			return cloud.Errorf("InvalidParameterValue", "The destination %s is invalid: an egress-only internet gateway is for IPv6.", in.destination())
		}
		table := c.Find(cloud.Ref{Token: RouteTableToken, Value: in.RouteTableID})
		if RouteTable.Inputs(table).VPCID != gatewaysVPC(c, in) {
			return cloud.Errorf("InvalidParameterValue", "route table %s and network gateway %s belong to different networks", table.ID, in.target())
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

// routeID is the Terraform provider's own form of id, because a route has none.
func routeID(table, destination string) string {
	return fmt.Sprintf("r-%s%d", table, crc32.ChecksumIEEE([]byte(destination)))
}

// listed is the route as its table lists it: with everything that it could lead to.
func (r *route) listed() cloud.Map {
	out := cloud.Map{
		"cidrBlock": r.DestinationCIDRBlock, "ipv6CidrBlock": r.DestinationIPv6CIDRBlock,
		"gatewayId": r.GatewayID, "egressOnlyGatewayId": r.EgressOnlyGatewayID,
	}
	for _, p := range []string{
		"carrierGatewayId", "coreNetworkArn", "destinationPrefixListId", "instanceId", "localGatewayId",
		"natGatewayId", "networkInterfaceId", "transitGatewayId", "vpcEndpointId", "vpcPeeringConnectionId",
	} {
		out[p] = ""
	}
	return out
}
