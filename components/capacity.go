package components

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// strategies returns the capacity provider strategy without providers that would get no tasks.
func strategies(c spec.Capacity) ecs.ServiceCapacityProviderStrategyArray {
	var strategies ecs.ServiceCapacityProviderStrategyArray
	for _, provider := range []struct {
		name string
		spec.Share
	}{{fargate, c.Fargate}, {fargateSpot, c.FargateSpot}} {
		if provider.Share == (spec.Share{}) {
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
