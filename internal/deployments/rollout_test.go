package deployments

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func TestRollout(t *testing.T) {
	t.Parallel()
	deploymentOf := func(id, status string, desired, running int32) ecstypes.Deployment {
		return ecstypes.Deployment{Id: &id, Status: &status, DesiredCount: desired, RunningCount: running}
	}
	targets := func(states ...elbtypes.TargetHealthStateEnum) (all []elbtypes.TargetHealthDescription) {
		for _, state := range states {
			all = append(all, elbtypes.TargetHealthDescription{TargetHealth: &elbtypes.TargetHealth{State: state}})
		}
		return append(all, elbtypes.TargetHealthDescription{})
	}
	group := []ecstypes.LoadBalancer{{TargetGroupArn: aws.String("group")}}
	for want, f := range map[string]*fake{
		"0 of 2 new tasks run; behind the load balancer 0 healthy": {
			services: []ecstypes.Service{{Deployments: []ecstypes.Deployment{deploymentOf("b", "PRIMARY", 2, 0)}, LoadBalancers: group}},
			targets:  targets("initial"),
		},
		"1 of 2 new tasks run, 3 old; behind the load balancer 2 healthy, 1 draining": {
			services: []ecstypes.Service{{LoadBalancers: group, Deployments: []ecstypes.Deployment{
				deploymentOf("c", "PRIMARY", 2, 1), deploymentOf("b", "ACTIVE", 2, 2), deploymentOf("a", "INACTIVE", 0, 1),
			}}},
			targets: targets("healthy", "healthy", "draining", "unhealthy"),
		},
		"1 of 1 new tasks run": {services: []ecstypes.Service{{Deployments: []ecstypes.Deployment{deploymentOf("a", "PRIMARY", 1, 1)}}}},
	} {
		if got, err := f.clients().rollout(t.Context(), Revision{}); err != nil || got.String() != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	refused := &fake{
		services: []ecstypes.Service{{Deployments: []ecstypes.Deployment{deploymentOf("a", "PRIMARY", 1, 1)}, LoadBalancers: group}},
		refused:  map[string]bool{"DescribeTargetHealth": true},
	}
	if got, err := refused.clients().rollout(t.Context(), Revision{}); err == nil || !strings.Contains(err.Error(), "DescribeTargetHealth") {
		t.Errorf("%q, %v", got, err)
	}
}
