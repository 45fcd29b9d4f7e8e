package spec

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
	_ "time/tzdata" // the same time zones on every machine
)

// Scaling lets Application Auto Scaling decide how many tasks of a service run. It adds tasks when one of the targets is exceeded, and
// removes tasks when fewer would still meet all targets ("Target tracking scaling policies" in its user guide).
type Scaling struct {
	Min, Max int // tasks
	// CPU and Memory are the average use that scaling aims at, in percent of what the tasks have; 0 is no target.
	CPU, Memory int
	// Requests is how many requests a minute each task should get; 0 is no target.
	Requests int
	// Queue has the backlog that scaling aims at; nil is no target.
	Queue *QueueScaling
	// Schedule has the times, by name, from which other bounds apply.
	Schedule map[string]ScheduledScaling
}

// ScheduledScaling sets the bounds from a time on.
type ScheduledScaling struct {
	// At is "cron(…)", "rate(…)" or "at(…)"; see [CheckSchedule].
	At       string
	TimeZone string // an IANA name, by default UTC
	Min, Max int
}

// MaxRequestsPerTask bounds Scaling.Requests here; AWS sets no bound.
const MaxRequestsPerTask = 1_000_000

// schedulePattern matches a point in time, a rate, and six fields of cron (PutScheduledAction in the API reference of Application
// Auto Scaling).
var schedulePattern = regexp.MustCompile(`^(at\([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\)|rate\([1-9][0-9]* (minute|hour|day)s?\)|cron\([!-~]+( [!-~]+){5}\))$`)

// CheckSchedule reports what is not the time of a [ScheduledScaling].
func CheckSchedule(at string) error {
	if !schedulePattern.MatchString(at) {
		return errors.New("must be cron(minute hour day month weekday year), rate(5 minutes) or at(2026-12-31T23:59:00)")
	}
	return nil
}

// CheckTimeZone reports an unknown time zone.
func CheckTimeZone(name string) error {
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		return errors.New("must be the name of an IANA time zone, such as Europe/Berlin")
	}
	return nil
}

// Problems reports what Application Auto Scaling would refuse, or what would never scale.
func (s Scaling) Problems() Problems {
	var found Problems
	found.Include(boundsProblems(s.Min, s.Max, 1))
	for _, target := range []struct {
		name    string
		n, most int
	}{{"cpu", s.CPU, 100}, {"memory", s.Memory, 100}, {"requests", s.Requests, MaxRequestsPerTask}} {
		if target.n != 0 {
			found.AddRange(target.n, 1, target.most, target.name)
		}
	}
	if s.Queue != nil {
		found.Include(s.Queue.Problems(), "queue")
	}
	if s.CPU == 0 && s.Memory == 0 && s.Requests == 0 && s.Queue == nil && len(s.Schedule) == 0 {
		found.AddContradiction(errors.New("has none of cpu, memory, requests, queue and schedule: nothing would ever scale"), "cpu", "memory", "requests", "queue", "schedule")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Schedule)) {
		action := s.Schedule[name]
		found.Add(CheckScheduleName(name), "schedule", name)
		found.AddValue(action.At, CheckSchedule(action.At), "schedule", name, "at")
		found.AddValue(action.TimeZone, CheckTimeZone(action.TimeZone), "schedule", name, "timeZone")
		found.Include(boundsProblems(action.Min, action.Max, 0), "schedule", name)
	}
	return found
}

// boundsProblems reports numbers of tasks that are out of range or contradict each other.
func boundsProblems(least, most, leastMost int) Problems {
	var found Problems
	found.AddRange(least, 0, MaxInstances, "min")
	found.AddRange(most, leastMost, MaxInstances, "max")
	if len(found) == 0 && least > most {
		found.AddContradiction(fmt.Errorf("min is %d and max %d: min must be 0 or more, and not above max", least, most), "min", "max")
	}
	return found
}

// Most returns the most tasks that there are at any time.
func (s *Scaling) Most() int {
	most := s.Max
	for _, action := range s.Schedule {
		most = max(most, action.Max)
	}
	return most
}
