package deployments

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"
)

// fake is a cluster with a service. An operation in refused fails.
type fake struct {
	services []ecstypes.Service
	tasks    []ecstypes.Task
	targets  []elbtypes.TargetHealthDescription
	messages map[string][]string // by stream
	refused  map[string]bool
	page     int // of the list of tasks that is refused; 0 for none
}

func (f *fake) clients() clients { return clients{ecs: f, elb: f, logs: f} }

func (f *fake) refuse(operation string) error {
	if f.refused[operation] {
		return &smithy.OperationError{
			ServiceID: "AWS", OperationName: operation,
			Err: &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "not authorized to perform: " + operation},
		}
	}
	return nil
}

func (f *fake) DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	return &ecs.DescribeServicesOutput{Services: f.services}, f.refuse("DescribeServices")
}

func (f *fake) DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &ecstypes.TaskDefinition{ContainerDefinitions: []ecstypes.ContainerDefinition{
		{Name: aws.String("init")}, // logs nowhere
		{Name: aws.String("main"), LogConfiguration: &ecstypes.LogConfiguration{
			LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "group", "awslogs-stream-prefix": "hello"},
		}},
		{Name: aws.String("agent"), LogConfiguration: &ecstypes.LogConfiguration{
			LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "group", "awslogs-stream-prefix": "hello"},
		}},
	}}}, f.refuse("DescribeTaskDefinition")
}

// ListTasks lists no more than ECS does at once.
func (f *fake) ListTasks(_ context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	const atOnce = 100
	if f.page--; f.page == 0 {
		f.refused = map[string]bool{"ListTasks": true}
	}
	var arns []string
	for _, t := range f.tasks {
		if *t.DesiredStatus == string(in.DesiredStatus) {
			arns = append(arns, *t.TaskArn)
		}
	}
	begin, _ := strconv.Atoi(aws.ToString(in.NextToken))
	end := min(begin+atOnce, len(arns))
	out := &ecs.ListTasksOutput{TaskArns: arns[begin:end]}
	if end < len(arns) {
		out.NextToken = aws.String(strconv.Itoa(end))
	}
	return out, f.refuse("ListTasks")
}

func (f *fake) DescribeTasks(_ context.Context, in *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	if len(in.Tasks) == 0 || len(in.Tasks) > 100 {
		return nil, &ecstypes.InvalidParameterException{Message: aws.String("Tasks cannot be empty, nor more than 100.")}
	}
	out := new(ecs.DescribeTasksOutput)
	for _, arn := range in.Tasks {
		for _, t := range f.tasks {
			if *t.TaskArn == arn {
				out.Tasks = append(out.Tasks, t)
			}
		}
	}
	return out, f.refuse("DescribeTasks")
}

func (f *fake) DescribeTargetHealth(
	context.Context, *elasticloadbalancingv2.DescribeTargetHealthInput, ...func(*elasticloadbalancingv2.Options),
) (*elasticloadbalancingv2.DescribeTargetHealthOutput, error) {
	return &elasticloadbalancingv2.DescribeTargetHealthOutput{TargetHealthDescriptions: f.targets}, f.refuse("DescribeTargetHealth")
}

func (f *fake) GetLogEvents(_ context.Context, in *cloudwatchlogs.GetLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error) {
	messages, ok := f.messages[*in.LogStreamName]
	if !ok {
		return nil, &logstypes.ResourceNotFoundException{Message: aws.String("The specified log stream does not exist.")}
	}
	out := new(cloudwatchlogs.GetLogEventsOutput)
	for _, m := range messages {
		out.Events = append(out.Events, logstypes.OutputLogEvent{Message: &m})
	}
	return out, f.refuse("GetLogEvents")
}

const group = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/hello/73e2d6bc24d8a067"

var (
	noon   = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	wanted = Revision{ClusterARN: "arn:cluster/c", ServiceName: "hello-1", TaskDefinitionARN: "arn:task-definition/hello:3"}
)

// task is a task of the wanted revision, stopped so many minutes after noon.
func task(id string, minute int, reason string, exitCode *int32, containerReason *string) ecstypes.Task {
	return ecstypes.Task{
		TaskArn: aws.String("arn:task/c/" + id), TaskDefinitionArn: aws.String(wanted.TaskDefinitionARN), DesiredStatus: aws.String("STOPPED"),
		CreatedAt: aws.Time(noon), StoppedAt: aws.Time(noon.Add(time.Duration(minute) * time.Minute)), StoppedReason: &reason,
		Containers: []ecstypes.Container{{Name: aws.String("main"), ExitCode: exitCode, Reason: containerReason}},
	}
}

// taskDefinition is the ARN of a revision.
func taskDefinition(revision string) *string {
	return aws.String("arn:task-definition/hello:" + revision)
}

// event is one of the service, so many seconds after noon.
func event(second int, format string, args ...any) ecstypes.ServiceEvent {
	return ecstypes.ServiceEvent{
		CreatedAt: aws.Time(noon.Add(time.Duration(second) * time.Second)), Message: aws.String("(service hello-1) " + fmt.Sprintf(format, args...)),
	}
}

// rolledBack is a service whose new version failed in three ways. It is in a steady state with the old one, and only events and stopped
// tasks of the failure are left.
func rolledBack() *fake {
	other := task("9", 9, "Scaling activity initiated by (deployment ecs-svc/1)", nil, nil)
	other.TaskDefinitionArn = taskDefinition("2")
	const unhealthy = "(task %s) (port 8080) is unhealthy in (target-group " + group + ") due to (reason %s)."
	events := []ecstypes.ServiceEvent{
		event(-60, unhealthy, "of old", "Request timed out"),
		event(0, "has started 1 tasks: (task 0)."),
		event(1, unhealthy, "0", "Health checks failed with these codes: [500]"),
		event(2, unhealthy, "4", "Health checks failed with these codes: [500]"),
		event(3, unhealthy, "5", "Health checks failed"),
	}
	for i := range maxEvents - 1 {
		events = append(events, event(4, "has started 1 tasks: (task %d).", i))
	}
	events = append(events, event(5, "registered 1 targets in (target-group %s)", group), event(6, "rolling back to deployment ecs-svc/1."))
	slices.Reverse(events)
	return &fake{
		services: []ecstypes.Service{{
			ServiceName: aws.String("hello-1"),
			Deployments: []ecstypes.Deployment{
				{Status: aws.String("PRIMARY"), TaskDefinition: taskDefinition("2"), RunningCount: 2, DesiredCount: 2, RolloutState: "COMPLETED"},
			},
			Events:        events,
			LoadBalancers: []ecstypes.LoadBalancer{{TargetGroupArn: aws.String("group")}},
		}},
		tasks: []ecstypes.Task{
			task("0", 0, "Task failed ELB health checks in (target-group "+group+")", nil, nil),
			task("1", 1, "Essential container in task exited", aws.Int32(3), nil),
			task("2", 2, "Essential container in task exited", aws.Int32(3), nil),
			task("3", 3, "CannotPullContainerError: not found", nil, aws.String("CannotPullContainerError")),
			other,
		},
		targets: []elbtypes.TargetHealthDescription{
			{TargetHealth: &elbtypes.TargetHealth{State: "healthy"}},
			{TargetHealth: &elbtypes.TargetHealth{State: "healthy"}},
		},
		messages: map[string][]string{"hello/main/2": {"starting", "\x1b[31mpanic:\x1b[0m no\tdatabase\n"}},
	}
}

const explained = `wanted: hello:3
runs: hello:2 (2 of 2 tasks)
deployments:
  hello:2: PRIMARY, COMPLETED, 2 of 2 tasks, 0 failed
last events (UTC):
  12:00:04 has started 1 tasks: (task 0).
  12:00:04 has started 1 tasks: (task 1).
  12:00:04 has started 1 tasks: (task 2).
  12:00:04 has started 1 tasks: (task 3).
  12:00:04 has started 1 tasks: (task 4).
  12:00:04 has started 1 tasks: (task 5).
  12:00:04 has started 1 tasks: (task 6).
  12:00:06 rolling back to deployment ecs-svc/1.
stopped tasks of the wanted revision:
  CannotPullContainerError: not found; container main: CannotPullContainerError
  2 × Essential container in task exited; container main: exit code 3
  Task failed ELB health checks in (target-group hello)
targets that were unhealthy:
  2 × (port 8080) is unhealthy in (target-group hello) due to (reason Health checks failed with these codes: [500]).
  (port 8080) is unhealthy in (target-group hello) due to (reason Health checks failed).
targets of the load balancer:
  2 × healthy
last lines of task 2, container main:
  starting
  panic: no database`

func TestExplain(t *testing.T) {
	t.Parallel()
	if got := rolledBack().clients().explain(t.Context(), wanted); got != explained {
		t.Errorf("got:\n%s\nwant:\n%s", got, explained)
	}
}

// During the rollback, ECS still returns the failed deployment, and the load balancer its targets.
func TestExplainDuringRollback(t *testing.T) {
	t.Parallel()
	f := rolledBack()
	s := &f.services[0]
	s.Deployments[0].RolloutState, s.Deployments[0].RunningCount = "IN_PROGRESS", 1
	s.Deployments = append(s.Deployments, ecstypes.Deployment{
		Status: aws.String("ACTIVE"), TaskDefinition: taskDefinition("3"), RunningCount: 1, FailedTasks: 3, RolloutState: "FAILED",
		RolloutStateReason: aws.String("tasks failed to start."), CreatedAt: aws.Time(noon.Add(2 * time.Second)),
	})
	f.targets[1].TargetHealth = &elbtypes.TargetHealth{
		State: "unhealthy", Reason: "Target.ResponseCodeMismatch", Description: aws.String("Health checks failed with these codes: [500]"),
	}
	got := f.clients().explain(t.Context(), wanted)
	for _, want := range []string{
		"\nruns: hello:2 (1 of 2 tasks), hello:3 (1 of 0 tasks)\n",
		"\n  hello:3: ACTIVE, FAILED, 1 of 0 tasks, 3 failed: tasks failed to start.\n",
		"\ntargets that were unhealthy:\n  (port 8080) is unhealthy in (target-group hello) due to (reason Health checks failed with these codes: [500]).\n",
		"\n  unhealthy: Target.ResponseCodeMismatch, Health checks failed with these codes: [500]\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

// ECS lists a hundred tasks at once, of all revisions: in a service of many tasks the few that failed may be among the last.
func TestExplainOfManyTasks(t *testing.T) {
	t.Parallel()
	f := rolledBack()
	failed := f.tasks
	f.tasks = nil
	for i := range 250 {
		other := task(fmt.Sprintf("old-%d", i), 1, "Scaling activity initiated by (deployment ecs-svc/2)", nil, nil)
		other.TaskDefinitionArn = taskDefinition("2")
		f.tasks = append(f.tasks, other)
	}
	f.tasks = append(f.tasks, failed...)
	if got := f.clients().explain(t.Context(), wanted); got != explained {
		t.Errorf("got:\n%s\nwant:\n%s", got, explained)
	}

	slices.Reverse(f.tasks)
	f.page = 2
	got := f.clients().explain(t.Context(), wanted)
	if !strings.Contains(got, "could not read the tasks: AWS ListTasks: AccessDeniedException") || !strings.Contains(got, "2 × Essential container in task exited") {
		t.Errorf("what was listed before the error is lost:\n%s", got)
	}
}

func TestExplainWithoutPermissions(t *testing.T) {
	t.Parallel()
	for operation, want := range map[string]struct{ without, with string }{
		"DescribeServices":       {"runs:", "wanted: hello:3\ncould not read the service: AWS DescribeServices: AccessDeniedException: not authorized to perform: DescribeServices"},
		"ListTasks":              {"stopped tasks", "could not read the tasks: AWS ListTasks: AccessDeniedException: not authorized to perform: ListTasks"},
		"DescribeTasks":          {"stopped tasks", "could not read the tasks: AWS DescribeTasks: AccessDeniedException"},
		"DescribeTargetHealth":   {"targets of the load balancer:", "could not read the health of the targets: AWS DescribeTargetHealth: AccessDeniedException"},
		"DescribeTaskDefinition": {"panic:", "could not read the log of task 2: AWS DescribeTaskDefinition: AccessDeniedException"},
		"GetLogEvents":           {"panic:", "could not read the log of task 2: AWS GetLogEvents: AccessDeniedException"},
	} {
		f := rolledBack()
		f.refused = map[string]bool{operation: true}
		got := f.clients().explain(t.Context(), wanted)
		if strings.Contains(got, want.without) || !strings.Contains(got, want.with) {
			t.Errorf("without %s:\n%s\nwant %q, and nothing of %q", operation, got, want.with, want.without)
		}
	}
}

func TestExplainWithoutTrace(t *testing.T) {
	t.Parallel()
	nothing := new(fake)
	if got := nothing.clients().explain(t.Context(), wanted); got != "" {
		t.Errorf("of no service: %q", got)
	}
	started := task("1", 0, "", nil, nil)
	started.DesiredStatus = aws.String("RUNNING")
	first := &fake{
		services: []ecstypes.Service{{LoadBalancers: []ecstypes.LoadBalancer{{TargetGroupArn: aws.String("group")}}}},
		tasks:    []ecstypes.Task{started},
	}
	want := "wanted: hello:3\nruns: nothing\ntargets of the load balancer:\n  no target is registered\ntask 1 logged nothing"
	if got := first.clients().explain(t.Context(), wanted); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReasonsAreFew(t *testing.T) {
	t.Parallel()
	var c counted
	for _, line := range strings.Split("abcdefga", "") {
		c.add(line)
	}
	want := "2 × a,b,c,d,e,and 2 other reasons"
	if got := strings.Join(c.lines(), ","); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain ünïcode": "plain ünïcode",
		"a\x1b[2J\x1b[1;31mred\x1b[0m\x1b]0;title\x07b": "aredb",
		"over\rwritten\x08\x9b31m":                      "over written31m",
		"rev\u202eersed\u200b":                          "reversed",
		"two\nlines\n":                                  "two lines",
		strings.Repeat("é", maxLength+1):                strings.Repeat("é", maxLength) + "…",
	} {
		if got := clean(text); got != want {
			t.Errorf("clean(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestReason(t *testing.T) {
	t.Parallel()
	if got := reason(errors.New("no network")); got != "no network" {
		t.Errorf("got %q", got)
	}
	if got := reason(context.DeadlineExceeded); got != "no answer within 20s" {
		t.Errorf("got %q", got)
	}
}

// The log of the container whose end has ended the task tells most, not that of one that the task's stop has ended.
func TestLastLinesAreOfTheContainerThatFailed(t *testing.T) {
	t.Parallel()
	container := func(name string, code int32, reason *string) ecstypes.Container {
		return ecstypes.Container{Name: &name, ExitCode: &code, Reason: reason}
	}
	for _, test := range []struct {
		containers []ecstypes.Container
		want       string
	}{
		{[]ecstypes.Container{container("main", 143, nil), container("agent", 3, nil)}, "agent"},
		{[]ecstypes.Container{container("main", 137, nil), container("agent", 1, nil)}, "agent"},
		{[]ecstypes.Container{container("agent", 0, nil), container("main", 143, nil)}, "main"},
		{[]ecstypes.Container{container("agent", 143, nil), container("main", 137, aws.String("OutOfMemoryError: Container killed due to memory usage"))}, "main"},
		{[]ecstypes.Container{container("agent", 0, nil), container("main", 0, nil)}, "agent"},
	} {
		f := &fake{messages: map[string][]string{"hello/main/1": {"a"}, "hello/agent/1": {"b"}}}
		log, err := (clients{ecs: f, logs: f}).lastLines(t.Context(), wanted, &ecstypes.Task{TaskArn: aws.String("arn:task/c/1"), Containers: test.containers})
		if err != nil || log.container != test.want {
			t.Errorf("of %v: %+v, %v; want %s", test.containers, log, err, test.want)
		}
	}
}
