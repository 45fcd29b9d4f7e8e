package components

import (
	"encoding/json"
	"strings"
	"testing"

	"slipway/components/mocks"
	"slipway/spec"
)

func testScaling() *spec.Scaling {
	return &spec.Scaling{Min: 2, Max: 20, CPU: 60, Memory: 70, Requests: 600, Schedule: map[string]spec.ScheduledScaling{
		"night": {At: "cron(0 22 * * ? *)", TimeZone: "Europe/Berlin", Min: 1, Max: 2},
	}}
}

func TestScaling(t *testing.T) {
	t.Parallel()
	var fixed, scaled mocks.Cloud
	if err := fixed.Run(fargateService(nil)); err != nil {
		t.Fatal(err)
	}
	if err := scaled.Run(fargateService(func(args *FargateServiceArgs) { args.Scaling = testScaling() })); err != nil {
		t.Fatal(err)
	}
	const of = `"resourceId":"service/cluster/dev-hello-0123456","scalableDimension":"ecs:service:DesiredCount",`
	const policy = `"policyType":"TargetTrackingScaling",` + of + `"serviceNamespace":"ecs","targetTrackingScalingPolicyConfiguration":{"predefinedMetricSpecification":{"predefinedMetricType":`
	const value = `"scaleInCooldown":300,"scaleOutCooldown":60,"targetValue":`
	// One task may run at first, next to which a new one needs room.
	listing := strings.Replace(fixed.Listing(), `"deploymentMaximumPercent":150`, `"deploymentMaximumPercent":200`, 1)
	scaled.Expect(t, listing+`
aws:appautoscaling/target:Target dev-hello {"maxCapacity":20,"minCapacity":2,`+of+`"serviceNamespace":"ecs"}
aws:appautoscaling/policy:Policy dev-hello-cpu {`+policy+`"ECSServiceAverageCPUUtilization"},`+value+`60}}
aws:appautoscaling/policy:Policy dev-hello-memory {`+policy+`"ECSServiceAverageMemoryUtilization"},`+value+`70}}
aws:appautoscaling/policy:Policy dev-hello-requests {`+policy+`"ALBRequestCountPerTarget","resourceLabel":"app/dev/1/targetgroup/dev-hello/0123456"},`+value+`600}}
aws:appautoscaling/scheduledAction:ScheduledAction dev-hello.night {`+of+`"scalableTargetAction":{"maxCapacity":2,"minCapacity":1},"schedule":"cron(0 22 * * ? *)","serviceNamespace":"ecs","timezone":"Europe/Berlin"}
`)
	if ignored := scaled.Resource(serviceType, "dev-hello").RPC.GetIgnoreChanges(); len(ignored) != 1 || ignored[0] != "desiredCount" {
		t.Errorf("changes of %v are ignored", ignored)
	}
}

// The backlog is what AWS's guide divides, a queue's messages by the running tasks, which Container Insights counts; and it counts the
// messages in work too.
func TestScalingByQueue(t *testing.T) {
	t.Parallel()
	byQueue := func(args *FargateServiceArgs) {
		args.Cluster.Insights = true
		args.Scaling = &spec.Scaling{Max: 20, Queue: &spec.QueueScaling{ARN: "arn:aws:sqs:eu-central-1:123456789012:orders", MessagesPerTask: 10}}
	}
	var fixed, scaled mocks.Cloud
	if err := fixed.Run(fargateService(nil)); err != nil {
		t.Fatal(err)
	}
	if err := scaled.Run(fargateService(byQueue)); err != nil {
		t.Fatal(err)
	}
	got := scaled.Resource("aws:appautoscaling/policy:Policy", "dev-hello-queue").Inputs
	const want = `{"customizedMetricSpecification":{"metrics":[` +
		`{"id":"waiting","metricStat":{"metric":{"dimensions":[{"name":"QueueName","value":"orders"}],"metricName":"ApproximateNumberOfMessagesVisible","namespace":"AWS/SQS"},"stat":"Maximum"},"returnData":false},` +
		`{"id":"taken","metricStat":{"metric":{"dimensions":[{"name":"QueueName","value":"orders"}],"metricName":"ApproximateNumberOfMessagesNotVisible","namespace":"AWS/SQS"},"stat":"Maximum"},"returnData":false},` +
		`{"id":"tasks","metricStat":{"metric":{"dimensions":[{"name":"ClusterName","value":"cluster"},{"name":"ServiceName","value":"dev-hello-0123456"}],"metricName":"RunningTaskCount","namespace":"ECS/ContainerInsights"},"stat":"Average"},"returnData":false},` +
		`{"expression":"IF(FILL(tasks, 0) \u003e 0, (waiting + taken) / tasks, waiting)","id":"backlog","label":"messages for each task","returnData":true}]},` +
		`"scaleInCooldown":300,"scaleOutCooldown":60,"targetValue":10}`
	text, err := json.Marshal(got["targetTrackingScalingPolicyConfiguration"].Mappable())
	if err != nil || string(text) != want {
		t.Errorf("the policy tracks %s (%v),\nwant %s", text, err, want)
	}
	for want, change := range map[string]func(*FargateServiceArgs){
		"scaling.queue.arn: \"orders\": must be the ARN":            func(args *FargateServiceArgs) { args.Scaling.Queue.ARN = "orders" },
		"scaling.queue.messagesPerTask: 0: must be from 1":          func(args *FargateServiceArgs) { args.Scaling.Queue.MessagesPerTask = 0 },
		"scaling.queue.arn: the queue is in region us-east-1 and":   func(args *FargateServiceArgs) { args.Scaling.Queue.ARN = "arn:aws:sqs:us-east-1:123456789012:orders" },
		"scaling.queue: needs Container Insights, which counts the": func(args *FargateServiceArgs) { args.Cluster.Insights = false },
	} {
		var cloud mocks.Cloud
		err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
			byQueue(args)
			change(args)
		}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		cloud.Expect(t, "")
	}
}

// A replaced service starts with as many tasks as serve already, within the bounds of scaling. All of them must be healthy.
func TestScalingBeginsWithWhatServes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ serving, want int }{{0, 2}, {1, 2}, {7, 7}, {20, 20}, {30, 20}} {
		var cloud mocks.Cloud
		var waits waits
		err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
			args.Scaling, args.Serving, args.Watcher = testScaling(), test.serving, &waits
			args.onError = withoutErrorHook
		}))
		service := cloud.Resource(serviceType, "dev-hello")
		if got := service.Inputs["desiredCount"].V; err != nil || got != float64(test.want) || waits.tasks["dev-hello-0123456"] != test.want {
			t.Errorf("where %d tasks serve it begins with %v and waits for %v (%v), want %d", test.serving, got, waits.tasks, err, test.want)
		}
		if maximum := service.Inputs["deploymentMaximumPercent"].V; maximum != 200.0 { // room for a new task next to a single one
			t.Errorf("where %d tasks serve the deployment has %v percent at most", test.serving, maximum)
		}
	}
	var fixed mocks.Cloud
	err := fixed.Run(fargateService(func(args *FargateServiceArgs) { args.Count, args.Serving = count(2), 7 }))
	if got := fixed.Resource(serviceType, "dev-hello").Inputs["desiredCount"].V; err != nil || got != 2.0 {
		t.Errorf("a service that does not scale has %v tasks (%v)", got, err)
	}
}

// A canary does not scale: it has its share of the maximum.
func TestCanaryOfServiceThatScales(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	err := cloud.Run(fargateService(withCanary(func(args *FargateServiceArgs) {
		args.Scaling, args.HTTP.Canary.Weight = testScaling(), 50
	})))
	if err != nil {
		t.Fatal(err)
	}
	if target := cloud.Resource("aws:appautoscaling/target:Target", "dev-hello-canary").Inputs; target != nil {
		t.Errorf("the canary scales: %v", target)
	}
	canary := cloud.Resource(serviceType, "dev-hello-canary")
	if want := float64(testScaling().Max) / 2; canary.Inputs["desiredCount"].V != want || len(canary.RPC.GetIgnoreChanges()) > 0 {
		t.Errorf("the canary has %v tasks, want %v; changes of %v are ignored", canary.Inputs["desiredCount"], want, canary.RPC.GetIgnoreChanges())
	}
}

func TestScalingRefuses(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*spec.Scaling){
		"min is 3 and max 2":                                   func(s *spec.Scaling) { s.Min, s.Max = 3, 2 },
		"scaling.min: -1: must be from 0 to 5000":              func(s *spec.Scaling) { s.Min = -1 },
		"scaling.cpu: 101: must be from 1 to 100":              func(s *spec.Scaling) { s.CPU = 101 },
		"scaling.memory: -1: must be from 1 to 100":            func(s *spec.Scaling) { s.Memory = -1 },
		"scaling.requests: 1000001: must be from 1 to 1000000": func(s *spec.Scaling) { s.Requests = 1_000_001 },
		"nothing would ever scale":                             func(s *spec.Scaling) { *s = spec.Scaling{Min: 1, Max: 2} },
		`scaling.schedule.a.at: "daily": must be cron`:         func(s *spec.Scaling) { s.Schedule = map[string]spec.ScheduledScaling{"a": {At: "daily", Max: 1}} },
		`scaling.schedule.a.timeZone: "Mars": must be the name`: func(s *spec.Scaling) {
			s.Schedule = map[string]spec.ScheduledScaling{"a": {At: "rate(1 day)", TimeZone: "Mars", Max: 1}}
		},
		"scaling.schedule.a: min is 2": func(s *spec.Scaling) {
			s.Schedule = map[string]spec.ScheduledScaling{"a": {At: "rate(1 day)", Min: 2, Max: 1}}
		},
	} {
		var cloud mocks.Cloud
		err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
			args.Scaling = testScaling()
			change(args.Scaling)
		}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		cloud.Expect(t, "")
	}
}

func TestScalingExcludesOneAtATime(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
		args.Scaling, args.Deployment.Strategy = testScaling(), spec.OneAtATime
	}))
	if err == nil || !strings.Contains(err.Error(), "strategy one-at-a-time and scaling exclude each other") {
		t.Errorf("error %v", err)
	}
}
