package walk

import (
	"fmt"
	"maps"
	"slices"
)

// Changes of how many tasks there are.

// Targets of requests for each task in a minute: a walk's load is always above the one, and never above the other.
const (
	fewRequests  = 50
	manyRequests = 100_000
)

// maxTasks is how many a service of a walk scales to at most.
const maxTasks = 4

func addScaling(d draw, s *Service) bool {
	if s.Scaling != nil {
		return false
	}
	least := 1 + d.IntN(2)
	s.Scaling = &Scaling{Min: least, Max: least + 1 + d.IntN(maxTasks-least), Requests: pick(d, []int{fewRequests, manyRequests})}
	return true
}

// ofScaling makes a change to one service that scales.
func ofScaling(change func(d draw, s *Service)) func(draw, *Config) bool {
	return ofAny(func(d draw, s *Service) bool {
		if s.Scaling == nil {
			return false
		}
		change(d, s)
		return true
	})
}

func scalingBounds(d draw, s *Service) {
	s.Scaling.Min = 1 + d.IntN(maxTasks-1)
	s.Scaling.Max = s.Scaling.Min + d.IntN(maxTasks-s.Scaling.Min+1)
}

func scalingTarget(_ draw, s *Service) {
	s.Scaling.Requests = fewRequests + manyRequests - s.Scaling.Requests
}

// removeScaling leaves a fixed number of tasks.
func removeScaling(d draw, s *Service) { s.Scaling, s.Count = nil, 1+d.IntN(3) }

func count(d draw, s *Service) bool {
	if s.Scaling != nil {
		return false
	}
	s.Count = other(d, s.Count, 1, 2, 3)
	return true
}

// Range is how many there may be.
type Range struct{ Least, Most int }

// Tasks returns how many tasks there are of each service and each canary, by the names of their resources, in a stack that does not
// change. A canary has its part of the service's tasks, and one at least; of a service that scales it is a part of the most.
func (c Config) Tasks() map[string]Range {
	tasks := map[string]Range{}
	for name, s := range c.Services {
		n := Range{s.Count, s.Count}
		if s.Scaling != nil {
			n = Range{s.Scaling.Min, s.Scaling.Max}
		}
		tasks[name] = n
		if s.Canary != nil {
			part := max(1, (n.Most*s.Canary.Weight+99)/100)
			tasks[name+canarySuffix] = Range{part, part}
		}
	}
	return tasks
}

// Refreshes reports whether a service's scaling ends: AWS has chosen the number of tasks, and only a refresh reads it.
func (s Step) Refreshes() bool { return s.endsScaling(func(Service) bool { return true }) }

// EndsBusyScaling reports whether the scaling of a service ends that needs its tasks. The engine deletes the scaling last, and AWS may add
// tasks until then: only another update with a refresh sets their number.
func (s Step) EndsBusyScaling() bool { return s.endsScaling(Service.isBusy) }

// endsScaling reports whether the scaling of one of those services ends, and the service stays.
func (s Step) endsScaling(of func(Service) bool) bool {
	for _, c := range s.Before {
		for name, service := range c.Services {
			if next, stays := s.Config.Services[name]; service.Scaling != nil && of(service) && stays && next.Scaling == nil {
				return true
			}
		}
	}
	return false
}

// TooFew returns the services with too few tasks during an update, given how many ran at its beginning, and the fewest that ran during
// it: each keeps as many as it must have before and after. For a service that scales, that is AWS's choice, while it has the same
// routes and the same reason to scale.
func (s Step) TooFew(first, fewest map[string]int) []string {
	var out []string
	before, after := s.Before[0].Tasks(), s.Config.Tasks()
	for _, name := range slices.Sorted(maps.Keys(before)) {
		now, stays := after[name]
		if !stays || len(s.Before) > 1 {
			continue
		}
		least := min(before[name].Least, now.Least)
		old, next := s.Before[0].Services[name], s.Config.Services[name]
		if old.isBusy() && next.isBusy() && slices.Equal(old.Hostnames, next.Hostnames) && slices.Equal(old.Paths, next.Paths) {
			least = min(first[name], now.Most)
		}
		if fewest[name] < least {
			out = append(out, fmt.Sprintf("%s had %d tasks for a while: %d ran before, and it should have %d to %d", name, fewest[name], first[name], now.Least, now.Most))
		}
	}
	return out
}

// isBusy reports whether the service scales, and the load needs its maximum of tasks.
func (s Service) isBusy() bool { return s.Scaling != nil && s.Scaling.Requests == fewRequests }
