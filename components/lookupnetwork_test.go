package components

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/spec"
)

// lookUp looks an existing network up, and describes it.
func lookUp(vpc mocks.VPC, args *LookupNetworkArgs) (got string, err error) {
	cloud := mocks.Cloud{Functions: vpc.Functions()}
	err = cloud.Run(func(ctx *pulumi.Context) error {
		n, err := LookupNetwork(ctx, args)
		if err == nil {
			public, tasks := n.Public(), n.Tasks()
			got = fmt.Sprint(public.VPCID, public.SubnetIDs, public.PublicIP, tasks.VPCID, tasks.SubnetIDs, tasks.PublicIP, n.IPv6)
		}
		return err
	})
	if registered := cloud.Listing(); registered != "" {
		return got, fmt.Errorf("registered %s", registered)
	}
	return got, err
}

func TestLookupNetwork(t *testing.T) {
	t.Parallel()
	ids := func(ids ...string) spec.Subnets { return spec.Subnets{IDs: ids} }
	tier := func(tier string) spec.Subnets { return spec.Subnets{Tags: map[string]string{"Tier": tier}} }
	for name, test := range map[string]struct {
		public, tasks spec.Subnets
		change        func(*mocks.VPC)
		want          []any
	}{
		"private tasks": {ids(mocks.PublicB, mocks.PublicA), ids(mocks.PrivateA, mocks.PrivateB), nil, []any{[]string{mocks.PublicB, mocks.PublicA}, []string{mocks.PrivateA, mocks.PrivateB}, false, true}},
		"public tasks":  {ids(mocks.PublicA, mocks.PublicB), spec.Subnets{}, nil, []any{[]string{mocks.PublicA, mocks.PublicB}, []string{mocks.PublicA, mocks.PublicB}, true, true}},
		"by tags":       {tier("public"), tier("private"), nil, []any{[]string{mocks.PublicA, mocks.PublicB}, []string{mocks.PrivateA, mocks.PrivateB}, false, true}},
		"tasks alone":   {spec.Subnets{}, ids(mocks.PrivateA), nil, []any{[]string{}, []string{mocks.PrivateA}, false, true}},
		"no IPv6": {ids(mocks.PublicA, mocks.PublicB), spec.Subnets{}, func(v *mocks.VPC) { delete(v.Tables["public"].Routes, "::/0") }, []any{
			[]string{mocks.PublicA, mocks.PublicB}, []string{mocks.PublicA, mocks.PublicB}, true, false,
		}},
		"a more specific way": {ids(mocks.PublicA, mocks.PublicB), ids(mocks.PrivateA), func(v *mocks.VPC) {
			v.Tables["main"] = mocks.Table{Routes: map[string][2]string{
				"0.0.0.0/0": {"gatewayId", "igw-1"}, "52.0.0.0/8": {"transitGatewayId", "tgw-1"}, "52.94.0.0/22": {"vpcEndpointId", "vpce-1"}, "8.0.0.0/8": {"gatewayId", "igw-1"},
			}}
		}, []any{[]string{mocks.PublicA, mocks.PublicB}, []string{mocks.PrivateA}, false, true}},
	} {
		vpc := mocks.NewVPC()
		if test.change != nil {
			test.change(&vpc)
		}
		want := test.want
		formatted := fmt.Sprint(pulumi.String(mocks.VPCID), pulumi.ToStringArray(want[0].([]string)), true,
			pulumi.String(mocks.VPCID), pulumi.ToStringArray(want[1].([]string)), want[2], want[3])
		got, err := lookUp(vpc, &LookupNetworkArgs{
			ExistingNetwork: spec.ExistingNetwork{VPCID: mocks.VPCID, Public: test.public, Tasks: test.tasks},
			Need:            spec.NetworkNeed{LoadBalancer: test.public.Given(), NewLoadBalancer: true, NewTasks: 10},
		})
		if err != nil || got != formatted {
			t.Errorf("%s: %s (%v), want %s", name, got, err, formatted)
		}
	}
}

func TestLookupNetworkRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*mocks.VPC)
		args   func(*LookupNetworkArgs)
		want   string
	}{
		"no VPC":        {func(v *mocks.VPC) { v.ID = "vpc-1" }, nil, "vpcId: look up the VPC in the stack's region: no matching EC2 VPC found"},
		"a bad id":      {nil, func(a *LookupNetworkArgs) { a.VPCID = "vpc" }, `vpcId: "vpc": must be the id of a VPC`},
		"no subnets":    {nil, func(a *LookupNetworkArgs) { a.ExistingNetwork = spec.ExistingNetwork{VPCID: mocks.VPCID} }, "subnetIds: is missing; it names"},
		"a lost subnet": {func(v *mocks.VPC) { delete(v.Subnets, mocks.PrivateB); delete(v.Subnets, mocks.PublicA) }, nil, `subnetIds.public: "` + mocks.PublicA + `": look up the subnet: no matching EC2 Subnet found` + "\n" + `subnetIds.tasks: "` + mocks.PrivateB},
		"another's":     {func(v *mocks.VPC) { v.Subnets[mocks.PublicA] = mocks.Subnet{VPCID: "vpc-1", Zone: "a"} }, nil, `subnetIds.public: "` + mocks.PublicA + `": is in vpc-1 and not in ` + mocks.VPCID},
		"tags of none":  {nil, func(a *LookupNetworkArgs) { a.Tasks = spec.Subnets{Tags: map[string]string{"Tier": "gold"}} }, "subnetTags.tasks: no subnet of " + mocks.VPCID + " has the tags Tier=gold"},
		"isolated":      {func(v *mocks.VPC) { v.Tables["isolated"] = mocks.Table{Subnets: []string{mocks.PrivateB}} }, nil, `subnetIds.tasks: "` + mocks.PrivateB + `": has no way to the internet`},
		"a peer's way": {func(v *mocks.VPC) {
			v.Tables["main"].Routes["0.0.0.0/0"] = [2]string{"vpcPeeringConnectionId", "pcx-1"}
		}, nil, `subnetIds.tasks: "` + mocks.PrivateA + `": has no way`},
		"IPv6 alone out": {func(v *mocks.VPC) {
			v.Tables["main"] = mocks.Table{Routes: map[string][2]string{"::/0": {"egressOnlyGatewayId", "eigw-1"}}}
		}, nil, "has no way to the internet"},
		"not public": {func(v *mocks.VPC) { v.Tables["public"].Routes["0.0.0.0/0"] = [2]string{"natGatewayId", "nat-1"} }, nil, `subnetIds.public: "` + mocks.PublicA + `": has no route to an internet gateway`},
		"no room":    {nil, func(a *LookupNetworkArgs) { a.Need.NewTasks = 401 }, "subnetIds.tasks: have 400 free addresses together, and 401 tasks may start there"},
		"no DNS":     {func(v *mocks.VPC) { v.NoDNS = true }, nil, "has DNS support turned off"},
	} {
		vpc, args := mocks.NewVPC(), &LookupNetworkArgs{
			ExistingNetwork: spec.ExistingNetwork{
				VPCID: mocks.VPCID, Public: spec.Subnets{IDs: []string{mocks.PublicA, mocks.PublicB}}, Tasks: spec.Subnets{IDs: []string{mocks.PrivateA, mocks.PrivateB}},
			},
			Need: spec.NetworkNeed{LoadBalancer: true, NewLoadBalancer: true},
		}
		if test.change != nil {
			test.change(&vpc)
		}
		if test.args != nil {
			test.args(args)
		}
		if _, err := lookUp(vpc, args); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v\nwant %s", name, err, test.want)
		}
	}
	if _, err := lookUp(mocks.NewVPC(), nil); err == nil || !strings.Contains(err.Error(), "args are missing") {
		t.Errorf("no args: %v", err)
	}
}

// Somebody who may not ask learns which question it was.
func TestLookupNetworkIsDenied(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{
		"aws:ec2/getSubnets:getSubnets":         "subnetTags.public: look up the subnets: denied",
		"aws:ec2/getRouteTables:getRouteTables": "vpcId: look up the route tables: denied",
		"aws:ec2/getRouteTable:getRouteTable":   "vpcId: look up the route table isolated: denied",
	} {
		cloud := mocks.Cloud{Functions: mocks.NewVPC().Functions(), Fail: func(called, _ string) error {
			if called == token {
				return fmt.Errorf("denied")
			}
			return nil
		}}
		err := cloud.Run(func(ctx *pulumi.Context) error {
			_, err := LookupNetwork(ctx, &LookupNetworkArgs{ExistingNetwork: spec.ExistingNetwork{
				VPCID: mocks.VPCID, Public: spec.Subnets{Tags: map[string]string{"Tier": "public"}},
			}})
			return err
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", token, err, want)
		}
	}
}
