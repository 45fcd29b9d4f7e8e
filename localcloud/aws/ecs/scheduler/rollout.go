package scheduler

import (
	"time"
)

// rollout is, in numbers, a service that may be moving from one deployment to another.
type rollout struct {
	// Desired is the service's desired count.
	Desired int
	// MinimumHealthyPercent and MaximumPercent of the desired tasks are how few may be healthy and how many may be there
	// at a time, the first rounded up, the second down.
	MinimumHealthyPercent, MaximumPercent int
	// New are the tasks of the PRIMARY deployment, Old those of the others. Tasks on their way down are no longer counted.
	New, Old tasks
	// OldDesired is the desired count of the deployment that served before: a lost task is replaced by another of the same,
	// independently of the new ones.
	OldDesired int
	// Frozen says that the PRIMARY deployment FAILED: none of its tasks is started, and no old task stopped, any more.
	Frozen bool
}

// tasks is how many there are, by whether they serve yet.
type tasks struct{ Healthy, Unready int }

func (t tasks) total() int { return t.Healthy + t.Unready }

// move is the scheduler's next step. Tasks that are not healthy are stopped before those that are.
type move struct {
	Start, StopNew, StartOld, StopOld int
}

// floor and ceiling are the limits that hold during a deployment.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
func (r rollout) floor() int   { return (r.Desired*r.MinimumHealthyPercent + 99) / 100 }
func (r rollout) ceiling() int { return r.Desired * r.MaximumPercent / 100 }

// next returns the largest move that is allowed. Healthy old tasks are stopped only when new ones have replaced them, or to make room
// for a new one to start. Lost old tasks are replaced before new ones start.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
// https://aws.amazon.com/about-aws/whats-new/2025/11/amazon-ecs-service-availability-rolling-deployments
func (r rollout) next() move {
	var m move
	m.StopNew = max(0, r.New.total()-r.Desired)
	left, healthy := stop(r.New, m.StopNew), r.Old.Healthy
	lost := max(0, min(r.OldDesired, r.Desired-left.Healthy)-healthy)
	starting := min(r.Old.Unready, lost)
	room := r.ceiling() - left.total() - healthy - starting
	m.StartOld = max(0, min(lost-starting, room))
	room -= m.StartOld
	if r.Frozen {
		return m
	}
	wanted := max(0, r.Desired-left.total())
	taken := left.Healthy + healthy - r.Desired
	stopHealthy := max(0, min(healthy, max(taken, wanted-room), left.Healthy+healthy-r.floor()))
	// Old tasks that do not serve, and will not soon, are of no use.
	m.StopOld = r.Old.Unready - starting + stopHealthy
	m.Start = max(0, min(wanted, room+stopHealthy))
	return m
}

// stop returns the tasks without n stopped ones.
func stop(t tasks, n int) tasks {
	unready := min(n, t.Unready)
	return tasks{Healthy: t.Healthy - (n - unready), Unready: t.Unready - unready}
}

// threshold is how many tasks of a deployment may fail one after the other before the circuit breaker gives it up.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
func threshold(desired int) int {
	const least, most = 3, 200
	return max(least, min(most, (desired+1)/2))
}

// throttle is how long the scheduler waits before it replaces a task after so many failed ones in a row. ECS takes up to
// 27 minutes; here it is no more than needed to keep a service that cannot start from using up the machine.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html
func throttle(failed int) time.Duration {
	const first, longest = 100 * time.Millisecond, 10 * time.Second
	if failed <= 0 {
		return 0
	}
	return min(longest, first<<min(failed-1, 10))
}
