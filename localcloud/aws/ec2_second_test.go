package aws

import (
	"fmt"
	"testing"

	"slipway/localcloud/cloud"
)

// A network of another CIDR block comes up beside the one that serves, with all that is in it, and then the old one goes.
func TestNetworkBesideAnother(t *testing.T) {
	s := newECSStage(t)
	old := struct{ vpc, gateway, group *cloud.Resource }{s.vpc, s.gateway, s.group}
	oldSubnets := s.subnets
	var balancer, listener *cloud.Resource
	s.Store.View(func(tx *cloud.Tx) {
		balancer = tx.List(here.Scope, loadBalancerToken)[0]
		listener = tx.List(here.Scope, listenerToken)[0]
	})

	s.vpc = s.create(vpcToken, cloud.Map{"cidrBlock": "10.50.0.0/16", "assignGeneratedIpv6CidrBlock": true})
	s.gateway = s.create(internetGatewayToken, cloud.Map{"vpcId": s.vpc.ID})
	s.group = s.create(securityGroupToken, cloud.Map{"vpcId": s.vpc.ID, "name": "balancer"})
	s.subnets = nil
	for i, zone := range []string{"a", "b", "c"} {
		s.subnets = append(s.subnets, s.subnet(fmt.Sprintf("10.50.%d.0/24", i), zone, i).ID)
	}
	_, err := s.update(balancer, cloud.Map{"subnets": s.subnets, "securityGroups": []any{s.group.ID}})
	s.refused(err, "InvalidConfigurationRequest", "The subnets do not belong to the VPC of the load balancer")
	second := s.create(loadBalancerToken, s.balancer(cloud.Map{"name": "web-2"}))
	group := s.create(targetGroupToken, s.targets(cloud.Map{"name": "tasks-2"}))
	secondListener := s.create(listenerToken, http(second, nil))
	_, err = s.try(listenerRuleToken, rule(secondListener, s.targetGroup, nil))
	s.refused(err, "InvalidConfigurationRequest", "not in the same VPC as the load balancer")
	s.create(listenerRuleToken, rule(secondListener, group, nil)) // with the priority of the first listener's
	s.create(serviceToken, s.service(cloud.Map{"name": "hello-2", "loadBalancers": []any{cloud.Map{
		"targetGroupArn": group.ID, "containerName": "main", "containerPort": 8080.0,
	}}}))

	for _, r := range []*cloud.Resource{s.listenerRule, listener, s.targetGroup, balancer, old.gateway, old.group} {
		s.delete(r)
	}
	for _, id := range oldSubnets {
		s.delete(&cloud.Resource{Key: cloud.Key{Token: subnetToken, ID: id.(string)}})
	}
	s.delete(old.vpc)
}
