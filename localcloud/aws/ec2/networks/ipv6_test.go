package networks_test

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ec2/networks"
	"slipway/localcloud/cloud"
	"slipway/localcloud/vnet"
)

// ipv6Stage is a stage with an IPv6-only subnet, which has an egress-only gateway, and two interfaces in there.
type ipv6Stage struct {
	*stage
	table       string
	task, other *vnet.Host
}

func newIPv6Stage(t *testing.T) *ipv6Stage {
	t.Helper()
	s := &ipv6Stage{stage: newStage(t)}
	block := netip.MustParsePrefix(s.VPC.Outputs["ipv6CidrBlock"].(string)).Addr().As16()
	const subnetByte, number = 7, 9
	block[subnetByte] = number
	subnet := s.Make(ec2.SubnetToken, cloud.Map{
		"vpcId": s.VPC.ID, "ipv6CidrBlock": netip.PrefixFrom(netip.AddrFrom16(block), 64).String(), "ipv6Native": true,
		"assignIpv6AddressOnCreation": true, "enableResourceNameDnsAaaaRecordOnLaunch": true, "availabilityZone": "eu-central-1a",
	})
	gateway := s.Make(ec2.EgressOnlyInternetGatewayToken, cloud.Map{"vpcId": s.VPC.ID})
	s.table = s.Make(ec2.RouteTableToken, cloud.Map{"vpcId": s.VPC.ID}).ID
	s.parts["IPv6 route"] = s.Make(ec2.RouteToken, cloud.Map{"routeTableId": s.table, "egressOnlyGatewayId": gateway.ID, "destinationIpv6CidrBlock": "::/0"})
	s.Make(ec2.RouteTableAssociationToken, cloud.Map{"routeTableId": s.table, "subnetId": subnet.ID})
	group := s.Make(ec2.SecurityGroupToken, cloud.Map{"vpcId": s.VPC.ID, "name": "tasks"})
	for token, in := range map[string]cloud.Map{
		ec2.SecurityGroupIngressRuleToken: {"ipProtocol": "tcp", "fromPort": 8080.0, "toPort": 8080.0, "cidrIpv6": "::/0"},
		ec2.SecurityGroupEgressRuleToken:  {"ipProtocol": "-1", "cidrIpv6": "::/0"},
	} {
		in["securityGroupId"] = group.ID
		s.Make(token, in)
	}
	first := s.Subnets[0]
	s.Subnets[0] = subnet.ID
	s.task, s.other = s.place("task", group, false), s.place("other", group, false)
	s.Subnets[0] = first
	return s
}

func (s *ipv6Stage) key(owner string) (key cloud.Key) {
	s.Store.View(func(tx *cloud.Tx) { key = ec2.InterfacesOf(tx, awstest.Here.Scope, owner)[0].Key })
	return key
}

func (s *ipv6Stage) dial(from *vnet.Host, to string) error {
	ctx, cancel := context.WithTimeout(s.T.Context(), silence)
	defer cancel()
	c, err := from.DialContext(ctx, "tcp", to)
	if err == nil {
		_ = c.Close()
	}
	return err
}

// A task in an IPv6-only subnet has an IPv6 address, and an IPv4 one that gets it nowhere but to its endpoint.
func TestIPv6OnlyTask(t *testing.T) {
	t.Parallel()
	s := newIPv6Stage(t)
	i, err := s.networks.Task(s.key("task"), nil)
	if err != nil {
		t.Fatal(err)
	}
	own := s.task.Addresses()[0]
	want := vnet.TapConfig{
		Name: "eth0", Hardware: i.Tap.Hardware, MTU: vnet.DefaultMTU, Gateways: []netip.Addr{netip.MustParseAddr("fe80::1")},
		Addresses: []netip.Prefix{netip.PrefixFrom(own, 64), netip.MustParsePrefix("169.254.172.4/16")},
	}
	if !own.Is6() || !slices.Equal(i.Tap.Addresses, want.Addresses) || !slices.Equal(i.Tap.Gateways, want.Gateways) || len(i.Tap.Hardware) != 6 {
		t.Errorf("the device is %+v, want %+v", i.Tap, want)
	}
	if len(i.Resolvers) != 1 || i.Resolvers[0].String() != "fd00:ec2::253" {
		t.Errorf("the resolvers are %v", i.Resolvers)
	}
	c := http.Client{Transport: &http.Transport{DialContext: s.task.DialContext}, Timeout: patience}
	resp, err := c.Get("http://" + networks.TaskEndpoint.String() + "/") // which answers nobody yet
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("the task endpoint: %s", resp.Status)
	}
}

// It gets to others in the VPC, to AWS's endpoints and to the internet over IPv6, and nowhere over IPv4.
func TestIPv6OnlyReaches(t *testing.T) {
	t.Parallel()
	s := newIPv6Stage(t)
	echo(t, s.other, 8080)
	if c, err := dial6(t, s.task, s.other.Addresses()[0], 8080); err != nil || answers(c, patience) != nil {
		t.Errorf("another in the VPC: %v", err)
	}
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return s.task.DialContext(ctx, "udp", "[fd00:ec2::253]:53")
	}}
	if got, err := r.LookupHost(t.Context(), "here.example.com."); err != nil || len(got) != 1 {
		t.Errorf("the resolver: %v, %v", got, err)
	}
	if c, err := dial6(t, s.task, networks.ServicesIPv6, 80); err != nil {
		t.Errorf("AWS's endpoints: %v", err)
	} else {
		_ = c.Close()
	}
	_ = s.dial(s.task, "[2001:db8:1::1]:443") // nobody is there
	if got := s.outside.Swap(""); got != "[2001:db8:1::1]:443" {
		t.Errorf("over IPv6, %q is dialled outside", got)
	}
	if err := s.dial(s.task, "192.0.2.1:443"); err == nil || s.outside.Swap("") != "" {
		t.Errorf("over IPv4, something gets outside: %v", err)
	}
	var egress error
	s.Store.View(func(tx *cloud.Tx) {
		egress = networks.Egress(tx, awstest.Here.Scope, ec2.NetworkInterface.Inputs(tx.Get(s.key("task"))), 443)
	})
	if egress != nil {
		t.Error(egress)
	}
}

// By an egress-only gateway nobody gets in. By an internet gateway everybody does whom a rule lets in.
func TestEgressOnlyGatewayLetsNobodyIn(t *testing.T) {
	t.Parallel()
	s := newIPv6Stage(t)
	stranger := s.elsewhere()
	echo(t, s.other, 8080)
	to := netip.AddrPortFrom(s.other.Addresses()[0], 8080).String()
	if err := s.dial(stranger, to); err == nil {
		t.Error("a stranger gets in by an egress-only gateway")
	}
	s.without("IPv6 route")
	s.Make(ec2.RouteToken, cloud.Map{"routeTableId": s.table, "gatewayId": s.Gateway.ID, "destinationIpv6CidrBlock": "::/0"})
	for deadline := time.Now().Add(patience); ; { // the routes follow soon after, as on AWS
		err := s.dial(stranger, to)
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("by an internet gateway: %v", err)
		}
	}
}

// elsewhere places an interface with an IPv6 address into another VPC with an internet gateway.
func (s *ipv6Stage) elsewhere() *vnet.Host {
	s.T.Helper()
	vpc := s.Make(ec2.VPCToken, cloud.Map{"cidrBlock": "10.9.0.0/16", "assignGeneratedIpv6CidrBlock": true})
	gateway := s.Make(ec2.InternetGatewayToken, cloud.Map{"vpcId": vpc.ID})
	block := netip.PrefixFrom(netip.MustParsePrefix(vpc.Outputs["ipv6CidrBlock"].(string)).Addr(), 64)
	subnet := s.Make(ec2.SubnetToken, cloud.Map{
		"vpcId": vpc.ID, "cidrBlock": "10.9.1.0/24", "ipv6CidrBlock": block.String(), "assignIpv6AddressOnCreation": true, "availabilityZone": "eu-central-1a",
	})
	table := s.Make(ec2.RouteTableToken, cloud.Map{"vpcId": vpc.ID})
	s.Make(ec2.RouteToken, cloud.Map{"routeTableId": table.ID, "gatewayId": gateway.ID, "destinationIpv6CidrBlock": "::/0"})
	s.Make(ec2.RouteTableAssociationToken, cloud.Map{"routeTableId": table.ID, "subnetId": subnet.ID})
	group := s.Make(ec2.SecurityGroupToken, cloud.Map{
		"vpcId": vpc.ID, "name": "stranger", "egress": []any{cloud.Map{"protocol": "-1", "fromPort": 0.0, "toPort": 0.0, "ipv6CidrBlocks": []any{"::/0"}}},
	})
	first := s.Subnets[0]
	defer func() { s.Subnets[0] = first }()
	s.Subnets[0] = subnet.ID
	return s.place("stranger", group, false)
}

func dial6(t *testing.T, from *vnet.Host, to netip.Addr, port uint16) (net.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return from.DialContext(ctx, "tcp", netip.AddrPortFrom(to, port).String())
}
