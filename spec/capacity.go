package spec

import "errors"

// Bounds that ECS sets for a capacity provider strategy (CapacityProviderStrategyItem in its API reference).
const (
	MaxCapacityBase   = 100_000
	MaxCapacityWeight = 1_000
)

// Share is the part of a service that one capacity provider runs.
type Share struct {
	Base   int // tasks that run here before weights count
	Weight int // relative share of the tasks beyond the base
}

// Capacity says how a service's tasks are spread over Fargate and Fargate Spot. With FARGATE at base 3, weight 1 and Spot at
// weight 2, twelve tasks are six and six.
type Capacity struct {
	Fargate, FargateSpot Share
}

// Problems reports what ECS would refuse about the strategy.
func (c Capacity) Problems() Problems {
	var found Problems
	for _, of := range []struct {
		name string
		Share
	}{{"fargate", c.Fargate}, {"fargateSpot", c.FargateSpot}} {
		found.AddRange(of.Base, 0, MaxCapacityBase, of.name, "base")
		found.AddRange(of.Weight, 0, MaxCapacityWeight, of.name, "weight")
	}
	switch {
	case len(found) > 0:
	case c.Fargate.Base > 0 && c.FargateSpot.Base > 0:
		found.AddContradiction(errors.New("fargate and fargateSpot both have a base; ECS allows it for one of them"), "fargate", "fargateSpot")
	case c.Fargate.Weight == 0 && c.FargateSpot.Weight == 0:
		found.AddContradiction(errors.New("fargate and fargateSpot both have weight 0; ECS needs one above 0 to place tasks"), "fargate", "fargateSpot")
	}
	return found
}
