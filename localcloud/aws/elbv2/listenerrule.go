package elbv2

import (
	"fmt"
	"slices"
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

type listenerRuleOutputs struct {
	ARN      string `json:"arn"`
	Actions  []any  `json:"actions"`
	Priority int    `json:"priority"`
}

// follow fills in what follows from the inputs, and records the load balancer with the target groups.
func (out *listenerRuleOutputs) follow(c *cloud.Call, in *listenerRule) (err error) {
	if out.Actions, err = completeActions("actions", c.Resource.Inputs, in.Actions); err != nil {
		return err
	}
	parent := c.Find(cloud.Ref{Token: ListenerToken, Value: in.ListenerARN})
	return forwardTo(c, loadBalancerOf(c.Tx, parent), forwardsTo(in.Actions))
}

// siblings returns the other rules of the load balancer.
func (in *listenerRule) siblings(c *cloud.Call) []*cloud.Resource {
	return slices.DeleteFunc(c.Tx.List(c.Caller.Scope, ListenerRuleToken), func(r *cloud.Resource) bool {
		return r.ID == c.Resource.ID || withoutID(cloud.InputsOf[listenerRule](r).ListenerARN) != withoutID(in.ListenerARN)
	})
}

// ListenerRule says what a listener does with the requests that meet its conditions. The lowest priority is tried first.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html
var ListenerRule = &cloud.Kind[listenerRule, listenerRuleOutputs]{
	Spec: cloud.Spec{
		Token:  ListenerRuleToken,
		Label:  "ELBv2 Listener Rule",
		Import: cloud.ByID,
		Drift: cloud.Drift{Change: cloud.Map{"conditions": []any{
			cloud.Map{"hostHeader": cloud.Map{"values": []any{"other.slipway.test"}}},
		}}},
		Derived:  tags.All,
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
	Rules: func(c *cloud.Call, in *listenerRule) error {
		if err := refuseConditions(in.Conditions); err != nil {
			return err
		}
		for _, r := range in.siblings(c) {
			if other := PriorityOf(r); in.Priority != nil && other == *in.Priority && cloud.InputsOf[listenerRule](r).ListenerARN == in.ListenerARN {
				return cloud.Errorf("PriorityInUse", "Priority '%d' is currently in use", other)
			}
		}
		return nil
	},
	Create: func(c *cloud.Call, in *listenerRule, out *listenerRuleOutputs) (string, error) {
		others := in.siblings(c)
		if len(others) >= MaxRules {
			return "", cloud.Errorf("TooManyRules", "The maximum number of rules on load balancer '%s' has been reached",
				strings.Replace(withoutID(in.ListenerARN), ":listener/", ":loadbalancer/", 1))
		}
		if in.Priority == nil {
			for _, r := range others {
				if cloud.InputsOf[listenerRule](r).ListenerARN == in.ListenerARN {
					out.Priority = max(out.Priority, PriorityOf(r))
				}
			}
			out.Priority++
		}
		out.ARN = arns.New(c.Caller.Scope, "elasticloadbalancing", "listener-rule/"+strings.Join(arns.Parts(in.ListenerARN), "/")+"/"+ids.Hex(16))
		return out.ARN, out.follow(c, in)
	},
	Update: func(c *cloud.Call, in *listenerRule, out *listenerRuleOutputs) error { return out.follow(c, in) },
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

// PriorityOf returns a rule's priority, chosen by the program or by the provider.
func PriorityOf(rule *cloud.Resource) int {
	return cloud.OutputsOf[listenerRuleOutputs](rule).Priority
}
