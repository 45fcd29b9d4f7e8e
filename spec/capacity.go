package spec

import "errors"

// Bounds that ECS sets for a capacity provider strategy (CapacityProviderStrategyItem in its API reference).
const (
	MaxCapacityBase   = 100_000
	MaxCapacityWeight = 1_000
)

// Share is how much of a service one capacity provider runs.
type Share struct {
	Base   int // so many tasks run here before weights count
	Weight int // relative share of the tasks beyond the base
}

// Capacity says how a service's tasks are spread over Fargate and Fargate Spot. With FARGATE at base 3, weight 1 and Spot at
// weight 2, twelve tasks are six and six.
type Capacity struct {
	Fargate, FargateSpot Share
}

// Check reports what ECS would refuse about the strategy.
func (c Capacity) Check() error {
	switch {
	case c.Fargate.Base > 0 && c.FargateSpot.Base > 0:
		return errors.New("fargate and fargateSpot both have a base; ECS allows it for one of them")
	case c.Fargate.Weight == 0 && c.FargateSpot.Weight == 0:
		return errors.New("fargate and fargateSpot both have weight 0; ECS needs one above 0 to place tasks")
	}
	for _, share := range []Share{c.Fargate, c.FargateSpot} {
		if share.Base < 0 || share.Base > MaxCapacityBase || share.Weight < 0 || share.Weight > MaxCapacityWeight {
			return errors.New("bases are 0 to 100000 and weights 0 to 1000")
		}
	}
	return nil
}
