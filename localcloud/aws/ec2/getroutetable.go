package ec2

import (
	"fmt"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

type routeTableArgs struct {
	RouteTableID string      `json:"routeTableId"`
	SubnetID     string      `json:"subnetId"`
	GatewayID    string      `json:"gatewayId"`
	VPCID        string      `json:"vpcId"`
	Tags         tags.Tags   `json:"tags"`
	Filters      []cloud.Map `json:"filters"`
}

// GetRouteTable returns the content of a route table. It is found only by its id.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html
var GetRouteTable = &cloud.Function[routeTableArgs]{
	Token: "aws:ec2/getRouteTable:getRouteTable",
	Needs: permission.Needs{Invoke: func(o *permission.Operation) { o.Any("ec2:DescribeRouteTables") }},
	Call: func(c *cloud.Call, args *routeTableArgs) (cloud.Map, error) {
		if args.RouteTableID == "" || args.SubnetID+args.GatewayID+args.VPCID != "" || len(args.Tags)+len(args.Filters) > 0 {
			return nil, check.Unimplemented("looking for a route table by anything but its id")
		}
		table := c.Find(cloud.Ref{Token: RouteTableToken, Value: args.RouteTableID})
		if table == nil {
			return nil, fmt.Errorf("no matching EC2 Route Table found: %s", args.RouteTableID)
		}
		routes, associations := []any{}, []any{}
		if isMain(table) {
			associations = append(associations, cloud.Map{
				"routeTableAssociationId": table.ID + "-main", "routeTableId": table.ID, "subnetId": "", "gatewayId": "", "main": true,
			})
		}
		for _, r := range c.Tx.List(table.Scope, RouteToken) {
			if in := Route.Inputs(r); in.RouteTableID == table.ID {
				routes = append(routes, in.listed())
			}
		}
		for _, r := range c.Tx.List(table.Scope, RouteTableAssociationToken) {
			if in := RouteTableAssociation.Inputs(r); in.RouteTableID == table.ID {
				associations = append(associations, cloud.Map{
					"routeTableAssociationId": r.ID, "routeTableId": table.ID, "subnetId": in.SubnetID, "gatewayId": "", "main": false,
				})
			}
		}
		return cloud.Map{
			"id": table.ID, "routeTableId": table.ID, "arn": RouteTable.Outputs(table).ARN, "ownerId": table.Scope.Account,
			"vpcId": RouteTable.Inputs(table).VPCID, "subnetId": "", "gatewayId": "", "tags": untyped.Map(tags.Of(table)),
			"routes": routes, "associations": associations,
		}, nil
	},
}
