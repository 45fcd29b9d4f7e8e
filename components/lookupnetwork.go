package components

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/internal/function"
	"slipway/spec"
)

// LookupNetworkArgs describe what is sought.
type LookupNetworkArgs struct {
	spec.ExistingNetwork
	// Need is what a stack will put into the network. It is checked that the network has it.
	Need spec.NetworkNeed
}

// ExistingNetwork is a VPC that others keep. It is looked up, and no resource of the stack: nothing changes or deletes it.
type ExistingNetwork struct {
	VPCID string
	// IPv6 says that a load balancer in the public subnets can answer on IPv6 too.
	IPv6 bool

	public, tasks []string
	publicIP      bool
}

// Public returns the place for a load balancer.
func (n *ExistingNetwork) Public() Placement { return n.placement(n.public, true) }

// Tasks returns the place for tasks. They get public addresses if that is their way to the internet.
func (n *ExistingNetwork) Tasks() Placement { return n.placement(n.tasks, n.publicIP) }

func (n *ExistingNetwork) placement(subnets []string, publicIP bool) Placement {
	return Placement{VPCID: pulumi.String(n.VPCID), SubnetIDs: pulumi.ToStringArray(subnets), PublicIP: publicIP}
}

// LookupNetwork finds an existing network and checks it. It asks the AWS provider, which has functions for all of this: so the look-ups
// have the provider's access and its settings, and mocks answer them in tests.
func LookupNetwork(ctx *pulumi.Context, args *LookupNetworkArgs) (*ExistingNetwork, error) {
	if args == nil {
		return nil, errors.New("network: args are missing")
	}
	if err := args.ExistingNetwork.Problems().Err(); err != nil {
		return nil, err
	}
	found, problems := networkFinder{ctx: ctx}.find(args.ExistingNetwork)
	if len(problems) == 0 {
		problems = found.Problems(args.Need)
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return &ExistingNetwork{
		VPCID: args.VPCID, IPv6: found.IPv6(),
		public: subnetIDs(found.PublicSubnets), tasks: subnetIDs(found.TaskSubnets), publicIP: found.PublicIP(),
	}, nil
}

func subnetIDs(subnets []spec.FoundSubnet) []string {
	ids := make([]string, len(subnets))
	for i, s := range subnets {
		ids[i] = s.ID
	}
	return ids
}

// networkFinder asks for the parts of a network.
type networkFinder struct {
	ctx    *pulumi.Context
	vpc    *ec2.LookupVpcResult
	routes map[string][]ec2.GetRouteTableRoute // of the subnets with a route table of their own
	main   []ec2.GetRouteTableRoute            // of the others
}

// find returns what AWS says of the network, or everything that cannot be found.
func (f networkFinder) find(sought spec.ExistingNetwork) (found spec.FoundNetwork, problems spec.Problems) {
	found.ExistingNetwork = sought
	vpc, err := ec2.LookupVpc(f.ctx, &ec2.LookupVpcArgs{Id: &sought.VPCID})
	if err != nil {
		problems.Add(fmt.Errorf("look up the VPC in the stack's region: %w", function.Error(err)), "vpcId")
		return found, problems
	}
	f.vpc, found.DNSSupport = vpc, vpc.EnableDnsSupport
	if err := f.readRoutes(); err != nil {
		problems.Add(err, "vpcId")
		return found, problems
	}
	found.PublicSubnets = f.subnets(sought.Public, "public", &problems)
	if found.TaskSubnets = found.PublicSubnets; sought.Tasks.Given() {
		found.TaskSubnets = f.subnets(sought.Tasks, "tasks", &problems)
	}
	return found, problems
}

// subnets returns the chosen subnets, sorted as they were chosen, or by id.
func (f networkFinder) subnets(chosen spec.Subnets, group string, problems *spec.Problems) (found []spec.FoundSubnet) {
	ids, path := chosen.IDs, []string{"subnetIds", group}
	if len(chosen.Tags) > 0 {
		path[0] = "subnetTags"
		listed, err := ec2.GetSubnets(f.ctx, &ec2.GetSubnetsArgs{
			Tags: chosen.Tags, Filters: []ec2.GetSubnetsFilter{{Name: "vpc-id", Values: []string{f.vpc.Id}}},
		})
		if err != nil {
			problems.Add(fmt.Errorf("look up the subnets: %w", function.Error(err)), path...)
			return nil
		}
		ids = slices.Sorted(slices.Values(listed.Ids))
	}
	for _, id := range ids {
		subnet, err := ec2.LookupSubnet(f.ctx, &ec2.LookupSubnetArgs{Id: &id})
		if err != nil {
			problems.AddValue(id, fmt.Errorf("look up the subnet: %w", function.Error(err)), path...)
			continue
		}
		routes, own := f.routes[id]
		if !own {
			routes = f.main
		}
		found = append(found, spec.FoundSubnet{
			ID: id, VPCID: subnet.VpcId, Zone: subnet.AvailabilityZone, IPv4: !subnet.Ipv6Native, IPv6: subnet.Ipv6CidrBlock != "",
			Free: subnet.AvailableIpAddressCount, IPv4Way: wayTo(someIPv4, routes), IPv6Way: wayTo(someIPv6, routes),
		})
	}
	return found
}

// readRoutes reads the route tables of the VPC. A subnet without an association has the main one ("Configure route tables" in the Amazon
// VPC user guide).
func (f *networkFinder) readRoutes() error {
	f.routes = make(map[string][]ec2.GetRouteTableRoute)
	tables, err := ec2.GetRouteTables(f.ctx, &ec2.GetRouteTablesArgs{VpcId: &f.vpc.Id})
	if err != nil {
		return fmt.Errorf("look up the route tables: %w", function.Error(err))
	}
	for _, id := range tables.Ids {
		table, err := ec2.LookupRouteTable(f.ctx, &ec2.LookupRouteTableArgs{RouteTableId: &id})
		if err != nil {
			return fmt.Errorf("look up the route table %s: %w", id, function.Error(err))
		}
		for _, association := range table.Associations {
			if association.Main {
				f.main = table.Routes
			} else if association.SubnetId != "" {
				f.routes[association.SubnetId] = table.Routes
			}
		}
	}
	return nil
}

// Addresses on the internet, of AWS's own, to find the routes there.
var (
	someIPv4 = netip.MustParseAddr("52.94.0.1")
	someIPv6 = netip.MustParseAddr("2600:1f00::1")
)

// wayTo returns where a route table sends packets to the address. The most specific route decides.
func wayTo(address netip.Addr, routes []ec2.GetRouteTableRoute) spec.Way {
	way, bits := spec.NoWay, -1
	for _, route := range routes {
		block := route.CidrBlock
		if address.Is6() {
			block = route.Ipv6CidrBlock
		}
		if prefix, err := netip.ParsePrefix(block); err == nil && prefix.Contains(address) && prefix.Bits() > bits {
			way, bits = wayOf(route), prefix.Bits()
		}
	}
	return way
}

// wayOf returns what a route leads to. A peering connection leads to the other VPC and not beyond ("VPC peering connections" in the
// Amazon VPC user guide).
func wayOf(route ec2.GetRouteTableRoute) spec.Way {
	switch {
	case strings.HasPrefix(route.GatewayId, "igw-"):
		return spec.InternetGateway
	case route.EgressOnlyGatewayId != "":
		return spec.EgressOnlyGateway
	case strings.HasPrefix(route.GatewayId, "vgw-"), route.NatGatewayId != "", route.TransitGatewayId != "", route.NetworkInterfaceId != "",
		route.InstanceId != "", route.VpcEndpointId != "", route.CarrierGatewayId != "", route.LocalGatewayId != "", route.CoreNetworkArn != "":
		return spec.Forwarder
	}
	return spec.NoWay
}
