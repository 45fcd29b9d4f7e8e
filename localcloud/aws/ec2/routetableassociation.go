package ec2

import (
	"strings"

	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/cloud"
)

type routeTableAssociation struct {
	SubnetID     string `json:"subnetId"`
	RouteTableID string `json:"routeTableId"`
}

// RouteTableAssociation makes a subnet use a route table instead of its VPC's main one.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateRouteTable.html
var RouteTableAssociation = &cloud.Kind[routeTableAssociation, struct{}]{
	Spec: cloud.Spec{
		Token:   RouteTableAssociationToken,
		Label:   "EC2 Route Table Association",
		Drift:   cloud.Drift{Unchanged: "its subnet would have to have another table"},
		Needs:   routeTableAssociationNeeds,
		Replace: []string{"subnetId"},
		// https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/route_table_association#import
		Import: &cloud.Import{
			ID: func(r *cloud.Resource) string {
				in := cloud.InputsOf[routeTableAssociation](r)
				return in.SubnetID + "/" + in.RouteTableID
			},
			Find: func(tx *cloud.Tx, s cloud.Scope, id string) string {
				subnet, table, _ := strings.Cut(id, "/")
				for _, r := range tx.List(s, RouteTableAssociationToken) {
					if in := cloud.InputsOf[routeTableAssociation](r); in.SubnetID == subnet && in.RouteTableID == table {
						return r.ID
					}
				}
				return ""
			},
		},
		Latency: cloud.Latency{Create: 1, Delete: 1},
	},
	Refs: func(_ *cloud.Call, in *routeTableAssociation) []cloud.Ref {
		return []cloud.Ref{
			{Token: SubnetToken, Value: in.SubnetID, Weak: true}, // goes with its subnet
			{Token: RouteTableToken, Value: in.RouteTableID, Weak: true},
		}
	},
	Rules: func(c *cloud.Call, in *routeTableAssociation) error {
		for _, r := range c.Tx.List(c.Caller.Scope, RouteTableAssociationToken) {
			if cloud.InputsOf[routeTableAssociation](r).SubnetID == in.SubnetID && r.ID != c.Resource.ID {
				return cloud.Errorf("Resource.AlreadyAssociated",
					"the specified association for route table %s conflicts with an existing association", in.RouteTableID)
			}
		}
		return nil
	},
	Create: func(*cloud.Call, *routeTableAssociation, *struct{}) (string, error) { return ids.New("rtbassoc"), nil },
}

var routeTableAssociationNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		o.Other(RouteTableToken, "routeTableId", "ec2:AssociateRouteTable")
		o.Other(SubnetToken, "subnetId", "ec2:AssociateRouteTable")
	},
	Read: func(o *permission.Operation) { o.Any("ec2:DescribeRouteTables") },
	Update: func(o *permission.Operation) {
		o.Other(RouteTableToken, "routeTableId", "ec2:ReplaceRouteTableAssociation")
		o.Other(SubnetToken, "subnetId", "ec2:ReplaceRouteTableAssociation")
	},
	Delete: func(o *permission.Operation) {
		o.Other(RouteTableToken, "routeTableId", "ec2:DisassociateRouteTable")
		o.Other(SubnetToken, "subnetId", "ec2:DisassociateRouteTable")
		o.Any("ec2:DescribeRouteTables")
	},
}
