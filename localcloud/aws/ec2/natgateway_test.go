package ec2_test

import (
	"strings"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/cloud"
)

// natStage is a VPC with an internet gateway, a public subnet with a NAT gateway, and a private subnet whose route leads to it.
type natStage struct {
	*awstest.Tester
	vpc, gateway, public, address, nat, private, route *cloud.Resource
	outRoute, group                                    *cloud.Resource
}

func newNATStage(t *testing.T) *natStage {
	t.Helper()
	s := &natStage{Tester: awstest.New(t, ec2.Kinds()...)}
	s.vpc = awstest.NewVPC(s.Tester)
	s.gateway = s.Make(ec2.InternetGatewayToken, cloud.Map{"vpcId": s.vpc.ID})
	subnet := func(block string, route cloud.Map) (subnet, made *cloud.Resource) {
		subnet = s.Make(ec2.SubnetToken, cloud.Map{"vpcId": s.vpc.ID, "cidrBlock": block})
		table := s.Make(ec2.RouteTableToken, cloud.Map{"vpcId": s.vpc.ID})
		s.Make(ec2.RouteTableAssociationToken, cloud.Map{"routeTableId": table.ID, "subnetId": subnet.ID})
		route["routeTableId"], route["destinationCidrBlock"] = table.ID, "0.0.0.0/0"
		return subnet, s.Make(ec2.RouteToken, route)
	}
	s.public, s.outRoute = subnet("10.0.1.0/24", cloud.Map{"gatewayId": s.gateway.ID})
	s.address = s.Make(ec2.EIPToken, cloud.Map{"domain": "vpc"})
	s.nat = s.Make(ec2.NATGatewayToken, cloud.Map{"allocationId": s.address.ID, "subnetId": s.public.ID})
	s.private, s.route = subnet("10.0.128.0/24", cloud.Map{"natGatewayId": s.nat.ID})
	s.group = s.Make(ec2.SecurityGroupToken, cloud.Map{"vpcId": s.vpc.ID, "name": "tasks", "egress": []any{
		cloud.Map{"protocol": "-1", "fromPort": 0.0, "toPort": 0.0, "cidrBlocks": []any{"0.0.0.0/0"}},
	}})
	return s
}

func TestNATGatewayRules(t *testing.T) {
	t.Parallel()
	s := newNATStage(t)
	if out := ec2.NATGateway.Outputs(s.nat); out.PublicIP != ec2.EIP.Outputs(s.address).PublicIP || out.PrivateIP != "10.0.1.4" {
		t.Errorf("the gateway has the addresses %+v", out)
	}
	other := awstest.NewVPC(s.Tester)
	without := s.Make(ec2.SubnetToken, cloud.Map{"vpcId": other.ID, "cidrBlock": "10.0.1.0/24"})
	foreign := s.Make(ec2.RouteTableToken, cloud.Map{"vpcId": other.ID})
	free := s.Make(ec2.EIPToken, cloud.Map{})
	for _, test := range []struct {
		token       string
		in          cloud.Map
		code, words string
	}{
		{ec2.NATGatewayToken, cloud.Map{"allocationId": s.address.ID, "subnetId": s.public.ID}, "Resource.AlreadyAssociated", "Elastic IP address " + s.address.ID + " is already associated"},
		{ec2.NATGatewayToken, cloud.Map{"allocationId": free.ID, "subnetId": without.ID}, "Gateway.NotAttached", "Network " + other.ID + " has no Internet gateway attached"},
		{ec2.NATGatewayToken, cloud.Map{"allocationId": free.ID, "subnetId": "subnet-0"}, "InvalidSubnetID.NotFound", "subnet-0"},
		{ec2.NATGatewayToken, cloud.Map{"allocationId": "eipalloc-0", "subnetId": s.public.ID}, "InvalidAllocationID.NotFound", "eipalloc-0"},
		{ec2.NATGatewayToken, cloud.Map{"subnetId": s.public.ID}, "MissingParameter", "AllocationId"},
		{ec2.NATGatewayToken, cloud.Map{"subnetId": s.public.ID, "connectivityType": "other"}, "Check", "connectivityType"},
		{ec2.NATGatewayToken, cloud.Map{"subnetId": s.public.ID, "connectivityType": "private"}, "", "a private NAT gateway: not modelled"},
		{ec2.NATGatewayToken, cloud.Map{"allocationId": free.ID, "subnetId": s.public.ID, "privateIp": "10.0.1.9"}, "", "not modelled"},
		{ec2.NATGatewayToken, cloud.Map{"allocationId": free.ID, "subnetId": s.public.ID, "secondaryAllocationIds": []any{"eipalloc-0"}}, "", "not modelled"},
		{ec2.EIPToken, cloud.Map{"instance": "i-0"}, "", "not modelled"},
		{ec2.EIPToken, cloud.Map{"publicIpv4Pool": "pool"}, "", "not modelled"},
		{ec2.EIPToken, cloud.Map{"domain": "standard"}, "", "not modelled"},
		{ec2.RouteToken, cloud.Map{"routeTableId": foreign.ID, "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": s.nat.ID}, "InvalidParameterValue", "belong to different networks"},
		{ec2.RouteToken, cloud.Map{"routeTableId": foreign.ID, "destinationIpv6CidrBlock": "::/0", "natGatewayId": s.nat.ID}, "", "not modelled"},
	} {
		_, err := s.Try(test.token, test.in)
		s.Refused(err, test.code, test.words)
	}
}

// What a NAT gateway uses stays while it lives, and its internet gateway stays attached.
func TestNATGatewayHoldsWhatItUses(t *testing.T) {
	t.Parallel()
	s := newNATStage(t)
	s.Refused(s.Delete(t.Context(), awstest.Here, ec2.EIPToken, s.address.ID, 0), "AuthFailure", "You do not have permission to access the specified resource.")
	s.Refused(s.Delete(t.Context(), awstest.Here, ec2.SubnetToken, s.public.ID, 0), "DependencyViolation", "cannot be deleted")
	s.Refused(s.Delete(t.Context(), awstest.Here, ec2.InternetGatewayToken, s.gateway.ID, 0), "DependencyViolation", "has some mapped public address(es)")
	s.Remove(s.nat) // although a route leads to it
	s.Remove(s.address)
	s.Remove(s.gateway)
}

func TestQuotaOfEIPs(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, ec2.Kinds()...)
	seen := map[string]bool{}
	for range 5 {
		seen[ec2.EIP.Outputs(c.Make(ec2.EIPToken, cloud.Map{})).PublicIP] = true
	}
	if len(seen) != 5 {
		t.Errorf("the addresses are %v", seen)
	}
	_, err := c.Try(ec2.EIPToken, cloud.Map{})
	c.Refused(err, "AddressLimitExceeded", "The maximum number of addresses has been reached.")
}

// A task in the private subnet gets out by the NAT gateway if every part of the way is there, and nobody gets in.
func TestEgressByNATGateway(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		without func(s *natStage) *cloud.Resource
		words   string
	}{
		{nil, ""},
		{func(s *natStage) *cloud.Resource { return s.route }, "has no route to 0.0.0.0/0"},
		{func(s *natStage) *cloud.Resource { return s.nat }, "is a blackhole: nat-"},
		{func(s *natStage) *cloud.Resource { return s.outRoute }, "has no way out itself: route table"},
		{func(s *natStage) *cloud.Resource { return s.gateway }, "has no way out itself: the route to 0.0.0.0/0"},
		{func(s *natStage) *cloud.Resource { return s.group }, "no egress rule"},
	} {
		s := newNATStage(t)
		err := s.Store.Update(func(tx *cloud.Tx) error {
			if _, err := ec2.AddInterface(tx, awstest.Here.Scope, ec2.Interface{SubnetID: s.private.ID, SecurityGroups: []string{s.group.ID}, Owner: "task"}, false); err != nil {
				return err
			}
			if test.without != nil {
				tx.Delete(test.without(s).Key)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Store.View(func(tx *cloud.Tx) {
			task := ec2.NetworkInterface.Inputs(ec2.InterfacesOf(tx, awstest.Here.Scope, "task")[0])
			err := ec2.Egress(tx, awstest.Here.Scope, task, 443)
			if (err == nil) != (test.words == "") || err != nil && !strings.Contains(err.Error(), test.words) {
				t.Errorf("%v, want %q", err, test.words)
			}
			if ec2.FromInternet(tx, awstest.Here.Scope, task, 443) {
				t.Error("the internet reaches a task without a public address")
			}
		})
	}
}
