// Package ec2 has the kinds of Amazon EC2, networks above all, a file each. What callers must be allowed follows, for the
// calls, the provider's own source, and for actions, resources and condition keys the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
// terraform-provider-aws, internal/service/ec2
package ec2

import (
	"cmp"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/cloud"
)

// dependencyViolation is EC2's refusal to delete what something else still uses.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
func dependencyViolation(noun string) func(r, by *cloud.Resource) *cloud.Error {
	return func(r, by *cloud.Resource) *cloud.Error {
		return cloud.Errorf("DependencyViolation", "The %s '%s' has dependencies and cannot be deleted. (used by %s)", noun, r.ID, by.ID)
	}
}

// The tokens are constants so that kinds can refer to each other in a circle, as a VPC and its default group do.
const (
	VPCToken                       = "aws:ec2/vpc:Vpc"
	SubnetToken                    = "aws:ec2/subnet:Subnet"
	InternetGatewayToken           = "aws:ec2/internetGateway:InternetGateway"
	EgressOnlyInternetGatewayToken = "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway"
	RouteTableToken                = "aws:ec2/routeTable:RouteTable"
	RouteToken                     = "aws:ec2/route:Route"
	RouteTableAssociationToken     = "aws:ec2/routeTableAssociation:RouteTableAssociation"
	SecurityGroupToken             = "aws:ec2/securityGroup:SecurityGroup"
	DefaultSecurityGroupToken      = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
	SecurityGroupIngressRuleToken  = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
	SecurityGroupEgressRuleToken   = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
	NetworkInterfaceToken          = "aws:ec2/networkInterface:NetworkInterface"
	EIPToken                       = "aws:ec2/eip:Eip"
	FlowLogToken                   = "aws:ec2/flowLog:FlowLog"
	NATGatewayToken                = "aws:ec2/natGateway:NatGateway"
)

// Kinds returns the kinds and functions of the service.
func Kinds() []any {
	return []any{
		VPC, Subnet, InternetGateway, EgressOnlyInternetGateway, RouteTable, Route, RouteTableAssociation,
		SecurityGroup, DefaultSecurityGroup, SecurityGroupIngressRule, SecurityGroupEgressRule, NetworkInterface,
		EIP, NATGateway, FlowLog,
		GetAvailabilityZones, GetRouteTable, GetRouteTables, GetSecurityGroup, GetSubnet, GetSubnets, GetVPC,
	}
}

// owned are the outputs of a resource with an ARN and an account.
type owned struct {
	ARN     string `json:"arn"`
	OwnerID string `json:"ownerId"`
}

// create gives something new of a kind its id, and fills in the outputs that follow from that.
func (o *owned) create(c *cloud.Call, kind string) (id string) {
	id, o.ARN = identify(c.Caller.Scope, kind)
	o.OwnerID = c.Caller.Scope.Account
	return id
}

// identify makes up the identifier of something new of a kind, which its ARN names as policies do.
func identify(s cloud.Scope, kind string) (id, arn string) {
	prefix := map[string]string{
		"internet-gateway": "igw", egressOnlyGateway: "eigw", "route-table": "rtb", "security-group": "sg", "security-group-rule": "sgr",
		"elastic-ip": "eipalloc", "natgateway": "nat", "vpc-flow-log": "fl",
	}[kind]
	id = ids.New(cmp.Or(prefix, kind))
	return id, arns.New(s, "ec2", kind+"/"+id)
}

// creates is creates for a resource of EC2, which gets its identifier at its creation.
func creates(o *permission.Operation, action, kind string) {
	_, arn := identify(o.Caller.Scope, kind)
	o.Creates(action, o.Regional("ec2", kind+"/*"), arn, "ec2:CreateTags", "ec2:createaction")
}

// withARN gives the operation's resource its ARN, which is not among the outputs of the kind.
func withARN(o *permission.Operation, kind string) { o.ARN = o.Regional("ec2", kind+"/"+o.ARN) }

func retags(o *permission.Operation) { o.Retags("ec2:CreateTags", "ec2:DeleteTags") }
