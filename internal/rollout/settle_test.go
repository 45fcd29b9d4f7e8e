package rollout

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// progress is a service that looks different each time, until the last.
type progress struct {
	fake
	states []ecstypes.Deployment
}

func (p *progress) DescribeServices(ctx context.Context, in *ecs.DescribeServicesInput, o ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	old := ecstypes.Deployment{Status: aws.String("ACTIVE"), RolloutState: "IN_PROGRESS", TaskDefinition: aws.String("hello:1")}
	p.services = []ecstypes.Service{{Deployments: []ecstypes.Deployment{old, p.states[0]}}}
	if len(p.states) > 1 {
		p.states = p.states[1:]
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return p.fake.DescribeServices(ctx, in, o...)
}

func TestSettle(t *testing.T) {
	state := func(revision string, rollout ecstypes.DeploymentRolloutState) ecstypes.Deployment {
		return ecstypes.Deployment{
			Status: aws.String("PRIMARY"), RolloutState: rollout, RolloutStateReason: aws.String("tasks failed to start."),
			TaskDefinition: aws.String("arn:task-definition/hello:" + revision),
		}
	}
	busy := state("3", "IN_PROGRESS")
	for name, test := range map[string]struct {
		states           []ecstypes.Deployment
		running, failure string
	}{
		"completed":        {[]ecstypes.Deployment{busy, busy, state("3", "COMPLETED")}, "hello:3", ""},
		"no rollout state": {[]ecstypes.Deployment{state("3", "")}, "hello:3", ""},
		"failed":           {[]ecstypes.Deployment{busy, state("3", "FAILED")}, "hello:3", "tasks failed to start."},
		"rolled back":      {[]ecstypes.Deployment{busy, state("2", "IN_PROGRESS")}, "hello:2", ""},
		"without end":      {[]ecstypes.Deployment{busy}, "hello:3", "ECS has not ended the deployment after 15m0s"},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), settleTimeout)
			defer cancel()
			running, failure, err := clients{ecs: &progress{states: test.states}}.settle(ctx, wanted)
			if err != nil || revision(running) != test.running || failure != test.failure {
				t.Errorf("%s: %s, %q, %v; want %s, %q", name, running, failure, err, test.running, test.failure)
			}
		})
	}
}

func TestSettleWithoutPermission(t *testing.T) {
	f := rolledBack()
	f.refused = map[string]bool{"DescribeServices": true}
	if running, failure, err := f.clients().settle(t.Context(), wanted); running != "" || failure != "" || err == nil || !strings.HasPrefix(err.Error(), "AccessDeniedException: ") {
		t.Errorf("got %q, %v", failure, err)
	}
}
