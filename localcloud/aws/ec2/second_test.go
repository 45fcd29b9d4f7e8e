package ec2_test

import (
	"fmt"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
)

// A network with another CIDR block comes up with all its content while the old one serves, and then the old one is deleted.
func TestNetworkBesideAnother(t *testing.T) {
	s := awstest.NewECSStage(t)
	old := struct{ vpc, gateway, group *cloud.Resource }{s.VPC, s.Gateway, s.Group}
	oldSubnets := s.Subnets
	var balancer, listener *cloud.Resource
	s.Store.View(func(tx *cloud.Tx) {
		balancer = tx.List(awstest.Here.Scope, elbv2.LoadBalancerToken)[0]
		listener = tx.List(awstest.Here.Scope, elbv2.ListenerToken)[0]
	})

	s.VPC = s.Make(ec2.VPCToken, cloud.Map{"cidrBlock": "10.50.0.0/16", "assignGeneratedIpv6CidrBlock": true})
	s.Gateway = s.Make(ec2.InternetGatewayToken, cloud.Map{"vpcId": s.VPC.ID})
	s.Group = s.Make(ec2.SecurityGroupToken, cloud.Map{"vpcId": s.VPC.ID, "name": "balancer"})
	s.Subnets = nil
	for i, zone := range []string{"a", "b", "c"} {
		s.Subnets = append(s.Subnets, s.Subnet(fmt.Sprintf("10.50.%d.0/24", i), zone, i).ID)
	}
	_, err := s.Edit(balancer, cloud.Map{"subnets": s.Subnets, "securityGroups": []any{s.Group.ID}})
	s.Refused(err, "InvalidConfigurationRequest", "The subnets do not belong to the VPC of the load balancer")
	second := s.Make(elbv2.LoadBalancerToken, s.Balancer(cloud.Map{"name": "web-2"}))
	group := s.Make(elbv2.TargetGroupToken, s.Targets(cloud.Map{"name": "tasks-2"}))
	secondListener := s.Make(elbv2.ListenerToken, awstest.ListenerOn(second, nil))
	_, err = s.Try(elbv2.ListenerRuleToken, awstest.Rule(secondListener, s.TargetGroup, nil))
	s.Refused(err, "InvalidConfigurationRequest", "not in the same VPC as the load balancer")
	s.Make(elbv2.ListenerRuleToken, awstest.Rule(secondListener, group, nil)) // with the priority of the first listener's
	s.Make(ecs.ServiceToken, s.Service(cloud.Map{"name": "hello-2", "loadBalancers": []any{cloud.Map{
		"targetGroupArn": group.ID, "containerName": "main", "containerPort": 8080.0,
	}}}))

	for _, r := range []*cloud.Resource{s.ListenerRule, listener, s.TargetGroup, balancer, old.gateway, old.group} {
		s.Remove(r)
	}
	for _, id := range oldSubnets {
		s.Remove(&cloud.Resource{Key: cloud.Key{Token: ec2.SubnetToken, ID: id.(string)}})
	}
	s.Remove(old.vpc)
}
