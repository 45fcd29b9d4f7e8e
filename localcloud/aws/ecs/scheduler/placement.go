package scheduler

import (
	"slices"

	"slipway/localcloud/aws/ecs"
)

// provider returns the capacity provider on which the next task of a service is placed, given how many of its tasks each provider has:
// first the one with a base until it has that many, then the one that is furthest behind its weight. The first of equals wins. It is
// empty if no share has a base left or a weight.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-capacity-providers.html
func provider(shares []ecs.CapacityShare, has map[string]int) string {
	best := ""
	beyond, weight := 0, 0 // of the best: the tasks beyond its base if it got the next one, and its weight
	for _, s := range shares {
		if has[s.CapacityProvider] < s.Base {
			return s.CapacityProvider
		}
		n := has[s.CapacityProvider] - s.Base + 1
		if s.Weight > 0 && (best == "" || n*weight < beyond*s.Weight) {
			best, beyond, weight = s.CapacityProvider, n, s.Weight
		}
	}
	return best
}

// place is a task's place, current or future, among the zones of a service.
type place struct {
	Subnet, Zone string
}

// spread returns the place for the next task: in the zone with the fewest tasks, and there in the subnet with the fewest.
// Of equals it is the first. The places must not be empty.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
func spread(places []place, zones, subnets map[string]int) place {
	return slices.MinFunc(places, func(a, b place) int {
		if d := zones[a.Zone] - zones[b.Zone]; d != 0 {
			return d
		}
		return subnets[a.Subnet] - subnets[b.Subnet]
	})
}
