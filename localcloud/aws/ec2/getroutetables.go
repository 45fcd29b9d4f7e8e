package ec2

import (
	"strconv"

	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type routeTablesArgs struct {
	VPCID   string    `json:"vpcId"`
	Filters []filter  `json:"filters"`
	Tags    tags.Tags `json:"tags"`
}

// GetRouteTables returns the ids of the route tables of a VPC, or of subnets that are associated with one.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html
var GetRouteTables = &cloud.Function[routeTablesArgs]{
	Token: "aws:ec2/getRouteTables:getRouteTables",
	Needs: permission.Needs{Invoke: func(o *permission.Operation) { o.Any("ec2:DescribeRouteTables") }},
	Call: func(c *cloud.Call, args *routeTablesArgs) (cloud.Map, error) {
		found := []any{}
		for _, r := range c.Tx.List(c.Caller.Scope, RouteTableToken) {
			vpc := RouteTable.Inputs(r).VPCID
			if args.VPCID != "" && args.VPCID != vpc {
				continue
			}
			has := map[string][]string{
				"vpc-id": {vpc}, "association.subnet-id": nil, "association.main": {strconv.FormatBool(isMain(r))},
			}
			for _, a := range c.Tx.Where(r.Scope, RouteTableAssociationToken, "routeTableId", r.ID) {
				has["association.subnet-id"] = append(has["association.subnet-id"], RouteTableAssociation.Inputs(a).SubnetID)
			}
			ok, err := matches(r, args.Filters, args.Tags, has)
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

// isMain reports whether a route table is its VPC's main one, which subnets without an association use.
// https://docs.aws.amazon.com/vpc/latest/userguide/RouteTables.html#main-route-table
func isMain(table *cloud.Resource) bool { return cloud.StatusOf[madeByVPC](table).VPC != "" }
