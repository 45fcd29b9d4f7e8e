package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/spec"
)

const clusterARN = "arn:aws:ecs:eu-central-1:123456789012:cluster/dev"

// fargateJob is a program with a job of its own image.
func fargateJob(change func(*FargateJobArgs)) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		args := &FargateJobArgs{
			Job: spec.Job{Name: "purge", Workload: spec.Workload{
				Image: spec.Image{Registry: "ghcr.io", Repository: "app", Tag: "1"}, Command: []string{"purge"},
			}},
			Cluster: &Cluster{ARN: pulumi.String(clusterARN).ToStringOutput(), Region: "eu-central-1"},
			In:      Placement{VPCID: pulumi.String("vpc"), SubnetIDs: pulumi.ToStringArray([]string{"subnet-1", "subnet-2"}), PublicIP: true},
		}
		if change != nil {
			change(args)
		}
		_, err := NewFargateJob(ctx, "dev-purge", args)
		return err
	}
}

// A job on demand is a task definition and what its task needs, and nothing that runs it.
func TestJobOnDemand(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(fargateJob(nil)); err != nil {
		t.Fatal(err)
	}
	const trust = `{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ecs-tasks.amazonaws.com\"},\"Action\":[\"sts:AssumeRole\"]}]}`
	const container = `[{\"name\":\"main\",\"image\":\"ghcr.io/app:1\",\"essential\":true,\"command\":[\"purge\"],` +
		`\"environment\":[{\"name\":\"DRAIN_DELAY\",\"value\":\"0s\"},{\"name\":\"SHUTDOWN_TIMEOUT\",\"value\":\"29s\"}],\"portMappings\":[],` +
		`\"user\":\"65532:65532\",\"readonlyRootFilesystem\":true,\"linuxParameters\":{\"initProcessEnabled\":true},\"stopTimeout\":30,` +
		`\"logConfiguration\":{\"logDriver\":\"awslogs\",\"options\":{\"awslogs-group\":\"dev-purge-0123456\",\"awslogs-region\":\"eu-central-1\",` +
		`\"awslogs-stream-prefix\":\"purge\",\"max-buffer-size\":\"25m\",\"mode\":\"non-blocking\"}}}]`
	cloud.Expect(t, strings.Join([]string{
		`aws:cloudwatch/logGroup:LogGroup dev-purge {"retentionInDays":30}`,
		`aws:ec2/securityGroup:SecurityGroup dev-purge {"description":"Tasks of a job: out to anywhere","vpcId":"vpc"}`,
		`aws:ecs/taskDefinition:TaskDefinition dev-purge {"containerDefinitions":"` + container + `","cpu":"256","executionRoleArn":"arn:Role/dev-purge-execution",` +
			`"family":"slipway-dev-purge","memory":"512","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],` +
			`"runtimePlatform":{"cpuArchitecture":"X86_64","operatingSystemFamily":"LINUX"},"skipDestroy":true,"taskRoleArn":"arn:Role/dev-purge-task"}`,
		`aws:iam/role:Role dev-purge-execution {"assumeRolePolicy":"` + trust + `","description":"Used by ECS to start the tasks","path":"/slipway/"}`,
		`aws:iam/role:Role dev-purge-task {"assumeRolePolicy":"` + trust + `","description":"Given to the tasks themselves","path":"/slipway/"}`,
		`aws:iam/rolePolicy:RolePolicy dev-purge-execution-logs {"policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"WriteLogs\",\"Effect\":\"Allow\",` +
			`\"Action\":[\"logs:CreateLogStream\",\"logs:PutLogEvents\"],\"Resource\":[\"arn:LogGroup/dev-purge:*\"]}]}","role":"dev-purge-execution-0123456"}`,
		`aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule dev-purge-out-ipv4 {"cidrIpv4":"0.0.0.0/0","ipProtocol":"-1","securityGroupId":"SecurityGroup/dev-purge"}`,
		`aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule dev-purge-out-ipv6 {"cidrIpv6":"::/0","ipProtocol":"-1","securityGroupId":"SecurityGroup/dev-purge"}`,
		`slipway:index:FargateJob dev-purge`,
	}, "\n"))
}

// A schedule starts the job's state machine, which may run the job's task with its roles, and nothing else. Only the job's own schedule
// and state machine can assume the roles.
func TestJobBySchedule(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(fargateJob(func(args *FargateJobArgs) {
		args.Schedule = &spec.Schedule{Expression: "cron(0 3 * * ? *)", TimeZone: "Europe/Berlin"}
		args.Access.Boundary = pulumi.String("arn:aws:iam::123456789012:policy/slipway-boundary")
	})); err != nil {
		t.Fatal(err)
	}
	inputs := func(token, name string) string {
		in := cloud.Resource(token, name).Inputs.Copy()
		delete(in, "tags")
		return mocks.JSON(in)
	}
	for _, test := range []struct{ token, name, want string }{
		{"aws:scheduler/schedule:Schedule", "dev-purge", `{"description":"Runs job purge of stack dev","flexibleTimeWindow":{"mode":"OFF"},"groupName":"dev-purge-0123456",` +
			`"scheduleExpression":"cron(0 3 * * ? *)","scheduleExpressionTimezone":"Europe/Berlin","state":"ENABLED",` +
			`"target":{"arn":"arn:StateMachine/dev-purge","retryPolicy":{"maximumEventAgeInSeconds":3600,"maximumRetryAttempts":10},"roleArn":"arn:Role/dev-purge-schedule"}}`},
		{"aws:sfn/stateMachine:StateMachine", "dev-purge", `{"definition":"{\"StartAt\":\"Run\",\"States\":{\"Run\":{\"End\":true,\"Parameters\":{` +
			`\"Cluster\":\"` + clusterARN + `\",\"LaunchType\":\"FARGATE\",\"NetworkConfiguration\":{\"AwsvpcConfiguration\":{\"AssignPublicIp\":\"ENABLED\",` +
			`\"SecurityGroups\":[\"SecurityGroup/dev-purge\"],\"Subnets\":[\"subnet-1\",\"subnet-2\"]}},\"TaskDefinition\":\"arn:TaskDefinition/dev-purge\"},` +
			`\"Resource\":\"arn:aws:states:::ecs:runTask.sync\",\"Type\":\"Task\"}}}","roleArn":"arn:Role/dev-purge-run","type":"STANDARD"}`},
		{"aws:cloudwatch/metricAlarm:MetricAlarm", "dev-purge-failed", `{"alarmDescription":"A scheduled run of job purge of stack dev failed in the last 24 hours",` +
			`"comparisonOperator":"GreaterThanThreshold","datapointsToAlarm":1,"dimensions":{"StateMachineArn":"arn:StateMachine/dev-purge"},"evaluationPeriods":24,` +
			`"metricName":"ExecutionsFailed","namespace":"AWS/States","period":3600,"statistic":"Sum","threshold":0,"treatMissingData":"notBreaching"}`},
		{"aws:iam/role:Role", "dev-purge-schedule", `{"assumeRolePolicy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",` +
			`\"Principal\":{\"Service\":\"scheduler.amazonaws.com\"},\"Action\":[\"sts:AssumeRole\"],\"Condition\":{` +
			`\"ArnLike\":{\"aws:SourceArn\":[\"arn:aws:scheduler:eu-central-1:123456789012:schedule-group/dev-purge-*\"]},\"StringEquals\":{\"aws:SourceAccount\":[\"123456789012\"]}}}]}",` +
			`"description":"Used by EventBridge Scheduler to start the job","path":"/slipway/","permissionsBoundary":"arn:aws:iam::123456789012:policy/slipway-boundary"}`},
		{"aws:iam/role:Role", "dev-purge-run", `{"assumeRolePolicy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",` +
			`\"Principal\":{\"Service\":\"states.amazonaws.com\"},\"Action\":[\"sts:AssumeRole\"],\"Condition\":{` +
			`\"ArnLike\":{\"aws:SourceArn\":[\"arn:aws:states:eu-central-1:123456789012:stateMachine:dev-purge-*\"]},\"StringEquals\":{\"aws:SourceAccount\":[\"123456789012\"]}}}]}",` +
			`"description":"Used by Step Functions to run the job","path":"/slipway/","permissionsBoundary":"arn:aws:iam::123456789012:policy/slipway-boundary"}`},
		{"aws:iam/rolePolicy:RolePolicy", "dev-purge-schedule", `{"policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"StartExecution\",\"Effect\":\"Allow\",` +
			`\"Action\":[\"states:StartExecution\"],\"Resource\":[\"arn:StateMachine/dev-purge\"]}]}","role":"dev-purge-schedule-0123456"}`},
		{"aws:iam/rolePolicy:RolePolicy", "dev-purge-run", `{"policy":"{\"Version\":\"2012-10-17\",\"Statement\":[` +
			`{\"Sid\":\"RunTask\",\"Effect\":\"Allow\",\"Action\":[\"ecs:RunTask\"],\"Resource\":[\"arn:TaskDefinition/dev-purge:*\"],\"Condition\":{\"ArnEquals\":{\"ecs:cluster\":[\"` + clusterARN + `\"]}}},` +
			`{\"Sid\":\"PassRoles\",\"Effect\":\"Allow\",\"Action\":[\"iam:PassRole\"],\"Resource\":[\"arn:Role/dev-purge-execution\",\"arn:Role/dev-purge-task\"],` +
			`\"Condition\":{\"StringEquals\":{\"iam:PassedToService\":[\"ecs-tasks.amazonaws.com\"]}}},` +
			`{\"Sid\":\"FollowTask\",\"Effect\":\"Allow\",\"Action\":[\"ecs:DescribeTasks\",\"ecs:StopTask\"],\"Resource\":[\"arn:aws:ecs:eu-central-1:123456789012:task/dev/*\"]},` +
			`{\"Sid\":\"FindTasks\",\"Effect\":\"Allow\",\"Action\":[\"ecs:ListTasks\"],\"Resource\":[\"*\"],\"Condition\":{\"ArnEquals\":{\"ecs:cluster\":[\"` + clusterARN + `\"]}}},` +
			`{\"Sid\":\"HearOfTasks\",\"Effect\":\"Allow\",\"Action\":[\"events:DescribeRule\",\"events:PutRule\",\"events:PutTargets\"],` +
			`\"Resource\":[\"arn:aws:events:eu-central-1:123456789012:rule/StepFunctionsGetEventsForECSTaskRule\"]}]}","role":"dev-purge-run-0123456"}`},
	} {
		if got := inputs(test.token, test.name); got != test.want {
			t.Errorf("%s %s is %s\nwant %s", test.token, test.name, got, test.want)
		}
	}
	if !cloud.Resource("aws:scheduler/schedule:Schedule", "dev-purge").DependsOn("aws:iam/rolePolicy:RolePolicy", "dev-purge-schedule") ||
		!cloud.Resource("aws:sfn/stateMachine:StateMachine", "dev-purge").DependsOn("aws:iam/rolePolicy:RolePolicy", "dev-purge-run") {
		t.Error("what uses a role does not wait for its policy")
	}
}

// Of each role only what it needs is there: a job whose service is given has the service's, and adds a task definition.
func TestJobOfAService(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(worker(func(args *FargateServiceArgs) {
		args.Environment = map[string]string{"A": "1"}
		args.Access.Secrets = pulumi.StringMap{"KEY": pulumi.String("swordfish")}
		args.SecretsFrom = map[string]spec.SecretReference{"TOKEN": "arn:aws:ssm:eu-central-1:123456789012:parameter/token"}
		args.Room = spec.Room{
			Tmp: map[string]int{"/tmp": 64}, Storage: 40, OpenFiles: 1024,
			Volumes: map[string]spec.Volume{"/data": {FileSystemID: "fs-0123456789abcdef0", AccessPointID: "fsap-0123456789abcdef0"}},
		}
		args.Jobs = map[string]FargateJobArgs{"dev-purge": {Job: spec.Job{Name: "purge", Workload: spec.Workload{Command: []string{"purge"}}}}}
	}))); err != nil {
		t.Fatal(err)
	}
	var own []string
	for _, r := range cloud.Resources() {
		if strings.HasPrefix(r.Name, "dev-purge") {
			own = append(own, r.Type)
		}
	}
	if got := strings.Join(own, " "); got != "aws:ecs/taskDefinition:TaskDefinition slipway:index:FargateJob" {
		t.Errorf("the job has its own %s", got)
	}
	definition := cloud.Resource(taskDefinitionType, "dev-purge").Inputs
	containers := definition["containerDefinitions"].StringValue()
	for _, want := range []string{
		`"command":["purge"]`, `{"name":"A","value":"1"}`, `{"name":"KEY","valueFrom":"arn:Secret/dev-hello-environment:KEY::version-1"}`,
		`{"name":"TOKEN","valueFrom":"arn:aws:ssm:eu-central-1:123456789012:parameter/token"}`, `"tmpfs":[{"containerPath":"/tmp","size":64}]`,
		`"containerPath":"/data","readOnly":false}]`, `"ulimits":[{"name":"nofile","softLimit":1024,"hardLimit":1024}]`,
		`"awslogs-group":"dev-hello-0123456"`, `"awslogs-stream-prefix":"purge"`,
	} {
		if !strings.Contains(containers, want) {
			t.Errorf("the container is %s\nwant %s", containers, want)
		}
	}
	service := cloud.Resource(taskDefinitionType, "dev-hello").Inputs
	for _, input := range []resource.PropertyKey{"ephemeralStorage", "executionRoleArn", "taskRoleArn", "volumes"} {
		if got, want := definition[input], service[input]; got.IsNull() || !got.DeepEquals(want) {
			t.Errorf("%s is %v, want the service's, %v", input, got, want)
		}
	}
	if definition["taskRoleArn"].StringValue() != "arn:Role/dev-hello-task" || definition["family"].StringValue() != "slipway-dev-purge" {
		t.Errorf("the task definition is %s", mocks.JSON(definition))
	}
}

func TestJobRefuses(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*FargateJobArgs){
		"the cluster is missing":                func(a *FargateJobArgs) { a.Cluster = nil },
		"needs a VPC id and subnet ids":         func(a *FargateJobArgs) { a.In.SubnetIDs = nil },
		"image: is missing":                     func(a *FargateJobArgs) { a.Image = spec.Image{} },
		"secrets.SHUTDOWN_TIMEOUT: is set fr":   func(a *FargateJobArgs) { a.Access.Secrets = pulumi.StringMap{"SHUTDOWN_TIMEOUT": pulumi.String("1s")} },
		"schedule: \"daily\": must be cron":     func(a *FargateJobArgs) { a.Schedule = &spec.Schedule{Expression: "daily"} },
		"service: is for a job with Of; set Of": func(a *FargateJobArgs) { a.Service = "hello" },
		"tags.Service: is set by the program":   func(a *FargateJobArgs) { a.Tags = Tags{"Service": "a"} },
	} {
		var cloud mocks.Cloud
		if err := cloud.Run(fargateJob(change)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		cloud.Expect(t, "")
	}
	if err := (&mocks.Cloud{}).Run(func(ctx *pulumi.Context) error {
		_, err := NewFargateJob(ctx, "dev-purge", nil)
		return err
	}); err == nil || !strings.Contains(err.Error(), "args are missing") {
		t.Error(err)
	}
}
