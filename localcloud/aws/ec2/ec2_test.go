package ec2_test

import (
	"errors"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/cloud"
)

func TestVPCChecks(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	for block, words := range map[string]string{
		"10.0.0.0/8":  "between 16 and 28",
		"10.0.0.0/29": "between 16 and 28",
		"10.0.0.1/16": "did you mean \"10.0.0.0/16\"",
		"house":       "not a valid IPv4 CIDR",
	} {
		_, err := c.Try(ec2.VPCToken, cloud.Map{"cidrBlock": block})
		c.Refused(err, "Check", words)
	}
}

func TestVPCComesAndGoesWithItsDefaults(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	v := awstest.NewVPC(c)
	if n := len(c.Left()); n != 3 {
		t.Errorf("%d things came with the VPC, want it, a group and a table: %v", n, c.Left())
	}
	if block, _ := v.Outputs["ipv6CidrBlock"].(string); !strings.HasSuffix(block, "00::/56") {
		t.Errorf("IPv6 block %q", block)
	}
	group := c.Make(ec2.DefaultSecurityGroupToken, cloud.Map{"vpcId": v.ID})
	c.Store.View(func(tx *cloud.Tx) {
		adopted := ec2.SecurityGroup.Inputs(tx.Get(cloud.Key{Scope: awstest.Here.Scope, Token: ec2.SecurityGroupToken, ID: group.ID}))
		if len(adopted.Ingress) > 0 || len(adopted.Egress) > 0 {
			t.Errorf("the adopted group still has rules: %+v", adopted)
		}
	})
	c.Remove(group)
	c.Remove(v)
	if left := c.Left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestSubnetRules(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	v := awstest.NewVPC(c)
	ipv6 := strings.Replace(v.Outputs["ipv6CidrBlock"].(string), "00::/56", "01::/64", 1)
	s := c.Make(ec2.SubnetToken, cloud.Map{
		"vpcId": v.ID, "cidrBlock": "10.0.1.0/24", "availabilityZone": "eu-central-1b", "ipv6CidrBlock": ipv6,
	})
	if s.Outputs["availabilityZoneId"] != "euc1-az2" {
		t.Errorf("zone id %v", s.Outputs["availabilityZoneId"])
	}
	for _, test := range []struct {
		in          cloud.Map
		code, words string
	}{
		{cloud.Map{"vpcId": v.ID, "cidrBlock": "10.1.1.0/24"}, "InvalidSubnet.Range", "The CIDR '10.1.1.0/24' is invalid."},
		{cloud.Map{"vpcId": v.ID, "cidrBlock": "10.0.1.128/25"}, "InvalidSubnet.Conflict", "conflicts with another subnet"},
		{cloud.Map{"vpcId": v.ID, "cidrBlock": "10.0.2.0/24", "ipv6CidrBlock": ipv6}, "InvalidSubnet.Conflict", ipv6},
		{cloud.Map{"vpcId": v.ID, "cidrBlock": "10.0.2.0/24", "ipv6CidrBlock": "2001:db8::/64"}, "InvalidSubnet.Range", "2001:db8::/64"},
		{cloud.Map{"vpcId": "vpc-0", "cidrBlock": "10.0.2.0/24"}, "InvalidVpcID.NotFound", "The vpc ID 'vpc-0' does not exist"},
		{cloud.Map{"vpcId": v.ID, "cidrBlock": "10.0.2.0/24", "availabilityZone": "eu-central-1z"}, "InvalidParameterValue", "eu-central-1z"},
	} {
		_, err := c.Try(ec2.SubnetToken, test.in)
		c.Refused(err, test.code, test.words)
	}
	err := c.Delete(t.Context(), awstest.Here, ec2.VPCToken, v.ID, 0)
	c.Refused(err, "DependencyViolation", "has dependencies and cannot be deleted")
}

func TestIPv6OnlySubnets(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	v := awstest.NewVPC(c)
	ipv6 := strings.Replace(v.Outputs["ipv6CidrBlock"].(string), "00::/56", "01::/64", 1)
	in := func(change cloud.Map) cloud.Map {
		in := cloud.Map{
			"vpcId": v.ID, "ipv6Native": true, "ipv6CidrBlock": ipv6, "assignIpv6AddressOnCreation": true,
			"enableResourceNameDnsAaaaRecordOnLaunch": true,
		}
		maps.Copy(in, change)
		return in
	}
	for _, test := range []struct {
		change      cloud.Map
		code, words string
	}{
		{cloud.Map{"cidrBlock": "10.0.1.0/24"}, "InvalidParameterValue", "no IPv4 CIDR block"},
		{cloud.Map{"ipv6CidrBlock": ""}, "MissingParameter", "'ipv6CidrBlock'"},
		{cloud.Map{"assignIpv6AddressOnCreation": false}, "InvalidParameterValue", "assign-ipv6-address-on-creation"},
		{cloud.Map{"enableResourceNameDnsAaaaRecordOnLaunch": false}, "InvalidParameterValue", "enable-resource-name-dns-aaaa-record-on-launch"},
		{cloud.Map{"mapPublicIpOnLaunch": true}, "InvalidParameterValue", "map-public-ip-on-launch"},
		{cloud.Map{"privateDnsHostnameTypeOnLaunch": "ip-name"}, "InvalidParameterValue", "resource-name"},
	} {
		_, err := c.Try(ec2.SubnetToken, in(test.change))
		c.Refused(err, test.code, test.words)
	}
	s := c.Make(ec2.SubnetToken, in(nil))
	if s.Outputs["privateDnsHostnameTypeOnLaunch"] != "resource-name" {
		t.Errorf("type of host names %v", s.Outputs["privateDnsHostnameTypeOnLaunch"])
	}
	add := func(public bool) (ni *ec2.Interface, err error) {
		err = c.Store.Update(func(tx *cloud.Tx) error {
			r, err := ec2.AddInterface(tx, awstest.Here.Scope, ec2.Interface{SubnetID: s.ID}, public)
			if err == nil {
				ni = ec2.NetworkInterface.Inputs(r)
			}
			return err
		})
		return ni, err
	}
	_, err := add(true)
	c.Refused(err, "InvalidParameterCombination", "cannot have a public IPv4 address")
	for _, last := range []string{"4", "5"} {
		ni, err := add(false)
		if err != nil {
			t.Fatal(err)
		}
		want := ec2.Interface{
			VPCID: v.ID, SubnetID: s.ID, LinkLocal: "169.254.172." + last,
		}
		address, err := netip.ParseAddr(strings.TrimSuffix(ipv6, "/64") + last) // a group of the random block can begin with a zero
		if err != nil {
			t.Fatal(err)
		}
		if want.IPv6Address = address.String(); !reflect.DeepEqual(*ni, want) {
			t.Errorf("got %+v, want %+v", *ni, want)
		}
		if ni.Address() != ni.IPv6Address || !ni.IPv6Only() {
			t.Errorf("address %s", ni.Address())
		}
	}
}

func TestEgressOnlyInternetGatewayRules(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	v, other := awstest.NewVPC(c), awstest.NewVPC(c)
	_, err := c.Try(ec2.EgressOnlyInternetGatewayToken, cloud.Map{"vpcId": "vpc-0"})
	c.Refused(err, "InvalidVpcID.NotFound", "vpc-0")
	g := c.Make(ec2.EgressOnlyInternetGatewayToken, cloud.Map{"vpcId": v.ID})
	c.Refused(c.Delete(t.Context(), awstest.Here, ec2.VPCToken, v.ID, 0), "DependencyViolation", "cannot be deleted")
	table, foreign := c.Make(ec2.RouteTableToken, cloud.Map{"vpcId": v.ID}), c.Make(ec2.RouteTableToken, cloud.Map{"vpcId": other.ID})
	route := cloud.Map{"routeTableId": table.ID, "destinationIpv6CidrBlock": "::/0", "egressOnlyGatewayId": g.ID}
	for _, test := range []struct {
		change cloud.Map
		words  string
	}{
		{cloud.Map{"destinationIpv6CidrBlock": "", "destinationCidrBlock": "0.0.0.0/0"}, "an egress-only internet gateway is for IPv6"},
		{cloud.Map{"routeTableId": foreign.ID}, "belong to different networks"},
		{cloud.Map{"egressOnlyGatewayId": "eigw-0"}, "The egress-only internet gateway ID 'eigw-0' does not exist"},
		{cloud.Map{"gatewayId": c.Make(ec2.InternetGatewayToken, cloud.Map{"vpcId": v.ID}).ID}, "only one of"},
	} {
		in := maps.Clone(route)
		maps.Copy(in, test.change)
		if _, err := c.Try(ec2.RouteToken, in); err == nil || !strings.Contains(err.Error(), test.words) {
			t.Errorf("route with %v: %v, want an error with %q", test.change, err, test.words)
		}
	}
	c.Make(ec2.RouteToken, route)
	c.Remove(g) // its routes become black holes
}

func TestInternetGatewayRules(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	v := awstest.NewVPC(c)
	g := c.Make(ec2.InternetGatewayToken, cloud.Map{"vpcId": v.ID})
	_, err := c.Try(ec2.InternetGatewayToken, cloud.Map{"vpcId": v.ID})
	c.Refused(err, "InvalidParameterValue", "already has an internet gateway attached")

	s := c.Make(ec2.SubnetToken, cloud.Map{"vpcId": v.ID, "cidrBlock": "10.0.1.0/24"})
	var ni *cloud.Resource
	err = c.Store.Update(func(tx *cloud.Tx) error {
		var err error
		ni, err = ec2.AddInterface(tx, awstest.Here.Scope, ec2.Interface{SubnetID: s.ID}, true)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if in := ec2.NetworkInterface.Inputs(ni); in.PrivateIP != "10.0.1.4" || in.PublicIP == "" || in.VPCID != v.ID {
		t.Errorf("the first interface of a subnet: %+v", in)
	}
	c.Refused(c.Delete(t.Context(), awstest.Here, ec2.InternetGatewayToken, g.ID, 0), "DependencyViolation", "has some mapped public address(es)")
	other := awstest.NewVPC(c)
	_, err = c.Edit(g, cloud.Map{"vpcId": other.ID})
	c.Refused(err, "DependencyViolation", "Network "+v.ID+" has some mapped public address(es)")
	_, err = c.Edit(g, cloud.Map{"vpcId": ""})
	c.Refused(err, "DependencyViolation", "Network "+v.ID+" has some mapped public address(es)")
	if g, err = c.Edit(g, cloud.Map{"tags": cloud.Map{"Name": "gateway"}}); err != nil {
		t.Errorf("an update that does not detach: %v", err)
	}
	c.Refused(c.Delete(t.Context(), awstest.Here, ec2.SubnetToken, s.ID, 0), "DependencyViolation", "cannot be deleted")
	_ = c.Store.Update(func(tx *cloud.Tx) error { tx.Delete(ni.Key); return nil })
	if g, err = c.Edit(g, cloud.Map{"vpcId": other.ID}); err != nil || g.Outputs["vpcId"] != other.ID {
		t.Errorf("moved to %v: %v", g.Outputs["vpcId"], err)
	}
	c.Remove(g)
	c.Remove(s)
	c.Remove(v)
}

func TestSubnetRunsOutOfAddresses(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	v := awstest.NewVPC(c)
	s := c.Make(ec2.SubnetToken, cloud.Map{"vpcId": v.ID, "cidrBlock": "10.0.1.0/28"})
	for i := range 12 { // 16 addresses less the five that are AWS's own
		err := c.Store.Update(func(tx *cloud.Tx) error {
			_, err := ec2.AddInterface(tx, awstest.Here.Scope, ec2.Interface{SubnetID: s.ID}, false)
			return err
		})
		if full := i == 11; full {
			c.Refused(err, "InsufficientFreeAddressesInSubnet", s.ID)
		} else if err != nil {
			t.Fatalf("interface %d: %v", i, err)
		}
	}
}

func TestRouteRules(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	v, other := awstest.NewVPC(c), awstest.NewVPC(c)
	g := c.Make(ec2.InternetGatewayToken, cloud.Map{"vpcId": v.ID})
	table := c.Make(ec2.RouteTableToken, cloud.Map{"vpcId": v.ID})
	foreign := c.Make(ec2.RouteTableToken, cloud.Map{"vpcId": other.ID})
	in := cloud.Map{"routeTableId": table.ID, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": g.ID}
	c.Make(ec2.RouteToken, in)
	_, err := c.Try(ec2.RouteToken, in)
	c.Refused(err, "RouteAlreadyExists", "The route identified by 0.0.0.0/0 already exists.")
	_, err = c.Try(ec2.RouteToken, cloud.Map{"routeTableId": foreign.ID, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": g.ID})
	c.Refused(err, "InvalidParameterValue", "belong to different networks")

	s := c.Make(ec2.SubnetToken, cloud.Map{"vpcId": v.ID, "cidrBlock": "10.0.1.0/24"})
	c.Make(ec2.RouteTableAssociationToken, cloud.Map{"routeTableId": table.ID, "subnetId": s.ID})
	_, err = c.Try(ec2.RouteTableAssociationToken, cloud.Map{"routeTableId": table.ID, "subnetId": s.ID})
	c.Refused(err, "Resource.AlreadyAssociated", "conflicts with an existing association")
	c.Remove(table) // and its route and association with it
	for _, l := range c.Left() {
		if strings.HasPrefix(l, ec2.RouteToken) || strings.HasPrefix(l, ec2.RouteTableAssociationToken) {
			t.Errorf("left: %s", l)
		}
	}
}

func TestVPCDropsItsIPv6Block(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	v := awstest.NewVPC(c)
	block := v.Outputs["ipv6CidrBlock"].(string)
	s := c.Make(ec2.SubnetToken, cloud.Map{
		"vpcId": v.ID, "cidrBlock": "10.0.1.0/24", "ipv6CidrBlock": strings.Replace(block, "::/56", "::/64", 1),
	})
	_, err := c.Edit(v, cloud.Map{"assignGeneratedIpv6CidrBlock": false})
	c.Refused(err, "InvalidCidrBlock.InUse", "The vpc "+v.ID+" currently has a subnet within CIDR block "+block)
	c.Remove(s)
	v, err = c.Edit(v, cloud.Map{"assignGeneratedIpv6CidrBlock": false})
	if err != nil || v.Outputs["ipv6CidrBlock"] != nil || v.Outputs["ipv6AssociationId"] != nil {
		t.Errorf("the VPC still has %v, %v; %v", v.Outputs["ipv6CidrBlock"], v.Outputs["ipv6AssociationId"], err)
	}
	if v, err = c.Edit(v, cloud.Map{"assignGeneratedIpv6CidrBlock": true}); err != nil || v.Outputs["ipv6CidrBlock"] == nil {
		t.Errorf("the VPC got no new block: %v", err)
	}
}

func TestWhatComesWithAVPCCannotBeDeleted(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	v := awstest.NewVPC(c)
	group, table := v.Outputs["defaultSecurityGroupId"].(string), v.Outputs["mainRouteTableId"].(string)
	c.Refused(c.Delete(t.Context(), awstest.Here, ec2.SecurityGroupToken, group, 0), "CannotDelete",
		`the specified group: "`+group+`" name: "default" cannot be deleted by a user`)
	c.Refused(c.Delete(t.Context(), awstest.Here, ec2.RouteTableToken, table, 0), "DependencyViolation", "The routeTable '"+table+"' has dependencies")
	c.Remove(v)
}

func TestReferencesToNothing(t *testing.T) {
	c := awstest.New(t, slices.Concat(ec2.Kinds(), ecs.Kinds())...)
	v := awstest.NewVPC(c)
	g := c.Make(ec2.InternetGatewayToken, cloud.Map{"vpcId": v.ID})
	table := c.Make(ec2.RouteTableToken, cloud.Map{"vpcId": v.ID})
	for _, test := range []struct {
		token string
		in    cloud.Map
		code  string
	}{
		{ec2.SubnetToken, cloud.Map{"vpcId": "", "cidrBlock": "10.0.1.0/24"}, "InvalidVpcID.NotFound"},
		{ec2.RouteTableToken, cloud.Map{"vpcId": ""}, "InvalidVpcID.NotFound"},
		{ec2.RouteToken, cloud.Map{"routeTableId": "", "gatewayId": g.ID, "destinationCidrBlock": "0.0.0.0/0"}, "InvalidRouteTableID.NotFound"},
		{ec2.RouteToken, cloud.Map{"routeTableId": table.ID, "gatewayId": "igw-0", "destinationCidrBlock": "0.0.0.0/0"}, "InvalidInternetGatewayID.NotFound"},
		{ec2.RouteToken, cloud.Map{"routeTableId": table.ID, "egressOnlyGatewayId": "eigw-0", "destinationIpv6CidrBlock": "::/0"}, "InvalidEgressOnlyInternetGatewayId.NotFound"},
		{ec2.RouteTableAssociationToken, cloud.Map{"routeTableId": "", "subnetId": ""}, "InvalidSubnetID.NotFound"},
		{ec2.SecurityGroupToken, cloud.Map{"name": "a", "vpcId": ""}, "InvalidVpcID.NotFound"},
		{ec2.DefaultSecurityGroupToken, cloud.Map{"vpcId": ""}, "InvalidVpcID.NotFound"},
		{ec2.SecurityGroupIngressRuleToken, cloud.Map{"securityGroupId": "", "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"}, "InvalidGroup.NotFound"},
		{ecs.ClusterCapacityProvidersToken, cloud.Map{"clusterName": ""}, "ClusterNotFoundException"},
		{ecs.ServiceToken, cloud.Map{"name": "a", "cluster": "", "taskDefinition": ""}, "ClusterNotFoundException"},
	} {
		_, err := c.Try(test.token, test.in)
		c.Refused(err, test.code, "")
	}
	c.Make(ec2.InternetGatewayToken, cloud.Map{}) // one that is attached to no VPC
}

func TestBlocksAreRequired(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	_, err := c.Try(ec2.VPCToken, cloud.Map{})
	c.Refused(err, "MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
	_, err = c.Try(ec2.VPCToken, cloud.Map{"ipv4IpamPoolId": "ipam-pool-0"})
	if !errors.Is(err, cloud.ErrUnimplemented) {
		t.Errorf("a VPC from an IPAM pool: %v", err)
	}
	v := awstest.NewVPC(c)
	_, err = c.Try(ec2.SubnetToken, cloud.Map{"vpcId": v.ID})
	c.Refused(err, "MissingParameter", "'cidrBlock'")
	_, err = c.Try(ec2.SubnetToken, cloud.Map{"vpcId": v.ID, "cidrBlock": "10.0.1.0/24", "ipv6CidrBlock": "2001:db8::1/64"})
	c.Refused(err, "Check", "did you mean")
	long := strings.Replace(v.Outputs["ipv6CidrBlock"].(string), "::/56", "::/65", 1)
	_, err = c.Try(ec2.SubnetToken, cloud.Map{"vpcId": v.ID, "cidrBlock": "10.0.1.0/24", "ipv6CidrBlock": long})
	c.Refused(err, "InvalidSubnet.Range", long)
}

func TestRouteDestinations(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	v := awstest.NewVPC(c)
	g := c.Make(ec2.InternetGatewayToken, cloud.Map{"vpcId": v.ID})
	table := c.Make(ec2.RouteTableToken, cloud.Map{"vpcId": v.ID})
	for _, test := range []struct {
		change cloud.Map
		words  string
	}{
		{cloud.Map{}, "one of [\"destinationCidrBlock\""},
		{cloud.Map{"destinationCidrBlock": "0.0.0.0/0", "destinationIpv6CidrBlock": "::/0"}, "only one of"},
		{cloud.Map{"destinationCidrBlock": "10.1.2.3/8"}, "did you mean \"10.0.0.0/8\""},
		{cloud.Map{"destinationCidrBlock": "::/0"}, "not a valid IPv4 CIDR block"},
		{cloud.Map{"destinationIpv6CidrBlock": "0.0.0.0/0"}, "not a valid IPv6 CIDR block"},
		{cloud.Map{"destinationPrefixListId": "pl-0"}, "not modelled"},
		{cloud.Map{"destinationCidrBlock": "0.0.0.0/0", "natGatewayId": "nat-0"}, "only one of [\"gatewayId\" \"natGatewayId\""},
		{cloud.Map{"destinationCidrBlock": "0.0.0.0/0", "gatewayId": ""}, "not modelled"},
		{cloud.Map{"destinationIpv6CidrBlock": "::/0", "gatewayId": "", "natGatewayId": "nat-0"}, "NatGatewayNotFound: NAT gateway nat-0 was not found"},
	} {
		in := cloud.Map{"routeTableId": table.ID, "gatewayId": g.ID}
		maps.Copy(in, test.change)
		if _, err := c.Try(ec2.RouteToken, in); err == nil || !strings.Contains(err.Error(), test.words) {
			t.Errorf("route with %v: %v, want an error with %q", test.change, err, test.words)
		}
	}
}

func TestMalformedPermissions(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	v := awstest.NewVPC(c)
	group := c.Make(ec2.SecurityGroupToken, cloud.Map{"vpcId": v.ID, "name": "service"})
	for _, test := range []struct {
		change      cloud.Map
		code, words string
	}{
		{cloud.Map{"cidrIpv6": "::/0"}, "Check", "only one of"},
		{cloud.Map{"referencedSecurityGroupId": group.ID}, "Check", "only one of"},
		{cloud.Map{"cidrIpv4": "10.0.0.1/8"}, "Check", "did you mean"},
		{cloud.Map{"cidrIpv4": "::/0"}, "Check", "IPv4"},
		{cloud.Map{"cidrIpv4": nil, "cidrIpv6": "0.0.0.0/0"}, "Check", "IPv6"},
		{cloud.Map{"toPort": 65536.0}, "Check", "toPort to be in the range (-1 - 65535)"},
		{cloud.Map{"fromPort": -2.0}, "Check", "fromPort to be in the range (-1 - 65535)"},
		{cloud.Map{"ipProtocol": "house"}, "InvalidParameterValue", "Invalid value 'house' for IP protocol. Unknown protocol."},
		{cloud.Map{"ipProtocol": "256"}, "InvalidParameterValue", "Unknown protocol"},
		{cloud.Map{"toPort": nil}, "InvalidParameterValue", "Must specify both from and to ports with TCP/UDP."},
		{cloud.Map{"ipProtocol": "icmp", "toPort": nil}, "InvalidParameterValue", "Must specify both from and to ports with ICMP."},
		{cloud.Map{"fromPort": 81.0}, "InvalidParameterValue", "Invalid TCP/UDP port range (81:80)"},
		{cloud.Map{"fromPort": -1.0}, "InvalidPermission.Malformed", "TCP/UDP port (-1) out of range"},
	} {
		in := cloud.Map{"securityGroupId": group.ID, "ipProtocol": "tcp", "fromPort": 80.0, "toPort": 80.0, "cidrIpv4": "0.0.0.0/0"}
		for p, value := range test.change {
			if in[p] = value; value == nil {
				delete(in, p)
			}
		}
		_, err := c.Try(ec2.SecurityGroupIngressRuleToken, in)
		c.Refused(err, test.code, test.words)
	}
	for _, in := range []cloud.Map{
		{"ipProtocol": "icmp", "fromPort": -1.0, "toPort": -1.0}, {"ipProtocol": "icmpv6"}, {"ipProtocol": "50"}, {"ipProtocol": "-1"},
	} {
		in["securityGroupId"], in["cidrIpv4"] = group.ID, "0.0.0.0/0"
		c.Make(ec2.SecurityGroupIngressRuleToken, in)
	}

	inline := func(change cloud.Map) error {
		rule := cloud.Map{"protocol": "tcp", "fromPort": 80.0, "toPort": 80.0, "cidrBlocks": []any{"0.0.0.0/0"}}
		maps.Copy(rule, change)
		_, err := c.Try(ec2.SecurityGroupToken, cloud.Map{"vpcId": v.ID, "name": "inline", "ingress": []any{rule}})
		return err
	}
	c.Refused(inline(cloud.Map{"cidrBlocks": []any{"10.0.0.1/8"}}), "Check", "ingress[0].cidrBlocks[0]")
	c.Refused(inline(cloud.Map{"protocol": "house"}), "InvalidParameterValue", "Unknown protocol")
	c.Refused(inline(cloud.Map{"fromPort": 81.0}), "InvalidParameterValue", "Invalid TCP/UDP port range")
	_, err := c.Try(ec2.DefaultSecurityGroupToken, cloud.Map{"vpcId": v.ID, "egress": []any{cloud.Map{"protocol": "house", "fromPort": 0.0, "toPort": 0.0}}})
	c.Refused(err, "InvalidParameterValue", "Unknown protocol")
}

func TestSecurityGroupRules(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	v := awstest.NewVPC(c)
	balancer := c.Make(ec2.SecurityGroupToken, cloud.Map{"vpcId": v.ID, "name": "balancer"})
	service := c.Make(ec2.SecurityGroupToken, cloud.Map{"vpcId": v.ID, "name": "service"})
	_, err := c.Try(ec2.SecurityGroupToken, cloud.Map{"vpcId": v.ID, "name": "service"})
	c.Refused(err, "InvalidGroup.Duplicate", "already exists for VPC")

	in := cloud.Map{"securityGroupId": service.ID, "ipProtocol": "tcp", "fromPort": 8080.0, "toPort": 8080.0, "referencedSecurityGroupId": balancer.ID}
	rule := c.Make(ec2.SecurityGroupIngressRuleToken, in)
	both := maps.Clone(rule.Inputs) // a change by hand: the provider would refuse it
	both["cidrIpv4"], both["cidrIpv6"] = "0.0.0.0/0", "::/0"
	_, err = c.UpdateOnce(t.Context(), awstest.Here, ec2.SecurityGroupIngressRuleToken, rule.ID, both)
	c.Refused(err, "InvalidParameterCombination", "")
	_, err = c.Try(ec2.SecurityGroupIngressRuleToken, in)
	c.Refused(err, "InvalidPermission.Duplicate", "TCP, from port: 8080, to port: 8080, ALLOW")
	_, err = c.Try(ec2.SecurityGroupIngressRuleToken, cloud.Map{"securityGroupId": service.ID, "ipProtocol": "tcp", "fromPort": 1.0, "toPort": 1.0})
	c.Refused(err, "MissingParameter", "source")
	elsewhere := c.Make(ec2.VPCToken, cloud.Map{"cidrBlock": "10.9.0.0/16"})
	other := c.Make(ec2.SecurityGroupToken, cloud.Map{"vpcId": elsewhere.ID, "name": "service"})
	_, err = c.Try(ec2.SecurityGroupIngressRuleToken, awstest.With(in, cloud.Map{"securityGroupId": other.ID}))
	c.Refused(err, "InvalidGroup.NotFound", "two resources that belong to different networks")
	found, err := c.Ask(awstest.Here, ec2.GetSecurityGroup.Token, cloud.Map{"id": other.ID})
	if err != nil || found["vpcId"] != other.Inputs["vpcId"] || found["name"] != "service" {
		t.Errorf("the group is %v, %v", found, err)
	}
	c.Remove(other)
	c.Remove(elsewhere)
	if _, err := c.Ask(awstest.Here, ec2.GetSecurityGroup.Token, cloud.Map{"id": "sg-0"}); err == nil || !strings.Contains(err.Error(), "no matching") {
		t.Errorf("a group that is not there: %v", err)
	}
	_, err = c.Try(ec2.SecurityGroupEgressRuleToken, cloud.Map{"securityGroupId": service.ID, "ipProtocol": "-1", "fromPort": 1.0, "toPort": 1.0, "cidrIpv4": "0.0.0.0/0"})
	c.Refused(err, "Check", "all ports")

	c.Refused(c.Delete(t.Context(), awstest.Here, ec2.SecurityGroupToken, balancer.ID, 0), "DependencyViolation", "has a dependent object")
	if _, err := c.Edit(rule, cloud.Map{"fromPort": 80.0, "toPort": 80.0}); err != nil {
		t.Error(err)
	}
	c.Remove(service) // and its rule with it
	c.Remove(balancer)
	c.Remove(v)
	if left := c.Left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestAvailabilityZones(t *testing.T) {
	c := awstest.New(t, ec2.Kinds()...)
	out, failures, err := c.Invoke(t.Context(), awstest.Here, ec2.GetAvailabilityZones.Token, cloud.Map{
		"state": "available", "filters": []any{cloud.Map{"name": "zone-type", "values": []any{"availability-zone"}}},
	})
	if err != nil || len(failures) > 0 || len(out["names"].([]any)) != 3 {
		t.Errorf("zones: %v, %v, %v", out, failures, err)
	}
}
