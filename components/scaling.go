package components

import (
	"cmp"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/appautoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// How many seconds scaling waits for its last action to take effect. Too many tasks for a while cost less than too few.
const (
	scaleInCooldown  = 300
	scaleOutCooldown = 60
)

// newScaling registers a version's ECS service with Application Auto Scaling.
func (s *FargateService) newScaling(ctx *pulumi.Context, v version, service *ecs.Service, requests *requests) error {
	cluster := s.args.Cluster.ARN.ToStringOutput().ApplyT(nameInARN).(pulumi.StringOutput)
	target, err := appautoscaling.NewTarget(ctx, v.name, &appautoscaling.TargetArgs{
		ServiceNamespace:  pulumi.String("ecs"),
		ScalableDimension: pulumi.String("ecs:service:DesiredCount"),
		ResourceId:        pulumi.Sprintf("service/%s/%s", cluster, service.Name),
		MinCapacity:       pulumi.Int(v.scaling.Min),
		MaxCapacity:       pulumi.Int(v.scaling.Max),
		Tags:              s.args.Tags.named(v.name),
	}, s.parent())
	if err != nil {
		return err
	}
	var byRequests pulumi.StringPtrInput
	if requests != nil {
		byRequests = pulumi.Sprintf("%s/%s", s.args.Listener.LoadBalancerARNSuffix, requests.target.ArnSuffix)
	}
	type tracking = appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs
	predefined := func(metric string, label pulumi.StringPtrInput) tracking {
		return tracking{PredefinedMetricSpecification: appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs{
			PredefinedMetricType: pulumi.String(metric), ResourceLabel: label,
		}}
	}
	type policy struct {
		name     string
		value    int // 0: none
		tracking tracking
	}
	policies := []policy{
		{"cpu", v.scaling.CPU, predefined("ECSServiceAverageCPUUtilization", nil)},
		{"memory", v.scaling.Memory, predefined("ECSServiceAverageMemoryUtilization", nil)},
		{"requests", v.scaling.Requests, predefined("ALBRequestCountPerTarget", byRequests)},
	}
	if queue := v.scaling.Queue; queue != nil {
		policies = append(policies, policy{"queue", queue.MessagesPerTask, tracking{CustomizedMetricSpecification: backlog(queue, cluster, service.Name)}})
	}
	for _, policy := range policies {
		if policy.value == 0 {
			continue
		}
		policy.tracking.TargetValue = pulumi.Float64(policy.value)
		// The AWS provider sends 0 for a missing value, so AWS's defaults of 300 never apply.
		policy.tracking.ScaleInCooldown, policy.tracking.ScaleOutCooldown = pulumi.Int(scaleInCooldown), pulumi.Int(scaleOutCooldown)
		if _, err := appautoscaling.NewPolicy(ctx, v.name+"-"+policy.name, &appautoscaling.PolicyArgs{
			PolicyType:                               pulumi.String("TargetTrackingScaling"),
			ServiceNamespace:                         target.ServiceNamespace,
			ScalableDimension:                        target.ScalableDimension,
			ResourceId:                               target.ResourceId,
			TargetTrackingScalingPolicyConfiguration: policy.tracking,
		}, s.parent()); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(v.scaling.Schedule)) {
		action := v.scaling.Schedule[key]
		// No component's name has a ".", so no other service's schedule has the same name.
		if _, err := appautoscaling.NewScheduledAction(ctx, v.name+"."+key, &appautoscaling.ScheduledActionArgs{
			ServiceNamespace:  target.ServiceNamespace,
			ScalableDimension: target.ScalableDimension,
			ResourceId:        target.ResourceId,
			Schedule:          pulumi.String(action.At),
			Timezone:          pulumi.String(cmp.Or(action.TimeZone, "UTC")),
			ScalableTargetAction: appautoscaling.ScheduledActionScalableTargetActionArgs{
				MinCapacity: pulumi.Int(action.Min),
				MaxCapacity: pulumi.Int(action.Max),
			},
		}, s.parent()); err != nil {
			return err
		}
	}
	return nil
}
