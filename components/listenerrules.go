package components

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// weightedTarget is a target group with its share of a rule's requests. A weight is 0 to 999 (TargetGroupTuple in Elastic Load
// Balancing's API reference).
type weightedTarget struct {
	group  pulumi.StringInput // ARN
	weight int
}

// newRules creates a listener rule for each route, with the priority that is given, that forwards its requests, of which
// those with the header alone if there is one.
func (a *FargateServiceArgs) newRules(
	ctx *pulumi.Context, name string, priorities map[Route]int, header *CanaryHeader, targets []weightedTarget, parent pulumi.ResourceOption,
) ([]pulumi.Resource, error) {
	var groups lb.ListenerRuleActionForwardTargetGroupArray
	for _, target := range targets {
		groups = append(groups, lb.ListenerRuleActionForwardTargetGroupArgs{Arn: target.group, Weight: pulumi.Int(target.weight)})
	}
	var rules []pulumi.Resource
	for _, route := range slices.SortedFunc(maps.Keys(priorities), Route.compare) {
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
		if header != nil {
			conditions = append(conditions, lb.ListenerRuleConditionArgs{
				HttpHeader: lb.ListenerRuleConditionHttpHeaderArgs{
					HttpHeaderName: pulumi.String(header.Name),
					Values:         pulumi.ToStringArray([]string{header.Value}),
				},
			})
		}
		rule, err := lb.NewListenerRule(ctx, ruleName, &lb.ListenerRuleArgs{
			ListenerArn: a.ListenerARN,
			Priority:    pulumi.Int(priorities[route]),
			Conditions:  conditions,
			// The weighted form, even with one target group: a second one is added in place.
			Actions: lb.ListenerRuleActionArray{lb.ListenerRuleActionArgs{
				Type:    pulumi.String("forward"),
				Forward: lb.ListenerRuleActionForwardArgs{TargetGroups: groups},
			}},
			// Not the rule's own name: a tag's value cannot hold a "*".
			Tags: a.Tags.named(name),
		}, parent)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	return rules, nil
}
