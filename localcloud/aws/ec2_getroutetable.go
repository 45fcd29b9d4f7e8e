package aws

import (
	"fmt"

	"slipway/localcloud/cloud"
)

type routeTableArgs struct {
	RouteTableID string      `json:"routeTableId"`
	SubnetID     string      `json:"subnetId"`
	GatewayID    string      `json:"gatewayId"`
	VPCID        string      `json:"vpcId"`
	Tags         tags        `json:"tags"`
	Filters      []cloud.Map `json:"filters"`
}

// getRouteTable tells what a route table holds. It is found by its id alone.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html
var getRouteTable = &cloud.Function[routeTableArgs]{
	Token: "aws:ec2/getRouteTable:getRouteTable",
	Needs: needs{Invoke: func(o *operation) { o.any("ec2:DescribeRouteTables") }},
	Call: func(c *cloud.Call, args *routeTableArgs) (cloud.Map, error) {
		if args.RouteTableID == "" || args.SubnetID+args.GatewayID+args.VPCID != "" || len(args.Tags)+len(args.Filters) > 0 {
			return nil, unimplemented("looking for a route table by anything but its id")
		}
		table := c.Find(cloud.Ref{Token: routeTableToken, Value: args.RouteTableID})
		if table == nil {
			return nil, fmt.Errorf("no matching EC2 Route Table found: %s", args.RouteTableID)
		}
		routes, associations := []any{}, []any{}
		for _, r := range c.Tx.List(table.Scope, routeToken) {
			if in := Route.Of(r); in.RouteTableID == table.ID {
				routes = append(routes, in.listed())
			}
		}
		for _, r := range c.Tx.List(table.Scope, routeTableAssociationToken) {
			if in := RouteTableAssociation.Of(r); in.RouteTableID == table.ID {
				associations = append(associations, cloud.Map{
					"routeTableAssociationId": r.ID, "routeTableId": table.ID, "subnetId": in.SubnetID, "gatewayId": "", "main": false,
				})
			}
		}
		return cloud.Map{
			"id": table.ID, "routeTableId": table.ID, "arn": table.Outputs["arn"], "ownerId": table.Scope.Account,
			"vpcId": table.Inputs["vpcId"], "subnetId": "", "gatewayId": "", "tags": asMap(tagsOf(table)),
			"routes": routes, "associations": associations,
		}, nil
	},
}

// listed is the route as its table lists it: with everything that it could lead to.
func (r *route) listed() cloud.Map {
	out := cloud.Map{"cidrBlock": r.DestinationCIDRBlock, "ipv6CidrBlock": r.DestinationIPv6CIDRBlock, "gatewayId": r.GatewayID}
	for _, p := range []string{
		"carrierGatewayId", "coreNetworkArn", "destinationPrefixListId", "egressOnlyGatewayId", "instanceId", "localGatewayId",
		"natGatewayId", "networkInterfaceId", "transitGatewayId", "vpcEndpointId", "vpcPeeringConnectionId",
	} {
		out[p] = ""
	}
	return out
}
