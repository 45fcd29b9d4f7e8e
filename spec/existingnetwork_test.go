package spec

import (
	"strings"
	"testing"
)

const (
	someVPC = "vpc-0123456789abcdef0"
	subnetA = "subnet-0123456789abcdefa"
	subnetB = "subnet-0123456789abcdefb"
	subnetC = "subnet-0123456789abcdefc"
	subnetD = "subnet-0123456789abcdefd"
)

func TestExistingNetworkProblems(t *testing.T) {
	t.Parallel()
	tagged := Subnets{Tags: map[string]string{"Tier": "public"}}
	for want, n := range map[string]ExistingNetwork{
		"": {someVPC, Subnets{IDs: []string{subnetA}}, tagged},
		`vpcId: "vpc-1": must be the id of a VPC`:                                  {"vpc-1", tagged, Subnets{}},
		`subnetIds.public[1]: "net": must be the id of a subnet`:                   {someVPC, Subnets{IDs: []string{subnetA, "net"}}, Subnets{}},
		`subnetIds.tasks[0]: "subnet-0123456789ABCDEF0": must`:                     {someVPC, tagged, Subnets{IDs: []string{"subnet-0123456789ABCDEF0"}}},
		"subnetIds: is missing; it names the subnets: public":                      {VPCID: someVPC},
		"subnetTags.tasks.Tier: a tag's value is at most 256":                      {someVPC, tagged, Subnets{Tags: map[string]string{"Tier": "*"}}},
		"subnetTags.public: subnetIds and subnetTags exclude each other for the s": {VPCID: someVPC, Public: Subnets{[]string{subnetA}, tagged.Tags}},
	} {
		err := n.Problems().Err()
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%+v: %v, want %q", n, err, want)
		}
	}
}

// foundNetwork is a network that has everything: public subnets a and b, and private ones c and d.
func foundNetwork() FoundNetwork {
	subnet := func(id, zone string, way Way) FoundSubnet {
		return FoundSubnet{ID: id, VPCID: someVPC, Zone: zone, IPv4: true, IPv6: true, Free: 100, IPv4Way: way, IPv6Way: way}
	}
	return FoundNetwork{
		ExistingNetwork: ExistingNetwork{someVPC, Subnets{IDs: []string{subnetA, subnetB}}, Subnets{IDs: []string{subnetC, subnetD}}},
		DNSSupport:      true,
		PublicSubnets:   []FoundSubnet{subnet(subnetA, "a", InternetGateway), subnet(subnetB, "b", InternetGateway)},
		TaskSubnets:     []FoundSubnet{subnet(subnetC, "a", Forwarder), subnet(subnetD, "b", Forwarder)},
	}
}

// alone makes the tasks' subnets those of the load balancer.
func alone(n *FoundNetwork) { n.Tasks, n.TaskSubnets = Subnets{}, n.PublicSubnets }

func TestFoundNetworkProblems(t *testing.T) {
	t.Parallel()
	need := NetworkNeed{LoadBalancer: true, NewLoadBalancer: true, NewTasks: 20}
	for name, test := range map[string]struct {
		change func(*FoundNetwork)
		need   NetworkNeed
		want   string // all problems
	}{
		"everything":         {func(*FoundNetwork) {}, need, ""},
		"public tasks":       {alone, need, ""},
		"no DNS":             {func(n *FoundNetwork) { n.DNSSupport = false }, need, `vpcId: "` + someVPC + `": has DNS support turned off, so tasks cannot look up any name; turn enableDnsSupport on`},
		"another VPC":        {func(n *FoundNetwork) { n.PublicSubnets[1].VPCID = "vpc-1" }, need, `subnetIds.public: "` + subnetB + `": is in vpc-1 and not in ` + someVPC},
		"another VPC's task": {func(n *FoundNetwork) { n.TaskSubnets[0].VPCID = "vpc-1" }, need, `subnetIds.tasks: "` + subnetC + `": is in vpc-1 and not in ` + someVPC},
		"another VPC for all": {func(n *FoundNetwork) {
			n.PublicSubnets[1].VPCID = "vpc-1"
			alone(n)
		}, need, `subnetIds.public: "` + subnetB + `": is in vpc-1 and not in ` + someVPC},
		"IPv6 alone":     {func(n *FoundNetwork) { n.TaskSubnets[0].IPv4 = false }, need, `subnetIds.tasks: "` + subnetC + `": has only IPv6 addresses; use a subnet with IPv4 addresses`},
		"one zone twice": {func(n *FoundNetwork) { n.PublicSubnets[1].Zone = "a" }, need, `subnetIds.public: "` + subnetB + `": is in zone a as ` + subnetA + " is; a load balancer takes one subnet of a zone\nsubnetIds.public: are all in one zone; a load balancer needs subnets in at least 2 zones"},
		"one zone":       {func(n *FoundNetwork) { n.PublicSubnets = n.PublicSubnets[:1] }, need, "subnetIds.public: are all in one zone; a load balancer needs subnets in at least 2 zones"},
		"not public":     {func(n *FoundNetwork) { n.PublicSubnets[0].IPv4Way = Forwarder }, need, `subnetIds.public: "` + subnetA + `": has no route to an internet gateway, so nobody reaches a load balancer in it; use a public subnet, or add the route to its route table`},
		"not public, and tasks": {func(n *FoundNetwork) {
			n.PublicSubnets[0].IPv4Way = NoWay
			alone(n)
		}, need, `subnetIds.public: "` + subnetA + `": has no route to an internet gateway, so nobody reaches a load balancer in it; use a public subnet, or add the route to its route table`},
		"no public subnet but none needed": {func(n *FoundNetwork) { n.PublicSubnets = nil }, NetworkNeed{}, ""},
		"little room for a load balancer":  {func(n *FoundNetwork) { n.PublicSubnets[0].Free = 7 }, need, `subnetIds.public: "` + subnetA + `": has 7 free addresses, and a load balancer needs 8; use a larger subnet`},
		"little room for one that stands":  {func(n *FoundNetwork) { n.PublicSubnets[0].Free = 7 }, NetworkNeed{LoadBalancer: true}, ""},
		"no way":                           {func(n *FoundNetwork) { n.TaskSubnets[1].IPv4Way = NoWay }, need, `subnetIds.tasks: "` + subnetD + `": has no way to the internet, so tasks in it reach neither their image nor their logs; add a route to a NAT gateway to its route table, or use another subnet`},
		"only IPv6 has a way":              {func(n *FoundNetwork) { n.TaskSubnets[1].IPv4Way, n.TaskSubnets[1].IPv6Way = NoWay, EgressOnlyGateway }, need, `subnetIds.tasks: "` + subnetD + `": has no way to the internet, so tasks in it reach neither their image nor their logs; add a route to a NAT gateway to its route table, or use another subnet`},
		"both kinds":                       {func(n *FoundNetwork) { n.TaskSubnets[1].IPv4Way = InternetGateway }, need, "subnetIds.tasks: " + subnetD + " has a route to an internet gateway, and " + subnetC + " to a NAT gateway: tasks need a public address in one and not in the other; use subnets of one kind"},
		"little room":                      {func(n *FoundNetwork) { n.TaskSubnets[0].Free, n.TaskSubnets[1].Free = 9, 10 }, need, "subnetIds.tasks: have 19 free addresses together, and 20 tasks may start there; use larger subnets, or fewer tasks"},
		"tags of none": {func(n *FoundNetwork) {
			n.Tasks, n.TaskSubnets = Subnets{Tags: map[string]string{"Tier": "x", "Of": "me"}}, nil
		}, need, "subnetTags.tasks: no subnet of " + someVPC + " has the tags Of=me, Tier=x"},
		"everything at once": {func(n *FoundNetwork) {
			n.DNSSupport, n.PublicSubnets[0].Free, n.TaskSubnets[0].IPv4Way = false, 1, NoWay
		}, need, `vpcId: "` + someVPC +
			`": has DNS support turned off, so tasks cannot look up any name; turn enableDnsSupport on` + "\n" +
			`subnetIds.public: "` + subnetA + `": has 1 free addresses, and a load balancer needs 8; use a larger subnet` + "\n" +
			`subnetIds.tasks: "` + subnetC + `": has no way to the internet, so tasks in it reach neither their image nor their logs; add a route to a NAT gateway to its route table, or use another subnet`},
	} {
		n := foundNetwork()
		test.change(&n)
		got := ""
		if err := n.Problems(test.need).Err(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %s\nwant %s", name, got, test.want)
		}
	}
}

func TestFoundNetworkKind(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change       func(*FoundNetwork)
		public, ipv6 bool
	}{
		"private tasks":     {func(*FoundNetwork) {}, false, true},
		"public tasks":      {alone, true, true},
		"one without IPv6":  {func(n *FoundNetwork) { n.PublicSubnets[1].IPv6 = false }, false, false},
		"no route for IPv6": {func(n *FoundNetwork) { n.PublicSubnets[1].IPv6Way = NoWay }, false, false},
	} {
		n := foundNetwork()
		test.change(&n)
		if n.PublicIP() != test.public || n.IPv6() != test.ipv6 {
			t.Errorf("%s: public addresses %t, IPv6 %t", name, n.PublicIP(), n.IPv6())
		}
	}
}
