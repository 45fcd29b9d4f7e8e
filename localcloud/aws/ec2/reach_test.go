package ec2_test

import (
	"strings"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/cloud"
)

// reachStage is a load balancer's and a task's network interface in a network in which everything works. What may be taken
// away has a name.
type reachStage struct {
	*awstest.Stage
	parts          map[string]*cloud.Resource
	balancer, task *ec2.Interface
}

func newReachStage(t *testing.T) *reachStage {
	s := &reachStage{Stage: awstest.NewStage(t), parts: map[string]*cloud.Resource{}}
	add := func(name, token string, in cloud.Map) *cloud.Resource {
		s.parts[name] = s.Make(token, in)
		return s.parts[name]
	}
	service := add("service group", ec2.SecurityGroupToken, cloud.Map{"vpcId": s.VPC.ID, "name": "service"})
	tcp := func(group *cloud.Resource, port float64, peer string, value any) cloud.Map {
		return cloud.Map{"securityGroupId": group.ID, "ipProtocol": "tcp", "fromPort": port, "toPort": port, peer: value}
	}
	add("balancer in IPv4", ec2.SecurityGroupIngressRuleToken, tcp(s.Group, 443, "cidrIpv4", ec2.AnyIPv4))
	add("balancer in IPv6", ec2.SecurityGroupIngressRuleToken, tcp(s.Group, 443, "cidrIpv6", ec2.AnyIPv6))
	add("balancer out", ec2.SecurityGroupEgressRuleToken, tcp(s.Group, 8080, "referencedSecurityGroupId", service.ID))
	add("service in", ec2.SecurityGroupIngressRuleToken, tcp(service, 8080, "referencedSecurityGroupId", s.Group.ID))
	add("service out IPv4", ec2.SecurityGroupEgressRuleToken, cloud.Map{"securityGroupId": service.ID, "ipProtocol": "-1", "cidrIpv4": ec2.AnyIPv4})
	add("service out IPv6", ec2.SecurityGroupEgressRuleToken, cloud.Map{"securityGroupId": service.ID, "ipProtocol": "-1", "cidrIpv6": ec2.AnyIPv6})
	table := s.Make(ec2.RouteTableToken, cloud.Map{"vpcId": s.VPC.ID})
	add("IPv4 route", ec2.RouteToken, cloud.Map{"routeTableId": table.ID, "gatewayId": s.Gateway.ID, "destinationCidrBlock": ec2.AnyIPv4})
	add("IPv6 route", ec2.RouteToken, cloud.Map{"routeTableId": table.ID, "gatewayId": s.Gateway.ID, "destinationIpv6CidrBlock": ec2.AnyIPv6})
	add("association", ec2.RouteTableAssociationToken, cloud.Map{"routeTableId": table.ID, "subnetId": s.Subnets[0]})
	s.parts["gateway"] = s.Gateway

	place := func(group *cloud.Resource) (out *ec2.Interface) {
		if err := s.Store.Update(func(tx *cloud.Tx) error {
			r, err := ec2.AddInterface(tx, awstest.Here.Scope, ec2.Interface{SubnetID: s.Subnets[0].(string), SecurityGroups: []string{group.ID}}, true)
			if err == nil {
				out = ec2.NetworkInterface.Inputs(r)
				out.IPv6Address = ec2.IPv6In(tx.Get(cloud.Key{Scope: awstest.Here.Scope, Token: ec2.SubnetToken, ID: out.SubnetID}).Inputs["ipv6CidrBlock"].(string), out.PrivateIP)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	s.balancer, s.task = place(s.Group), place(service)
	return s
}

// without takes parts away behind everyone's back.
func (s *reachStage) without(parts ...string) {
	s.T.Helper()
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		for _, p := range parts {
			if s.parts[p] == nil {
				s.T.Fatalf("there is no part %q", p)
			}
			tx.Delete(s.parts[p].Key)
		}
		return nil
	}); err != nil {
		s.T.Fatal(err)
	}
}

func TestReachable(t *testing.T) {
	for _, test := range []struct {
		name    string
		without []string
		change  func(s *reachStage)
		port    int
		want    bool
	}{
		{name: "all in place", port: 8080, want: true},
		{name: "no egress rule of the load balancer", without: []string{"balancer out"}, port: 8080},
		{name: "no ingress rule of the service", without: []string{"service in"}, port: 8080},
		{name: "wrong port", port: 8081},
		{name: "another VPC", change: func(s *reachStage) { s.task.VPCID = "vpc-0" }, port: 8080},
		{name: "another group", change: func(s *reachStage) { s.task.SecurityGroups = []string{s.Group.ID} }, port: 8080},
		{name: "no routes needed within a VPC", without: []string{"IPv4 route", "IPv6 route", "gateway"}, port: 8080, want: true},
		{name: "by CIDR block", without: []string{"service in"}, change: func(s *reachStage) {
			s.allow(ec2.SecurityGroupIngressRuleToken, s.parts["service group"], "cidrIpv4", s.balancer.PrivateIP+"/32")
		}, port: 8080, want: true},
		{name: "by another CIDR block", without: []string{"service in"}, change: func(s *reachStage) {
			s.allow(ec2.SecurityGroupIngressRuleToken, s.parts["service group"], "cidrIpv4", s.task.PrivateIP+"/32")
		}, port: 8080},
		{name: "IPv6 alone", without: []string{"service in"}, change: func(s *reachStage) {
			s.allow(ec2.SecurityGroupIngressRuleToken, s.parts["service group"], "cidrIpv6", ec2.AnyIPv6)
		}, port: 8080, want: true},
		{name: "inline rule naming the group itself", without: []string{"service in"}, change: func(s *reachStage) {
			s.Stage.Change(s.parts["service group"], func(r *cloud.Resource) {
				r.Inputs["ingress"] = []any{cloud.Map{"protocol": "tcp", "fromPort": 8000.0, "toPort": 9000.0, "self": true}}
			})
			s.balancer.SecurityGroups = append(s.balancer.SecurityGroups, s.parts["service group"].ID)
		}, port: 8080, want: true},
		{name: "inline rule for UDP", without: []string{"service in"}, change: func(s *reachStage) {
			s.Stage.Change(s.parts["service group"], func(r *cloud.Resource) {
				r.Inputs["ingress"] = []any{cloud.Map{"protocol": "udp", "fromPort": 8080.0, "toPort": 8080.0, "cidrBlocks": []any{ec2.AnyIPv4}}}
			})
		}, port: 8080},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newReachStage(t)
			s.without(test.without...)
			if test.change != nil {
				test.change(s)
			}
			s.Store.View(func(tx *cloud.Tx) {
				if got := ec2.Reachable(tx, awstest.Here.Scope, s.balancer, s.task, test.port); got != test.want {
					t.Errorf("reachable: %t, want %t", got, test.want)
				}
			})
		})
	}
}

// allow adds a rule for TCP port 8080.
func (s *reachStage) allow(token string, group *cloud.Resource, peer, value string) {
	s.T.Helper()
	s.Make(token, cloud.Map{
		"securityGroupId": group.ID, "ipProtocol": "tcp", "fromPort": 8080.0, "toPort": 8080.0, peer: value,
	})
}

func TestReachableByAddress(t *testing.T) {
	s := newReachStage(t)
	s.without("service in")
	s.allow(ec2.SecurityGroupIngressRuleToken, s.parts["service group"], "cidrIpv6", ec2.AnyIPv6)
	s.Store.View(func(tx *cloud.Tx) {
		if ec2.ReachableAt(tx, awstest.Here.Scope, s.balancer, s.task, s.task.PrivateIP, 8080) {
			t.Error("a rule for IPv6 lets IPv4 in")
		}
		if !ec2.ReachableAt(tx, awstest.Here.Scope, s.balancer, s.task, s.task.IPv6Address, 8080) {
			t.Error("a rule for IPv6 does not let IPv6 in")
		}
	})
}

func TestFromInternet(t *testing.T) {
	for _, test := range []struct {
		name    string
		without []string
		change  func(s *reachStage)
		port    int
		want    bool
	}{
		{name: "all in place", port: 443, want: true},
		{name: "wrong port", port: 80},
		{name: "no rule", without: []string{"balancer in IPv4", "balancer in IPv6"}, port: 443},
		{name: "no routes", without: []string{"IPv4 route", "IPv6 route"}, port: 443},
		{name: "no gateway", without: []string{"gateway"}, port: 443},
		{name: "no association", without: []string{"association"}, port: 443},
		{name: "no public address", change: func(s *reachStage) { s.balancer.PublicIP, s.balancer.IPv6Address = "", "" }, port: 443},
		{name: "IPv6 alone", without: []string{"IPv4 route"}, port: 443, want: true},
		{name: "IPv6 without its rule", without: []string{"IPv4 route", "balancer in IPv6"}, port: 443},
		{name: "IPv4 alone", change: func(s *reachStage) { s.balancer.IPv6Address = "" }, port: 443, want: true},
		{name: "IPv4 without its rule", without: []string{"balancer in IPv4"}, change: func(s *reachStage) { s.balancer.IPv6Address = "" }, port: 443},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newReachStage(t)
			s.without(test.without...)
			if test.change != nil {
				test.change(s)
			}
			s.Store.View(func(tx *cloud.Tx) {
				if got := ec2.FromInternet(tx, awstest.Here.Scope, s.balancer, test.port); got != test.want {
					t.Errorf("from the internet: %t, want %t", got, test.want)
				}
			})
		})
	}
}

func TestEgress(t *testing.T) {
	ipv4Only := func(s *reachStage) { s.task.IPv6Address = "" }
	ipv6Only := func(s *reachStage) { s.task.PrivateIP, s.task.PublicIP = "", "" }
	for _, test := range []struct {
		name    string
		without []string
		change  func(s *reachStage)
		words   []string // of the error; none if there is none
	}{
		{name: "all in place"},
		{name: "IPv4 alone", change: ipv4Only},
		{name: "IPv6-only", without: []string{"IPv4 route", "service out IPv4"}, change: ipv6Only},
		{name: "both, with a way for IPv6 alone", change: func(s *reachStage) { s.task.PublicIP = "" }, words: []string{"no public address"}},
		{name: "no route", without: []string{"IPv4 route"}, words: []string{"has no route to 0.0.0.0/0"}},
		{name: "no IPv6 route", without: []string{"IPv6 route"}, change: ipv6Only, words: []string{"has no route to ::/0"}},
		{name: "no IPv6 rule", without: []string{"service out IPv6"}, change: ipv6Only, words: []string{"no egress rule", "::/0"}},
		{name: "no public address", change: func(s *reachStage) { s.task.PublicIP, s.task.IPv6Address = "", "" }, words: []string{"no public address"}},
		{name: "no rule", without: []string{"service out IPv4"}, change: ipv4Only, words: []string{"no egress rule", "TCP port 443", "0.0.0.0/0"}},
		{name: "gateway gone", without: []string{"gateway"}, change: ipv4Only, words: []string{"blackhole"}},
		{name: "main route table", without: []string{"association"}, change: ipv4Only, words: []string{"has no route"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newReachStage(t)
			s.without(test.without...)
			if test.change != nil {
				test.change(s)
			}
			var err error
			s.Store.View(func(tx *cloud.Tx) { err = ec2.Egress(tx, awstest.Here.Scope, s.task, 443) })
			if (err == nil) != (len(test.words) == 0) {
				t.Fatalf("egress: %v", err)
			}
			for _, w := range test.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
		})
	}
}

// An egress-only gateway lets connections out, and none in.
func TestEgressOnlyGateway(t *testing.T) {
	s := newReachStage(t)
	s.task.PrivateIP, s.task.PublicIP = "", ""
	s.allow(ec2.SecurityGroupIngressRuleToken, s.parts["service group"], "cidrIpv6", ec2.AnyIPv6)
	table := ec2.Route.Inputs(s.parts["IPv6 route"]).RouteTableID
	s.without("IPv4 route", "IPv6 route")
	gateway := s.Make(ec2.EgressOnlyInternetGatewayToken, cloud.Map{"vpcId": s.VPC.ID})
	s.Make(ec2.RouteToken, cloud.Map{"routeTableId": table, "egressOnlyGatewayId": gateway.ID, "destinationIpv6CidrBlock": ec2.AnyIPv6})
	s.Store.View(func(tx *cloud.Tx) {
		if err := ec2.Egress(tx, awstest.Here.Scope, s.task, 443); err != nil {
			t.Error(err)
		}
		if ec2.FromInternet(tx, awstest.Here.Scope, s.task, 8080) {
			t.Error("it lets somebody in")
		}
	})
	s.Remove(gateway)
	s.Store.View(func(tx *cloud.Tx) {
		if err := ec2.Egress(tx, awstest.Here.Scope, s.task, 443); err == nil || !strings.Contains(err.Error(), "blackhole") {
			t.Errorf("without the gateway: %v", err)
		}
	})
}
