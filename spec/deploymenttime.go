package spec

import "time"

// What of a deployment takes Fargate's and ECS's time, in seconds, at the most that is usual: a guess that is too long costs nothing
// but patience with what hangs.
const (
	taskStart = 120 // finding capacity, a network interface, the image
	// beforeLimit is what ECS gives the container of [Before].
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

// CreationTimeout returns how long the first deployment of so many tasks may take. It cannot be rolled back, and starts all tasks at once.
func (s Service) CreationTimeout(count int) time.Duration {
	return max(leastCreation, wholeMinutes(s.taskTime()+s.failureTime(count, count)))
}

// UpdateTimeout returns how long a deployment of so many tasks may take until it has replaced every task, or failed and been rolled back.
func (s Service) UpdateTimeout(count int, scaling *Scaling) time.Duration {
	tasks := count
	if scaling != nil {
		tasks = scaling.Most()
	}
	leaving := s.Drain.DeregistrationDelay + s.Drain.StopTimeout
	replacing := divideUp(tasks, s.Deployment.Batch(tasks)) * (s.taskTime() + leaving)
	watching := 0
	if s.Deployment.Alarms {
		watching = alarmWatch
	}
	return max(leastUpdate, wholeMinutes(replacing+watching+s.failureTime(tasks, s.Deployment.Batch(tasks))+leaving))
}

// taskTime returns how long a task takes until the load balancer finds it healthy, in seconds.
func (s Service) taskTime() int {
	time := taskStart
	if s.HTTP != nil {
		time += s.HTTP.HealthCheck.HealthyThreshold * s.HTTP.HealthCheck.Interval
	}
	if s.Before != nil {
		time += beforeLimit
	}
	return time
}

// failureTime returns how long the deployment circuit breaker takes with tasks that never get healthy, so many at a time, in
// seconds. It trips after half as many failures as there are tasks, which are 3 at least and 200 at most ("How the Amazon ECS
// deployment circuit breaker detects failures").
func (s Service) failureTime(tasks, atATime int) int {
	failures := min(max(divideUp(tasks, 2), 3), 200)
	failing := s.taskTime()
	if s.HTTP != nil {
		failing += s.HTTP.HealthCheck.GracePeriod + s.HTTP.HealthCheck.UnhealthyThreshold*s.HTTP.HealthCheck.Interval
	}
	return divideUp(failures, max(1, atATime)) * failing
}

func wholeMinutes(seconds int) time.Duration {
	return time.Duration(divideUp(seconds, 60)) * time.Minute
}
