package components

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// newTargetGroup creates a target group for tasks to register with.
//
// Another health check makes another target group, with tasks of its own. In place it would apply to the running tasks at once,
// and take all of them out of service if none of them passes it.
func (a *FargateServiceArgs) newTargetGroup(ctx *pulumi.Context, name string, parent pulumi.ResourceOption) (*lb.TargetGroup, error) {
	return lb.NewTargetGroup(ctx, name, &lb.TargetGroupArgs{
		VpcId:      a.VPCID,
		TargetType: pulumi.String("ip"),
		Protocol:   pulumi.String("HTTP"),
		// The port is only for targets that are registered without one. ECS registers tasks with theirs, so that
		// another container port does not need another target group.
		Port:                pulumi.Int(httpPort),
		ProtocolVersion:     pulumi.String("HTTP1"),
		DeregistrationDelay: pulumi.Int(a.Drain.DeregistrationDelay),
		HealthCheck: lb.TargetGroupHealthCheckArgs{
			Enabled:            pulumi.Bool(true),
			Protocol:           pulumi.String("HTTP"),
			Port:               pulumi.String("traffic-port"),
			Path:               pulumi.String(a.HealthCheck.Path),
			Matcher:            pulumi.String(a.HealthCheck.Codes),
			Interval:           pulumi.Int(a.HealthCheck.Interval),
			Timeout:            pulumi.Int(a.HealthCheck.Timeout),
			HealthyThreshold:   pulumi.Int(a.HealthCheck.HealthyThreshold),
			UnhealthyThreshold: pulumi.Int(a.HealthCheck.UnhealthyThreshold),
		},
		Tags: a.Tags.named(name),
	}, parent, pulumi.ReplaceOnChanges([]string{"healthCheck"}))
}
