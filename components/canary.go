package components

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// canaryTraffic says which requests go to a canary.
type canaryTraffic struct {
	header  spec.CanaryHeader
	targets []weightedTarget // for requests with the header
}

// share returns how the other requests are divided between the service and its canary.
func (c *canaryTraffic) share(own pulumi.StringInput, weight int) []weightedTarget {
	return []weightedTarget{
		{group: own, weight: spec.MaxWeight - weight},
		{group: c.targets[0].group, weight: weight},
	}
}

// newCanary creates the canary. Rules that send it more requests are created or changed after its tasks run, and deleted before they
// go. Rules that send it fewer requests are changed after its tasks have become fewer.
func (s *FargateService) newCanary(ctx *pulumi.Context) (*canaryTraffic, error) {
	http := s.args.HTTP
	canary, err := s.newVersion(ctx, version{
		name:       spec.CanaryName(s.name),
		stream:     spec.CanaryName(s.args.Name),
		image:      http.Canary.Image,
		count:      s.args.CanaryTasks(),
		attachment: spec.CanaryRoute(s.args.Name, http.HealthCheck, s.args.In.IPv6Only).Among(s.args.Listener.Sharer),
	})
	if err != nil {
		return nil, err
	}
	return &canaryTraffic{http.Canary.Header, []weightedTarget{{group: canary.group, weight: spec.MaxWeight}}}, nil
}
