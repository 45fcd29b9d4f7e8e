package elbv2_test

import (
	"fmt"
	"strings"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
)

func TestALoadBalancerIsLookedUp(t *testing.T) {
	t.Parallel()
	s := awstest.NewStage(t)
	balancer := s.Make(elbv2.LoadBalancerToken, s.Balancer(cloud.Map{"idleTimeout": 90.0}))
	listener := s.Make(elbv2.ListenerToken, awstest.ListenerOn(balancer, nil))

	found, err := s.Ask(awstest.Here, elbv2.GetLoadBalancer.Token, cloud.Map{"arn": balancer.ID})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(found["vpcId"], found["internal"], found["loadBalancerType"], found["idleTimeout"], found["securityGroups"], found["subnets"], found["ipAddressType"])
	want := fmt.Sprint(s.VPC.ID, false, "application", 90.0, []any{s.Group.ID}, s.Subnets, "ipv4")
	if got != want || found["dnsName"] != balancer.Outputs["dnsName"] || found["arnSuffix"] != balancer.Outputs["arnSuffix"] {
		t.Errorf("the load balancer is %v", found)
	}
	for name, args := range map[string]cloud.Map{
		"by ARN": {"arn": listener.ID}, "by port": {"loadBalancerArn": balancer.ID, "port": 80.0},
	} {
		found, err := s.Ask(awstest.Here, elbv2.GetListener.Token, args)
		if err != nil || fmt.Sprint(found["arn"], found["protocol"], found["port"], found["loadBalancerArn"]) != fmt.Sprint(listener.ID, "HTTP", 80.0, balancer.ID) {
			t.Errorf("%s: the listener is %v, %v", name, found, err)
		}
	}
	for name, test := range map[string]struct {
		token string
		args  cloud.Map
		want  string
	}{
		"a load balancer that is not there": {elbv2.GetLoadBalancer.Token, cloud.Map{"arn": "arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/gone/0"}, "not found"},
		"a load balancer by name":           {elbv2.GetLoadBalancer.Token, cloud.Map{"name": "web"}, "by anything but its ARN"},
		"a port without a listener":         {elbv2.GetListener.Token, cloud.Map{"loadBalancerArn": balancer.ID, "port": 443.0}, "Search returned 0 results"},
		"a listener of nothing":             {elbv2.GetListener.Token, cloud.Map{"port": 443.0}, "must be set"},
	} {
		if _, err := s.Ask(awstest.Here, test.token, test.args); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}
