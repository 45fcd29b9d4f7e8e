package components

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/spec"
)

func withCanary(change func(*FargateServiceArgs)) func(*FargateServiceArgs) {
	return func(args *FargateServiceArgs) {
		args.Count = count(12)
		args.Priorities[spec.CanaryRoute("hello", spec.DefaultHealthCheck, false)] = 6
		args.HTTP.Canary = &spec.Canary{
			Image:  spec.Image{Registry: "123456789012.dkr.ecr.eu-central-1.amazonaws.com", Repository: "next", Digest: testDigest},
			Weight: 10,
		}
		if change != nil {
			change(args)
		}
	}
}

func TestCanary(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(routed(withCanary(nil), helloRoute)); err != nil {
		t.Fatal(err)
	}
	const (
		own    = `{"arn":"arn:TargetGroup/dev-hello","weight":90}`
		part   = `{"arn":"arn:TargetGroup/dev-hello-canary","weight":10}`
		canary = `{"arn":"arn:TargetGroup/dev-hello-canary","weight":100}`
	)
	for name, want := range map[string]string{
		"dev/hello.example.com": `{"actions":[{"forward":{"targetGroups":[` + own + `,` + part + `]},"type":"forward"}],` +
			`"conditions":[{"hostHeader":{"values":["hello.example.com"]}}],"listenerArn":"listener","priority":10}`,
		"dev-canary/hello.example.com": `{"actions":[{"forward":{"targetGroups":[` + canary + `]},"type":"forward"}],` +
			`"conditions":[{"hostHeader":{"values":["hello.example.com"]}},{"httpHeader":{"httpHeaderName":"X-Canary","values":["always"]}}],` +
			`"listenerArn":"listener","priority":9}`,
		"dev-hello-canary/hello.canary.invalid": `{"actions":[{"forward":{"targetGroups":[` + canary + `]},"type":"forward"}],` +
			`"conditions":[{"hostHeader":{"values":["hello.canary.invalid"]}}],"listenerArn":"listener","priority":6}`,
	} {
		inputs := cloud.Resource(listenerRuleType, name).Inputs.Copy()
		delete(inputs, "tags")
		if got := mocks.JSON(inputs); got != want {
			t.Errorf("rule %s is %s\nwant %s", name, got, want)
		}
	}

	// It has the service's settings, its own image and its share of the tasks.
	service, canaryService := cloud.Resource(serviceType, "dev-hello"), cloud.Resource(serviceType, "dev-hello-canary")
	for key, want := range map[resource.PropertyKey]any{"desiredCount": 2.0, "deploymentMaximumPercent": 150.0, "taskDefinition": "arn:TaskDefinition/dev-hello-canary"} {
		if got := canaryService.Inputs[key].V; got != want {
			t.Errorf("the canary's %s is %v, want %v", key, got, want)
		}
	}
	for _, key := range []resource.PropertyKey{"networkConfiguration", "capacityProviderStrategies", "deploymentCircuitBreaker"} {
		if !canaryService.Inputs[key].DeepEquals(service.Inputs[key]) {
			t.Errorf("the canary's %s is %v, the service's %v", key, canaryService.Inputs[key], service.Inputs[key])
		}
	}
	definitions := cloud.Resource(taskDefinitionType, "dev-hello-canary").Inputs["containerDefinitions"].StringValue()
	for _, want := range []string{`"image":"123456789012.dkr.ecr.eu-central-1.amazonaws.com/next@`, `"awslogs-stream-prefix":"hello-canary"`} {
		if !strings.Contains(definitions, want) {
			t.Errorf("the canary's containers lack %s: %s", want, definitions)
		}
	}
	var pulls bool
	for _, r := range cloud.Resources() {
		policy := r.Inputs["policy"]
		pulls = pulls || policy.IsString() && strings.Contains(policy.StringValue(), "arn:aws:ecr:eu-central-1:123456789012:repository/next")
	}
	if !pulls {
		t.Error("the canary's image cannot be pulled")
	}
}

// The canary registers with its target group only once the group has a load balancer.
func TestCanaryOrder(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(withCanary(nil))); err != nil {
		t.Fatal(err)
	}
	if !cloud.Resource(serviceType, "dev-hello-canary").DependsOn(listenerRuleType, "dev-hello-canary/hello.canary.invalid") {
		t.Error("the canary does not depend on the rule that gives its target group a load balancer")
	}
}

// A version that ECS rolled back gets no more requests than it had.
func TestCanaryThatIsRolledBackGetsNoRequests(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	err := cloud.Run(routed(withCanary(func(args *FargateServiceArgs) {
		args.Watcher, args.onError = canaryRolledBack{}, withoutErrorHook
	}), helloRoute))
	if err == nil || !strings.Contains(err.Error(), "service dev-hello-canary-0123456 runs") {
		t.Errorf("error %v", err)
	}
	if inputs := cloud.Resource(listenerRuleType, "dev/hello.example.com").Inputs; inputs != nil {
		t.Errorf("the rule is %v", inputs)
	}
}

// canaryRolledBack is a [Watcher] that sees only canaries rolled back.
type canaryRolledBack struct{ watcher }

func (w canaryRolledBack) Settle(ctx context.Context, r ServiceRevision, tasks EnoughTasks) (running, failure string, err error) {
	if strings.Contains(r.ServiceName, "-canary") {
		return "arn:task-definition/slipway-dev-hello-canary:1", "", nil
	}
	return w.watcher.Settle(ctx, r, tasks)
}

// The canary's weight never changes the service's own resources.
func TestCanaryLeavesTheServiceAlone(t *testing.T) {
	t.Parallel()
	listing := func(change func(*FargateServiceArgs)) map[string]string {
		var cloud mocks.Cloud
		if err := cloud.Run(fargateService(change)); err != nil {
			t.Fatal(err)
		}
		all := make(map[string]string)
		for _, r := range cloud.Resources() {
			all[r.Type+" "+r.Name] = mocks.JSON(r.Inputs)
		}
		return all
	}
	without := listing(func(args *FargateServiceArgs) { args.Count = count(12) })
	for _, weight := range []int{0, 10, 50, 100} {
		with := listing(withCanary(func(args *FargateServiceArgs) { args.HTTP.Canary.Weight = weight }))
		for name, inputs := range without {
			if with[name] != inputs {
				t.Errorf("weight %d: %s is %s, without a canary %s", weight, name, with[name], inputs)
			}
		}
	}
}

// Rules for a version wait until all of its tasks are healthy.
func TestCanaryWaitsForItsTasks(t *testing.T) {
	t.Parallel()
	waits := waits{}
	err := new(mocks.Cloud).Run(fargateService(withCanary(func(args *FargateServiceArgs) {
		args.Count, args.HTTP.Canary.Weight = count(6), 50
		args.Watcher, args.onError = &waits, withoutErrorHook
	})))
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]int{"dev-hello-0123456": 6, "dev-hello-canary-0123456": 3}; !maps.Equal(waits.tasks, want) {
		t.Errorf("waited for %v, want %v", waits.tasks, want)
	}
}

// withoutErrorHook replaces [registerErrorHook]: Pulumi's mocks have no hooks.
func withoutErrorHook(*pulumi.Context, string, pulumi.ErrorHookFunction) (pulumi.ResourceOption, error) {
	return pulumi.Composite(), nil
}

// waits is a [Watcher] that notes for how many tasks of which service it must wait.
type waits struct {
	watcher
	mu      sync.Mutex
	tasks   map[string]int
	checked bool
}

func (w *waits) Settle(ctx context.Context, r ServiceRevision, tasks EnoughTasks) (running, failure string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tasks == nil {
		w.tasks = make(map[string]int)
	}
	w.tasks[r.ServiceName], w.checked = tasks.Begun, tasks.Checked
	return w.watcher.Settle(ctx, r, tasks)
}

func TestCanaryRefuses(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*spec.Canary){
		"canary.image: is missing":                  func(c *spec.Canary) { c.Image = spec.Image{} },
		"canary.weight: 101: must be from 0 to 100": func(c *spec.Canary) { c.Weight = 101 },
		"canary.weight: -1: must be from 0 to 100":  func(c *spec.Canary) { c.Weight = -1 },
		"a header's name is":                        func(c *spec.Canary) { c.Header = spec.CanaryHeader{Name: "X Canary", Value: "1"} },
		"a header's value is":                       func(c *spec.Canary) { c.Header = spec.CanaryHeader{Name: "X-Canary", Value: "a\r\nb"} },
	} {
		var cloud mocks.Cloud
		err := cloud.Run(fargateService(withCanary(func(args *FargateServiceArgs) { change(args.HTTP.Canary) })))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		cloud.Expect(t, "")
	}
}
