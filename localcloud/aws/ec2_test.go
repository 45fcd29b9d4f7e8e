package aws

import (
	"strings"
	"testing"

	"slipway/localcloud/cloud"
)

func newVPC(c *testCloud) *cloud.Resource {
	return c.create(vpcToken, cloud.Map{"cidrBlock": "10.0.0.0/16", "assignGeneratedIpv6CidrBlock": true})
}

func TestVPCChecks(t *testing.T) {
	c := newCloud(t, ec2Kinds()...)
	for block, words := range map[string]string{
		"10.0.0.0/8":  "between 16 and 28",
		"10.0.0.0/29": "between 16 and 28",
		"10.0.0.1/16": "did you mean \"10.0.0.0/16\"",
		"house":       "not a valid IPv4 CIDR",
	} {
		_, err := c.try(vpcToken, cloud.Map{"cidrBlock": block})
		c.refused(err, "Check", words)
	}
}

func TestVPCComesAndGoesWithItsDefaults(t *testing.T) {
	c := newCloud(t, ec2Kinds()...)
	v := newVPC(c)
	if n := len(c.left()); n != 3 {
		t.Errorf("%d things came with the VPC, want it, a group and a table: %v", n, c.left())
	}
	if block, _ := v.Outputs["ipv6CidrBlock"].(string); !strings.HasSuffix(block, "00::/56") {
		t.Errorf("IPv6 block %q", block)
	}
	group := c.create(defaultSecurityGroupToken, cloud.Map{"vpcId": v.ID})
	c.Store.View(func(tx *cloud.Tx) {
		adopted := SecurityGroup.Of(tx.Get(cloud.Key{Scope: here.Scope, Token: securityGroupToken, ID: group.ID}))
		if len(adopted.Ingress) > 0 || len(adopted.Egress) > 0 {
			t.Errorf("the adopted group still has rules: %+v", adopted)
		}
	})
	c.delete(group)
	c.delete(v)
	if left := c.left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestSubnetRules(t *testing.T) {
	c := newCloud(t, ec2Kinds()...)
	v := newVPC(c)
	ipv6 := strings.Replace(v.Outputs["ipv6CidrBlock"].(string), "00::/56", "01::/64", 1)
	s := c.create(subnetToken, cloud.Map{
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
		_, err := c.try(subnetToken, test.in)
		c.refused(err, test.code, test.words)
	}
	err := c.Delete(t.Context(), here, vpcToken, v.ID, 0)
	c.refused(err, "DependencyViolation", "has dependencies and cannot be deleted")
}

func TestInternetGatewayRules(t *testing.T) {
	c := newCloud(t, ec2Kinds()...)
	v := newVPC(c)
	g := c.create(internetGatewayToken, cloud.Map{"vpcId": v.ID})
	_, err := c.try(internetGatewayToken, cloud.Map{"vpcId": v.ID})
	c.refused(err, "InvalidParameterValue", "already has an internet gateway attached")

	s := c.create(subnetToken, cloud.Map{"vpcId": v.ID, "cidrBlock": "10.0.1.0/24"})
	var ni *cloud.Resource
	err = c.Store.Update(func(tx *cloud.Tx) error {
		var err error
		ni, err = AddInterface(tx, here.Scope, Interface{SubnetID: s.ID}, true)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if in := NetworkInterface.Of(ni); in.PrivateIP != "10.0.1.4" || in.PublicIP == "" || in.VPCID != v.ID {
		t.Errorf("the first interface of a subnet: %+v", in)
	}
	c.refused(c.Delete(t.Context(), here, internetGatewayToken, g.ID, 0), "DependencyViolation", "has some mapped public address(es)")
	c.refused(c.Delete(t.Context(), here, subnetToken, s.ID, 0), "DependencyViolation", "cannot be deleted")
	_ = c.Store.Update(func(tx *cloud.Tx) error { tx.Delete(ni.Key); return nil })
	c.delete(g)
	c.delete(s)
	c.delete(v)
}

func TestSubnetRunsOutOfAddresses(t *testing.T) {
	c := newCloud(t, ec2Kinds()...)
	v := newVPC(c)
	s := c.create(subnetToken, cloud.Map{"vpcId": v.ID, "cidrBlock": "10.0.1.0/28"})
	for i := range 12 { // 16 addresses less the five that are AWS's own
		err := c.Store.Update(func(tx *cloud.Tx) error {
			_, err := AddInterface(tx, here.Scope, Interface{SubnetID: s.ID}, false)
			return err
		})
		if full := i == 11; full {
			c.refused(err, "InsufficientFreeAddressesInSubnet", s.ID)
		} else if err != nil {
			t.Fatalf("interface %d: %v", i, err)
		}
	}
}

func TestRouteRules(t *testing.T) {
	c := newCloud(t, ec2Kinds()...)
	v, other := newVPC(c), newVPC(c)
	g := c.create(internetGatewayToken, cloud.Map{"vpcId": v.ID})
	table := c.create(routeTableToken, cloud.Map{"vpcId": v.ID})
	foreign := c.create(routeTableToken, cloud.Map{"vpcId": other.ID})
	in := cloud.Map{"routeTableId": table.ID, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": g.ID}
	c.create(routeToken, in)
	_, err := c.try(routeToken, in)
	c.refused(err, "RouteAlreadyExists", "The route identified by 0.0.0.0/0 already exists.")
	_, err = c.try(routeToken, cloud.Map{"routeTableId": foreign.ID, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": g.ID})
	c.refused(err, "InvalidParameterValue", "belong to different networks")

	s := c.create(subnetToken, cloud.Map{"vpcId": v.ID, "cidrBlock": "10.0.1.0/24"})
	association := c.create(routeTableAssociationToken, cloud.Map{"routeTableId": table.ID, "subnetId": s.ID})
	_, err = c.try(routeTableAssociationToken, cloud.Map{"routeTableId": table.ID, "subnetId": s.ID})
	c.refused(err, "Resource.AlreadyAssociated", "conflicts with an existing association")
	c.refused(c.Delete(t.Context(), here, routeTableToken, table.ID, 0), "DependencyViolation", "routeTable")
	c.delete(association)
	c.delete(table) // and its route with it
	for _, l := range c.left() {
		if strings.HasPrefix(l, routeToken) {
			t.Errorf("left: %s", l)
		}
	}
}

func TestSecurityGroupRules(t *testing.T) {
	c := newCloud(t, ec2Kinds()...)
	v := newVPC(c)
	balancer := c.create(securityGroupToken, cloud.Map{"vpcId": v.ID, "name": "balancer"})
	service := c.create(securityGroupToken, cloud.Map{"vpcId": v.ID, "name": "service"})
	_, err := c.try(securityGroupToken, cloud.Map{"vpcId": v.ID, "name": "service"})
	c.refused(err, "InvalidGroup.Duplicate", "already exists for VPC")

	in := cloud.Map{"securityGroupId": service.ID, "ipProtocol": "tcp", "fromPort": 8080.0, "toPort": 8080.0, "referencedSecurityGroupId": balancer.ID}
	rule := c.create(securityGroupIngressRuleToken, in)
	_, err = c.try(securityGroupIngressRuleToken, in)
	c.refused(err, "InvalidPermission.Duplicate", "TCP, from port: 8080, to port: 8080, ALLOW")
	_, err = c.try(securityGroupIngressRuleToken, cloud.Map{"securityGroupId": service.ID, "ipProtocol": "tcp", "fromPort": 1.0, "toPort": 1.0})
	c.refused(err, "MissingParameter", "source")
	_, err = c.try(securityGroupEgressRuleToken, cloud.Map{"securityGroupId": service.ID, "ipProtocol": "-1", "fromPort": 1.0, "toPort": 1.0, "cidrIpv4": "0.0.0.0/0"})
	c.refused(err, "Check", "all ports")

	c.refused(c.Delete(t.Context(), here, securityGroupToken, balancer.ID, 0), "DependencyViolation", "has a dependent object")
	if _, err := c.update(rule, cloud.Map{"fromPort": 80.0, "toPort": 80.0}); err != nil {
		t.Error(err)
	}
	c.delete(service) // and its rule with it
	c.delete(balancer)
	c.delete(v)
	if left := c.left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestScope(t *testing.T) {
	for _, test := range []struct {
		config  cloud.Map
		account string
		words   string
	}{
		{config: cloud.Map{"region": "eu-central-1"}, account: DefaultAccount},
		{config: cloud.Map{"region": "eu-central-1", "assumeRole": cloud.Map{"roleArn": "arn:aws:iam::123456789012:role/deploy"}}, account: "123456789012"},
		{config: cloud.Map{}, words: "pulumi config set aws:region"},
		{config: cloud.Map{"region": "mars-1"}, words: "mars-1"},
		{config: cloud.Map{"region": "eu-central-1", "assumeRole": cloud.Map{"roleArn": "deploy"}}, words: `"deploy" is not a role's ARN`},
	} {
		s, err := Scope(test.config)
		if test.words == "" && (err != nil || s.Account != test.account) {
			t.Errorf("scope of %v: %v, %v", test.config, s, err)
		}
		if test.words != "" && (err == nil || !strings.Contains(err.Error(), test.words)) {
			t.Errorf("scope of %v: %v, want an error with %q", test.config, err, test.words)
		}
	}
}

func TestAvailabilityZones(t *testing.T) {
	c := newCloud(t, ec2Kinds()...)
	out, failures, err := c.Invoke(t.Context(), here, getAvailabilityZones.Token, cloud.Map{
		"state": "available", "filters": []any{cloud.Map{"name": "zone-type", "values": []any{"availability-zone"}}},
	})
	if err != nil || len(failures) > 0 || len(out["names"].([]any)) != 3 {
		t.Errorf("zones: %v, %v, %v", out, failures, err)
	}
}
