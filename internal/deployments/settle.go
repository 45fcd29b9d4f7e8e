package deployments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// The pause between two calls to ECS.
const (
	firstPause   = 250 * time.Millisecond
	longestPause = 5 * time.Second
)

// Settle waits until the deployment of the revision has ended and enough tasks are healthy, or until ctx's deadline. It returns the ARN
// of the service's task definition, which is another one after a rollback. It also returns what is wrong with that one, or "". An error
// is an [UnknownError], or means that the caller has no permission or no credentials.
//
// The AWS provider waits for less: for running tasks, healthy or not, and not for the alarms that ECS watches after that.
func (w Watcher) Settle(ctx context.Context, d Revision, tasks Tasks) (running, failure string, err error) {
	return settle(ctx, w.clients, d, tasks)
}

// Tasks says how many of a service's tasks are enough.
type Tasks struct {
	Least int // even if ECS keeps fewer
	Begun int // as many as ECS keeps, up to this many: scaling may have removed some of the first tasks
	// Checked says that ECS runs a health check in a worker's containers. A worker without one is healthy while it runs.
	Checked bool
}

// enough returns how many tasks are enough if ECS keeps so many.
func (t Tasks) enough(desired int) int { return max(t.Least, min(t.Begun, desired)) }

// UnknownError is the error of Settle if it could ask at first and then no longer: the deployment may be good or bad.
type UnknownError struct {
	asked string // for how long calls failed; "" if there was no retry
	err   error
}

func (e *UnknownError) Error() string {
	return "could not find out" + e.asked + " how its deployment ended: " + reason(e.err)
}

func (e *UnknownError) Unwrap() error { return e.err }

// longestTrouble is how long AWS may give no answer. Without a network, the user should not wait as long as for a deployment.
const longestTrouble = time.Minute

// settle asks until the deployment has ended. It retries errors that may go away, such as a network failure or throttling, because the
// deployment continues and may still be rolled back.
func settle(ctx context.Context, connect func(context.Context) (clients, error), d Revision, tasks Tasks) (running, failure string, err error) {
	begun := time.Now()
	q := questions{connect: connect}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		state, err := q.state(ctx, d, tasks)
		switch {
		case err == nil:
			if running, failure, ended := state.outcome(d); ended {
				return running, failure, nil
			}
			q.last = state
		case ctx.Err() != nil: // it was cancelled, and did not fail
			err = q.trouble
		case !q.answered && forbidden(err):
			return "", "", errors.New(reason(err))
		case !transient(err):
			return "", "", &UnknownError{err: err}
		case q.trouble == nil:
			q.since = time.Now()
		case time.Since(q.since) >= longestTrouble:
			return "", "", &UnknownError{fmt.Sprintf(" for %s", longestTrouble), err}
		}
		q.trouble = err
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return "", "", ctx.Err()
			}
			failure, err := q.unsettled(time.Since(begun).Round(time.Second))
			if err != nil {
				return "", "", err
			}
			return d.TaskDefinitionARN, failure, nil
		}
	}
}

// questions are the successive calls to ECS during a deployment.
type questions struct {
	connect  func(context.Context) (clients, error)
	clients  *clients  // nil until there are credentials
	answered bool      // one call has been answered
	trouble  error     // why the last call failed
	since    time.Time // when that began
	last     state     // the answer before
}

// state is the state of a service at one moment.
type state struct {
	primary ecstypes.Deployment
	enough  int // healthy tasks
	healthy int // tasks that the load balancer finds healthy, or ECS for a service without one, if it was asked
}

// state returns the service's current state. Each call has a timeout, so another can follow.
func (q *questions) state(ctx context.Context, d Revision, tasks Tasks) (state, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if q.clients == nil {
		c, err := q.connect(ctx)
		if err != nil {
			return state{}, &credentialsError{err}
		}
		q.clients = &c
	}
	service, err := q.clients.service(ctx, d)
	q.answered = q.answered || err == nil
	if err != nil {
		return state{}, err
	}
	now := state{primary: primaryDeployment(service), enough: tasks.enough(int(service.DesiredCount))}
	if now.enough == 0 {
		return now, nil
	}
	if groups := targetGroups(service); len(groups) > 0 {
		now.healthy, err = q.clients.healthyTargets(ctx, groups)
	} else {
		now.healthy, err = q.clients.healthyTasks(ctx, d, tasks.Checked)
	}
	if err != nil {
		return state{}, err
	}
	return now, nil
}

// completed reports whether the deployment is over, with healthy tasks or not.
func (s state) completed() bool {
	return s.primary.RolloutState != ecstypes.DeploymentRolloutStateInProgress
}

// outcome returns Settle's result, and whether it is final.
func (s state) outcome(d Revision) (running, failure string, ended bool) {
	// A rollback may still be in progress.
	if running := aws.ToString(s.primary.TaskDefinition); running != d.TaskDefinitionARN {
		return running, "", true
	}
	if s.primary.RolloutState == ecstypes.DeploymentRolloutStateFailed {
		return d.TaskDefinitionARN, aws.ToString(s.primary.RolloutStateReason), true
	}
	return d.TaskDefinitionARN, "", s.completed() && s.healthy >= s.enough
}

// unsettled says that the time is up, and why.
func (q *questions) unsettled(after time.Duration) (failure string, err error) {
	switch {
	case q.trouble != nil:
		return "", &UnknownError{fmt.Sprintf(" in %s", after), q.trouble}
	case q.last.completed():
		return fmt.Sprintf("%d of %d tasks are healthy after %s", q.last.healthy, q.last.enough, after), nil
	}
	return fmt.Sprintf("ECS has not ended the deployment after %s", after), nil
}

// primaryDeployment returns the service's current or next deployment.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
func primaryDeployment(s *ecstypes.Service) ecstypes.Deployment {
	for _, d := range s.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" {
			return d
		}
	}
	return ecstypes.Deployment{TaskDefinition: s.TaskDefinition}
}
