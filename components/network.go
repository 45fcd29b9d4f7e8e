package components

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/internal/function"
	"slipway/spec"
)

// NetworkArgs describe a [Network]. Each field that is not given has its default.
type NetworkArgs struct {
	spec.Network
	// Boundary is the ARN of the permissions boundary of the role that writes flow logs; nil for none.
	Boundary pulumi.StringPtrInput
	Tags     Tags
}

// Network is a VPC with one public subnet in each of its availability zones and an internet gateway. If tasks have no public addresses, it
// has private subnets for them, and their way out.
type Network struct {
	pulumi.ResourceState

	name string
	args NetworkArgs

	VPCID pulumi.StringOutput
	// PublicSubnetIDs are in the order of the zones. They have the routes as dependencies: a resource in a subnet is created after the
	// subnet's route to the internet and deleted before it.
	PublicSubnetIDs pulumi.StringArrayOutput
	// TaskSubnetIDs are those in which tasks run, in the same order, and the way out of each is a dependency.
	TaskSubnetIDs pulumi.StringArrayOutput
}

// NewNetwork creates a network. It fails before it creates anything if the region has fewer zones than wanted.
func NewNetwork(ctx *pulumi.Context, name string, args *NetworkArgs, opts ...pulumi.ResourceOption) (*Network, error) {
	if args == nil {
		return nil, errors.New("network: args are missing")
	}
	network := &Network{name: name, args: NetworkArgs{args.WithDefaults(), args.Boundary, args.Tags}}
	if err := errors.Join(network.args.Problems().Err(), args.Tags.problems().Err()); err != nil {
		return nil, fmt.Errorf("network %s: %w", name, err)
	}
	zones, err := availabilityZones(ctx, network.args.Zones)
	if err != nil {
		return nil, fmt.Errorf("network %s: %w", name, err)
	}
	if err := ctx.RegisterComponentResource("slipway:index:Network", name, network, opts...); err != nil {
		return nil, err
	}
	vpc, err := network.newVPC(ctx)
	if err != nil {
		return nil, err
	}
	public, routes, err := network.newPublicRoutes(ctx, vpc)
	if err != nil {
		return nil, err
	}
	places, err := network.newPublicSubnets(ctx, vpc, zones, public, routes)
	if err != nil {
		return nil, err
	}
	network.VPCID = vpc.ID().ToStringOutput()
	network.PublicSubnetIDs = idsOf(places)
	if err := network.newFlowLogs(ctx, vpc); err != nil {
		return nil, err
	}
	if network.TaskSubnetIDs, err = network.newTaskSubnets(ctx, vpc, places); err != nil {
		return nil, err
	}
	return network, ctx.RegisterResourceOutputs(network, pulumi.Map{
		"vpcId":           network.VPCID,
		"publicSubnetIds": network.PublicSubnetIDs,
		"taskSubnetIds":   network.TaskSubnetIDs,
	})
}

func idsOf(zones []zone) pulumi.StringArrayOutput {
	ids := make(pulumi.StringArray, len(zones))
	for i, zone := range zones {
		ids[i] = zone.subnetID
	}
	return ids.ToStringArrayOutput()
}

// Public returns the public subnets as a place for tasks and load balancers. Tasks there reach the internet with their own addresses.
func (n *Network) Public() Placement {
	return Placement{VPCID: n.VPCID, SubnetIDs: n.PublicSubnetIDs, PublicIP: true}
}

// Tasks returns the place of the tasks: the public subnets, or private ones with another way out.
func (n *Network) Tasks() Placement {
	if !n.args.Egress.Private() {
		return n.Public()
	}
	return Placement{VPCID: n.VPCID, SubnetIDs: n.TaskSubnetIDs, IPv6Only: n.args.Egress.IPv6Only()}
}

// parent is the option that makes a resource part of the network.
func (n *Network) parent() pulumi.ResourceOption { return pulumi.Parent(n) }

func (n *Network) newVPC(ctx *pulumi.Context) (*ec2.Vpc, error) {
	vpc, err := ec2.NewVpc(ctx, n.name, &ec2.VpcArgs{
		CidrBlock:                    pulumi.String(n.args.CIDR),
		AssignGeneratedIpv6CidrBlock: pulumi.Bool(n.args.IPv6),
		EnableDnsSupport:             pulumi.Bool(true),
		EnableDnsHostnames:           pulumi.Bool(true),
		Tags:                         n.args.Tags.named(n.name),
	}, n.parent(), pulumi.ReplaceOnChanges([]string{"assignGeneratedIpv6CidrBlock"}))
	if err != nil {
		return nil, err
	}
	// A VPC comes with a security group whose members can talk to each other. Adopted without rules, it allows nothing to a resource
	// that is put into it by mistake (control EC2.2 of AWS's Foundational Security Best Practices).
	_, err = ec2.NewDefaultSecurityGroup(ctx, n.name, &ec2.DefaultSecurityGroupArgs{
		VpcId: vpc.ID(),
		Tags:  n.args.Tags.named(n.name + "-default"),
	}, n.parent())
	return vpc, err
}

// newPublicSubnets creates a subnet in each of the zones.
func (n *Network) newPublicSubnets(
	ctx *pulumi.Context, vpc *ec2.Vpc, zones []string, table *ec2.RouteTable, routes []pulumi.Resource,
) ([]zone, error) {
	block, err := spec.ParseVPCBlock(n.args.CIDR)
	if err != nil {
		return nil, err
	}
	blocks, err := spec.PublicBlocks(block, n.args.Zones)
	if err != nil {
		return nil, err
	}
	places := make([]zone, len(zones))
	for i, zoneName := range zones {
		name := fmt.Sprintf("%s-public-%d", n.name, i+1)
		subnet, err := ec2.NewSubnet(ctx, name, n.subnet(name, vpc, zoneName, blocks[i], i+1), n.parent(),
			// The zones that AWS lists can change, as in the outage of one. That must not move a subnet and everything in it. The
			// price: if the list has changed before a third zone is added, the new subnet can be in a zone that has one already. AWS
			// refuses that for the load balancer, and nothing moves.
			pulumi.IgnoreChanges([]string{"availabilityZone"}))
		if err != nil {
			return nil, err
		}
		association, err := ec2.NewRouteTableAssociation(ctx, name, &ec2.RouteTableAssociationArgs{
			SubnetId:     subnet.ID(),
			RouteTableId: table.ID(),
		}, n.parent())
		if err != nil {
			return nil, err
		}
		places[i] = zone{i + 1, subnet, after(subnet.ID().ToStringOutput(), append(slices.Clone(routes), association)...)}
	}
	return places, nil
}

func (n *Network) subnet(name string, vpc *ec2.Vpc, zone string, block netip.Prefix, number int) *ec2.SubnetArgs {
	subnet := &ec2.SubnetArgs{
		VpcId:            vpc.ID(),
		AvailabilityZone: pulumi.String(zone),
		CidrBlock:        pulumi.String(block.String()),
		Tags:             n.args.Tags.named(name),
	}
	if n.args.IPv6 {
		subnet.AssignIpv6AddressOnCreation = pulumi.Bool(true)
		subnet.Ipv6CidrBlock = vpc.Ipv6CidrBlock.ApplyT(func(vpcBlock string) (string, error) {
			return spec.IPv6Subnet(vpcBlock, number)
		}).(pulumi.StringOutput)
	}
	return subnet
}

// newPublicRoutes creates the internet gateway and the public subnets' route table. The table is a separate one: the VPC's main table
// is the default of other subnets too. Its routes are separate resources, because inline routes would delete such routes.
func (n *Network) newPublicRoutes(ctx *pulumi.Context, vpc *ec2.Vpc) (*ec2.RouteTable, []pulumi.Resource, error) {
	gateway, err := ec2.NewInternetGateway(ctx, n.name, &ec2.InternetGatewayArgs{
		VpcId: vpc.ID(),
		Tags:  n.args.Tags.named(n.name),
		// The AWS provider would detach the gateway from the old VPC. AWS refuses that while the VPC has public addresses
		// (DetachInternetGateway in the Amazon EC2 API reference).
	}, n.parent(), pulumi.ReplaceOnChanges([]string{"vpcId"}))
	if err != nil {
		return nil, nil, err
	}
	public := n.name + "-public"
	table, err := ec2.NewRouteTable(ctx, public, &ec2.RouteTableArgs{
		VpcId: vpc.ID(),
		Tags:  n.args.Tags.named(public),
	}, n.parent())
	if err != nil {
		return nil, nil, err
	}
	ipv4, err := ec2.NewRoute(ctx, public+"-ipv4", &ec2.RouteArgs{
		RouteTableId:         table.ID(),
		DestinationCidrBlock: pulumi.String(everyIPv4),
		GatewayId:            gateway.ID(),
	}, n.parent())
	if err != nil {
		return nil, nil, err
	}
	routes := []pulumi.Resource{ipv4}
	if n.args.IPv6 {
		ipv6, err := ec2.NewRoute(ctx, public+"-ipv6", &ec2.RouteArgs{
			RouteTableId:             table.ID(),
			DestinationIpv6CidrBlock: pulumi.String(everyIPv6),
			GatewayId:                gateway.ID(),
		}, n.parent())
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
		// Without the filter, the list has local zones and Wavelength zones that the account opted into.
		Filters: []aws.GetAvailabilityZonesFilter{{Name: "zone-type", Values: []string{"availability-zone"}}},
	})
	if err != nil {
		return nil, fmt.Errorf("list the availability zones: %w", function.Error(err))
	}
	if len(zones.Names) < count {
		return nil, fmt.Errorf("%d availability zones are wanted, and the region offers %d: %v", count, len(zones.Names), zones.Names)
	}
	return zones.Names[:count], nil
}
