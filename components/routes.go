package components

import (
	"cmp"
	"context"
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
	// Priorities has the routes with the priorities of their rules. See [spec.Priorities].
	Priorities map[spec.Route]int
	// Redraw returns a route's priority when its service runs. On a listener that stacks share, another one may have taken the number since
	// the program began. With nil, Priorities are final, as they are in a preview.
	Redraw func(context.Context, spec.Route) int
	// Services has the targets of the routes, by their short names.
	Services map[string]*FargateService
	// Former has the names of the components that had the routes' rules as children, before rules were separate resources.
	Former map[spec.Route]string
	Tags   Tags
}

// Routes are the listener rules that divide a load balancer's requests among services.
//
// A rule belongs to its host name and path and not to a service. When another service takes a route, the rule stays and changes its
// target between two requests. A rule is created for a service, or changed to it, after the service's tasks are healthy, and deleted
// before they stop. So every rule has tasks that serve, unless its service has a count of 0.
type Routes struct {
	pulumi.ResourceState

	name  string
	args  RoutesArgs
	rules []registeredRule
}

// NewRoutes creates a rule for each route, and one before it for the canary of its service, if there is one.
func NewRoutes(ctx *pulumi.Context, name string, args *RoutesArgs, opts ...pulumi.ResourceOption) (*Routes, error) {
	if args == nil {
		return nil, errors.New("routes: args are missing")
	}
	routes := &Routes{name: name, args: *args}
	if err := routes.check(); err != nil {
		return nil, fmt.Errorf("routes %s: %w", name, err)
	}
	if err := ctx.RegisterComponentResource("slipway:index:Routes", name, routes, opts...); err != nil {
		return nil, err
	}
	byPriority := func(a, b spec.Route) int { return cmp.Compare(args.Priorities[a], args.Priorities[b]) }
	for _, route := range slices.SortedFunc(maps.Keys(args.Priorities), byPriority) {
		if err := routes.add(ctx, route); err != nil {
			return nil, err
		}
	}
	return routes, ctx.RegisterResourceOutputs(routes, pulumi.Map{})
}

// check reports routes that lead nowhere, that no rule can have, or that have no order between them.
func (r *Routes) check() error {
	if r.args.ListenerARN == nil {
		return errors.New("the listener's ARN is missing")
	}
	problems := []error{r.args.Tags.problems().Err()}
	wrong := func(route spec.Route, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", route, err))
		}
	}
	routes := slices.SortedFunc(maps.Keys(r.args.Priorities), spec.Route.Compare)
	for i, route := range routes {
		header := spec.CanaryHeader{}
		switch service := r.args.Services[route.Service]; {
		case service == nil:
			wrong(route, errors.New("there is no such service"))
		case service.targets == nil:
			wrong(route, errors.New("the service takes no requests"))
		case service.canary != nil:
			header = service.canary.header
		}
		wrong(route, errors.Join(spec.CheckPath(route.Path), spec.CheckWildcards(route, header)))
		for _, other := range routes[i+1:] {
			wrong(route, spec.CheckOrder(route, other))
		}
	}
	return errors.Join(problems...)
}

// registeredRule is a rule and the route that it is for.
type registeredRule struct {
	route    spec.Route
	resource pulumi.Resource
}

// overlapping returns the rules that can match the route's requests too.
func overlapping(rules []registeredRule, route spec.Route) []pulumi.Resource {
	var overlapping []pulumi.Resource
	for _, rule := range rules {
		if rule.route.Overlaps(route) {
			overlapping = append(overlapping, rule.resource)
		}
	}
	return overlapping
}

// add creates the rule of a route, and the rule of its service's canary.
//
// They are created or changed after the more specific rules that take some of the route's requests, and deleted before those. So such a
// request moves from its old service to its new one, and never reaches this rule's service in between.
func (r *Routes) add(ctx *pulumi.Context, route spec.Route) error {
	service, priority := r.args.Services[route.Service], r.priority(ctx, route)
	first := pulumi.DependsOn(overlapping(r.rules, route))
	own, err := r.create(ctx, r.name, service.name, listenerRule{route: route, priority: priority, targets: service.targets}, first)
	if err != nil {
		return err
	}
	r.rules = append(r.rules, registeredRule{route, own})
	if service.canary == nil {
		return nil
	}
	canary, err := r.create(ctx, spec.CanaryName(r.name), spec.CanaryName(service.name), listenerRule{
		route: route, priority: before(priority), // the step between priorities leaves it free
		header: &service.canary.header, targets: service.canary.targets,
	}, first)
	if err != nil {
		return err
	}
	r.rules = append(r.rules, registeredRule{route, canary})
	return nil
}

// priority returns the number of a route's rule. It is drawn again as late as can be, when the service's tasks are healthy: the engine
// creates the rule right after that.
func (r *Routes) priority(ctx *pulumi.Context, route spec.Route) pulumi.IntInput {
	if r.args.Redraw == nil || ctx.DryRun() {
		return pulumi.Int(r.args.Priorities[route])
	}
	return r.args.Services[route.Service].targets[0].group.ToStringOutput().ApplyT(func(string) int {
		return r.args.Redraw(ctx.Context(), route)
	}).(pulumi.IntOutput)
}

// before returns the number before a priority.
func before(priority pulumi.IntInput) pulumi.IntInput {
	return priority.ToIntOutput().ApplyT(func(n int) int { return n - 1 }).(pulumi.IntOutput)
}

// create creates a rule. Before rules were separate resources, they were children of their target service, and their names began with
// its name.
func (r *Routes) create(ctx *pulumi.Context, of, formerly string, rule listenerRule, first pulumi.ResourceOption) (pulumi.Resource, error) {
	service := r.args.Services[rule.route.Service]
	rule.tags = r.args.Tags.With(spec.ServiceTag, rule.route.Service).named(formerly)
	aliases := []pulumi.Alias{{Name: pulumi.String(rule.name(formerly)), Parent: service}}
	anyone := spec.Route{Hostname: rule.route.Hostname, Path: rule.route.Path}
	if other := r.args.Former[anyone]; other != "" && other != service.name {
		parent := fmt.Sprintf("urn:pulumi:%s::%s::%s::%s", ctx.Stack(), ctx.Project(), fargateServiceType, other)
		aliases = append(aliases, pulumi.Alias{Name: pulumi.String(rule.name(strings.Replace(formerly, service.name, other, 1))), ParentURN: pulumi.URN(parent)})
	}
	return rule.create(ctx, of, r.args.ListenerARN, first, pulumi.Parent(r), pulumi.Aliases(aliases))
}

// Before returns the output for a resource that sends clients to a host name. The resource is created or changed after the rules for
// the host name's requests, and deleted before them.
func (r *Routes) Before(hostname string, output pulumi.StringOutput) pulumi.StringOutput {
	return after(output, overlapping(r.rules, spec.Route{Hostname: hostname, Path: spec.EveryPath})...)
}

// weightedTarget is a target group with its share of a rule's requests. A weight is 0 to 999 (TargetGroupTuple in Elastic Load
// Balancing's API reference).
type weightedTarget struct {
	group  pulumi.StringInput // ARN
	weight int
}

// listenerRule forwards a route's requests to target groups, or only those with a header.
type listenerRule struct {
	route    spec.Route
	priority pulumi.IntInput
	header   *spec.CanaryHeader // nil: all requests
	targets  []weightedTarget
	tags     pulumi.StringMap
}

// name returns the rule's name, which begins with its owner's. No component's name and no host name has a "/", so no two rules have the
// same name.
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
		Priority:    r.priority,
		Conditions:  r.conditions(),
		// The weighted form, even with one target group, so that a second one can be added in place.
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
