package spec

import "time"

// The longest that parts of a deployment usually take on Fargate and ECS, in seconds. A guess that is too long costs only a longer wait
// for a deployment that hangs.
const (
	taskStart = 120 // finding capacity, a network interface, the image
	// startLimit is how long ECS waits for a container that another one depends on (startTimeout of ContainerDefinition in the ECS API
	// reference).
	startLimit = 180
	// alarmWatch is how long ECS watches alarms after the tasks are replaced ("How CloudWatch alarms detect Amazon ECS deployment
	// failures": as long as their longest evaluation, and a few minutes more).
	alarmWatch = 600
)

// The shortest timeouts of a deployment.
const (
	leastCreation = 10 * time.Minute
	leastUpdate   = 20 * time.Minute
)

// CreationTimeout returns how long the first deployment of so many tasks may take. It starts all tasks at once, and ECS cannot roll it
// back.
func (s Service) CreationTimeout(count int) time.Duration {
	return max(leastCreation, wholeMinutes(s.taskTime()+s.failureTime(count, count)))
}

// UpdateTimeout returns how long a deployment of so many tasks may take to replace every task, or to fail and be rolled back.
func (s Service) UpdateTimeout(count int, scaling *Scaling) time.Duration {
	tasks := count
	if scaling != nil {
		tasks = scaling.Most()
	}
	leaving := s.Drain.StopTimeout
	if s.HTTP != nil {
		leaving += s.Drain.DeregistrationDelay
	}
	replacing := divideUp(tasks, s.Deployment.Batch(tasks)) * (s.taskTime() + leaving)
	watching := 0
	if s.Deployment.Alarms {
		watching = alarmWatch
	}
	return max(leastUpdate, wholeMinutes(replacing+watching+s.failureTime(tasks, s.Deployment.Batch(tasks))+leaving))
}

// taskTime returns how long a task takes until it is found healthy, in seconds.
func (s Service) taskTime() int {
	time := taskStart
	if s.HTTP != nil {
		time += s.HTTP.HealthCheck.HealthyThreshold * s.HTTP.HealthCheck.Interval
	}
	if check := s.ContainerHealthCheck; check != nil {
		time += check.Interval + check.Timeout
	}
	if s.Before != nil {
		time += startLimit
	}
	sidecars, _ := s.sidecarTime()
	return time + sidecars
}

// failureTime returns how long the deployment circuit breaker takes, in seconds, if no task gets healthy and so many start at a time.
// It trips after half as many failures as there are tasks, but at least 3 and at most 200 ("How the Amazon ECS deployment circuit
// breaker detects failures").
func (s Service) failureTime(tasks, atATime int) int {
	failures := min(max(divideUp(tasks, 2), 3), 200)
	failing := s.taskTime()
	if s.HTTP != nil {
		failing += s.HTTP.HealthCheck.GracePeriod + s.HTTP.HealthCheck.UnhealthyThreshold*s.HTTP.HealthCheck.Interval
	}
	if check := s.ContainerHealthCheck; check != nil {
		failing += check.StartPeriod + check.Retries*(check.Interval+check.Timeout)
	}
	_, sidecars := s.sidecarTime()
	return divideUp(failures, max(1, atATime)) * (failing + sidecars)
}

func wholeMinutes(seconds int) time.Duration {
	return time.Duration(divideUp(seconds, 60)) * time.Minute
}
