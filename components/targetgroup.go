package components

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// newTargetGroup creates the target group that the tasks register with and a rule for each route to it.
func (a *FargateServiceArgs) newTargetGroup(
	ctx *pulumi.Context, name string, parent pulumi.ResourceOption,
) (*lb.TargetGroup, []pulumi.Resource, error) {
	group, err := lb.NewTargetGroup(ctx, name, &lb.TargetGroupArgs{
		VpcId:      a.VPCID,
		TargetType: pulumi.String("ip"),
		Protocol:   pulumi.String("HTTP"),
		// The port is only for targets that are registered without one. ECS registers tasks with theirs, so that
		// another container port does not need another target group.
		Port:                pulumi.Int(httpPort),
		ProtocolVersion:     pulumi.String("HTTP1"),
		DeregistrationDelay: pulumi.Int(a.DeregistrationDelay),
		HealthCheck: lb.TargetGroupHealthCheckArgs{
			Enabled:            pulumi.Bool(true),
			Protocol:           pulumi.String("HTTP"),
			Port:               pulumi.String("traffic-port"),
			Path:               pulumi.String(a.HealthCheck.Path),
			Matcher:            pulumi.String("200"),
			Interval:           pulumi.Int(a.HealthCheck.Interval),
			Timeout:            pulumi.Int(a.HealthCheck.Timeout),
			HealthyThreshold:   pulumi.Int(a.HealthCheck.HealthyThreshold),
			UnhealthyThreshold: pulumi.Int(a.HealthCheck.UnhealthyThreshold),
		},
		Tags: a.Tags.named(name),
	}, parent)
	if err != nil {
		return nil, nil, err
	}

	var rules []pulumi.Resource
	for _, route := range slices.SortedFunc(maps.Keys(a.Priorities), Route.compare) {
		conditions := lb.ListenerRuleConditionArray{lb.ListenerRuleConditionArgs{
			HostHeader: lb.ListenerRuleConditionHostHeaderArgs{Values: pulumi.ToStringArray([]string{route.Hostname})},
		}}
		// A "/" is in no component's name and in no host name, so that no two routes make the same name.
		ruleName := name + "/" + route.Hostname
		if route.Path != EveryPath {
			ruleName += route.Path
			conditions = append(conditions, lb.ListenerRuleConditionArgs{
				PathPattern: lb.ListenerRuleConditionPathPatternArgs{Values: pulumi.ToStringArray([]string{route.Path})},
			})
		}
		rule, err := lb.NewListenerRule(ctx, ruleName, &lb.ListenerRuleArgs{
			ListenerArn: a.ListenerARN,
			Priority:    pulumi.Int(a.Priorities[route]),
			Conditions:  conditions,
			// The weighted form, though there is one target group: a second one can be added in place.
			Actions: lb.ListenerRuleActionArray{lb.ListenerRuleActionArgs{
				Type: pulumi.String("forward"),
				Forward: lb.ListenerRuleActionForwardArgs{
					TargetGroups: lb.ListenerRuleActionForwardTargetGroupArray{
						lb.ListenerRuleActionForwardTargetGroupArgs{Arn: group.Arn, Weight: pulumi.Int(100)},
					},
				},
			}},
			// Not the rule's own name: a tag's value cannot hold a "*".
			Tags: a.Tags.named(name),
		}, parent)
		if err != nil {
			return nil, nil, err
		}
		rules = append(rules, rule)
	}
	return group, rules, nil
}
