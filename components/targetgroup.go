package components

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// newTargetGroup creates a target group for tasks to register with.
//
// Tasks are targets by their IPv4 addresses, unless they have none. With the other family of addresses it is another target group.
//
// A change of the health check makes a new target group, with its own tasks. In place it would apply to the running tasks at once, and
// take all of them out of service if none passes it.
func (s *FargateService) newTargetGroup(ctx *pulumi.Context, name string) (*lb.TargetGroup, error) {
	// Also the default is given: without it, the AWS provider keeps what the group has.
	addressType := "ipv4"
	if s.args.In.IPv6Only {
		addressType = "ipv6"
	}
	return lb.NewTargetGroup(ctx, name, &lb.TargetGroupArgs{
		VpcId:         s.args.In.VPCID,
		TargetType:    pulumi.String("ip"),
		IpAddressType: pulumi.String(addressType),
		Protocol:      pulumi.String("HTTP"),
		// The port is only for targets that are registered without one. ECS registers tasks with theirs, so a new container port does
		// not need a new target group.
		Port:                pulumi.Int(httpPort),
		ProtocolVersion:     pulumi.String("HTTP1"),
		DeregistrationDelay: pulumi.Int(s.args.Drain.DeregistrationDelay),
		HealthCheck: lb.TargetGroupHealthCheckArgs{
			Enabled:            pulumi.Bool(true),
			Protocol:           pulumi.String("HTTP"),
			Port:               pulumi.String("traffic-port"),
			Path:               pulumi.String(s.args.HTTP.HealthCheck.Path),
			Matcher:            pulumi.String(s.args.HTTP.HealthCheck.Codes),
			Interval:           pulumi.Int(s.args.HTTP.HealthCheck.Interval),
			Timeout:            pulumi.Int(s.args.HTTP.HealthCheck.Timeout),
			HealthyThreshold:   pulumi.Int(s.args.HTTP.HealthCheck.HealthyThreshold),
			UnhealthyThreshold: pulumi.Int(s.args.HTTP.HealthCheck.UnhealthyThreshold),
		},
		Tags: s.args.Tags.named(name),
	}, s.parent(), pulumi.ReplaceOnChanges([]string{"healthCheck"}))
}
