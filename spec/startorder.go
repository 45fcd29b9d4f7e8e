package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// StartOrder returns the services in an order in which each comes after those that it calls, and after those for whose jobs it waits; and
// in the order of names otherwise. The calls are by service, also by those that call nobody, and so is what has jobs.
//
// A circle of calls has no such order: a task resolves only the names that there were when the deployment began that started it ("Amazon
// ECS Service Connect components" in the ECS developer guide), and one of a circle would come first.
func StartOrder(calls, jobs map[string][]string) ([]string, error) {
	order := startOrder{calls: calls, jobs: jobs}
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		if err := order.visit(name, nil); err != nil {
			return nil, err
		}
	}
	return order.done, nil
}

type startOrder struct {
	calls, jobs map[string][]string
	done        []string
}

// visit puts a service into the order, after those for which it waits. The path has the services that led to it.
func (o *startOrder) visit(name string, path []string) error {
	if slices.Contains(o.done, name) {
		return nil
	}
	if from := slices.Index(path, name); from >= 0 {
		return o.circle(append(slices.Clone(path[from:]), name))
	}
	for _, first := range slices.Sorted(slices.Values(slices.Concat(o.calls[name], o.jobs[name]))) {
		if err := o.visit(first, append(slices.Clone(path), name)); err != nil {
			return err
		}
	}
	o.done = append(o.done, name)
	return nil
}

// circle is the error about services that wait for each other.
func (o *startOrder) circle(services []string) error {
	way := strings.Join(services, " → ")
	for i, name := range services[:len(services)-1] {
		if !slices.Contains(o.calls[name], services[i+1]) {
			return fmt.Errorf("the services wait for each other in a circle, %s: each for a job of the next one (before.job), or because it calls it; "+
				"leave out one of these", way)
		}
	}
	return fmt.Errorf("the calls go round in a circle, %s: a task resolves only names that were there before it started, and one service must start first; "+
		"leave out one of the calls", way)
}
