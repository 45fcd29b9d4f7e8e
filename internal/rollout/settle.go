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
// the service is on then, which is another one if the deployment was rolled back, and why ECS gave that up too, or could not be
// asked any more, or "". An error means that the caller may not ask, or has no credentials to ask with.
//
// The AWS provider waits for less: for tasks that run, healthy or not, and not for the alarms that ECS watches after that.
func (w Watcher) Settle(ctx context.Context, d Revision) (running, failure string, err error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	return settle(ctx, w.clients, d)
}

// settle asks until the deployment has ended. What goes wrong with a question and may be better the next time, as with a network
// that fails or with throttling, does not end that: the deployment goes on meanwhile, and may be rolled back yet.
func settle(ctx context.Context, connect func(context.Context) (clients, error), d Revision) (running, failure string, err error) {
	q := questions{connect: connect}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		service, err := q.service(ctx, d)
		switch {
		case err == nil:
			if running, failure, ended := outcome(service, d); ended {
				return running, failure, nil
			}
		case ctx.Err() != nil: // it was cut off, and did not fail
			err = q.trouble
		case !q.answered && forbidden(err):
			return "", "", errors.New(reason(err))
		case !transient(err):
			return d.TaskDefinitionARN, "how its deployment ended could not be found out: " + reason(err), nil
		}
		q.trouble = err
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return "", "", ctx.Err()
			}
			return d.TaskDefinitionARN, unsettled(q.trouble), nil
		}
	}
}

// questions are what ECS is asked, one after the other, while a deployment is under way.
type questions struct {
	connect  func(context.Context) (clients, error)
	clients  *clients // nil until there are credentials
	answered bool     // it has answered one
	trouble  error    // why it has not answered the last one
}

// service asks for the service as it is now. No question takes so long that none could follow it.
func (q *questions) service(ctx context.Context, d Revision) (*ecstypes.Service, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if q.clients == nil {
		c, err := q.connect(ctx)
		if err != nil {
			return nil, &credentialsError{err}
		}
		q.clients = &c
	}
	s, err := q.clients.service(ctx, d)
	q.answered = q.answered || err == nil
	return s, err
}

// outcome returns what Settle does, and whether the deployment has ended.
func outcome(s *ecstypes.Service, d Revision) (running, failure string, ended bool) {
	primary := primaryDeployment(s)
	// A deployment that rolls back may still be under way.
	if running := aws.ToString(primary.TaskDefinition); running != d.TaskDefinitionARN {
		return running, "", true
	}
	switch primary.RolloutState {
	case ecstypes.DeploymentRolloutStateFailed:
		return d.TaskDefinitionARN, aws.ToString(primary.RolloutStateReason), true
	case ecstypes.DeploymentRolloutStateInProgress:
		return "", "", false
	}
	return d.TaskDefinitionARN, "", true
}

// unsettled says that the time is up, and whose fault that is.
func unsettled(trouble error) string {
	if trouble != nil {
		return fmt.Sprintf("how its deployment ended could not be found out in %s: %s", settleTimeout, reason(trouble))
	}
	return fmt.Sprintf("ECS has not ended the deployment after %s", settleTimeout)
}

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
