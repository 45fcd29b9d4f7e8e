package deployments

import (
	"context"
	"fmt"

	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// Rollout is how far the tasks of a service are.
type Rollout struct {
	Wanted  int // tasks of the newest revision
	Running int // those of them that run, healthy or not
	Old     int // running tasks of older revisions
	// Targets says that the service has a load balancer, and how it finds the tasks, of all revisions.
	Targets           bool
	Healthy, Draining int
}

// String says it in a line.
func (r Rollout) String() string {
	text := fmt.Sprintf("%d of %d new tasks run", r.Running, r.Wanted)
	if r.Old > 0 {
		text += fmt.Sprintf(", %d old", r.Old)
	}
	if !r.Targets {
		return text
	}
	text += fmt.Sprintf("; behind the load balancer %d healthy", r.Healthy)
	if r.Draining > 0 {
		text += fmt.Sprintf(", %d draining", r.Draining)
	}
	return text
}

// Rollout asks how far a service is.
func (w Watcher) Rollout(ctx context.Context, clusterARN, serviceName string) (Rollout, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := w.clients(ctx)
	if err != nil {
		return Rollout{}, &credentialsError{err}
	}
	return c.rollout(ctx, Revision{ClusterARN: clusterARN, ServiceName: serviceName})
}

func (c clients) rollout(ctx context.Context, d Revision) (Rollout, error) {
	service, err := c.service(ctx, d)
	if err != nil {
		return Rollout{}, err
	}
	newest := primaryDeployment(service)
	r := Rollout{Wanted: int(newest.DesiredCount), Running: int(newest.RunningCount)}
	for _, other := range service.Deployments {
		if other.Id != nil && newest.Id != nil && *other.Id != *newest.Id {
			r.Old += int(other.RunningCount)
		}
	}
	for _, group := range targetGroups(service) {
		r.Targets = true
		targets, err := c.targets(ctx, group)
		if err != nil {
			return Rollout{}, err
		}
		for _, t := range targets {
			switch {
			case t.TargetHealth == nil:
			case t.TargetHealth.State == elbtypes.TargetHealthStateEnumHealthy:
				r.Healthy++
			case t.TargetHealth.State == elbtypes.TargetHealthStateEnumDraining:
				r.Draining++
			}
		}
	}
	return r, nil
}
