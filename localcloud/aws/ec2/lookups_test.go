package ec2_test

import (
	"fmt"
	"strings"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/cloud"
)

func TestANetworkIsLookedUp(t *testing.T) {
	t.Parallel()
	s := awstest.NewStage(t)
	ask := func(token string, args cloud.Map) cloud.Map {
		t.Helper()
		out, err := s.Ask(awstest.Here, token, args)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	small := s.Make(ec2.SubnetToken, cloud.Map{
		"vpcId": s.VPC.ID, "cidrBlock": "10.0.9.0/28", "availabilityZone": "eu-central-1b", "tags": cloud.Map{"Tier": "private"},
	})
	table := s.Make(ec2.RouteTableToken, cloud.Map{"vpcId": s.VPC.ID})
	s.Make(ec2.RouteTableAssociationToken, cloud.Map{"subnetId": small.ID, "routeTableId": table.ID})
	// A load balancer's interface is in the subnet.
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		_, err := ec2.AddInterface(tx, awstest.Here.Scope, ec2.Interface{SubnetID: small.ID}, false)
		return err
	}); err != nil {
		t.Fatal(err)
	}

	vpc := ask(ec2.GetVPC.Token, cloud.Map{"id": s.VPC.ID})
	main := s.VPC.Outputs["mainRouteTableId"]
	if fmt.Sprint(vpc["enableDnsSupport"], vpc["enableDnsHostnames"], vpc["cidrBlock"], vpc["mainRouteTableId"]) != fmt.Sprint(true, false, "10.0.0.0/16", main) ||
		vpc["ipv6CidrBlock"] != s.VPC.Outputs["ipv6CidrBlock"] {
		t.Errorf("the VPC is %v", vpc)
	}
	subnet := ask(ec2.GetSubnet.Token, cloud.Map{"id": small.ID})
	// 16 addresses, less AWS's own five and one interface.
	if fmt.Sprint(subnet["vpcId"], subnet["availabilityZone"], subnet["availableIpAddressCount"], subnet["ipv6CidrBlock"]) !=
		fmt.Sprint(s.VPC.ID, "eu-central-1b", 10.0, "") {
		t.Errorf("the subnet is %v", subnet)
	}
	of := func(name string, value any) []any { return []any{cloud.Map{"name": name, "values": []any{value}}} }
	for name, test := range map[string]struct {
		token string
		args  cloud.Map
		want  []any
	}{
		"subnets with a tag":        {ec2.GetSubnets.Token, cloud.Map{"filters": of("vpc-id", s.VPC.ID), "tags": cloud.Map{"Tier": "private"}}, []any{small.ID}},
		"subnets with another tag":  {ec2.GetSubnets.Token, cloud.Map{"filters": of("vpc-id", s.VPC.ID), "tags": cloud.Map{"Tier": "public"}}, nil},
		"subnets of another VPC":    {ec2.GetSubnets.Token, cloud.Map{"filters": of("vpc-id", "vpc-0"), "tags": cloud.Map{"Tier": "private"}}, nil},
		"tables of a subnet":        {ec2.GetRouteTables.Token, cloud.Map{"vpcId": s.VPC.ID, "filters": of("association.subnet-id", small.ID)}, []any{table.ID}},
		"tables of a main one":      {ec2.GetRouteTables.Token, cloud.Map{"vpcId": s.VPC.ID, "filters": of("association.main", "true")}, []any{main}},
		"tables of another VPC":     {ec2.GetRouteTables.Token, cloud.Map{"vpcId": "vpc-0"}, nil},
		"tables of a subnet of its": {ec2.GetRouteTables.Token, cloud.Map{"filters": of("association.subnet-id", s.Subnets[0])}, nil},
	} {
		if got := ask(test.token, test.args)["ids"]; fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	for id, want := range map[any]string{table.ID: "[" + small.ID + " false]", main: "[ true]"} {
		found := ask(ec2.GetRouteTable.Token, cloud.Map{"routeTableId": id})["associations"].([]any)
		got := []any{}
		for _, a := range found {
			got = append(got, a.(cloud.Map)["subnetId"], a.(cloud.Map)["main"])
		}
		if fmt.Sprint(got) != want {
			t.Errorf("the associations of %v are %v, want %s", id, got, want)
		}
	}
	for token, args := range map[string]cloud.Map{
		ec2.GetVPC.Token:         {"id": "vpc-0"},
		ec2.GetSubnet.Token:      {"id": "subnet-0"},
		ec2.GetSubnets.Token:     {"filters": of("colour", "blue")},
		ec2.GetRouteTables.Token: {"filters": of("colour", "blue")},
	} {
		if _, err := s.Ask(awstest.Here, token, args); err == nil || !strings.Contains(err.Error(), "no matching") && !strings.Contains(err.Error(), "not modelled") {
			t.Errorf("%s %v: %v", token, args, err)
		}
	}
	for token, args := range map[string]cloud.Map{ec2.GetVPC.Token: {"default": true}, ec2.GetSubnet.Token: {"vpcId": s.VPC.ID}} {
		if _, err := s.Ask(awstest.Here, token, args); err == nil || !strings.Contains(err.Error(), "by anything but its id") {
			t.Errorf("%s %v: %v", token, args, err)
		}
	}
}
