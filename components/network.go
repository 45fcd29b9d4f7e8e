package components

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/internal/function"
	"slipway/spec"
)

// NetworkArgs describe a [Network].
type NetworkArgs struct {
	// CIDR is the VPC's IPv4 block, by default [spec.DefaultCIDR]. See [spec.ParseVPCBlock]. Another one makes another network, which comes up
	// beside the old one.
	CIDR string
	// Zones is in how many availability zones the network has subnets, by default [spec.DefaultZones].
	Zones int
	// IPv6 gives the network an Amazon-provided IPv6 block in addition to the IPv4 one. Turning it on or off makes another network, as
	// another CIDR does: AWS keeps a VPC's IPv6 block as long as anything in it has an IPv6 address.
	IPv6 bool
	Tags Tags
}

// Network is a VPC with one public subnet in each of its availability zones, joined to the internet by a gateway.
type Network struct {
	pulumi.ResourceState

	VPCID pulumi.StringOutput
	// PublicSubnetIDs are in the order of the zones. They carry the routes as dependencies: what is put into a subnet
	// is created after its way to the internet and deleted before it.
	PublicSubnetIDs pulumi.StringArrayOutput
}

// NewNetwork creates a network. It fails before it creates anything if the region has fewer zones than asked for.
func NewNetwork(ctx *pulumi.Context, name string, args *NetworkArgs, opts ...pulumi.ResourceOption) (*Network, error) {
	if args == nil {
		return nil, errors.New("network: args are missing")
	}
	cidr, zones := cmp.Or(args.CIDR, spec.DefaultCIDR), cmp.Or(args.Zones, spec.DefaultZones)
	if err := spec.CheckRange(zones, spec.MinZones, spec.MaxZones); err != nil {
		return nil, fmt.Errorf("network %s: the number of zones %w", name, err)
	}
	block, err := spec.ParseVPCBlock(cidr)
	if err != nil {
		return nil, fmt.Errorf("network %s: CIDR %q %w", name, cidr, err)
	}
	blocks, err := spec.PublicBlocks(block, zones)
	if err != nil {
		return nil, fmt.Errorf("network %s: CIDR %q %w", name, cidr, err)
	}
	zoneNames, err := availabilityZones(ctx, zones)
	if err != nil {
		return nil, fmt.Errorf("network %s: %w", name, err)
	}

	network := &Network{}
	if err := ctx.RegisterComponentResource("slipway:index:Network", name, network, opts...); err != nil {
		return nil, err
	}
	parent := pulumi.Parent(network)

	vpc, err := ec2.NewVpc(ctx, name, &ec2.VpcArgs{
		CidrBlock:                    pulumi.String(block.String()),
		AssignGeneratedIpv6CidrBlock: pulumi.Bool(args.IPv6),
		EnableDnsSupport:             pulumi.Bool(true),
		EnableDnsHostnames:           pulumi.Bool(true),
		Tags:                         args.Tags.named(name),
	}, parent, pulumi.ReplaceOnChanges([]string{"assignGeneratedIpv6CidrBlock"}))
	if err != nil {
		return nil, err
	}

	// A VPC comes with a security group that lets its members talk to each other. Adopted without rules, it lets nothing
	// through for what is put into it by mistake (control EC2.2 of AWS's Foundational Security Best Practices).
	if _, err := ec2.NewDefaultSecurityGroup(ctx, name, &ec2.DefaultSecurityGroupArgs{
		VpcId: vpc.ID(),
		Tags:  args.Tags.named(name + "-default"),
	}, parent); err != nil {
		return nil, err
	}

	public, routes, err := newPublicRoutes(ctx, name, vpc, args, parent)
	if err != nil {
		return nil, err
	}

	subnetIDs := make(pulumi.StringArray, zones)
	for i, block := range blocks {
		number := i + 1
		subnetName := fmt.Sprintf("%s-public-%d", name, number)
		subnetArgs := &ec2.SubnetArgs{
			VpcId:            vpc.ID(),
			AvailabilityZone: pulumi.String(zoneNames[i]),
			CidrBlock:        pulumi.String(block.String()),
			Tags:             args.Tags.named(subnetName),
		}
		if args.IPv6 {
			subnetArgs.AssignIpv6AddressOnCreation = pulumi.Bool(true)
			subnetArgs.Ipv6CidrBlock = vpc.Ipv6CidrBlock.ApplyT(func(vpcBlock string) (string, error) {
				return spec.IPv6Subnet(vpcBlock, number)
			}).(pulumi.StringOutput)
		}
		subnet, err := ec2.NewSubnet(ctx, subnetName, subnetArgs, parent,
			// The zones that AWS lists can change, in an outage of one for example. That must not move a subnet
			// and everything in it. The price: should the list have changed before a third zone is asked for,
			// the new subnet can be in a zone that has one. AWS refuses that for the load balancer, and nothing moves.
			pulumi.IgnoreChanges([]string{"availabilityZone"}))
		if err != nil {
			return nil, err
		}
		association, err := ec2.NewRouteTableAssociation(ctx, subnetName, &ec2.RouteTableAssociationArgs{
			SubnetId:     subnet.ID(),
			RouteTableId: public.ID(),
		}, parent)
		if err != nil {
			return nil, err
		}
		subnetIDs[i] = after(subnet.ID().ToStringOutput(), append(slices.Clone(routes), association)...)
	}

	network.VPCID = vpc.ID().ToStringOutput()
	network.PublicSubnetIDs = subnetIDs.ToStringArrayOutput()
	return network, ctx.RegisterResourceOutputs(network, pulumi.Map{
		"vpcId":           network.VPCID,
		"publicSubnetIds": network.PublicSubnetIDs,
	})
}

// newPublicRoutes creates the internet gateway and the public subnets' route table. The table is one of our own: adopting
// the VPC's main table would take over what other subnets fall back on. Its routes are resources of their own, because
// inline routes beside them would delete them.
func newPublicRoutes(
	ctx *pulumi.Context, name string, vpc *ec2.Vpc, args *NetworkArgs, parent pulumi.ResourceOption,
) (*ec2.RouteTable, []pulumi.Resource, error) {
	gateway, err := ec2.NewInternetGateway(ctx, name, &ec2.InternetGatewayArgs{
		VpcId: vpc.ID(),
		Tags:  args.Tags.named(name),
		// The AWS provider would take the gateway from the old VPC, which AWS refuses as long as there are public addresses in it
		// (DetachInternetGateway in the Amazon EC2 API reference).
	}, parent, pulumi.ReplaceOnChanges([]string{"vpcId"}))
	if err != nil {
		return nil, nil, err
	}
	public := name + "-public"
	table, err := ec2.NewRouteTable(ctx, public, &ec2.RouteTableArgs{
		VpcId: vpc.ID(),
		Tags:  args.Tags.named(public),
	}, parent)
	if err != nil {
		return nil, nil, err
	}
	ipv4, err := ec2.NewRoute(ctx, public+"-ipv4", &ec2.RouteArgs{
		RouteTableId:         table.ID(),
		DestinationCidrBlock: pulumi.String("0.0.0.0/0"),
		GatewayId:            gateway.ID(),
	}, parent)
	if err != nil {
		return nil, nil, err
	}
	routes := []pulumi.Resource{ipv4}
	if args.IPv6 {
		ipv6, err := ec2.NewRoute(ctx, public+"-ipv6", &ec2.RouteArgs{
			RouteTableId:             table.ID(),
			DestinationIpv6CidrBlock: pulumi.String("::/0"),
			GatewayId:                gateway.ID(),
		}, parent)
		if err != nil {
			return nil, nil, err
		}
		routes = append(routes, ipv6)
	}
	return table, routes, nil
}

// availabilityZones returns the names of the region's first availability zones that can be used.
func availabilityZones(ctx *pulumi.Context, count int) ([]string, error) {
	state := "available"
	zones, err := aws.GetAvailabilityZones(ctx, &aws.GetAvailabilityZonesArgs{
		State: &state,
		// Without the filter, local zones and Wavelength zones that the account opted into are listed too.
		Filters: []aws.GetAvailabilityZonesFilter{{Name: "zone-type", Values: []string{"availability-zone"}}},
	})
	if err != nil {
		return nil, fmt.Errorf("list the availability zones: %w", function.Error(err))
	}
	if len(zones.Names) < count {
		return nil, fmt.Errorf("%d availability zones are asked for, and the region offers %d: %v", count, len(zones.Names), zones.Names)
	}
	return zones.Names[:count], nil
}
