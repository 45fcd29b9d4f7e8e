package components

import (
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// What of a deployment takes Fargate's and ECS's time, in seconds, at the most that is usual: a guess that is too long costs nothing
// but patience with what hangs.
const (
	taskStart = 120 // finding capacity, a network interface, the image
	// beforeLimit is what ECS gives the container of [spec.Before].
	beforeLimit = 180
	// alarmWatch is for how long ECS goes on to watch alarms ("How CloudWatch alarms detect Amazon ECS deployment failures": as
	// long as their longest evaluation, and some minutes of its own).
	alarmWatch = 600
)

// The least that a deployment gets.
const (
	leastCreation = 10 * time.Minute
	leastUpdate   = 20 * time.Minute
)

// creationTimeout returns how long a version's first deployment may take. It cannot be rolled back, and starts all tasks at once.
func (a *FargateServiceArgs) creationTimeout(v version) time.Duration {
	return max(leastCreation, wholeMinutes(a.taskTime()+a.failureTime(v.count, v.count)))
}

// updateTimeout returns how long a deployment of a version may take until it has replaced every task, or failed and been rolled back.
func (a *FargateServiceArgs) updateTimeout(v version) time.Duration {
	tasks := v.count
	if v.scaling != nil {
		tasks = v.scaling.Most()
	}
	leaving := a.Drain.DeregistrationDelay + a.Drain.StopTimeout
	replacing := spec.DivideUp(tasks, a.batch(tasks)) * (a.taskTime() + leaving)
	watching := 0
	if a.Deployment.Alarms {
		watching = alarmWatch
	}
	return max(leastUpdate, wholeMinutes(replacing+watching+a.failureTime(tasks, a.batch(tasks))+leaving))
}

// taskTime returns how long a task takes until the load balancer finds it healthy, in seconds.
func (a *FargateServiceArgs) taskTime() int {
	time := taskStart + a.HealthCheck.HealthyThreshold*a.HealthCheck.Interval
	if a.Before != nil {
		time += beforeLimit
	}
	return time
}

// failureTime returns how long the deployment circuit breaker takes with tasks that never get healthy, so many at a time, in
// seconds. It trips after half as many failures as there are tasks, which are 3 at least and 200 at most ("How the Amazon ECS
// deployment circuit breaker detects failures").
func (a *FargateServiceArgs) failureTime(tasks, atATime int) int {
	failures := min(max(spec.DivideUp(tasks, 2), 3), 200)
	failing := a.taskTime() + a.HealthCheck.GracePeriod + a.HealthCheck.UnhealthyThreshold*a.HealthCheck.Interval
	return spec.DivideUp(failures, max(1, atATime)) * failing
}

// batch returns how many of a service's tasks ECS replaces at a time.
func (a *FargateServiceArgs) batch(tasks int) int {
	minimumHealthy, maximum := a.Deployment.Percentages(tasks)
	stay, room := spec.TaskLimits(tasks, minimumHealthy, maximum)
	return max(1, room-stay)
}

// timeouts returns for how long the AWS provider waits until a version's tasks run and no others do. A service that never had healthy
// tasks cannot be rolled back, so its first deployment ends by this alone.
func (a *FargateServiceArgs) timeouts(v version) pulumi.ResourceOption {
	minutes := func(d time.Duration) string { return fmt.Sprintf("%dm", int(d.Minutes())) }
	return pulumi.Timeouts(&pulumi.CustomTimeouts{Create: minutes(a.creationTimeout(v)), Update: minutes(a.updateTimeout(v))})
}

func wholeMinutes(seconds int) time.Duration {
	return time.Duration(spec.DivideUp(seconds, 60)) * time.Minute
}
