package components

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// canaryTraffic is what leads requests to a canary.
type canaryTraffic struct {
	header  spec.CanaryHeader
	targets []weightedTarget // of requests with the header
}

// share returns how all other requests are divided between the service and its canary.
func (c *canaryTraffic) share(own pulumi.StringInput, weight int) []weightedTarget {
	return []weightedTarget{
		{group: own, weight: spec.MaxWeight - weight},
		{group: c.targets[0].group, weight: weight},
	}
}

// newCanary creates the canary. What leads more requests to it is created or changed after its tasks are there, and is deleted before
// they go. What leads fewer requests to it is changed after its tasks have become fewer.
func (a *FargateServiceArgs) newCanary(ctx *pulumi.Context, name string, around *surroundings, parent pulumi.ResourceOption) (*canaryTraffic, error) {
	canary := version{
		name:       spec.CanaryName(name),
		stream:     spec.CanaryName(a.Service),
		image:      a.Canary.Image,
		count:      a.Canary.Tasks(a.InstanceCount, a.Scaling),
		attachment: spec.CanaryRoute(a.Service, a.HealthCheck),
	}
	_, arn, err := a.newVersion(ctx, canary, around, parent)
	if err != nil {
		return nil, err
	}
	return &canaryTraffic{a.Canary.Header, []weightedTarget{{group: arn, weight: spec.MaxWeight}}}, nil
}
