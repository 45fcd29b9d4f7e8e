package components

import (
	"errors"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

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

// strategies returns the capacity provider strategy, without providers that would get no task.
func (c Capacity) strategies() ecs.ServiceCapacityProviderStrategyArray {
	var strategies ecs.ServiceCapacityProviderStrategyArray
	for _, provider := range []struct {
		name string
		Share
	}{{fargate, c.Fargate}, {fargateSpot, c.FargateSpot}} {
		if provider.Share == (Share{}) {
			continue
		}
		strategies = append(strategies, ecs.ServiceCapacityProviderStrategyArgs{
			CapacityProvider: pulumi.String(provider.name),
			Base:             pulumi.Int(provider.Base),
			Weight:           pulumi.Int(provider.Weight),
		})
	}
	return strategies
}
