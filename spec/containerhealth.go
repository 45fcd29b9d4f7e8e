package spec

import (
	"cmp"
	"fmt"
	"strconv"
)

// ContainerHealthCheck is a command that ECS runs inside a worker's container to find out whether the task works, because no load
// balancer checks it. The task is healthy after the first exit code 0, and replaced after Retries failures in a row. What is not given
// has its default.
type ContainerHealthCheck struct {
	Command     []string // the program and its arguments, without a shell
	Interval    int      // seconds, by default [DefaultContainerInterval]
	Timeout     int      // seconds, by default [DefaultContainerTimeout]
	Retries     int      // failures in a row, by default [DefaultContainerRetries]
	StartPeriod int      // seconds after the start in which failures do not count, by default none
}

// Defaults of a [ContainerHealthCheck], and its bounds (HealthCheck in the ECS API reference).
const (
	// DefaultContainerInterval is shorter than ECS's own 30: a deployment waits for the first check of each task.
	DefaultContainerInterval = 10
	DefaultContainerTimeout  = 5
	DefaultContainerRetries  = 3
	MinContainerInterval     = 5
	MaxContainerInterval     = 300
	MinContainerTimeout      = 2
	MaxContainerTimeout      = 60
	MaxContainerRetries      = 10
	MaxStartPeriod           = 300
)

func (h ContainerHealthCheck) withDefaults() ContainerHealthCheck {
	h.Interval = cmp.Or(h.Interval, DefaultContainerInterval)
	h.Timeout = cmp.Or(h.Timeout, DefaultContainerTimeout)
	h.Retries = cmp.Or(h.Retries, DefaultContainerRetries)
	return h
}

// Problems reports what ECS would refuse.
func (h ContainerHealthCheck) Problems() Problems {
	var found Problems
	if len(h.Command) == 0 {
		found.Add(fmt.Errorf("%w; it is a list: the program in the image that exits with 0 if the task works, and its arguments", ErrMissing), "command")
	}
	for i, argument := range h.Command {
		found.Add(CheckArgument(argument), "command", strconv.Itoa(i))
	}
	found.AddRange(h.Interval, MinContainerInterval, MaxContainerInterval, "interval")
	found.AddRange(h.Timeout, MinContainerTimeout, MaxContainerTimeout, "timeout")
	found.AddRange(h.Retries, 1, MaxContainerRetries, "retries")
	found.AddRange(h.StartPeriod, 0, MaxStartPeriod, "startPeriod")
	return found
}
