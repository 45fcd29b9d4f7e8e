package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// How long ECS may take to end a deployment, which by then has as many tasks as it should, and how often it is asked.
const (
	settleTimeout = 15 * time.Minute
	firstPause    = 250 * time.Millisecond
	longestPause  = 5 * time.Second
)

// Settle waits until ECS has brought the deployment of the revision to its end, and returns the ARN of the task definition that
// the service is on then, which is another one if the deployment was rolled back, and why ECS gave that up too, or "". An error
// means that it could not be found out.
//
// The AWS provider waits for less: for tasks that run, healthy or not, and not for the alarms that ECS watches after that.
func (w Watcher) Settle(ctx context.Context, d Revision) (running, failure string, err error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	c, err := w.clients(ctx)
	if err != nil {
		return "", "", fmt.Errorf("get AWS credentials: %s", reason(err))
	}
	return c.settle(ctx, d)
}

func (c clients) settle(ctx context.Context, d Revision) (running, failure string, err error) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		service, err := c.service(ctx, d)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return d.TaskDefinitionARN, unsettled, nil
		case err != nil:
			return "", "", errors.New(reason(err))
		}
		primary := primaryDeployment(service)
		// A deployment that rolls back may still be under way.
		if running := aws.ToString(primary.TaskDefinition); running != d.TaskDefinitionARN {
			return running, "", nil
		}
		switch primary.RolloutState {
		case ecstypes.DeploymentRolloutStateFailed:
			return d.TaskDefinitionARN, aws.ToString(primary.RolloutStateReason), nil
		case ecstypes.DeploymentRolloutStateInProgress:
		default:
			return d.TaskDefinitionARN, "", nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return d.TaskDefinitionARN, unsettled, nil
			}
			return "", "", ctx.Err()
		}
	}
}

var unsettled = fmt.Sprintf("ECS has not ended the deployment after %s", settleTimeout)

// primaryDeployment returns the deployment that the service is moving to, or is on.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
func primaryDeployment(s *ecstypes.Service) ecstypes.Deployment {
	for _, d := range s.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" {
			return d
		}
	}
	return ecstypes.Deployment{TaskDefinition: s.TaskDefinition}
}
