package awstest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
)

// NewVPC makes a VPC with addresses of both families.
func NewVPC(c *Tester) *cloud.Resource {
	return c.Make(ec2.VPCToken, cloud.Map{"cidrBlock": "10.0.0.0/16", "assignGeneratedIpv6CidrBlock": true})
}

// Stage is a cloud with a network that a load balancer can be in.
type Stage struct {
	*Tester
	VPC, Gateway, Group *cloud.Resource
	Subnets             []any // one in each of zones a, b and c, with IPv6
}

// NewStage makes a network of three zones.
func NewStage(t *testing.T) *Stage {
	t.Helper()
	s := &Stage{Tester: New(t, slices.Concat(ec2.Kinds(), elbv2.Kinds(), acm.Kinds())...)}
	s.VPC = NewVPC(s.Tester)
	s.Gateway = s.Make(ec2.InternetGatewayToken, cloud.Map{"vpcId": s.VPC.ID})
	s.Group = s.Make(ec2.SecurityGroupToken, cloud.Map{"vpcId": s.VPC.ID, "name": "balancer"})
	for i, zone := range []string{"a", "b", "c"} {
		s.Subnets = append(s.Subnets, s.Subnet(fmt.Sprintf("10.0.%d.0/24", i), zone, i).ID)
	}
	return s
}

// Subnet makes a subnet; a negative index leaves it without IPv6.
func (s *Stage) Subnet(block, zone string, index int) *cloud.Resource {
	in := cloud.Map{"vpcId": s.VPC.ID, "cidrBlock": block, "availabilityZone": "eu-central-1" + zone}
	if index >= 0 {
		in["ipv6CidrBlock"] = strings.Replace(s.VPC.Outputs["ipv6CidrBlock"].(string), "00::/56", fmt.Sprintf("%02x::/64", index), 1)
	}
	return s.Make(ec2.SubnetToken, in)
}

// In is the cloud within a subtest.
func (s *Stage) In(t *testing.T) *Tester { return &Tester{Cloud: s.Cloud, T: t} }

// With returns the inputs with some changed; nil takes one away.
func With(in, change cloud.Map) cloud.Map {
	in = maps.Clone(in)
	for p, v := range change {
		if in[p] = v; v == nil {
			delete(in, p)
		}
	}
	return in
}

// Balancer returns the inputs of a load balancer, with some changed.
func (s *Stage) Balancer(change cloud.Map) cloud.Map {
	return With(cloud.Map{"name": "web", "subnets": s.Subnets, "securityGroups": []any{s.Group.ID}}, change)
}

// Targets returns the inputs of a target group, with some changed.
func (s *Stage) Targets(change cloud.Map) cloud.Map {
	return With(cloud.Map{"name": "tasks", "vpcId": s.VPC.ID, "targetType": "ip", "protocol": "HTTP", "port": 80.0}, change)
}

// Fixed is an action that answers by itself.
func Fixed(code string) cloud.Map {
	return cloud.Map{"type": "fixed-response", "fixedResponse": cloud.Map{"contentType": "text/plain", "statusCode": code}}
}

// Forward is an action that forwards to a target group.
func Forward(arn string) cloud.Map { return cloud.Map{"type": "forward", "targetGroupArn": arn} }

// ListenerOn returns the inputs of a listener on a load balancer, with some changed.
func ListenerOn(balancer *cloud.Resource, change cloud.Map) cloud.Map {
	return With(cloud.Map{"loadBalancerArn": balancer.ID, "port": 80.0, "defaultActions": []any{Fixed("404")}}, change)
}

// Host is a condition on the host name.
func Host(names ...any) cloud.Map { return cloud.Map{"hostHeader": cloud.Map{"values": names}} }

// Path is a condition on the path.
func Path(patterns ...any) cloud.Map { return cloud.Map{"pathPattern": cloud.Map{"values": patterns}} }

// Rule returns the inputs of a rule that forwards to a target group, with some changed.
func Rule(listener, group *cloud.Resource, change cloud.Map) cloud.Map {
	return With(cloud.Map{
		"listenerArn": listener.ID, "priority": 1.0, "conditions": []any{Host("example.com")}, "actions": []any{Forward(group.ID)},
	}, change)
}

// Certificate makes a certificate and, on request, issues it without keys.
func (s *Stage) Certificate(issued bool) *cloud.Resource {
	r := s.Make(acm.CertificateToken, cloud.Map{"domainName": "example.com", "validationMethod": "DNS"})
	if issued {
		s.Change(r, func(r *cloud.Resource) { r.Outputs["status"] = acm.CertificateIssued })
	}
	return r
}

// Change changes a resource in the store, out of band.
func (s *Stage) Change(r *cloud.Resource, f func(*cloud.Resource)) {
	s.T.Helper()
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(r.Key).Clone()
		f(r)
		tx.Put(r)
		return nil
	}); err != nil {
		s.T.Fatal(err)
	}
}

// Now returns the resource from the store.
func (s *Stage) Now(r *cloud.Resource) (out *cloud.Resource) {
	s.Store.View(func(tx *cloud.Tx) { out = tx.Get(r.Key) })
	return out
}
