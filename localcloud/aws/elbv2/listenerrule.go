package elbv2

import (
	"fmt"
	"strings"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

// The limits of a rule.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
const (
	minPriority       = 1
	maxPriority       = 50000
	defaultRule       = 99999 // stands for the default rule in the Terraform provider
	conditionValues   = 5
	conditionWildcard = 6
)

type listenerRule struct {
	ListenerARN string      `json:"listenerArn"`
	Priority    *int        `json:"priority"`
	Actions     []Action    `json:"actions"`
	Conditions  []Condition `json:"conditions"`
	Tags        tags.Tags   `json:"tags"`
}

// MaxRules is how many rules a load balancer has at most, default rules aside, unless the quota is raised.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
const MaxRules = 100

// withoutID returns a listener's ARN without its own id: what all listeners of a load balancer have in common.
func withoutID(listener string) string { return listener[:max(0, strings.LastIndex(listener, "/"))] }

// ListenerRule says what a listener does with the requests that meet its conditions. The lowest priority is tried first.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html
var ListenerRule = &cloud.OldKind[listenerRule]{
	Spec: cloud.Spec{
		Token:    ListenerRuleToken,
		Label:    "ELBv2 Listener Rule",
		Needs:    listenerRuleNeeds,
		Replace:  []string{"listenerArn"},
		Computed: []string{"priority"},
		Sets:     []string{"conditions"},
		Normal:   map[string]func(any) any{"actions": sortedLists, "conditions": sortedLists},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: check.NotFound("RuleNotFound", "One or more rules not found (%s)"),
	},
	Check: func(in *listenerRule) []cloud.Failure {
		f := checkActions("actions", in.Actions)
		switch p := in.Priority; {
		case p == nil:
		case *p == defaultRule:
			f = append(f, check.NotModelled("priority", "changing a listener's default rule"))
		case *p < minPriority || *p > maxPriority:
			f = append(f, cloud.Failure{
				Property: "priority",
				Reason: fmt.Sprintf("%q must be in the range %d-%d for normal rule or %d for the default rule",
					"priority", minPriority, maxPriority, defaultRule),
			})
		}
		for i, c := range in.Conditions {
			f = append(f, c.check(fmt.Sprintf("conditions[%d].", i))...)
		}
		return f
	},
	Refs: func(_ *cloud.Call, in *listenerRule) []cloud.Ref {
		return append(targetGroupRefs(in.Actions), cloud.Ref{Token: ListenerToken, Value: in.ListenerARN, Weak: true})
	},
	Outputs: func(c *cloud.Call, in *listenerRule) (cloud.Map, error) {
		s, out := c.Caller.Scope, cloud.Map{"tagsAll": in.Tags.All(c)}
		if err := refuseConditions(in.Conditions); err != nil {
			return nil, err
		}
		actions, err := completeActions("actions", c.Resource.Inputs, in.Actions)
		if err != nil {
			return nil, err
		}
		out["actions"] = actions
		highest, others := 0, 0
		for _, r := range c.Tx.List(s, ListenerRuleToken) {
			listener := cloud.InputsOf[listenerRule](r).ListenerARN
			if r.ID != c.Resource.ID && withoutID(listener) == withoutID(in.ListenerARN) { // of the same load balancer
				others++
			}
			if r.ID == c.Resource.ID || listener != in.ListenerARN {
				continue
			}
			other := PriorityOf(r)
			if in.Priority != nil && other == *in.Priority {
				return nil, cloud.Errorf("PriorityInUse", "Priority '%d' is currently in use", other)
			}
			highest = max(highest, other)
		}
		if c.Old == nil && others >= MaxRules {
			return nil, cloud.Errorf("TooManyRules", "The maximum number of rules on load balancer '%s' has been reached",
				strings.Replace(withoutID(in.ListenerARN), ":listener/", ":loadbalancer/", 1))
		}
		if in.Priority == nil && c.Old == nil {
			out["priority"] = float64(highest + 1)
		}
		parent := c.Find(cloud.Ref{Token: ListenerToken, Value: in.ListenerARN})
		if err := forwardTo(c, loadBalancerOf(c.Tx, parent), forwardsTo(in.Actions)); err != nil {
			return nil, err
		}
		if c.Old == nil {
			c.Resource.ID = arns.New(s, "elasticloadbalancing",
				"listener-rule/"+strings.Join(arns.Parts(in.ListenerARN), "/")+"/"+ids.Hex(16))
			out["arn"] = c.Resource.ID
		}
		return out, nil
	},
	Delete: func(c *cloud.Call, _ *listenerRule) error { return forwardTo(c, nil, nil) },
}

var listenerRuleNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		if !o.Given("priority") {
			o.Any("elasticloadbalancing:DescribeRules") // for one that is free
		}
		createsPart(o, ListenerToken, "listenerArn", "CreateRule", "listener-rule/")
	},
	Read: func(o *permission.Operation) {
		o.Any("elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags")
	},
	Update: func(o *permission.Operation) {
		if o.Changes("priority") {
			o.Own("elasticloadbalancing:SetRulePriorities")
		}
		if o.Changes("actions", "conditions") {
			o.Own("elasticloadbalancing:ModifyRule")
		}
		retags(o)
	},
	Delete: func(o *permission.Operation) { o.Own("elasticloadbalancing:DeleteRule") },
}

// PriorityOf returns the priority that a rule has, whoever chose it.
func PriorityOf(rule *cloud.Resource) int {
	p, _ := rule.Outputs["priority"].(float64)
	return int(p)
}
