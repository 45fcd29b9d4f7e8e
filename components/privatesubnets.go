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
	case spec.EgressIPv6:
		return n.newIPv6Subnets(ctx, vpc, zones)
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
	ids := make(pulumi.StringArray, len(zones))
	for i, zone := range zones {
		name := fmt.Sprintf("%s-tasks-%s-%d", n.name, n.args.Egress, zone.number)
		args := &ec2.SubnetArgs{
			VpcId: vpc.ID(),
			// A load balancer has no way to tasks in a zone where it has no subnet. The public subnet's zone is where it was created, also
			// when AWS lists other zones now.
			AvailabilityZone: zone.public.AvailabilityZone,
			Tags:             n.args.Tags.named(name),
		}
		if err := n.addBlock(args, vpc, zone, len(zones)); err != nil {
			return none, err
		}
		subnet, err := ec2.NewSubnet(ctx, name, args, n.parent())
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

// addBlock gives a zone's private subnet its addresses: IPv4 ones, or IPv6 ones alone.
func (n *Network) addBlock(subnet *ec2.SubnetArgs, vpc *ec2.Vpc, zone zone, zones int) error {
	if n.args.Egress.IPv6Only() {
		subnet.Ipv6Native = pulumi.Bool(true)
		subnet.Ipv6CidrBlock = vpc.Ipv6CidrBlock.ApplyT(func(block string) (string, error) {
			return spec.IPv6TaskSubnet(block, zone.number)
		}).(pulumi.StringOutput)
		// AWS turns these on in an IPv6-only subnet, and refuses the provider's default, which is to turn them off.
		subnet.AssignIpv6AddressOnCreation = pulumi.Bool(true)
		subnet.EnableResourceNameDnsAaaaRecordOnLaunch = pulumi.Bool(true)
		return nil
	}
	block, err := spec.ParseVPCBlock(n.args.CIDR)
	if err != nil {
		return err
	}
	blocks, err := n.args.Egress.PrivateBlocks(block, zones)
	if err != nil {
		return err
	}
	subnet.CidrBlock = pulumi.String(blocks[zone.number-1].String())
	return nil
}

// newIPv6Subnets creates private subnets without IPv4 addresses, and the gateway that lets their tasks out and nobody in.
func (n *Network) newIPv6Subnets(ctx *pulumi.Context, vpc *ec2.Vpc, zones []zone) (pulumi.StringArrayOutput, error) {
	gateway, err := ec2.NewEgressOnlyInternetGateway(ctx, n.name, &ec2.EgressOnlyInternetGatewayArgs{
		VpcId: vpc.ID(),
		Tags:  n.args.Tags.named(n.name),
	}, n.parent())
	if err != nil {
		return pulumi.StringArrayOutput{}, err
	}
	return n.newPrivateSubnets(ctx, vpc, zones, func(name string, table *ec2.RouteTable, _ zone) ([]pulumi.Resource, error) {
		route, err := ec2.NewRoute(ctx, name+"-ipv6", &ec2.RouteArgs{
			RouteTableId:             table.ID(),
			DestinationIpv6CidrBlock: pulumi.String(everyIPv6),
			EgressOnlyGatewayId:      gateway.ID(),
		}, n.parent())
		return []pulumi.Resource{route}, err
	})
}
