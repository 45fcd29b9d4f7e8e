package components

import (
	"fmt"
	"slices"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// version is a version of the service: its own, or its canary's.
type version struct {
	name       string // of its resources
	stream     string // prefix of its log streams
	image      spec.Image
	count      int           // how many tasks must be healthy before their dependents continue
	scaling    *spec.Scaling // nil: the count stays
	running    int           // how many tasks already serve its requests
	attachment spec.Route    // matches no request; its rule attaches the target group to the load balancer
}

// ownVersion returns the service's own version.
func (s *FargateService) ownVersion() version {
	v := version{
		name: s.name, stream: s.args.Name, image: s.args.Image, count: s.args.Tasks(), scaling: s.args.Scaling, running: s.args.Serving,
	}
	if s.args.HTTP != nil {
		v.attachment = spec.AttachmentRoute(s.args.Name, s.args.HTTP.HealthCheck, s.args.In.IPv6Only).Among(s.args.Listener.Sharer)
	}
	return v
}

// begin returns how many tasks a replaced version starts with: if it scales, no fewer than serve its requests now. Application Auto
// Scaling removes those above the maximum when the service is registered there (RegisterScalableTarget in its API reference).
func (v version) begin() int {
	if v.scaling == nil {
		return v.count
	}
	return max(v.count, min(v.running, v.scaling.Max))
}

// fewest returns with how many tasks a deployment can begin at the fewest. A service that begins to scale, or whose minimum is raised, has
// fewer than that until its scaling is registered, which is after its deployment: with room for half a task more, none would start.
func (v version) fewest() int {
	if v.scaling == nil {
		return v.count
	}
	return 1
}

// tasks are the running tasks of a version.
type tasks struct {
	service *ecs.Service
	running pulumi.StringOutput // ARN of the running task definition, or an error if it is not the wanted one
	// group is the target group's ARN, for the rules that send requests to the tasks: they are created after the tasks are healthy, and
	// deleted before the tasks go. A version that ECS has rolled back gets no rules. A worker has no group.
	group pulumi.StringOutput
}

// newVersion creates a version, and its target group if it takes requests.
func (s *FargateService) newVersion(ctx *pulumi.Context, v version) (*tasks, error) {
	definition, err := s.newTaskDefinition(ctx, v)
	if err != nil {
		return nil, err
	}
	requests, err := s.newRequests(ctx, v)
	if err != nil {
		return nil, err
	}
	service, err := s.newService(ctx, v, definition, requests)
	if err != nil {
		return nil, err
	}
	if v.scaling != nil {
		if err := s.newScaling(ctx, v, service, requests); err != nil {
			return nil, err
		}
	}
	version := &tasks{service: service, running: s.runningTaskDefinition(ctx, v, service, definition.Arn)}
	if requests != nil {
		version.group = arrived(ctx, after(requests.target.Arn, service), version.running)
	}
	return version, nil
}

// requests is how a version takes requests.
type requests struct {
	target     *lb.TargetGroup
	attachment pulumi.Resource // attaches the target group to the load balancer
	alarms     ecs.ServiceAlarmsPtrInput
}

// newRequests creates a version's target group and attaches it; nil for a worker.
func (s *FargateService) newRequests(ctx *pulumi.Context, v version) (*requests, error) {
	if s.args.HTTP == nil {
		return nil, nil
	}
	target, err := s.newTargetGroup(ctx, v.name)
	if err != nil {
		return nil, err
	}
	attachment, err := listenerRule{
		route: v.attachment, priority: pulumi.Int(s.args.Priorities[v.attachment]), tags: s.args.Tags.named(v.name),
		targets: []weightedTarget{{group: target.Arn, weight: spec.MaxWeight}},
	}.create(ctx, v.name, s.args.Listener.ARN, s.parent())
	if err != nil {
		return nil, err
	}
	alarms, err := s.newAlarms(ctx, v.name, target)
	if err != nil {
		return nil, err
	}
	return &requests{target, attachment, alarms}, nil
}

// newService creates the ECS service that runs a version's tasks, and waits until it is in a steady state.
//
// A target group must belong to a load balancer when the service registers with it; the attachment does that. A new target group needs
// a new ECS service, which starts while the old one runs. If tasks moved one by one, the old target group would run out of tasks before
// the rules lead to the new one.
func (s *FargateService) newService(ctx *pulumi.Context, v version, definition *ecs.TaskDefinition, requests *requests) (*ecs.Service, error) {
	explained, err := s.explainFailure(ctx, v.name)
	if err != nil {
		return nil, err
	}
	gated, err := s.newGate(ctx, v.name)
	if err != nil {
		return nil, err
	}
	first := slices.Concat(s.around.access, s.args.Calls.called())
	options := append([]pulumi.ResourceOption{s.parent(), explained, s.timeouts(v)}, gated...)
	if v.scaling != nil {
		// The engine ignores changes of a service that stays. A replacement gets this value.
		options = append(options, pulumi.IgnoreChanges([]string{"desiredCount"}))
	}
	minimumHealthy, maximum := s.args.Deployment.Percentages(v.fewest())
	args := &ecs.ServiceArgs{
		Cluster:                    s.args.Cluster.ARN,
		TaskDefinition:             definition.Arn,
		DesiredCount:               pulumi.Int(v.begin()),
		CapacityProviderStrategies: strategies(s.args.Capacity),
		NetworkConfiguration: ecs.ServiceNetworkConfigurationArgs{
			AssignPublicIp: pulumi.Bool(s.args.In.PublicIP),
			SecurityGroups: pulumi.StringArray{s.around.securityGroup},
			Subnets:        s.args.In.SubnetIDs,
		},
		DeploymentMinimumHealthyPercent: pulumi.Int(minimumHealthy),
		DeploymentMaximumPercent:        pulumi.Int(maximum),
		DeploymentCircuitBreaker: ecs.ServiceDeploymentCircuitBreakerArgs{
			Enable:   pulumi.Bool(true),
			Rollback: pulumi.Bool(true),
		},
		WaitForSteadyState:          pulumi.Bool(true),
		ServiceConnectConfiguration: s.serviceConnect(v),
		EnableEcsManagedTags:        pulumi.Bool(true),
		PropagateTags:               pulumi.String("SERVICE"),
		Tags:                        s.args.Tags.named(v.name),
	}
	if s.args.Exec.Enabled {
		args.EnableExecuteCommand = pulumi.Bool(true)
	}
	if requests == nil {
		// A service that becomes a worker is replaced: the AWS provider cannot remove its alarms.
		options = append(options, pulumi.ReplaceOnChanges([]string{"alarms"}))
		if s.args.Calls.Called {
			// In another namespace a worker starts anew, as other services do, so that those who still call the old one find it.
			options = append(options, pulumi.ReplacementTrigger(s.args.Calls.Namespace.ARN))
		}
	} else {
		first = append(first, requests.attachment)
		args.LoadBalancers = ecs.ServiceLoadBalancerArray{ecs.ServiceLoadBalancerArgs{
			TargetGroupArn: requests.target.Arn,
			ContainerName:  pulumi.String(spec.ContainerName),
			ContainerPort:  pulumi.Int(s.args.HTTP.Port),
		}}
		args.Alarms = requests.alarms
		args.HealthCheckGracePeriodSeconds = pulumi.Int(s.args.HTTP.HealthCheck.GracePeriod)
		options = append(options,
			// The engine does not replace a resource that had no trigger before; the property covers those.
			pulumi.ReplacementTrigger(requests.target.Arn),
			pulumi.ReplaceOnChanges([]string{"loadBalancers[*].targetGroupArn"}))
	}
	return ecs.NewService(ctx, v.name, args, append(options, pulumi.DependsOn(first))...)
}

// timeouts returns how long the AWS provider waits until only the version's tasks run. A service that never had healthy tasks cannot be
// rolled back, so only this ends its first deployment.
func (s *FargateService) timeouts(v version) pulumi.ResourceOption {
	minutes := func(d time.Duration) string { return fmt.Sprintf("%dm", int(d.Minutes())) }
	return pulumi.Timeouts(&pulumi.CustomTimeouts{
		Create: minutes(s.args.CreationTimeout(v.count)), Update: minutes(s.args.UpdateTimeout(v.count, v.scaling)),
	})
}

// arrived returns the output once the wanted version runs, and an error if it does not. A preview does not know yet which version will
// run. There the output is known as before, so an unchanged value does not look changed.
func arrived(ctx *pulumi.Context, output, running pulumi.StringOutput) pulumi.StringOutput {
	if ctx.DryRun() {
		return output
	}
	return pulumi.All(output, running).ApplyT(func(known []any) string { return known[0].(string) }).(pulumi.StringOutput)
}
