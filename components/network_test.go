package components

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/spec"
)

func network(args *NetworkArgs) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := NewNetwork(ctx, "dev", args)
		return err
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(network(&NetworkArgs{Network: spec.Network{IPv6: true}})); err != nil {
		t.Fatal(err)
	}
	// The route table is a separate one, not the VPC's main one, and its routes are resources, not inline. The default security group
	// has no rules.
	cloud.Expect(t, `
slipway:index:Network dev
aws:ec2/vpc:Vpc dev {"assignGeneratedIpv6CidrBlock":true,"cidrBlock":"10.0.0.0/16","enableDnsHostnames":true,"enableDnsSupport":true}
aws:ec2/defaultSecurityGroup:DefaultSecurityGroup dev {"vpcId":"Vpc/dev"}
aws:ec2/internetGateway:InternetGateway dev {"vpcId":"Vpc/dev"}
aws:ec2/routeTable:RouteTable dev-public {"vpcId":"Vpc/dev"}
aws:ec2/route:Route dev-public-ipv4 {"destinationCidrBlock":"0.0.0.0/0","gatewayId":"InternetGateway/dev","routeTableId":"RouteTable/dev-public"}
aws:ec2/route:Route dev-public-ipv6 {"destinationIpv6CidrBlock":"::/0","gatewayId":"InternetGateway/dev","routeTableId":"RouteTable/dev-public"}
aws:ec2/subnet:Subnet dev-public-1 {"assignIpv6AddressOnCreation":true,"availabilityZone":"eu-central-1a","cidrBlock":"10.0.1.0/24","ipv6CidrBlock":"2001:db8:1234:1a01::/64","vpcId":"Vpc/dev"}
aws:ec2/subnet:Subnet dev-public-2 {"assignIpv6AddressOnCreation":true,"availabilityZone":"eu-central-1b","cidrBlock":"10.0.2.0/24","ipv6CidrBlock":"2001:db8:1234:1a02::/64","vpcId":"Vpc/dev"}
aws:ec2/routeTableAssociation:RouteTableAssociation dev-public-1 {"routeTableId":"RouteTable/dev-public","subnetId":"Subnet/dev-public-1"}
aws:ec2/routeTableAssociation:RouteTableAssociation dev-public-2 {"routeTableId":"RouteTable/dev-public","subnetId":"Subnet/dev-public-2"}
`)
}

func TestNetworkWithoutIPv6(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(network(&NetworkArgs{Network: spec.Network{CIDR: "192.168.0.0/24", Zones: 3}})); err != nil {
		t.Fatal(err)
	}
	cloud.Expect(t, `
slipway:index:Network dev
aws:ec2/vpc:Vpc dev {"assignGeneratedIpv6CidrBlock":false,"cidrBlock":"192.168.0.0/24","enableDnsHostnames":true,"enableDnsSupport":true}
aws:ec2/defaultSecurityGroup:DefaultSecurityGroup dev {"vpcId":"Vpc/dev"}
aws:ec2/internetGateway:InternetGateway dev {"vpcId":"Vpc/dev"}
aws:ec2/routeTable:RouteTable dev-public {"vpcId":"Vpc/dev"}
aws:ec2/route:Route dev-public-ipv4 {"destinationCidrBlock":"0.0.0.0/0","gatewayId":"InternetGateway/dev","routeTableId":"RouteTable/dev-public"}
aws:ec2/subnet:Subnet dev-public-1 {"availabilityZone":"eu-central-1a","cidrBlock":"192.168.0.32/27","vpcId":"Vpc/dev"}
aws:ec2/subnet:Subnet dev-public-2 {"availabilityZone":"eu-central-1b","cidrBlock":"192.168.0.64/27","vpcId":"Vpc/dev"}
aws:ec2/subnet:Subnet dev-public-3 {"availabilityZone":"eu-central-1c","cidrBlock":"192.168.0.96/27","vpcId":"Vpc/dev"}
aws:ec2/routeTableAssociation:RouteTableAssociation dev-public-1 {"routeTableId":"RouteTable/dev-public","subnetId":"Subnet/dev-public-1"}
aws:ec2/routeTableAssociation:RouteTableAssociation dev-public-2 {"routeTableId":"RouteTable/dev-public","subnetId":"Subnet/dev-public-2"}
aws:ec2/routeTableAssociation:RouteTableAssociation dev-public-3 {"routeTableId":"RouteTable/dev-public","subnetId":"Subnet/dev-public-3"}
`)
}

// Tasks have private subnets with routes to the only NAT gateway. The public subnets stay where they are.
func TestNetworkWithNAT(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(network(&NetworkArgs{Network: spec.Network{Egress: spec.EgressNAT}})); err != nil {
		t.Fatal(err)
	}
	cloud.Expect(t, publicNetwork+`
aws:ec2/eip:Eip dev-nat-1 {"domain":"vpc"}
aws:ec2/natGateway:NatGateway dev-nat-1 {"allocationId":"Eip/dev-nat-1","subnetId":"Subnet/dev-public-1"}
aws:ec2/subnet:Subnet dev-tasks-nat-1 {"availabilityZone":"eu-central-1a","cidrBlock":"10.0.128.0/21","vpcId":"Vpc/dev"}
aws:ec2/subnet:Subnet dev-tasks-nat-2 {"availabilityZone":"eu-central-1b","cidrBlock":"10.0.136.0/21","vpcId":"Vpc/dev"}
aws:ec2/routeTable:RouteTable dev-tasks-nat-1 {"vpcId":"Vpc/dev"}
aws:ec2/routeTable:RouteTable dev-tasks-nat-2 {"vpcId":"Vpc/dev"}
aws:ec2/route:Route dev-tasks-nat-1-ipv4 {"destinationCidrBlock":"0.0.0.0/0","natGatewayId":"NatGateway/dev-nat-1","routeTableId":"RouteTable/dev-tasks-nat-1"}
aws:ec2/route:Route dev-tasks-nat-2-ipv4 {"destinationCidrBlock":"0.0.0.0/0","natGatewayId":"NatGateway/dev-nat-1","routeTableId":"RouteTable/dev-tasks-nat-2"}
aws:ec2/routeTableAssociation:RouteTableAssociation dev-tasks-nat-1 {"routeTableId":"RouteTable/dev-tasks-nat-1","subnetId":"Subnet/dev-tasks-nat-1"}
aws:ec2/routeTableAssociation:RouteTableAssociation dev-tasks-nat-2 {"routeTableId":"RouteTable/dev-tasks-nat-2","subnetId":"Subnet/dev-tasks-nat-2"}
`)
	gateway := cloud.Resource("aws:ec2/natGateway:NatGateway", "dev-nat-1")
	if !gateway.DependsOn("aws:ec2/route:Route", "dev-public-ipv4") {
		t.Error("the NAT gateway does not wait for its own way to the internet")
	}
}

// The network of [TestNetworkWithNAT] without its way out, which is the same for every other way out.
const publicNetwork = `
slipway:index:Network dev
aws:ec2/vpc:Vpc dev {"assignGeneratedIpv6CidrBlock":false,"cidrBlock":"10.0.0.0/16","enableDnsHostnames":true,"enableDnsSupport":true}
aws:ec2/defaultSecurityGroup:DefaultSecurityGroup dev {"vpcId":"Vpc/dev"}
aws:ec2/internetGateway:InternetGateway dev {"vpcId":"Vpc/dev"}
aws:ec2/routeTable:RouteTable dev-public {"vpcId":"Vpc/dev"}
aws:ec2/route:Route dev-public-ipv4 {"destinationCidrBlock":"0.0.0.0/0","gatewayId":"InternetGateway/dev","routeTableId":"RouteTable/dev-public"}
aws:ec2/subnet:Subnet dev-public-1 {"availabilityZone":"eu-central-1a","cidrBlock":"10.0.1.0/24","vpcId":"Vpc/dev"}
aws:ec2/subnet:Subnet dev-public-2 {"availabilityZone":"eu-central-1b","cidrBlock":"10.0.2.0/24","vpcId":"Vpc/dev"}
aws:ec2/routeTableAssociation:RouteTableAssociation dev-public-1 {"routeTableId":"RouteTable/dev-public","subnetId":"Subnet/dev-public-1"}
aws:ec2/routeTableAssociation:RouteTableAssociation dev-public-2 {"routeTableId":"RouteTable/dev-public","subnetId":"Subnet/dev-public-2"}
`

// Each zone has a NAT gateway of its own. The first is the same as that of egress nat; the subnets are others.
func TestNetworkWithNATPerZone(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(network(&NetworkArgs{Network: spec.Network{Egress: spec.EgressNATPerZone}})); err != nil {
		t.Fatal(err)
	}
	cloud.Expect(t, publicNetwork+`
aws:ec2/eip:Eip dev-nat-1 {"domain":"vpc"}
aws:ec2/eip:Eip dev-nat-2 {"domain":"vpc"}
aws:ec2/natGateway:NatGateway dev-nat-1 {"allocationId":"Eip/dev-nat-1","subnetId":"Subnet/dev-public-1"}
aws:ec2/natGateway:NatGateway dev-nat-2 {"allocationId":"Eip/dev-nat-2","subnetId":"Subnet/dev-public-2"}
aws:ec2/subnet:Subnet dev-tasks-nat-per-zone-1 {"availabilityZone":"eu-central-1a","cidrBlock":"10.0.160.0/21","vpcId":"Vpc/dev"}
aws:ec2/subnet:Subnet dev-tasks-nat-per-zone-2 {"availabilityZone":"eu-central-1b","cidrBlock":"10.0.168.0/21","vpcId":"Vpc/dev"}
aws:ec2/routeTable:RouteTable dev-tasks-nat-per-zone-1 {"vpcId":"Vpc/dev"}
aws:ec2/routeTable:RouteTable dev-tasks-nat-per-zone-2 {"vpcId":"Vpc/dev"}
aws:ec2/route:Route dev-tasks-nat-per-zone-1-ipv4 {"destinationCidrBlock":"0.0.0.0/0","natGatewayId":"NatGateway/dev-nat-1","routeTableId":"RouteTable/dev-tasks-nat-per-zone-1"}
aws:ec2/route:Route dev-tasks-nat-per-zone-2-ipv4 {"destinationCidrBlock":"0.0.0.0/0","natGatewayId":"NatGateway/dev-nat-2","routeTableId":"RouteTable/dev-tasks-nat-per-zone-2"}
aws:ec2/routeTableAssociation:RouteTableAssociation dev-tasks-nat-per-zone-1 {"routeTableId":"RouteTable/dev-tasks-nat-per-zone-1","subnetId":"Subnet/dev-tasks-nat-per-zone-1"}
aws:ec2/routeTableAssociation:RouteTableAssociation dev-tasks-nat-per-zone-2 {"routeTableId":"RouteTable/dev-tasks-nat-per-zone-2","subnetId":"Subnet/dev-tasks-nat-per-zone-2"}
`)
}

// Records of connections have a log group of their own, and a role that flow logs of this account alone can assume.
func TestNetworkWithFlowLogs(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(network(&NetworkArgs{Network: spec.Network{FlowLogs: spec.FlowLogs{RetentionDays: 30}}, Boundary: pulumi.String("boundary")})); err != nil {
		t.Fatal(err)
	}
	cloud.Expect(t, publicNetwork+`
aws:cloudwatch/logGroup:LogGroup dev-flow-logs {"retentionInDays":30}
aws:iam/role:Role dev-flow-logs {"assumeRolePolicy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"vpc-flow-logs.amazonaws.com\"},\"Action\":[\"sts:AssumeRole\"],\"Condition\":{\"ArnLike\":{\"aws:SourceArn\":[\"arn:LogGroup/dev-flow-logs:ec2:::vpc-flow-log/*\"]},\"StringEquals\":{\"aws:SourceAccount\":[\"\"]}}}]}","description":"Used by VPC flow logs to write records","path":"/slipway/","permissionsBoundary":"boundary"}
aws:iam/rolePolicy:RolePolicy dev-flow-logs {"policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"WriteFlowLogs\",\"Effect\":\"Allow\",\"Action\":[\"logs:CreateLogStream\",\"logs:DescribeLogStreams\",\"logs:PutLogEvents\"],\"Resource\":[\"arn:LogGroup/dev-flow-logs\",\"arn:LogGroup/dev-flow-logs:*\"]},{\"Sid\":\"FindLogGroup\",\"Effect\":\"Allow\",\"Action\":[\"logs:DescribeLogGroups\"],\"Resource\":[\"*\"]}]}","role":"dev-flow-logs-0123456"}
aws:ec2/flowLog:FlowLog dev-flow-logs {"iamRoleArn":"arn:Role/dev-flow-logs","logDestination":"arn:LogGroup/dev-flow-logs","trafficType":"ALL","vpcId":"Vpc/dev"}
`)
	if !cloud.Resource("aws:ec2/flowLog:FlowLog", "dev-flow-logs").DependsOn("aws:iam/rolePolicy:RolePolicy", "dev-flow-logs") {
		t.Error("the flow log does not wait for what its role may do")
	}
}

// In a real account the role is for flow logs of the log group's account and region.
func TestFlowLogsTrustTheirAccountAlone(t *testing.T) {
	t.Parallel()
	got, err := trustFlowLogs("arn:aws:logs:eu-central-1:123456789012:log-group:dev-flow-logs-0123456").JSON()
	for _, want := range []string{`"aws:SourceAccount":["123456789012"]`, `"aws:SourceArn":["arn:aws:ec2:eu-central-1:123456789012:vpc-flow-log/*"]`} {
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("the trust is %s (%v), want %s", got, err, want)
		}
	}
}

// Tasks have subnets without IPv4 addresses, and a gateway that lets nobody in.
func TestNetworkWithIPv6OnlyTasks(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(network(&NetworkArgs{Network: spec.Network{Egress: spec.EgressIPv6, IPv6: true}})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ kind, name, inputs string }{
		{"aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway", "dev", `{"tags":{"Name":"dev"},"vpcId":"Vpc/dev"}`},
		{"aws:ec2/subnet:Subnet", "dev-tasks-ipv6-1", `{"assignIpv6AddressOnCreation":true,"availabilityZone":"eu-central-1a","enableResourceNameDnsAaaaRecordOnLaunch":true,` +
			`"ipv6CidrBlock":"2001:db8:1234:1a11::/64","ipv6Native":true,"tags":{"Name":"dev-tasks-ipv6-1"},"vpcId":"Vpc/dev"}`},
		{"aws:ec2/subnet:Subnet", "dev-tasks-ipv6-2", `{"assignIpv6AddressOnCreation":true,"availabilityZone":"eu-central-1b","enableResourceNameDnsAaaaRecordOnLaunch":true,` +
			`"ipv6CidrBlock":"2001:db8:1234:1a12::/64","ipv6Native":true,"tags":{"Name":"dev-tasks-ipv6-2"},"vpcId":"Vpc/dev"}`},
		{"aws:ec2/route:Route", "dev-tasks-ipv6-2-ipv6", `{"destinationIpv6CidrBlock":"::/0","egressOnlyGatewayId":"EgressOnlyInternetGateway/dev","routeTableId":"RouteTable/dev-tasks-ipv6-2"}`},
		{"aws:ec2/routeTableAssociation:RouteTableAssociation", "dev-tasks-ipv6-2", `{"routeTableId":"RouteTable/dev-tasks-ipv6-2","subnetId":"Subnet/dev-tasks-ipv6-2"}`},
	} {
		if got := mocks.JSON(cloud.Resource(want.kind, want.name).Inputs); got != want.inputs {
			t.Errorf("%s %s: %s\nwant %s", want.kind, want.name, got, want.inputs)
		}
	}
}

// The place of tasks is the public subnets, with public addresses, or private ones without, which wait for their way out.
func TestPlaceOfTasks(t *testing.T) {
	t.Parallel()
	for egress, want := range map[spec.Egress]struct {
		subnets  string
		public   bool
		waitsFor []string // a kind and a name
	}{
		spec.EgressIPv6:   {"[Subnet/dev-tasks-ipv6-1 Subnet/dev-tasks-ipv6-2]", false, []string{"aws:ec2/route:Route", "dev-tasks-ipv6-2-ipv6"}},
		spec.EgressPublic: {"[Subnet/dev-public-1 Subnet/dev-public-2]", true, nil},
		spec.EgressNAT: {"[Subnet/dev-tasks-nat-1 Subnet/dev-tasks-nat-2]", false, []string{
			"aws:ec2/route:Route", "dev-tasks-nat-2-ipv4",
		}},
	} {
		var cloud mocks.Cloud
		var place Placement
		err := cloud.Run(func(ctx *pulumi.Context) error {
			n, err := NewNetwork(ctx, "dev", &NetworkArgs{Network: spec.Network{Egress: egress, IPv6: true}})
			if err != nil {
				return err
			}
			place = n.Tasks()
			_, err = ecs.NewService(ctx, "tasks", &ecs.ServiceArgs{NetworkConfiguration: ecs.ServiceNetworkConfigurationArgs{Subnets: place.SubnetIDs}})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		service := cloud.Resource("aws:ecs/service:Service", "tasks")
		got := service.Inputs["networkConfiguration"].ObjectValue()["subnets"].Mappable()
		if fmt.Sprint(got) != want.subnets || place.PublicIP != want.public {
			t.Errorf("%s: tasks are in %v, with public addresses: %v", egress, got, place.PublicIP)
		}
		if place.IPv6Only != (egress == spec.EgressIPv6) {
			t.Errorf("%s: tasks have only IPv6 addresses: %v", egress, place.IPv6Only)
		}
		if want.waitsFor != nil && !service.DependsOn(want.waitsFor[0], want.waitsFor[1]) {
			t.Errorf("%s: tasks do not wait for %v", egress, want.waitsFor)
		}
	}
}

// In an outage AWS lists other zones. The subnets must stay where they are.
func TestNetworkKeepsItsZones(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(network(&NetworkArgs{})); err != nil {
		t.Fatal(err)
	}
	ignored := cloud.Resource("aws:ec2/subnet:Subnet", "dev-public-1").RPC.GetIgnoreChanges()
	if !slices.Contains(ignored, "availabilityZone") {
		t.Errorf("changes of %v are ignored", ignored)
	}
}

func TestNetworkRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args  *NetworkArgs
		cloud *mocks.Cloud
		want  string
	}{
		"no args":       {nil, &mocks.Cloud{}, "args are missing"},
		"a bad block":   {&NetworkArgs{Network: spec.Network{CIDR: "10.0.0.0/8"}}, &mocks.Cloud{}, `network dev: cidr: "10.0.0.0/8": must be /16 to /28`},
		"a small block": {&NetworkArgs{Network: spec.Network{CIDR: "10.0.0.0/27"}}, &mocks.Cloud{}, "no room for 2 subnets"},
		"one zone":      {&NetworkArgs{Network: spec.Network{Zones: 1}}, &mocks.Cloud{}, "network dev: zones: 1: must be from 2 to 3"},
		"four zones":    {&NetworkArgs{Network: spec.Network{Zones: 4}}, &mocks.Cloud{}, "network dev: zones: 4: must be from 2 to 3"},
		"another way":   {&NetworkArgs{Network: spec.Network{Egress: "none"}}, &mocks.Cloud{}, `network dev: egress: "none": must be public, ipv6, nat or nat-per-zone`},
		"no IPv6":       {&NetworkArgs{Network: spec.Network{Egress: spec.EgressIPv6}}, &mocks.Cloud{}, `network dev: egress: "ipv6": needs network.ipv6 true`},
		"no room":       {&NetworkArgs{Network: spec.Network{CIDR: "10.0.0.0/23", Egress: spec.EgressNAT}}, &mocks.Cloud{}, "has no room for private subnets"},
		"too few zones": {&NetworkArgs{Network: spec.Network{Zones: 3}}, &mocks.Cloud{Zones: []string{"us-west-1a", "us-west-1b"}}, "3 availability zones are wanted, and the region offers 2: [us-west-1a us-west-1b]"},
		"no answer":     {&NetworkArgs{}, &mocks.Cloud{Fail: func(string, string) error { return errors.New("UnauthorizedOperation") }}, "list the availability zones: "},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.cloud.Run(network(test.args))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want an error with %q", err, test.want)
			}
			test.cloud.Expect(t, "")
		})
	}
}
