package ec2

import (
	"fmt"
	"time"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type routeTable struct {
	VPCID  string    `json:"vpcId"`
	Routes []any     `json:"routes"`
	Tags   tags.Tags `json:"tags"`
}

// RouteTable has the routes of its associated subnets. Addresses of its own VPC always reach each other. Routes are separate resources:
// inline ones are not modelled.
// https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html
var RouteTable = &cloud.Kind[routeTable, owned]{
	Spec: cloud.Spec{
		Token:    RouteTableToken,
		Label:    "EC2 Route Table",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true, Left: "the local cloud takes it from its subnets first, as the provider does"},
		Derived:  tags.All,
		Needs:    routeTableNeeds,
		Filled:   cloud.Map{"routes": []any{}, "propagatingVgws": []any{}},
		Computed: []string{"propagatingVgws", "routes"},
		Replace:  []string{"vpcId"},
		Latency:  cloud.Latency{Create: 2, Delete: 1},
		Patience: 5 * time.Minute,
		NotFound: check.NotFound("InvalidRouteTableID.NotFound", "The routeTable ID '%s' does not exist"),
		InUse:    dependencyViolation("routeTable"),
	},
	Refs: func(c *cloud.Call, in *routeTable) []cloud.Ref {
		if cloud.StatusOf[madeByVPC](c.Resource).VPC != "" {
			return nil // goes with its VPC
		}
		return []cloud.Ref{{Token: VPCToken, Value: in.VPCID}}
	},
	Rules: func(_ *cloud.Call, in *routeTable) error {
		if len(in.Routes) > 0 {
			return fmt.Errorf("inline routes: %w; use aws:ec2/route:Route", cloud.ErrUnimplemented)
		}
		return nil
	},
	Create: func(c *cloud.Call, _ *routeTable, out *owned) (string, error) {
		return out.create(c, "route-table"), nil
	},
	Release: func(c *cloud.Call, _ *routeTable) error {
		if cloud.StatusOf[madeByVPC](c.Resource).VPC != "" { // a main route table is only deleted with its VPC
			return cloud.Errorf("DependencyViolation", "The routeTable '%s' has dependencies and cannot be deleted.", c.Resource.ID)
		}
		return nil
	},
	// The provider takes a table from its subnets before it deletes it.
	Delete: func(c *cloud.Call, _ *routeTable) error {
		c.DeleteWhere("routeTableId", RouteToken, RouteTableAssociationToken)
		return nil
	},
}

var routeTableNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		creates(o, "ec2:CreateRouteTable", "route-table")
		o.Other(VPCToken, "vpcId", "ec2:CreateRouteTable")
	},
	Read:   func(o *permission.Operation) { o.Any("ec2:DescribeRouteTables") },
	Update: retags,
	Delete: func(o *permission.Operation) {
		o.Any("ec2:DescribeRouteTables")
		o.Own("ec2:DeleteRouteTable")
	},
}
