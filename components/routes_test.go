package components

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"slipway/components/mocks"
	"slipway/spec"
)

// routed returns a program that creates the service "hello", changed, and routes to it. Their priorities are 10, 20 and so on.
func routed(change func(*FargateServiceArgs), routes ...spec.Route) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		service, err := NewFargateService(ctx, "dev-hello", fargateServiceArgs(change))
		if err != nil {
			return err
		}
		priorities := make(map[spec.Route]int)
		for i, route := range routes {
			priorities[route] = 10 * (i + 1)
		}
		_, err = NewRoutes(ctx, "dev", &RoutesArgs{
			ListenerARN: pulumi.String("listener"),
			Priorities:  priorities,
			Services:    map[string]*FargateService{"hello": service},
			Tags:        Tags{"Stack": "dev"},
		})
		return err
	}
}

// helloAt returns a route of the service hello.
func helloAt(hostname, path string) spec.Route {
	return spec.Route{Service: "hello", Hostname: hostname, Path: path}
}

var helloRoute = helloAt("hello.example.com", spec.EveryPath)

func TestRoutes(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(routed(nil,
		helloAt("example.com", "/api/*"), helloAt("*.example.com", "/api/*"), helloAt("example.com", spec.EveryPath),
	)); err != nil {
		t.Fatal(err)
	}
	const forward = `"actions":[{"forward":{"targetGroups":[{"arn":"arn:TargetGroup/dev-hello","weight":100}]},"type":"forward"}],`
	const tags = `"tags":{"Name":"dev-hello","Service":"hello","Stack":"dev"}}`
	for name, want := range map[string]string{
		"dev/example.com/api/*":   `"conditions":[{"hostHeader":{"values":["example.com"]}},{"pathPattern":{"values":["/api/*"]}}],"listenerArn":"listener","priority":10,`,
		"dev/*.example.com/api/*": `"conditions":[{"hostHeader":{"values":["*.example.com"]}},{"pathPattern":{"values":["/api/*"]}}],"listenerArn":"listener","priority":20,`,
		"dev/example.com":         `"conditions":[{"hostHeader":{"values":["example.com"]}}],"listenerArn":"listener","priority":30,`,
	} {
		if got, want := mocks.JSON(cloud.Resource(listenerRuleType, name).Inputs), "{"+forward+want+tags; got != want {
			t.Errorf("rule %s is %s, want %s", name, got, want)
		}
	}
}

// On a listener that stacks share, a rule's number is drawn again when its service runs. A preview does not wait for that.
func TestRoutesAreDrawnAgain(t *testing.T) {
	t.Parallel()
	program := func(ctx *pulumi.Context) error {
		service, err := NewFargateService(ctx, "dev-hello", fargateServiceArgs(withCanary(nil)))
		if err != nil {
			return err
		}
		_, err = NewRoutes(ctx, "dev", &RoutesArgs{
			ListenerARN: pulumi.String("listener"), Priorities: map[spec.Route]int{helloRoute: 10}, Services: map[string]*FargateService{"hello": service},
			Redraw: func(_ context.Context, route spec.Route) int {
				if route != helloRoute {
					t.Errorf("%s is drawn again", route)
				}
				return 200
			},
		})
		return err
	}
	var up, preview mocks.Cloud
	if err := errors.Join(up.Run(program), preview.Preview(program)); err != nil {
		t.Fatal(err)
	}
	for rule, want := range map[string][2]float64{"dev/hello.example.com": {200, 10}, "dev-canary/hello.example.com": {199, 9}} {
		got := [2]float64{up.Resource(listenerRuleType, rule).Inputs["priority"].NumberValue(), preview.Resource(listenerRuleType, rule).Inputs["priority"].NumberValue()}
		if got != want {
			t.Errorf("rule %s has number %v, want %v", rule, got, want)
		}
	}
}

// A rule leads to healthy tasks, and is deleted before they go. It belongs to its route, and has replaced a rule that belonged to the
// service.
func TestRoutesOrder(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(routed(withCanary(nil), helloRoute)); err != nil {
		t.Fatal(err)
	}
	for rule, former := range map[string]string{"dev/hello.example.com": "dev-hello/hello.example.com", "dev-canary/hello.example.com": "dev-hello-canary/hello.example.com"} {
		r := cloud.Resource(listenerRuleType, rule)
		if !r.DependsOn(serviceType, "dev-hello-canary") || (rule == "dev/hello.example.com" && !r.DependsOn(serviceType, "dev-hello")) {
			t.Errorf("rule %s does not depend on the tasks that it leads to", rule)
		}
		if parent := resource.URN(r.RPC.GetParent()); parent.Type() != "slipway:index:Routes" {
			t.Errorf("rule %s is a child of %s", rule, parent)
		}
		if !slices.ContainsFunc(r.RPC.GetAliases(), func(alias *pulumirpc.Alias) bool {
			return alias.GetSpec().GetName() == former && resource.URN(alias.GetSpec().GetParentUrn()).Name() == "dev-hello"
		}) {
			t.Errorf("rule %s has the aliases %v, want %s", rule, r.RPC.GetAliases(), former)
		}
	}
}

// An old rule is found by its former service if another service has the route now.
func TestRoutesFindFormerRules(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(func(ctx *pulumi.Context) error {
		service, err := NewFargateService(ctx, "dev-hello", fargateServiceArgs(nil))
		if err != nil {
			return err
		}
		_, err = NewRoutes(ctx, "dev", &RoutesArgs{
			ListenerARN: pulumi.String("listener"), Services: map[string]*FargateService{"hello": service},
			Priorities: map[spec.Route]int{helloRoute: 2}, Former: map[spec.Route]string{{Hostname: helloRoute.Hostname, Path: helloRoute.Path}: "dev-old"},
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	aliases := cloud.Resource(listenerRuleType, "dev/hello.example.com").RPC.GetAliases()
	if !slices.ContainsFunc(aliases, func(alias *pulumirpc.Alias) bool {
		spec := alias.GetSpec()
		return spec.GetName() == "dev-old/hello.example.com" && spec.GetParentUrn() == "urn:pulumi:dev::slipway::slipway:index:FargateService::dev-old"
	}) {
		t.Errorf("the rule has the aliases %v", aliases)
	}
}

// A request on its way to another service never matches a wider rule in between.
func TestRoutesOrderBySpecificity(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	all := []spec.Route{helloAt("a.x.y", "/api/v1/*"), helloAt("a.x.y", "/api/*"), helloAt("a.x.y", "/log/*"), helloAt("a.x.y", spec.EveryPath), helloAt("b.x.y", spec.EveryPath), helloAt("*.x.y", spec.EveryPath)}
	if err := cloud.Run(routed(nil, all...)); err != nil { // their priorities rise
		t.Fatal(err)
	}
	for rule, wants := range map[string][]string{
		"dev/a.x.y/api/v1/*": nil,
		"dev/a.x.y/api/*":    {"dev/a.x.y/api/v1/*"},
		"dev/a.x.y/log/*":    nil,
		"dev/a.x.y":          {"dev/a.x.y/api/v1/*", "dev/a.x.y/api/*", "dev/a.x.y/log/*"},
		"dev/b.x.y":          nil,
		"dev/*.x.y":          {"dev/a.x.y/api/v1/*", "dev/a.x.y/api/*", "dev/a.x.y/log/*", "dev/a.x.y", "dev/b.x.y"},
	} {
		for _, other := range []string{"dev/a.x.y/api/v1/*", "dev/a.x.y/api/*", "dev/a.x.y/log/*", "dev/a.x.y", "dev/b.x.y", "dev/*.x.y"} {
			if got, want := cloud.Resource(listenerRuleType, rule).DependsOn(listenerRuleType, other), slices.Contains(wants, other); got != want {
				t.Errorf("rule %s depends on %s: %v", rule, other, got)
			}
		}
	}
}

// Without a task of the wanted version there is no new rule, and an existing one keeps its target.
func TestRoutesWaitForTheVersion(t *testing.T) {
	t.Parallel()
	cloud := mocks.Cloud{RunningTask: "arn:aws:ecs:eu-central-1:123456789012:task-definition/slipway-dev-hello:1"}
	if err := cloud.Run(routed(nil, helloRoute)); err == nil || !strings.Contains(err.Error(), "service dev-hello-0123456 runs") {
		t.Errorf("error %v", err)
	}
	if inputs := cloud.Resource(listenerRuleType, "dev/hello.example.com").Inputs; inputs != nil {
		t.Errorf("the rule is %v", inputs)
	}
}

// A record that sends clients to a host name waits for the host name's rules.
func TestRoutesBefore(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(func(ctx *pulumi.Context) error {
		service, err := NewFargateService(ctx, "dev-hello", fargateServiceArgs(nil))
		if err != nil {
			return err
		}
		routes, err := NewRoutes(ctx, "dev", &RoutesArgs{
			ListenerARN: pulumi.String("listener"), Services: map[string]*FargateService{"hello": service},
			Priorities: map[spec.Route]int{helloRoute: 2, helloAt("other.example.com", spec.EveryPath): 4},
		})
		if err != nil {
			return err
		}
		_, err = NewRecords(ctx, &RecordsArgs{
			ZoneID: pulumi.String("zone"), Zone: "example.com", Hostnames: []string{"hello.example.com"},
			Target: func(hostname string) pulumi.StringInput {
				return routes.Before(hostname, pulumi.String("lb").ToStringOutput())
			},
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	record := cloud.Resource("cloudflare:index/record:Record", "hello.example.com")
	if !record.DependsOn(listenerRuleType, "dev/hello.example.com") || record.DependsOn(listenerRuleType, "dev/other.example.com") {
		t.Errorf("the record depends on %v", record.RPC.GetDependencies())
	}
}

// The first deployment does not exist in its preview, and must not be looked up.
func TestRoutesPreview(t *testing.T) {
	t.Parallel()
	cloud := mocks.Cloud{Fail: func(token, _ string) error {
		if token == "aws:ecs/getService:getService" {
			return errors.New("ServiceNotFoundException")
		}
		return nil
	}}
	if err := cloud.Preview(routed(withCanary(nil), helloRoute)); err != nil {
		t.Fatal(err)
	}
	for _, rule := range []string{"dev/hello.example.com", "dev-canary/hello.example.com"} {
		if cloud.Resource(listenerRuleType, rule).Inputs == nil {
			t.Errorf("the preview lacks rule %s:\n%s", rule, cloud.Listing())
		}
	}
}

func TestRoutesRefuse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args *RoutesArgs
		want string
	}{
		"no args":     {nil, "args are missing"},
		"no listener": {&RoutesArgs{}, "routes dev: the listener's ARN is missing"},
		"no service": {
			&RoutesArgs{ListenerARN: pulumi.String("listener"), Priorities: map[spec.Route]int{helloRoute: 2}},
			"routes dev: hello.example.com/* of service hello: there is no such service",
		},
	} {
		var cloud mocks.Cloud
		err := cloud.Run(func(ctx *pulumi.Context) error {
			_, err := NewRoutes(ctx, "dev", test.args)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, test.want)
		}
		cloud.Expect(t, "")
	}
}

// Elastic Load Balancing and IAM refuse tags with other characters, such as the "*" of routes.
func TestRoutesTagsAreValid(t *testing.T) {
	t.Parallel()
	valid := regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$`)
	var cloud mocks.Cloud
	if err := cloud.Run(routed(nil, helloAt("*.example.com", "/a$~\"'@:+&*"))); err != nil {
		t.Fatal(err)
	}
	for _, r := range cloud.Resources() {
		if tags := r.Inputs["tags"]; tags.IsObject() {
			for key, value := range tags.ObjectValue() {
				if !valid.MatchString(value.StringValue()) {
					t.Errorf("%s %s has tag %s: %s", r.Type, r.Name, key, value.StringValue())
				}
			}
		}
	}
}
