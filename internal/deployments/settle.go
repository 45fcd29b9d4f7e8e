package deployments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// How often ECS is asked.
const (
	firstPause   = 250 * time.Millisecond
	longestPause = 5 * time.Second
)

// Settle waits until ECS has brought the deployment of the revision to its end and enough tasks are healthy, or
// until ctx is at its deadline. It returns the ARN of the task definition that the service is on then, which is another one if
// the deployment was rolled back, and what went wrong with that too, or "". An error is an [UnknownError], or means that the caller may
// not ask, or has no credentials to ask with.
//
// The AWS provider waits for less: for tasks that run, healthy or not, and not for the alarms that ECS watches after that.
func (w Watcher) Settle(ctx context.Context, d Revision, tasks Tasks) (running, failure string, err error) {
	return settle(ctx, w.clients, d, tasks)
}

// Tasks say how many of a service's tasks are enough.
type Tasks struct {
	Least int // however few ECS keeps
	Begun int // as many as ECS keeps, up to so many: scaling may have taken some of those that the service began with
	// Checked says that ECS runs a health check in a worker's containers. A worker without one is healthy as long as it runs.
	Checked bool
}

// enough returns how many tasks are, of a service of which ECS keeps so many.
func (t Tasks) enough(desired int) int { return max(t.Least, min(t.Begun, desired)) }

// UnknownError is the error of Settle where it could ask at first and then not any more: the deployment may be good, or bad.
type UnknownError struct {
	asked string // since when or for how long it was asked in vain; "" if it was not asked again
	err   error
}

func (e *UnknownError) Error() string {
	return "could not find out how its deployment ended" + e.asked + ": " + reason(e.err)
}

func (e *UnknownError) Unwrap() error { return e.err }

// longestTrouble is for how long nobody may answer. Whoever has pulled the plug does not wait for as long as for a deployment.
const longestTrouble = time.Minute

// settle asks until the deployment has ended. What goes wrong with a question and may be better the next time, as with a network
// that fails or with throttling, does not end that at once: the deployment goes on meanwhile, and may be rolled back yet.
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
		case ctx.Err() != nil: // it was cut off, and did not fail
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

// questions are what ECS is asked, one after the other, while a deployment is under way.
type questions struct {
	connect  func(context.Context) (clients, error)
	clients  *clients  // nil until there are credentials
	answered bool      // it has answered one
	trouble  error     // why it has not answered the last one
	since    time.Time // when that began
	last     state     // what it has answered before
}

// state is how a service is at a moment.
type state struct {
	primary ecstypes.Deployment
	enough  int // healthy tasks
	healthy int // tasks that the load balancer finds so, or that ECS finds so of a service without one, if somebody asked
}

// state asks for the service as it is now. No question takes so long that none could follow it.
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

// completed reports whether the service is on a revision for good, healthy or not.
func (s state) completed() bool {
	return s.primary.RolloutState != ecstypes.DeploymentRolloutStateInProgress
}

// outcome returns what Settle does, and whether there is nothing more to wait for.
func (s state) outcome(d Revision) (running, failure string, ended bool) {
	// A deployment that rolls back may still be under way.
	if running := aws.ToString(s.primary.TaskDefinition); running != d.TaskDefinitionARN {
		return running, "", true
	}
	if s.primary.RolloutState == ecstypes.DeploymentRolloutStateFailed {
		return d.TaskDefinitionARN, aws.ToString(s.primary.RolloutStateReason), true
	}
	return d.TaskDefinitionARN, "", s.completed() && s.healthy >= s.enough
}

// unsettled says that the time is up, and whose fault that is.
func (q *questions) unsettled(after time.Duration) (failure string, err error) {
	switch {
	case q.trouble != nil:
		return "", &UnknownError{fmt.Sprintf(" in %s", after), q.trouble}
	case q.last.completed():
		return fmt.Sprintf("%d of %d tasks are healthy after %s", q.last.healthy, q.last.enough, after), nil
	}
	return fmt.Sprintf("ECS has not ended the deployment after %s", after), nil
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
