package components

import (
	"strings"
	"testing"

	"slipway/components/mocks"
	"slipway/spec"
)

// worker is a service that takes no requests.
func worker(change func(*FargateServiceArgs)) func(*FargateServiceArgs) {
	return func(args *FargateServiceArgs) {
		args.HTTP, args.Listener, args.Priorities = nil, Listener{}, nil
		if change != nil {
			change(args)
		}
	}
}

// A worker has all of a service but the resources that send requests and watch them.
func TestWorker(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(worker(nil))); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, r := range cloud.Resources() {
		kinds = append(kinds, r.Type[strings.LastIndex(r.Type, ":")+1:]+" "+r.Name)
	}
	want := "LogGroup dev-hello, SecurityGroup dev-hello, Service dev-hello, TaskDefinition dev-hello, Role dev-hello-execution, Role dev-hello-task, " +
		"RolePolicy dev-hello-execution-logs, SecurityGroupEgressRule dev-hello-out-ipv4, SecurityGroupEgressRule dev-hello-out-ipv6, FargateService dev-hello"
	if got := strings.Join(kinds, ", "); got != want {
		t.Errorf("the resources are %s\nwant %s", got, want)
	}
	inputs := cloud.Resource(serviceType, "dev-hello").Inputs.Copy()
	delete(inputs, "tags")
	const service = `{"capacityProviderStrategies":[{"base":0,"capacityProvider":"FARGATE","weight":1}],"cluster":"cluster",` +
		`"deploymentCircuitBreaker":{"enable":true,"rollback":true},"deploymentMaximumPercent":150,"deploymentMinimumHealthyPercent":100,"desiredCount":2,` +
		`"enableEcsManagedTags":true,"networkConfiguration":{"assignPublicIp":true,"securityGroups":["SecurityGroup/dev-hello"],"subnets":["subnet-1","subnet-2"]},` +
		`"propagateTags":"SERVICE","taskDefinition":"arn:TaskDefinition/dev-hello","waitForSteadyState":true}`
	if got := mocks.JSON(inputs); got != service {
		t.Errorf("the service is %s\nwant %s", got, service)
	}
	if got := cloud.Resource(serviceType, "dev-hello").RPC.GetReplaceOnChanges(); len(got) != 1 || got[0] != "alarms" {
		t.Errorf("the service is replaced on changes of %v, want alarms, which a service has that becomes a worker", got)
	}
	definitions := cloud.Resource(taskDefinitionType, "dev-hello").Inputs["containerDefinitions"].StringValue()
	if want := `"environment":[{"name":"DRAIN_DELAY","value":"0s"},{"name":"SHUTDOWN_TIMEOUT","value":"29s"}],"portMappings":[],`; !strings.Contains(definitions, want) {
		t.Errorf("the container is %s\nwant %s", definitions, want)
	}
}

// ECS finds out how a worker is by a command in its container, and the watcher knows that it does.
func TestWorkerIsChecked(t *testing.T) {
	var cloud mocks.Cloud
	saw := &waits{}
	if err := cloud.Run(fargateService(worker(func(args *FargateServiceArgs) {
		args.ContainerHealthCheck = &spec.ContainerHealthCheck{Command: []string{"/app", "healthcheck"}, StartPeriod: 20}
		args.Watcher, args.onError = saw, withoutErrorHook
	}))); err != nil {
		t.Fatal(err)
	}
	definitions := cloud.Resource(taskDefinitionType, "dev-hello").Inputs["containerDefinitions"].StringValue()
	const want = `"healthCheck":{"command":["CMD","/app","healthcheck"],"interval":10,"timeout":5,"retries":3,"startPeriod":20},`
	if !strings.Contains(definitions, want) {
		t.Errorf("the container is %s\nwant %s", definitions, want)
	}
	if !saw.checked {
		t.Error("the watcher does not know that the tasks are checked")
	}
}

// It scales by its use and by schedule.
func TestWorkerScales(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(worker(func(args *FargateServiceArgs) { args.Scaling = &spec.Scaling{Min: 1, Max: 4, CPU: 60} }))); err != nil {
		t.Fatal(err)
	}
	if policy := cloud.Resource("aws:appautoscaling/policy:Policy", "dev-hello-cpu").Inputs; policy == nil {
		t.Error("the worker does not scale")
	}
}

func TestWorkerRefuses(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*FargateServiceArgs){
		"scaling.requests: is for a service that takes requests":  func(a *FargateServiceArgs) { a.Scaling = &spec.Scaling{Max: 2, Requests: 100} },
		"deployment.alarms: is for a service that takes requests": func(a *FargateServiceArgs) { a.Deployment.Alarms = true },
	} {
		var cloud mocks.Cloud
		if err := cloud.Run(fargateService(worker(change))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
		cloud.Expect(t, "")
	}
}

// No route can lead to a worker.
func TestWorkerHasNoRoutes(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	err := cloud.Run(routed(worker(nil), helloRoute))
	if err == nil || !strings.Contains(err.Error(), "the service takes no requests") {
		t.Errorf("error %v", err)
	}
}
