package ec2

import (
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

// egressOnlyGateway is the type of resource in ARNs.
const egressOnlyGateway = "egress-only-internet-gateway"

type egressOnlyInternetGateway struct {
	VPCID string    `json:"vpcId"`
	Tags  tags.Tags `json:"tags"`
}

// EgressOnlyInternetGateway lets what is in a VPC begin connections with the internet over IPv6, and nobody there begin one with it.
// https://docs.aws.amazon.com/vpc/latest/userguide/egress-only-internet-gateway.html
var EgressOnlyInternetGateway = &cloud.Kind[egressOnlyInternetGateway, struct{}]{
	Spec: cloud.Spec{
		Token:    EgressOnlyInternetGatewayToken,
		Label:    "EC2 Egress-only Internet Gateway",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true},
		Derived:  tags.All,
		Needs:    egressOnlyInternetGatewayNeeds,
		Replace:  []string{"vpcId"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: check.NotFound("InvalidEgressOnlyInternetGatewayId.NotFound", "The egress-only internet gateway ID '%s' does not exist"),
		InUse:    dependencyViolation("egressOnlyInternetGateway"),
	},
	Refs: func(_ *cloud.Call, in *egressOnlyInternetGateway) []cloud.Ref {
		return []cloud.Ref{{Token: VPCToken, Value: in.VPCID}}
	},
	Create: func(c *cloud.Call, _ *egressOnlyInternetGateway, _ *struct{}) (string, error) {
		id, _ := identify(c.Caller.Scope, egressOnlyGateway)
		return id, nil
	},
}

var egressOnlyInternetGatewayNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		creates(o, "ec2:CreateEgressOnlyInternetGateway", egressOnlyGateway)
		o.Other(VPCToken, "vpcId", "ec2:CreateEgressOnlyInternetGateway")
	},
	Read: func(o *permission.Operation) { o.Any("ec2:DescribeEgressOnlyInternetGateways") },
	Update: func(o *permission.Operation) {
		withARN(o, egressOnlyGateway)
		retags(o)
	},
	Delete: func(o *permission.Operation) {
		withARN(o, egressOnlyGateway)
		o.Own("ec2:DeleteEgressOnlyInternetGateway")
		o.Any("ec2:DescribeEgressOnlyInternetGateways")
	},
}
