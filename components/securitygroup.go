package components

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Every source or destination, for rules that allow all.
const (
	everyIPv4 = "0.0.0.0/0"
	everyIPv6 = "::/0"
)

// newSecurityGroup creates a security group without rules. Its description cannot be changed: EC2 would need a new group, and the old
// one cannot be deleted while a network interface uses it. So descriptions do not depend on config.
//
// Rules are separate resources. Inline rules would delete them.
func newSecurityGroup(
	ctx *pulumi.Context, name, description string, vpcID pulumi.StringInput, tags Tags, parent pulumi.ResourceOption,
) (*ec2.SecurityGroup, error) {
	return ec2.NewSecurityGroup(ctx, name, &ec2.SecurityGroupArgs{
		VpcId:       vpcID,
		Description: pulumi.String(description),
		Tags:        tags.named(name),
	}, parent)
}

// peer is the other end of a security group's rule: an address block or the members of a security group.
type peer struct {
	ipv4, ipv6 string
	group      pulumi.StringInput
}

// cidrs returns the peer's address blocks as optional inputs.
func (p peer) cidrs() (ipv4, ipv6 pulumi.StringPtrInput) {
	if p.ipv4 != "" {
		ipv4 = pulumi.String(p.ipv4)
	}
	if p.ipv6 != "" {
		ipv6 = pulumi.String(p.ipv6)
	}
	return ipv4, ipv6
}

// groupID returns the peer's security group as an optional input.
func (p peer) groupID() pulumi.StringPtrInput {
	if p.group == nil {
		return nil
	}
	return p.group.ToStringOutput().ToStringPtrOutput()
}

// allowTCPFrom lets the peer reach the group's members on a TCP port.
func allowTCPFrom(
	ctx *pulumi.Context, name string, group pulumi.StringInput, from peer, port int, tags Tags, parent pulumi.ResourceOption,
) (*vpc.SecurityGroupIngressRule, error) {
	ipv4, ipv6 := from.cidrs()
	return vpc.NewSecurityGroupIngressRule(ctx, name, &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId:           group,
		IpProtocol:                pulumi.String("tcp"),
		FromPort:                  pulumi.Int(port),
		ToPort:                    pulumi.Int(port),
		CidrIpv4:                  ipv4,
		CidrIpv6:                  ipv6,
		ReferencedSecurityGroupId: from.groupID(),
		Tags:                      tags.named(name),
	}, parent)
}

// allowTCPTo lets the group's members reach a TCP port.
func allowTCPTo(
	ctx *pulumi.Context, name string, group pulumi.StringInput, to peer, port int, tags Tags, parent pulumi.ResourceOption,
) (*vpc.SecurityGroupEgressRule, error) {
	ipv4, ipv6 := to.cidrs()
	return vpc.NewSecurityGroupEgressRule(ctx, name, &vpc.SecurityGroupEgressRuleArgs{
		SecurityGroupId:           group,
		IpProtocol:                pulumi.String("tcp"),
		FromPort:                  pulumi.Int(port),
		ToPort:                    pulumi.Int(port),
		CidrIpv4:                  ipv4,
		CidrIpv6:                  ipv6,
		ReferencedSecurityGroupId: to.groupID(),
		Tags:                      tags.named(name),
	}, parent)
}

// allowAllTo lets the group's members reach every port of the peer with every protocol.
func allowAllTo(
	ctx *pulumi.Context, name string, group pulumi.StringInput, to peer, tags Tags, parent pulumi.ResourceOption,
) (*vpc.SecurityGroupEgressRule, error) {
	ipv4, ipv6 := to.cidrs()
	return vpc.NewSecurityGroupEgressRule(ctx, name, &vpc.SecurityGroupEgressRuleArgs{
		SecurityGroupId: group,
		IpProtocol:      pulumi.String("-1"),
		CidrIpv4:        ipv4,
		CidrIpv6:        ipv6,
		Tags:            tags.named(name),
	}, parent)
}
