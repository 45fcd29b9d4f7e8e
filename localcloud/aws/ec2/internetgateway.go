package ec2

import (
	"time"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type internetGateway struct {
	VPCID string    `json:"vpcId"`
	Tags  tags.Tags `json:"tags"`
}

// InternetGateway joins a VPC to the internet.
// https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html
var InternetGateway = &cloud.Kind[internetGateway, owned]{
	Spec: cloud.Spec{
		Token:    InternetGatewayToken,
		Label:    "EC2 Internet Gateway",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true, Refused: "DependencyViolation"},
		Derived:  tags.All,
		Needs:    internetGatewayNeeds,
		Computed: []string{"vpcId"},
		Latency:  cloud.Latency{Create: 1, Delete: 11},
		Patience: 20 * time.Minute,
		NotFound: check.NotFound("InvalidInternetGatewayID.NotFound", "The internetGateway ID '%s' does not exist"),
		InUse:    dependencyViolation("internetGateway"),
	},
	Refs: func(_ *cloud.Call, in *internetGateway) []cloud.Ref {
		return []cloud.Ref{{Token: VPCToken, Value: in.VPCID, Optional: true}}
	},
	Rules: func(c *cloud.Call, in *internetGateway) error {
		for _, r := range c.Tx.List(c.Caller.Scope, InternetGatewayToken) {
			if in.VPCID != "" && cloud.InputsOf[internetGateway](r).VPCID == in.VPCID && r.ID != c.Resource.ID {
				return cloud.Errorf("InvalidParameterValue", "Network %s already has an internet gateway attached", in.VPCID)
			}
		}
		return nil
	},
	Create: func(c *cloud.Call, _ *internetGateway, out *owned) (string, error) {
		return out.create(c, "internet-gateway"), nil
	},
	// The provider detaches the gateway from the one VPC and attaches it to the other (terraform-provider-aws v5.100.0,
	// internal/service/ec2/vpc_internet_gateway.go, resourceInternetGatewayUpdate).
	Update: func(c *cloud.Call, in *internetGateway, _ *owned) error {
		if was := cloud.InputsOf[internetGateway](c.Old).VPCID; was != in.VPCID {
			return detachGateway(c, was)
		}
		return nil
	},
	Delete: func(c *cloud.Call, in *internetGateway) error { return detachGateway(c, in.VPCID) },
}

var internetGatewayNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		creates(o, "ec2:CreateInternetGateway", "internet-gateway")
		if o.Given("vpcId") {
			o.Own("ec2:AttachInternetGateway")
			o.Other(VPCToken, "vpcId", "ec2:AttachInternetGateway")
		}
	},
	Read: func(o *permission.Operation) { o.Any("ec2:DescribeInternetGateways") },
	Update: func(o *permission.Operation) {
		if o.Changes("vpcId") {
			if before, _ := o.Old.Inputs["vpcId"].(string); before != "" {
				o.Own("ec2:DetachInternetGateway")
				o.On(o.Regional("ec2", "vpc/"+before), "ec2:DetachInternetGateway")
			}
			if o.Given("vpcId") {
				o.Own("ec2:AttachInternetGateway")
				o.Other(VPCToken, "vpcId", "ec2:AttachInternetGateway")
			}
		}
		retags(o)
	},
	Delete: func(o *permission.Operation) {
		if o.Given("vpcId") {
			o.Own("ec2:DetachInternetGateway")
			o.Other(VPCToken, "vpcId", "ec2:DetachInternetGateway")
			o.Any("ec2:DescribeInternetGateways")
		}
		o.Own("ec2:DeleteInternetGateway")
	},
}

// detachGateway refuses to take the gateway from a VPC in which public IPv4 addresses are mapped: those of load balancers and
// of tasks.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html
func detachGateway(c *cloud.Call, network string) error {
	for _, r := range c.Tx.List(c.Resource.Scope, NetworkInterfaceToken) {
		if ni := NetworkInterface.Inputs(r); ni.VPCID == network && ni.PublicIP != "" {
			return cloud.InUsef("DependencyViolation", "Network %s has some mapped public address(es). "+
				"Please unmap those public address(es) before detaching the gateway.", network)
		}
	}
	return nil
}
