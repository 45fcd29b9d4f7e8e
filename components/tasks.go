package components

import (
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// version is a version of the service: the one that it is to run, or its canary.
type version struct {
	name       string // of its resources
	stream     string // prefix of its log streams
	image      spec.Image
	count      int           // at least so many tasks have to be healthy before what depends on them goes on
	scaling    *spec.Scaling // nil: the count stays
	running    int           // so many tasks serve its requests already
	attachment spec.Route    // nobody's, by whose rule its target group belongs to the load balancer
}

// begin returns how many tasks the version begins with, where ECS makes it anew: if it scales, no fewer than serve its requests now. More
// than the most Application Auto Scaling takes away again when the service is registered there (RegisterScalableTarget in its API
// reference).
func (v version) begin() int {
	if v.scaling == nil {
		return v.count
	}
	return max(v.count, min(v.running, v.scaling.Max))
}

// tasks are a version at work.
type tasks struct {
	service *ecs.Service
	running pulumi.StringOutput // ARN of the task definition that runs, or an error if that is not the wanted one
}

// newVersion creates a version with its target group. It returns the tasks and the target group's ARN for the rules that lead requests
// to it: they are created after the tasks are healthy, and deleted before the tasks go.
func (a *FargateServiceArgs) newVersion(
	ctx *pulumi.Context, v version, around *surroundings, parent pulumi.ResourceOption,
) (*tasks, pulumi.StringOutput, error) {
	none := pulumi.StringOutput{}
	target, err := a.newTargetGroup(ctx, v.name, parent)
	if err != nil {
		return nil, none, err
	}
	attachment, err := listenerRule{
		route: v.attachment, priority: a.Priorities[v.attachment], tags: a.Tags.named(v.name),
		targets: []weightedTarget{{group: target.Arn, weight: spec.MaxWeight}},
	}.create(ctx, v.name, a.ListenerARN, parent)
	if err != nil {
		return nil, none, err
	}
	tasks, err := a.newTasks(ctx, v, around, target, attachment, parent)
	if err != nil {
		return nil, none, err
	}
	return tasks, arrived(ctx, after(target.Arn, tasks.service), tasks), nil // no request for a version that ECS has rolled back
}

// newTasks creates the ECS service that runs a version's tasks behind the target group, and waits until it is in a steady
// state. The target group must belong to a load balancer when the service registers with it, which the attachment sees to.
//
// Another target group takes another ECS service, which comes up beside the old one. Tasks that moved to it one by one would leave
// requests to the old target group without tasks before the rules lead to the new one.
func (a *FargateServiceArgs) newTasks(
	ctx *pulumi.Context, v version, around *surroundings, target *lb.TargetGroup, attachment pulumi.Resource, parent pulumi.ResourceOption,
) (*tasks, error) {
	definition, err := a.newTaskDefinition(ctx, v, around, parent)
	if err != nil {
		return nil, err
	}
	alarms, err := a.newAlarms(ctx, v.name, target, parent)
	if err != nil {
		return nil, err
	}
	explained, err := a.explainFailure(ctx, v.name, around.component)
	if err != nil {
		return nil, err
	}
	options := []pulumi.ResourceOption{
		parent,
		explained,
		pulumi.DependsOn(append(slices.Clone(around.access), attachment)),
		// The engine does not replace what had no trigger before; the property tells it of those.
		pulumi.ReplacementTrigger(target.Arn),
		pulumi.ReplaceOnChanges([]string{"loadBalancers[*].targetGroupArn"}),
		a.timeouts(v),
	}
	if v.scaling != nil {
		// The engine ignores changes of a service that stays. One that takes another's place gets what is said here.
		options = append(options, pulumi.IgnoreChanges([]string{"desiredCount"}))
	}
	minimumHealthy, maximum := a.Deployment.Percentages(v.count)
	service, err := ecs.NewService(ctx, v.name, &ecs.ServiceArgs{
		Cluster:                    a.ClusterARN,
		TaskDefinition:             definition.Arn,
		DesiredCount:               pulumi.Int(v.begin()),
		CapacityProviderStrategies: strategies(a.Capacity),
		NetworkConfiguration: ecs.ServiceNetworkConfigurationArgs{
			AssignPublicIp: pulumi.Bool(true),
			SecurityGroups: pulumi.StringArray{around.securityGroup},
			Subnets:        a.SubnetIDs,
		},
		LoadBalancers: ecs.ServiceLoadBalancerArray{ecs.ServiceLoadBalancerArgs{
			TargetGroupArn: target.Arn,
			ContainerName:  pulumi.String(containerName),
			ContainerPort:  pulumi.Int(a.Port),
		}},
		DeploymentMinimumHealthyPercent: pulumi.Int(minimumHealthy),
		DeploymentMaximumPercent:        pulumi.Int(maximum),
		DeploymentCircuitBreaker: ecs.ServiceDeploymentCircuitBreakerArgs{
			Enable:   pulumi.Bool(true),
			Rollback: pulumi.Bool(true),
		},
		Alarms:                        alarms,
		HealthCheckGracePeriodSeconds: pulumi.Int(a.HealthCheck.GracePeriod),
		WaitForSteadyState:            pulumi.Bool(true),
		EnableEcsManagedTags:          pulumi.Bool(true),
		PropagateTags:                 pulumi.String("SERVICE"),
		Tags:                          a.Tags.named(v.name),
	}, options...)
	if err != nil {
		return nil, err
	}
	if v.scaling != nil {
		if err := a.newScaling(ctx, v, service, target, parent); err != nil {
			return nil, err
		}
	}
	return &tasks{service, a.runningTaskDefinition(ctx, v, service, definition.Arn)}, nil
}

// arrived returns the output once the wanted version runs, and an error if it does not. A preview does not know yet which one
// will run: there it is known as before, so that what does not change is not shown as a change.
func arrived(ctx *pulumi.Context, output pulumi.StringOutput, t *tasks) pulumi.StringOutput {
	if ctx.DryRun() {
		return output
	}
	return pulumi.All(output, t.running).ApplyT(func(known []any) string { return known[0].(string) }).(pulumi.StringOutput)
}
