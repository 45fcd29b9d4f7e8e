package account

import (
	"slipway/config"
	"slipway/internal/standing"
	"slipway/spec"
)

// serving is how many tasks of each service serve a route's requests, by route without a service.
type serving map[spec.Route]map[string]int

// servingBy returns the tasks to which the rules lead.
func servingBy(rules []standing.Rule) serving {
	found := make(serving)
	for _, rule := range rules {
		route := spec.Route{Hostname: rule.Hostname, Path: rule.Path}
		if found[route] == nil {
			found[route] = make(map[string]int)
		}
		found[route][rule.Service] = max(found[route][rule.Service], rule.Targets)
	}
	return found
}

// tasks returns how many tasks serve the requests that the service will get. Several routes of one service lead to the same tasks.
// Routes of several services lead to different tasks, and the service takes the load of all of them.
func (s serving) tasks(of config.Service) int {
	most := make(map[string]int)
	for _, route := range of.Routes() {
		for service, tasks := range s[spec.Route{Hostname: route.Hostname, Path: route.Path}] {
			most[service] = max(most[service], tasks)
		}
	}
	sum := 0
	for _, tasks := range most {
		sum += tasks
	}
	return sum
}
