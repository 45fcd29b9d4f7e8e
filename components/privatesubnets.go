package components

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// zone is an availability zone of a network, with its public subnet.
type zone struct {
	number int // from 1
	public *ec2.Subnet
	// subnetID is the public subnet's id, after the subnet's route to the internet.
	subnetID pulumi.StringOutput
}

// newTaskSubnets creates what the tasks' way out needs, and returns the ids of their subnets. Only the tasks wait for it: the load balancer
// is created at the same time.
func (n *Network) newTaskSubnets(ctx *pulumi.Context, vpc *ec2.Vpc, zones []zone) (pulumi.StringArrayOutput, error) {
	switch n.args.Egress {
	case spec.EgressNAT, spec.EgressNATPerZone:
		return n.newNATSubnets(ctx, vpc, zones)
	default:
		return n.PublicSubnetIDs, nil
	}
}

// newNATSubnets creates private subnets whose tasks reach the internet by a NAT gateway: that of their zone, or the only one.
func (n *Network) newNATSubnets(ctx *pulumi.Context, vpc *ec2.Vpc, zones []zone) (pulumi.StringArrayOutput, error) {
	var gateways []*ec2.NatGateway
	for _, zone := range zones[:n.args.Egress.NATGateways(len(zones))] {
		gateway, err := n.newNATGateway(ctx, zone)
		if err != nil {
			return pulumi.StringArrayOutput{}, err
		}
		gateways = append(gateways, gateway)
	}
	return n.newPrivateSubnets(ctx, vpc, zones, func(name string, table *ec2.RouteTable, zone zone) ([]pulumi.Resource, error) {
		route, err := ec2.NewRoute(ctx, name+"-ipv4", &ec2.RouteArgs{
			RouteTableId:         table.ID(),
			DestinationCidrBlock: pulumi.String(everyIPv4),
			NatGatewayId:         gateways[min(zone.number, len(gateways))-1].ID(),
		}, n.parent())
		return []pulumi.Resource{route}, err
	})
}

// newPrivateSubnets creates a subnet in each zone, with a route table of its own in which out makes the routes. Each way out has subnets
// of its own, in name too: see [spec.Egress.PrivateBlocks]. The ids that it returns have the routes as dependencies.
func (n *Network) newPrivateSubnets(
	ctx *pulumi.Context, vpc *ec2.Vpc, zones []zone, out func(name string, table *ec2.RouteTable, zone zone) ([]pulumi.Resource, error),
) (pulumi.StringArrayOutput, error) {
	var none pulumi.StringArrayOutput
	block, err := spec.ParseVPCBlock(n.args.CIDR)
	if err != nil {
		return none, err
	}
	blocks, err := n.args.Egress.PrivateBlocks(block, len(zones))
	if err != nil {
		return none, err
	}
	ids := make(pulumi.StringArray, len(zones))
	for i, zone := range zones {
		name := fmt.Sprintf("%s-tasks-%s-%d", n.name, n.args.Egress, zone.number)
		subnet, err := ec2.NewSubnet(ctx, name, &ec2.SubnetArgs{
			VpcId: vpc.ID(),
			// A load balancer has no way to tasks in a zone where it has no subnet. The public subnet's zone is where it was created, also
			// when AWS lists other zones now.
			AvailabilityZone: zone.public.AvailabilityZone,
			CidrBlock:        pulumi.String(blocks[i].String()),
			Tags:             n.args.Tags.named(name),
		}, n.parent())
		if err != nil {
			return none, err
		}
		table, err := ec2.NewRouteTable(ctx, name, &ec2.RouteTableArgs{VpcId: vpc.ID(), Tags: n.args.Tags.named(name)}, n.parent())
		if err != nil {
			return none, err
		}
		routes, err := out(name, table, zone)
		if err != nil {
			return none, err
		}
		association, err := ec2.NewRouteTableAssociation(ctx, name, &ec2.RouteTableAssociationArgs{
			SubnetId:     subnet.ID(),
			RouteTableId: table.ID(),
		}, n.parent())
		if err != nil {
			return none, err
		}
		ids[i] = after(subnet.ID().ToStringOutput(), append(routes, association)...)
	}
	return ids.ToStringArrayOutput(), nil
}
