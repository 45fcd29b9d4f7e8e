package scheduler_test

import (
	"errors"
	"strings"
	"testing"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/ecs/scheduler"
	"slipway/localcloud/aws/ecs/scheduler/schedulertest"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
)

// dualStackHost is the name of the registry at [schedulertest.ECRHost] for IPv6.
const dualStackHost = "000000000000.dkr-ecr.eu-central-1.on.aws/"

// onIPv6 are the inputs of a service in the stage's IPv6-only subnets.
func onIPv6(s *schedulertest.Stage, image, more string) cloud.Map {
	return s.Service(s.Revision(image, more), cloud.Map{
		"networkConfiguration": cloud.Map{"subnets": s.Subnets, "securityGroups": []any{s.Group}}, "waitForSteadyState": false,
	})
}

// In IPv6-only subnets, tasks are targets by their IPv6 addresses.
func TestIPv6OnlyService(t *testing.T) {
	s := schedulertest.NewStage(t)
	s.UseIPv6("ipv6")
	in := onIPv6(s, dualStackHost+"hello:1", "")
	service := s.Make(ecs.Service.Token, in)
	s.Await("a steady state", s.Steady(service, in["taskDefinition"].(string), 2))
	s.Store.View(func(tx *cloud.Tx) {
		group := tx.Get(cloud.Key{Scope: service.Scope, Token: elbv2.TargetGroup.Token, ID: s.BalancerGroup})
		for _, target := range cloud.Peek[elbv2.TargetGroupStatus](group).Targets {
			if !strings.Contains(target.ID, ":") {
				t.Errorf("the target %s has no IPv6 address", target.ID)
			}
		}
	})
	for _, f := range s.Started {
		if !strings.HasPrefix(f.Spec.Hostname, "i-0") {
			t.Errorf("the host name of a task is %s", f.Spec.Hostname)
		}
	}
}

// What has no IPv6 address is not reached, and AWS's own services at their dual-stack names.
func TestIPv6OnlyStartFailures(t *testing.T) {
	cutOff := func(s *scheduler.Scheduler) {
		s.Egress = func(*cloud.Tx, cloud.Scope, *ec2.Interface, int) error { return errors.New("no route to ::/0") }
	}
	for _, tt := range []struct {
		name, image, addresses string
		sabotage               func(*scheduler.Scheduler)
		want                   string
	}{
		{"ECR by IPv4", schedulertest.ECRHost + "hello:1", "ipv6", func(*scheduler.Scheduler) {}, "CannotPullContainerError: pull image manifest has been retried 5 time(s): " +
			"failed to resolve ref " + schedulertest.ECRHost + "hello:1: failed to do request: Head \"https://000000000000.dkr.ecr.eu-central-1.amazonaws.com/v2/\": dial tcp: connect: network is unreachable"},
		{"a registry without IPv6", "ghcr.io/some/image:1", "ipv6", func(*scheduler.Scheduler) {}, "ghcr.io/v2/\": dial tcp: connect: network is unreachable"},
		{"no way out", dualStackHost + "hello:1", "ipv6", cutOff, "Post \"https://ecr.eu-central-1.api.aws/\": dial tcp: i/o timeout"},
		{"targets with IPv4 addresses", "x", "ipv4", func(*scheduler.Scheduler) {}, "is not of the target group's IP address type 'ipv4'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := schedulertest.NewStage(t)
			s.UseIPv6(tt.addresses)
			s.Stop()
			s.NewScheduler()
			tt.sabotage(s.Scheduler)
			s.Run()
			service := s.Make(ecs.Service.Token, onIPv6(s, tt.image, ""))
			s.Await("the failure of the deployment", func(tx *cloud.Tx) bool {
				return schedulertest.Primary(tx.Get(service.Key)).RolloutState == ecs.RolloutFailed
			})
			if !strings.Contains(s.Events(service), tt.want) {
				t.Errorf("no event says %q:\n%s", tt.want, s.Events(service))
			}
		})
	}
}
