package components

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/spec"
)

const (
	serviceType        = "aws:ecs/service:Service"
	taskDefinitionType = "aws:ecs/taskDefinition:TaskDefinition"
	listenerRuleType   = "aws:lb/listenerRule:ListenerRule"
)

// count returns how many tasks run, as it is given.
func count(n int) *int { return &n }

const testDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// fargateService returns a program that creates a service with the smallest set of arguments, changed.
func fargateService(change func(*FargateServiceArgs)) pulumi.RunFunc {
	return fargateServiceNamed("dev-hello", change)
}

func fargateServiceNamed(name string, change func(*FargateServiceArgs)) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := NewFargateService(ctx, name, fargateServiceArgs(change))
		return err
	}
}

// fargateServiceArgs returns the smallest set of arguments, changed.
func fargateServiceArgs(change func(*FargateServiceArgs)) *FargateServiceArgs {
	args := &FargateServiceArgs{
		Service: spec.Service{
			Name: "hello",
			Workload: spec.Workload{
				Image:        spec.Image{Registry: "ghcr.io", Repository: "hello", Digest: testDigest},
				Size:         spec.Size{CPU: 256, Memory: 512, Architecture: "amd64"},
				LogRetention: 30,
			},
			Count:    count(2),
			Capacity: spec.Capacity{Fargate: spec.Share{Weight: 1}},
			Drain:    spec.DefaultDrain,
			HTTP: &spec.HTTP{
				Port:        8080,
				HealthCheck: spec.HealthCheck{Path: "/healthz", Interval: 5, Timeout: 2, HealthyThreshold: 2, UnhealthyThreshold: 2, GracePeriod: 10},
			},
		},
		Cluster: &Cluster{ARN: pulumi.String("cluster").ToStringOutput(), Region: "eu-central-1"},
		In:      Placement{VPCID: pulumi.String("vpc"), SubnetIDs: pulumi.ToStringArray([]string{"subnet-1", "subnet-2"}), PublicIP: true},
		Listener: Listener{
			ARN: pulumi.String("listener"), SecurityGroupID: pulumi.String("lb-group"), LoadBalancerARNSuffix: pulumi.String("app/dev/1"),
		},
		Priorities: map[spec.Route]int{spec.AttachmentRoute("hello", spec.DefaultHealthCheck, false): 4},
	}
	if change != nil {
		change(args)
	}
	if args.Scaling != nil {
		args.Count = nil
	}
	if args.Priorities != nil && args.HTTP != nil {
		args.Priorities[spec.AttachmentRoute("hello", args.WithDefaults().HTTP.HealthCheck, false)] = 4
	}
	return args
}

func TestFargateService(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(nil)); err != nil {
		t.Fatal(err)
	}
	cloud.Expect(t, `
slipway:index:FargateService dev-hello
aws:ec2/securityGroup:SecurityGroup dev-hello {"description":"Tasks of a service: in from its load balancer, out to anywhere","vpcId":"vpc"}
aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule dev-hello-in-8080 {"fromPort":8080,"ipProtocol":"tcp","referencedSecurityGroupId":"lb-group","securityGroupId":"SecurityGroup/dev-hello","toPort":8080}
aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule dev-hello-load-balancer-out-8080 {"fromPort":8080,"ipProtocol":"tcp","referencedSecurityGroupId":"SecurityGroup/dev-hello","securityGroupId":"lb-group","toPort":8080}
aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule dev-hello-out-ipv4 {"cidrIpv4":"0.0.0.0/0","ipProtocol":"-1","securityGroupId":"SecurityGroup/dev-hello"}
aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule dev-hello-out-ipv6 {"cidrIpv6":"::/0","ipProtocol":"-1","securityGroupId":"SecurityGroup/dev-hello"}
aws:lb/targetGroup:TargetGroup dev-hello {"deregistrationDelay":5,"healthCheck":{"enabled":true,"healthyThreshold":2,"interval":5,"matcher":"200","path":"/healthz","port":"traffic-port","protocol":"HTTP","timeout":2,"unhealthyThreshold":2},"ipAddressType":"ipv4","port":80,"protocol":"HTTP","protocolVersion":"HTTP1","targetType":"ip","vpcId":"vpc"}
aws:lb/listenerRule:ListenerRule dev-hello/hello.service.invalid {"actions":[{"forward":{"targetGroups":[{"arn":"arn:TargetGroup/dev-hello","weight":100}]},"type":"forward"}],"conditions":[{"hostHeader":{"values":["hello.service.invalid"]}}],"listenerArn":"listener","priority":4}
aws:cloudwatch/logGroup:LogGroup dev-hello {"retentionInDays":30}
aws:iam/role:Role dev-hello-execution {"assumeRolePolicy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ecs-tasks.amazonaws.com\"},\"Action\":[\"sts:AssumeRole\"]}]}","description":"Used by ECS to start the tasks","path":"/slipway/"}
aws:iam/role:Role dev-hello-task {"assumeRolePolicy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ecs-tasks.amazonaws.com\"},\"Action\":[\"sts:AssumeRole\"]}]}","description":"Given to the tasks themselves","path":"/slipway/"}
aws:iam/rolePolicy:RolePolicy dev-hello-execution-logs {"policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"WriteLogs\",\"Effect\":\"Allow\",\"Action\":[\"logs:CreateLogStream\",\"logs:PutLogEvents\"],\"Resource\":[\"arn:LogGroup/dev-hello:*\"]}]}","role":"dev-hello-execution-0123456"}
aws:ecs/taskDefinition:TaskDefinition dev-hello {"containerDefinitions":"[{\"name\":\"main\",\"image\":\"ghcr.io/hello@`+testDigest+`\",\"essential\":true,\"environment\":[{\"name\":\"DRAIN_DELAY\",\"value\":\"5s\"},{\"name\":\"IDLE_TIMEOUT\",\"value\":\"75s\"},{\"name\":\"MAX_SOCKET_AGE\",\"value\":\"0s\"},{\"name\":\"PING_INTERVAL\",\"value\":\"20s\"},{\"name\":\"PORT\",\"value\":\"8080\"},{\"name\":\"SHUTDOWN_TIMEOUT\",\"value\":\"24s\"}],\"portMappings\":[{\"containerPort\":8080,\"hostPort\":8080,\"protocol\":\"tcp\"}],\"user\":\"65532:65532\",\"readonlyRootFilesystem\":true,\"linuxParameters\":{\"initProcessEnabled\":true},\"stopTimeout\":30,\"logConfiguration\":{\"logDriver\":\"awslogs\",\"options\":{\"awslogs-group\":\"dev-hello-0123456\",\"awslogs-region\":\"eu-central-1\",\"awslogs-stream-prefix\":\"hello\",\"max-buffer-size\":\"25m\",\"mode\":\"non-blocking\"}}}]","cpu":"256","executionRoleArn":"arn:Role/dev-hello-execution","family":"slipway-dev-hello","memory":"512","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],"runtimePlatform":{"cpuArchitecture":"X86_64","operatingSystemFamily":"LINUX"},"skipDestroy":true,"taskRoleArn":"arn:Role/dev-hello-task"}
aws:cloudwatch/metricAlarm:MetricAlarm dev-hello-errors {"alarmDescription":"More than 5 % of the requests are answered with 5xx, or cannot be sent to a task","comparisonOperator":"GreaterThanThreshold","evaluationPeriods":1,"metricQueries":[{"expression":"IF(requests >= 10, 100 * (FILL(answers, 0) + FILL(connections, 0)) / requests, 0)","id":"rate","label":"failed requests in percent","returnData":true},{"id":"answers","metric":{"dimensions":{"LoadBalancer":"app/dev/1","TargetGroup":"targetgroup/dev-hello/0123456"},"metricName":"HTTPCode_Target_5XX_Count","namespace":"AWS/ApplicationELB","period":60,"stat":"Sum"}},{"id":"connections","metric":{"dimensions":{"LoadBalancer":"app/dev/1","TargetGroup":"targetgroup/dev-hello/0123456"},"metricName":"TargetConnectionErrorCount","namespace":"AWS/ApplicationELB","period":60,"stat":"Sum"}},{"id":"requests","metric":{"dimensions":{"LoadBalancer":"app/dev/1","TargetGroup":"targetgroup/dev-hello/0123456"},"metricName":"RequestCount","namespace":"AWS/ApplicationELB","period":60,"stat":"Sum"}}],"threshold":5,"treatMissingData":"notBreaching"}
aws:cloudwatch/metricAlarm:MetricAlarm dev-hello-unhealthy {"alarmDescription":"A task was unhealthy all the time","comparisonOperator":"GreaterThanThreshold","dimensions":{"LoadBalancer":"app/dev/1","TargetGroup":"targetgroup/dev-hello/0123456"},"evaluationPeriods":2,"metricName":"UnHealthyHostCount","namespace":"AWS/ApplicationELB","period":60,"statistic":"Minimum","threshold":0,"treatMissingData":"notBreaching"}
aws:ecs/service:Service dev-hello {"alarms":{"alarmNames":["dev-hello-errors-0123456","dev-hello-unhealthy-0123456"],"enable":false,"rollback":false},"capacityProviderStrategies":[{"base":0,"capacityProvider":"FARGATE","weight":1}],"cluster":"cluster","deploymentCircuitBreaker":{"enable":true,"rollback":true},"deploymentMaximumPercent":150,"deploymentMinimumHealthyPercent":100,"desiredCount":2,"enableEcsManagedTags":true,"healthCheckGracePeriodSeconds":10,"loadBalancers":[{"containerName":"main","containerPort":8080,"targetGroupArn":"arn:TargetGroup/dev-hello"}],"networkConfiguration":{"assignPublicIp":true,"securityGroups":["SecurityGroup/dev-hello"],"subnets":["subnet-1","subnet-2"]},"propagateTags":"SERVICE","taskDefinition":"arn:TaskDefinition/dev-hello","waitForSteadyState":true}
`)
}

// The service registers with its target group only once a rule makes the load balancer forward to it. While it stops, its role still
// lets it read and log, and it can be reached.
func TestFargateServiceOrder(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(nil)); err != nil {
		t.Fatal(err)
	}
	service := cloud.Resource(serviceType, "dev-hello")
	for token, names := range map[string][]string{
		listenerRuleType:                {"dev-hello/hello.service.invalid"},
		"aws:iam/rolePolicy:RolePolicy": {"dev-hello-execution-logs"},
		"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {"dev-hello-in-8080"},
		"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule":   {"dev-hello-load-balancer-out-8080", "dev-hello-out-ipv4", "dev-hello-out-ipv6"},
	} {
		for _, name := range names {
			if !service.DependsOn(token, name) {
				t.Errorf("the service does not depend on %s %s", token, name)
			}
		}
	}
}

// Without autoscaling only the config decides how many tasks there are.
func TestFargateServiceIgnoresNoChanges(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(nil)); err != nil {
		t.Fatal(err)
	}
	if ignored := cloud.Resource(serviceType, "dev-hello").RPC.GetIgnoreChanges(); len(ignored) > 0 {
		t.Errorf("changes of %v are ignored", ignored)
	}
}

// A task that still listens on the old port must be reachable until the last of them is gone.
func TestFargateServiceOtherPortHasOtherRules(t *testing.T) {
	t.Parallel()
	names := func(port int) []string {
		var cloud mocks.Cloud
		if err := cloud.Run(fargateService(func(args *FargateServiceArgs) { args.HTTP.Port = port })); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range cloud.Resources() {
			if from, limited := r.Inputs["fromPort"]; limited && from.NumberValue() == float64(port) {
				names = append(names, r.Name)
			}
		}
		return names
	}
	if before, after := names(8080), names(9090); len(before) != 2 || slices.Equal(before, after) {
		t.Errorf("rules for one port are %v and for another %v", before, after)
	}
}

func TestFargateServiceCapacity(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
		args.Capacity = spec.Capacity{Fargate: spec.Share{Base: 3, Weight: 1}, FargateSpot: spec.Share{Weight: 2}}
		args.Size.Architecture, args.Size.CPU, args.Size.Memory = "arm64", 1024, 3072
	}))
	if err != nil {
		t.Fatal(err)
	}
	service, definition := cloud.Resource(serviceType, "dev-hello").Inputs, cloud.Resource(taskDefinitionType, "dev-hello").Inputs
	got := mocks.JSON(resource.PropertyMap{
		"strategies": service["capacityProviderStrategies"], "cpu": definition["cpu"], "memory": definition["memory"], "platform": definition["runtimePlatform"],
	})
	if want := `{"cpu":"1024","memory":"3072","platform":{"cpuArchitecture":"ARM64","operatingSystemFamily":"LINUX"},` +
		`"strategies":[{"base":3,"capacityProvider":"FARGATE","weight":1},{"base":0,"capacityProvider":"FARGATE_SPOT","weight":2}]}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestFargateServiceSecrets(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
		args.Access.Environment = pulumi.StringMap{"B": pulumi.String("b"), "A": pulumi.String("a")}
		args.Access.Secrets = pulumi.StringMap{"TOKEN": pulumi.String("swordfish"), "KEY": pulumi.String("swordfish")}
		args.Access.Registry = &RegistryCredentials{Username: "me", Password: pulumi.String("swordfish")}
		args.EntryPoint, args.Command = []string{"/app"}, []string{"serve", "--all"}
	}))
	if err != nil {
		t.Fatal(err)
	}
	// Secrets become Pulumi secrets, although they were not given as such.
	if listing := cloud.Listing(); strings.Contains(listing, "swordfish") {
		t.Errorf("a secret is not kept secret:\n%s", listing)
	}
	for name, want := range map[string]string{
		"dev-hello-environment": `{"KEY":"swordfish","TOKEN":"swordfish"}`,
		"dev-hello-registry":    `{"password":"swordfish","username":"me"}`,
	} {
		version := cloud.Resource("aws:secretsmanager/secretVersion:SecretVersion", name).Inputs
		if value := version["secretString"]; !value.IsSecret() || value.SecretValue().Element.StringValue() != want {
			t.Errorf("secret %s is %v, want %s, secret", name, value, want)
		}
		// A destroyed stack leaves nothing, and can come up again at once.
		secret := cloud.Resource("aws:secretsmanager/secret:Secret", name).Inputs
		if days := secret["recoveryWindowInDays"]; !days.IsNumber() || days.NumberValue() != 0 {
			t.Errorf("secret %s can be recovered for %v days", name, days)
		}
	}
	// The variables name the version of the secret, so a new value makes a new revision.
	definitions := cloud.Resource(taskDefinitionType, "dev-hello").Inputs["containerDefinitions"].StringValue()
	for _, want := range []string{
		`"environment":[{"name":"A","value":"a"},{"name":"B","value":"b"},{"name":"DRAIN_DELAY","value":"5s"},{"name":"IDLE_TIMEOUT","value":"75s"},{"name":"MAX_SOCKET_AGE","value":"0s"},{"name":"PING_INTERVAL","value":"20s"},{"name":"PORT","value":"8080"},{"name":"SHUTDOWN_TIMEOUT","value":"24s"}]`,
		`"secrets":[{"name":"KEY","valueFrom":"arn:Secret/dev-hello-environment:KEY::version-1"},{"name":"TOKEN","valueFrom":"arn:Secret/dev-hello-environment:TOKEN::version-1"}]`,
		`"repositoryCredentials":{"credentialsParameter":"arn:Secret/dev-hello-registry"}`,
		`"entryPoint":["/app"],"command":["serve","--all"]`,
	} {
		if !strings.Contains(definitions, want) {
			t.Errorf("container definitions lack %s: %s", want, definitions)
		}
	}
	for _, secret := range []string{"environment", "registry"} {
		policy := cloud.Resource("aws:iam/rolePolicy:RolePolicy", "dev-hello-execution-"+secret).Inputs["policy"].StringValue()
		if want := `"Action":["secretsmanager:GetSecretValue"],"Resource":["arn:Secret/dev-hello-` + secret + `"]`; !strings.Contains(policy, want) {
			t.Errorf("execution policy lacks %s: %s", want, policy)
		}
	}
}

// Another repository has another policy, so tasks and rollbacks keep the old one until the service is updated.
func TestFargateServicePullsFromItsRepositoryAlone(t *testing.T) {
	t.Parallel()
	policies := func(repository string) (names []string) {
		var cloud mocks.Cloud
		err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
			args.Image.Registry, args.Image.Repository = "123456789012.dkr.ecr.eu-west-1.amazonaws.com", repository
		}))
		if err != nil {
			t.Fatal(err)
		}
		want := `"Action":["ecr:BatchCheckLayerAvailability","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],` +
			`"Resource":["arn:aws:ecr:eu-west-1:123456789012:repository/` + repository + `"]`
		for _, r := range cloud.Resources() {
			if policy := r.Inputs["policy"]; policy.IsString() && strings.Contains(policy.StringValue(), want) {
				names = append(names, r.Name)
			}
		}
		return names
	}
	if before, after := policies("hello"), policies("team/hello"); len(before) != 1 || len(after) != 1 || before[0] == after[0] {
		t.Errorf("policies for one repository are %v and for another %v", before, after)
	}
}

// With a boundary, all of the service's roles have it.
func TestFargateServiceRolesHaveTheBoundary(t *testing.T) {
	t.Parallel()
	const boundary = "arn:aws:iam::123456789012:policy/boundary"
	var cloud mocks.Cloud
	err := cloud.Run(fargateService(func(args *FargateServiceArgs) { args.Access.Boundary = pulumi.String(boundary) }))
	if err != nil {
		t.Fatal(err)
	}
	roles := 0
	for _, r := range cloud.Resources() {
		if r.Type != "aws:iam/role:Role" {
			continue
		}
		roles++
		if got := r.Inputs["permissionsBoundary"]; !got.IsString() || got.StringValue() != boundary {
			t.Errorf("role %s has boundary %v", r.Name, got)
		}
	}
	if roles != 2 {
		t.Errorf("there are %d roles", roles)
	}
}

func TestFargateServiceDefaults(t *testing.T) {
	t.Parallel()
	var all, defaults mocks.Cloud
	if err := all.Run(fargateService(func(args *FargateServiceArgs) { args.Count = count(1) })); err != nil {
		t.Fatal(err)
	}
	err := defaults.Run(fargateService(func(args *FargateServiceArgs) {
		args.HTTP.Port, args.Size.CPU, args.Size.Memory, args.Size.Architecture, args.LogRetention, args.Count = 0, 0, 0, "", 0, nil
		args.Capacity, args.HTTP.HealthCheck, args.Drain = spec.Capacity{}, spec.HealthCheck{}, spec.Drain{}
	}))
	if err != nil {
		t.Fatal(err)
	}
	defaults.Expect(t, all.Listing())
}

// Given values are taken, and the rest has its defaults.
func TestFargateServiceDefaultsOfFields(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
		args.HTTP.HealthCheck, args.Drain, args.Count = spec.HealthCheck{Path: "/x", Codes: "204"}, spec.Drain{DeregistrationDelay: 20}, count(0)
	}))
	if err != nil {
		t.Fatal(err)
	}
	group := cloud.Resource("aws:lb/targetGroup:TargetGroup", "dev-hello").Inputs
	check := group["healthCheck"].ObjectValue()
	if check["path"].StringValue() != "/x" || check["matcher"].StringValue() != "204" || check["interval"].NumberValue() != 5 || group["deregistrationDelay"].NumberValue() != 20 {
		t.Errorf("the target group is %v", group)
	}
	service := cloud.Resource(serviceType, "dev-hello").Inputs
	if service["desiredCount"].NumberValue() != 0 || service["healthCheckGracePeriodSeconds"].NumberValue() != 10 {
		t.Errorf("the service is %v", service)
	}
}

// Only the timeout ends the first deployment if no task gets healthy.
func TestFargateServiceTimeouts(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(nil)); err != nil {
		t.Fatal(err)
	}
	if timeouts := cloud.Resource(serviceType, "dev-hello").RPC.GetCustomTimeouts(); timeouts.GetCreate() != "10m" || timeouts.GetUpdate() != "20m" {
		t.Errorf("timeouts are %v", timeouts)
	}
}

func TestFargateServiceReportsRollback(t *testing.T) {
	t.Parallel()
	rolledBack := mocks.Cloud{RunningTask: "arn:aws:ecs:eu-central-1:123456789012:task-definition/slipway-dev-hello:1"}
	err := rolledBack.Run(fargateService(nil))
	want := "service dev-hello-0123456 runs task definition slipway-dev-hello:1 and not dev-hello: ECS rolled the deployment back, or someone else deployed; correct the cause, then deploy this version or another one"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want an error with %q", err, want)
	}
}

// The count that scaling left does not change by itself, so there is a warning. A service that scales may have any count.
func TestFargateServiceTellsOfOtherCount(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		scaling *spec.Scaling
		warning string
	}{
		"fixed":   {nil, "ECS keeps 7 tasks of service dev-hello-0123456, and 2 are configured: run `pulumi up --refresh`"},
		"scaling": {testScaling(), ""},
	} {
		var log warnings
		err := (&mocks.Cloud{Scaled: 7}).Run(func(ctx *pulumi.Context) error {
			log.Log, ctx.Log = ctx.Log, &log
			return fargateService(func(a *FargateServiceArgs) { a.Count, a.Scaling = count(2), test.scaling })(ctx)
		})
		if got := strings.Join(log.messages, "\n"); err != nil || got != test.warning {
			t.Errorf("%s: warned %q (%v), want %q", name, got, err, test.warning)
		}
	}
}

// warnings keeps what a program warns of.
type warnings struct {
	pulumi.Log
	mu       sync.Mutex
	messages []string
}

func (w *warnings) Warn(message string, _ *pulumi.LogArgs) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.messages = append(w.messages, message)
	return nil
}

// watcher is a [Watcher] that sees every deployment end the same way.
type watcher struct {
	running, failure string // the wanted one if empty
	err              error
}

func (w watcher) Settle(_ context.Context, r ServiceRevision, _ EnoughTasks) (running, failure string, err error) {
	return cmp.Or(w.running, r.TaskDefinitionARN), w.failure, w.err
}

func (w watcher) Explain(_ context.Context, r ServiceRevision) string {
	return fmt.Sprintf("because of %+v", r)
}

// watched returns a program with a watched service, and the error hooks that it adds, by name.
func watched(w watcher) (pulumi.RunFunc, map[string]pulumi.ErrorHookFunction) {
	hooks := make(map[string]pulumi.ErrorHookFunction)
	return fargateService(func(a *FargateServiceArgs) {
		a.Watcher = w
		a.onError = func(_ *pulumi.Context, name string, callback pulumi.ErrorHookFunction) (pulumi.ResourceOption, error) {
			hooks[name] = callback
			return pulumi.Composite(), nil
		}
	}), hooks
}

func TestFargateServiceExplainsFailedDeployment(t *testing.T) {
	t.Parallel()
	const because = "\nbecause of {ClusterARN:cluster ServiceName:dev-hello-0123456 TaskDefinitionARN:arn:TaskDefinition/dev-hello}"
	for name, test := range map[string]struct {
		running string
		watcher watcher
		want    []string // parts of the error; none if it succeeds
	}{
		"completed": {"", watcher{}, nil},
		"unknown":   {"", watcher{err: errors.New("not authorized")}, nil},
		"cut off": {"", watcher{err: UnknownOutcome("could not find out how it ended: no answer")}, []string{
			"deploy: it is unknown whether service dev-hello-0123456 got to run task definition dev-hello: could not find out how it ended: no answer; run `pulumi up` again",
		}},
		"never healthy": {"", watcher{failure: "tasks failed"}, []string{
			"service dev-hello-0123456 does not run task definition dev-hello: tasks failed; correct the cause, then run `pulumi up`, with this version or another one; if ECS has given up this version, run `pulumi up --replace 'urn:", because,
		}},
		"rolled back":       {"arn:task-definition/old:1", watcher{}, []string{"runs task definition old:1 and not dev-hello", because}},
		"rolled back later": {"", watcher{running: "arn:task-definition/old:1"}, []string{"runs task definition old:1 and not dev-hello", because}},
	} {
		program, _ := watched(test.watcher)
		err := (&mocks.Cloud{RunningTask: test.running}).Run(program)
		if test.want == nil && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, part := range test.want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want an error with %q", name, err, part)
			}
		}
	}
}

// A preview deploys nothing, so it does not wait.
func TestFargateServicePreviewDoesNotWatch(t *testing.T) {
	t.Parallel()
	program, _ := watched(watcher{failure: "tasks failed"})
	if err := new(mocks.Cloud).Preview(program); err != nil {
		t.Error(err)
	}
}

// The hook never makes the provider retry. It says nothing about a service without a name, which was not created, nor after Ctrl-C.
func TestFargateServiceExplainsProvidersError(t *testing.T) {
	t.Parallel()
	var log errorLog
	program, hooks := watched(watcher{})
	if err := new(mocks.Cloud).Run(func(ctx *pulumi.Context) error {
		log.Log, ctx.Log = ctx.Log, &log
		if err := program(ctx); err != nil {
			return err
		}
		named := resource.PropertyMap{
			"cluster": resource.NewProperty("the-cluster"), "name": resource.NewProperty("hello-1"), "taskDefinition": resource.MakeSecret(resource.NewProperty("hello:2")),
		}
		for _, failure := range []pulumi.ErrorHookArgs{
			{Errors: []string{"timeout while waiting for state"}},
			{NewInputs: named, Errors: []string{"timeout while waiting for state"}},
			// An update stopped by Ctrl-C has not failed.
			{NewInputs: named, Errors: []string{"waiting for ECS Service (hello-1) update: context canceled"}},
			{NewInputs: named, Errors: []string{"rpc error: code = Canceled desc = stopped"}},
		} {
			retry, err := hooks["dev-hello"](&failure)
			if retry || err != nil {
				t.Errorf("the hook returns %v, %v", retry, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := "deploy: the AWS provider failed at service hello-1, and AWS says:\nbecause of {ClusterARN:the-cluster ServiceName:hello-1 TaskDefinitionARN:hello:2}"
	if len(log.errors) != 1 || log.errors[0] != want {
		t.Errorf("logged %q, want %q", log.errors, want)
	}
}

// errorLog keeps the errors that a program logs.
type errorLog struct {
	pulumi.Log
	errors []string
}

func (l *errorLog) Error(message string, _ *pulumi.LogArgs) error {
	l.errors = append(l.errors, message)
	return nil
}

// The service does not exist in the preview of its creation, so it must not be looked up.
func TestFargateServicePreviewOfCreation(t *testing.T) {
	t.Parallel()
	cloud := mocks.Cloud{Fail: func(token, _ string) error {
		if token == "aws:ecs/getService:getService" {
			return errors.New("ServiceNotFoundException")
		}
		return nil
	}}
	if err := cloud.Preview(fargateService(nil)); err != nil {
		t.Fatal(err)
	}
	if cloud.Resource(serviceType, "dev-hello").Inputs == nil || cloud.Resource(listenerRuleType, "dev-hello/hello.service.invalid").Inputs == nil {
		t.Errorf("the preview is incomplete:\n%s", cloud.Listing())
	}
}

func TestFargateServiceRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*FargateServiceArgs)
		want   string
	}{
		"no cluster":     {func(a *FargateServiceArgs) { a.Cluster = nil }, "the cluster is missing"},
		"no attachment":  {func(a *FargateServiceArgs) { a.Priorities = nil }, "the priority of the rule that attaches it to the load balancer is missing"},
		"no image":       {func(a *FargateServiceArgs) { a.Image = spec.Image{} }, "image: is missing"},
		"no port":        {func(a *FargateServiceArgs) { a.HTTP.Port = -1 }, "port: -1: must be from 1 to 65535"},
		"too few tasks":  {func(a *FargateServiceArgs) { a.Count = count(-2) }, "instanceCount: -2: must be from 0 to 5000"},
		"too many tasks": {func(a *FargateServiceArgs) { a.Count = count(5001) }, "instanceCount: 5001: must be from 0 to 5000"},
		"idle for long":  {func(a *FargateServiceArgs) { a.Listener.IdleTimeout = 4001 }, "loadBalancer.idleTimeout: 4001: must be from 1 to 4000"},
		"odd retention":  {func(a *FargateServiceArgs) { a.LogRetention = 31 }, "logs.retentionDays: 31: CloudWatch Logs keeps logs for one of"},
		"health check":   {func(a *FargateServiceArgs) { a.HTTP.HealthCheck.Interval = 4 }, "healthCheck.interval: 4: must be from 5 to 300"},
		"late health":    {func(a *FargateServiceArgs) { a.HTTP.HealthCheck.Interval = 300 }, "2 failures every 300 seconds take 602 seconds"},
		"long drain":     {func(a *FargateServiceArgs) { a.Drain.DeregistrationDelay = 3601 }, "deregistrationDelay: 3601: must be from 1 to 3600"},
		"long stop":      {func(a *FargateServiceArgs) { a.Drain.StopTimeout = 121 }, "stopTimeout: 121: must be from 1 to 120"},
		"canary's name": {func(a *FargateServiceArgs) {
			a.HTTP.Canary = &spec.Canary{Image: a.Image}
		}, `name "dev-hello-of-18-chars-canary": is 28 characters long; at most 24`},
		"odd architecture": {func(a *FargateServiceArgs) { a.Size.Architecture = "riscv64" }, `architecture: "riscv64": must be amd64 or arm64`},
		"odd CPU":          {func(a *FargateServiceArgs) { a.Size.CPU = 300 }, "300 CPU units"},
		"odd memory":       {func(a *FargateServiceArgs) { a.Size.Memory = 513 }, "513 MiB"},
		"no capacity":      {func(a *FargateServiceArgs) { a.Capacity = spec.Capacity{Fargate: spec.Share{Base: 1}} }, "weight 0"},
		"PORT":             {func(a *FargateServiceArgs) { a.Access.Environment = pulumi.StringMap{"PORT": pulumi.String("1")} }, "env.PORT: is set from the port"},
		"secret PORT":      {func(a *FargateServiceArgs) { a.Access.Secrets = pulumi.StringMap{"PORT": pulumi.String("1")} }, "secrets.PORT: is set from the port"},
		"no password":      {func(a *FargateServiceArgs) { a.Access.Registry = &RegistryCredentials{Username: "me"} }, "a user name and a password"},
		"a value twice": {func(a *FargateServiceArgs) {
			a.Access.Environment, a.Access.Secrets = pulumi.StringMap{"A": pulumi.String("1")}, pulumi.StringMap{"A": pulumi.String("2")}
		}, "secrets.A: is in env too"},
		"credentials for ECR": {func(a *FargateServiceArgs) {
			a.Image.Registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
			a.Access.Registry = &RegistryCredentials{Username: "me", Password: pulumi.String("p")}
		}, "registry and an image in Amazon ECR exclude each other"},
	} {
		var cloud mocks.Cloud
		service := "dev-hello"
		if name == "canary's name" {
			service = "dev-hello-of-18-chars"
		}
		if err := cloud.Run(fargateServiceNamed(service, test.change)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, test.want)
		}
		cloud.Expect(t, "")
	}
}
