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
	for _, policy := range []struct {
		name, metric string
		value        int
		label        pulumi.StringPtrInput
	}{
		{"cpu", "ECSServiceAverageCPUUtilization", v.scaling.CPU, nil},
		{"memory", "ECSServiceAverageMemoryUtilization", v.scaling.Memory, nil},
		{"requests", "ALBRequestCountPerTarget", v.scaling.Requests, byRequests},
	} {
		if policy.value == 0 {
			continue
		}
		if _, err := appautoscaling.NewPolicy(ctx, v.name+"-"+policy.name, &appautoscaling.PolicyArgs{
			PolicyType:        pulumi.String("TargetTrackingScaling"),
			ServiceNamespace:  target.ServiceNamespace,
			ScalableDimension: target.ScalableDimension,
			ResourceId:        target.ResourceId,
			TargetTrackingScalingPolicyConfiguration: appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs{
				PredefinedMetricSpecification: appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs{
					PredefinedMetricType: pulumi.String(policy.metric),
					ResourceLabel:        policy.label,
				},
				TargetValue: pulumi.Float64(policy.value),
				// The AWS provider sends 0 for a missing value, so AWS's defaults of 300 never apply.
				ScaleInCooldown:  pulumi.Int(scaleInCooldown),
				ScaleOutCooldown: pulumi.Int(scaleOutCooldown),
			},
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
