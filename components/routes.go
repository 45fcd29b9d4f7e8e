package components

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// RoutesArgs describe [Routes].
type RoutesArgs struct {
	ListenerARN pulumi.StringInput // of the HTTPS listener that gets the rules
	// Priorities are the routes with the priorities of their rules. See [spec.Priorities].
	Priorities map[spec.Route]int
	// Services are what the routes lead to, by the short names that the routes carry.
	Services map[string]*FargateService
	// Former are the names of the components that the routes' rules were part of, until rules were resources of their own.
	Former map[spec.Route]string
	Tags   Tags
}

// Routes are the listener rules by which a load balancer divides requests among services.
//
// A rule belongs to its host name and path and not to a service. When a route passes to another service, the rule stays and leads
// there from one request to the next. A rule is created, or led to a service, after the service's tasks are healthy, and it is
// deleted before they stop. So no rule is ever without a task that serves, unless its service is to have none.
type Routes struct {
	pulumi.ResourceState

	rules []registeredRule
}

// NewRoutes creates a rule for each route, and one before it for the canary of its service, if there is one.
func NewRoutes(ctx *pulumi.Context, name string, args *RoutesArgs, opts ...pulumi.ResourceOption) (*Routes, error) {
	if args == nil {
		return nil, errors.New("routes: args are missing")
	}
	if err := args.check(); err != nil {
		return nil, fmt.Errorf("routes %s: %w", name, err)
	}

	routes := &Routes{}
	if err := ctx.RegisterComponentResource("slipway:index:Routes", name, routes, opts...); err != nil {
		return nil, err
	}
	byPriority := func(a, b spec.Route) int { return cmp.Compare(args.Priorities[a], args.Priorities[b]) }
	for _, route := range slices.SortedFunc(maps.Keys(args.Priorities), byPriority) {
		// A rule is created or changed after the more specific ones that take some of its requests, and deleted before them. Such a
		// request then goes from its old service to its new one, and never to this rule's service in between.
		first := pulumi.DependsOn(overlapping(routes.rules, route))
		rules, err := routes.add(ctx, name, route, args, first)
		if err != nil {
			return nil, err
		}
		for _, rule := range rules {
			routes.rules = append(routes.rules, registeredRule{route, rule})
		}
	}
	return routes, ctx.RegisterResourceOutputs(routes, pulumi.Map{})
}

// check reports routes that lead nowhere.
func (a *RoutesArgs) check() error {
	if a.ListenerARN == nil {
		return errors.New("the listener's ARN is missing")
	}
	var problems []error
	for _, route := range slices.SortedFunc(maps.Keys(a.Priorities), spec.Route.Compare) {
		if a.Services[route.Service] == nil {
			problems = append(problems, fmt.Errorf("%s: there is no such service", route))
		}
	}
	return errors.Join(problems...)
}

// registeredRule is a rule and the route that it is for.
type registeredRule struct {
	route    spec.Route
	resource pulumi.Resource
}

// overlapping returns those of the rules whose requests can be the route's too.
func overlapping(rules []registeredRule, route spec.Route) []pulumi.Resource {
	var overlapping []pulumi.Resource
	for _, rule := range rules {
		if rule.route.Overlaps(route) {
			overlapping = append(overlapping, rule.resource)
		}
	}
	return overlapping
}

// add creates the rule of a route, and the one of its service's canary. Until rules were resources of their own, they were children of the
// service that they led to.
func (r *Routes) add(ctx *pulumi.Context, name string, route spec.Route, args *RoutesArgs, opts ...pulumi.ResourceOption) ([]pulumi.Resource, error) {
	service := args.Services[route.Service]
	create := func(of, formerly string, rule listenerRule) (pulumi.Resource, error) {
		rule.route, rule.tags = route, args.Tags.With("Service", route.Service).named(formerly)
		aliases := []pulumi.Alias{{Name: pulumi.String(rule.name(formerly)), Parent: service}}
		if other := args.Former[spec.Route{Hostname: route.Hostname, Path: route.Path}]; other != "" && other != service.name {
			parent := fmt.Sprintf("urn:pulumi:%s::%s::%s::%s", ctx.Stack(), ctx.Project(), fargateServiceType, other)
			aliases = append(aliases, pulumi.Alias{Name: pulumi.String(rule.name(strings.Replace(formerly, service.name, other, 1))), ParentURN: pulumi.URN(parent)})
		}
		return rule.create(ctx, of, args.ListenerARN, append(opts, pulumi.Parent(r), pulumi.Aliases(aliases))...)
	}
	own, err := create(name, service.name, listenerRule{priority: args.Priorities[route], targets: service.targets})
	if err != nil || service.canary == nil {
		return []pulumi.Resource{own}, err
	}
	canary, err := create(spec.CanaryName(name), spec.CanaryName(service.name), listenerRule{
		priority: args.Priorities[route] - 1, // the step between priorities leaves it free for this
		header:   &service.canary.header, targets: service.canary.targets,
	})
	return []pulumi.Resource{own, canary}, err
}

// Before returns the output for what sends clients to a host name: it is created or changed after the rules for the host name's requests,
// and deleted before them.
func (r *Routes) Before(hostname string, output pulumi.StringOutput) pulumi.StringOutput {
	return after(output, overlapping(r.rules, spec.Route{Hostname: hostname, Path: spec.EveryPath})...)
}

// weightedTarget is a target group with its share of a rule's requests. A weight is 0 to 999 (TargetGroupTuple in Elastic Load
// Balancing's API reference).
type weightedTarget struct {
	group  pulumi.StringInput // ARN
	weight int
}

// listenerRule forwards the requests of a route, or those of them with a header, to target groups.
type listenerRule struct {
	route    spec.Route
	priority int
	header   *spec.CanaryHeader // nil: all requests
	targets  []weightedTarget
	tags     pulumi.StringMap
}

// name returns the rule's name below that of what it belongs to. A "/" is in no component's name and in no host name, so that no two
// rules have the same.
func (r listenerRule) name(of string) string {
	if r.route.Path == spec.EveryPath {
		return of + "/" + r.route.Hostname
	}
	return of + "/" + r.route.Hostname + r.route.Path
}

func (r listenerRule) create(ctx *pulumi.Context, of string, listener pulumi.StringInput, opts ...pulumi.ResourceOption) (*lb.ListenerRule, error) {
	groups := make(lb.ListenerRuleActionForwardTargetGroupArray, len(r.targets))
	for i, target := range r.targets {
		groups[i] = lb.ListenerRuleActionForwardTargetGroupArgs{Arn: target.group, Weight: pulumi.Int(target.weight)}
	}
	return lb.NewListenerRule(ctx, r.name(of), &lb.ListenerRuleArgs{
		ListenerArn: listener,
		Priority:    pulumi.Int(r.priority),
		Conditions:  r.conditions(),
		// The weighted form, even with one target group: a second one is added in place.
		Actions: lb.ListenerRuleActionArray{lb.ListenerRuleActionArgs{
			Type:    pulumi.String("forward"),
			Forward: lb.ListenerRuleActionForwardArgs{TargetGroups: groups},
		}},
		Tags: r.tags,
	}, opts...)
}

func (r listenerRule) conditions() lb.ListenerRuleConditionArray {
	conditions := lb.ListenerRuleConditionArray{lb.ListenerRuleConditionArgs{
		HostHeader: lb.ListenerRuleConditionHostHeaderArgs{Values: pulumi.ToStringArray([]string{r.route.Hostname})},
	}}
	if r.route.Path != spec.EveryPath {
		conditions = append(conditions, lb.ListenerRuleConditionArgs{
			PathPattern: lb.ListenerRuleConditionPathPatternArgs{Values: pulumi.ToStringArray([]string{r.route.Path})},
		})
	}
	if r.header != nil {
		conditions = append(conditions, lb.ListenerRuleConditionArgs{
			HttpHeader: lb.ListenerRuleConditionHttpHeaderArgs{
				HttpHeaderName: pulumi.String(r.header.Name),
				Values:         pulumi.ToStringArray([]string{r.header.Value}),
			},
		})
	}
	return conditions
}
