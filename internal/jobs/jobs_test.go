package jobs

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"slipway/spec"
)

const taskARN = "arn:aws:ecs:eu-central-1:123456789012:task/dev/0123"

// fake is ECS and CloudWatch Logs with one task, which stops after some looks at it, or when it is told to.
type fake struct {
	looks    int // until it stops by itself; -1 for never
	exit     *int32
	reason   string   // why it stops
	lines    []string // of the log; a look shows one more
	running  []string // tasks of the family
	failures []ecstypes.Failure
	refused  map[string]int // how often an operation fails; -1 for always

	ran     *ecs.RunTaskInput
	stopped string // the reason
	shown   int
}

func (f *fake) refuse(operation string) error {
	if f.refused[operation] == 0 {
		return nil
	}
	f.refused[operation]--
	return &smithy.OperationError{
		ServiceID: "ECS", OperationName: operation, Err: &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "not authorized to perform: " + operation},
	}
}

func (f *fake) DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &ecstypes.TaskDefinition{
		Family: aws.String("slipway-dev-migrate"),
		ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("proxy")}, {
			Name: aws.String(spec.ContainerName), Command: []string{"migrate"}, LogConfiguration: &ecstypes.LogConfiguration{
				LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "dev-migrate-1", "awslogs-stream-prefix": "migrate"},
			},
		}},
	}}, f.refuse("DescribeTaskDefinition")
}

func (f *fake) ListTasks(_ context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	if aws.ToString(in.Family) != "slipway-dev-migrate" || in.DesiredStatus != ecstypes.DesiredStatusRunning {
		return nil, fmt.Errorf("listed %+v", in)
	}
	return &ecs.ListTasksOutput{TaskArns: f.running}, f.refuse("ListTasks")
}

func (f *fake) RunTask(_ context.Context, in *ecs.RunTaskInput, _ ...func(*ecs.Options)) (*ecs.RunTaskOutput, error) {
	f.ran = in
	out := &ecs.RunTaskOutput{Failures: f.failures}
	if len(f.failures) == 0 {
		out.Tasks = []ecstypes.Task{{TaskArn: aws.String(taskARN)}}
	}
	return out, f.refuse("RunTask")
}

func (f *fake) StopTask(_ context.Context, in *ecs.StopTaskInput, _ ...func(*ecs.Options)) (*ecs.StopTaskOutput, error) {
	f.stopped, f.looks = aws.ToString(in.Reason), 1 // it takes a moment
	return &ecs.StopTaskOutput{}, f.refuse("StopTask")
}

func (f *fake) DescribeTasks(ctx context.Context, _ *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	f.shown = min(f.shown+1, len(f.lines))
	task := ecstypes.Task{TaskArn: aws.String(taskARN), LastStatus: aws.String("RUNNING")}
	if f.looks == 0 {
		task.LastStatus, task.StoppedReason, f.shown = aws.String("STOPPED"), aws.String(f.reason), len(f.lines)
		task.StopCode = ecstypes.TaskStopCodeEssentialContainerExited
		if f.stopped != "" {
			task.StopCode = ecstypes.TaskStopCodeUserInitiated
		}
		task.Containers = []ecstypes.Container{{Name: aws.String("proxy"), ExitCode: aws.Int32(9)}, {Name: aws.String(spec.ContainerName), ExitCode: f.exit}}
	}
	f.looks--
	return &ecs.DescribeTasksOutput{Tasks: []ecstypes.Task{task}}, f.refuse("DescribeTasks")
}

func (f *fake) GetLogEvents(_ context.Context, in *cloudwatchlogs.GetLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error) {
	if group, stream := aws.ToString(in.LogGroupName), aws.ToString(in.LogStreamName); group != "dev-migrate-1" || stream != "migrate/main/0123" {
		return nil, fmt.Errorf("read %s %s", group, stream)
	}
	if f.shown == 0 {
		return nil, &logstypes.ResourceNotFoundException{}
	}
	first := 0
	if in.NextToken != nil {
		_, _ = fmt.Sscanf(*in.NextToken, "f/%d", &first)
	}
	out := &cloudwatchlogs.GetLogEventsOutput{NextForwardToken: aws.String(fmt.Sprintf("f/%d", f.shown))}
	for _, line := range f.lines[first:f.shown] {
		out.Events = append(out.Events, logstypes.OutputLogEvent{Message: aws.String(line)})
	}
	return out, f.refuse("GetLogEvents")
}

// ran is what a run told, and how it ended.
type ran struct {
	said, lines []string
	result      Result
	err         error
}

func (f *fake) run(ctx context.Context, job Job, arguments ...string) (r ran) {
	runner := Runner{
		Say: func(text string) { r.said = append(r.said, text) }, Line: func(text string) { r.lines = append(r.lines, text) },
		connect: func(context.Context) (clients, error) { return clients{f, f}, nil }, pause: time.Millisecond,
	}
	r.result, r.err = runner.Run(ctx, job, arguments...)
	return r
}

func migrate() Job {
	return Job{Name: "migrate", Cluster: "dev", Run: spec.Run{
		TaskDefinition: "arn:migrate:7", Subnets: []string{"subnet-1"}, SecurityGroups: []string{"sg-1"}, PublicIP: true,
	}}
}

// The task runs where the job's do, with more arguments; each line of its log is told once, and its exit code is the result's.
func TestRun(t *testing.T) {
	t.Parallel()
	f := &fake{looks: 2, exit: aws.Int32(3), reason: "Essential container in task exited", lines: []string{"one", "two", "three", "four"}}
	got := f.run(t.Context(), migrate(), "--to", "42")
	want := Result{Task: "0123", ExitCode: 3, Reason: f.reason, Last: f.lines}
	if got.err != nil || !reflect.DeepEqual(got.result, want) || !slices.Equal(got.lines, f.lines) || !got.result.Failed() {
		t.Errorf("%+v (%v), told %v", got.result, got.err, got.lines)
	}
	if !slices.Equal(got.said, []string{"task 0123 starts"}) {
		t.Errorf("said %v", got.said)
	}
	in := f.ran
	network := in.NetworkConfiguration.AwsvpcConfiguration
	overrides := in.Overrides.ContainerOverrides
	if aws.ToString(in.Cluster) != "dev" || aws.ToString(in.TaskDefinition) != "arn:migrate:7" || in.LaunchType != ecstypes.LaunchTypeFargate ||
		network.AssignPublicIp != ecstypes.AssignPublicIpEnabled || network.Subnets[0] != "subnet-1" || network.SecurityGroups[0] != "sg-1" ||
		len(overrides) != 1 || aws.ToString(overrides[0].Name) != "main" || !slices.Equal(overrides[0].Command, []string{"migrate", "--to", "42"}) {
		t.Errorf("ran %+v", in)
	}
	const text = "task 0123 ended with exit code 3: Essential container in task exited\n  one\n  two\n  three\n  four"
	if got.result.String() != text {
		t.Errorf("%s\nwant %s", got.result, text)
	}
	if text := (Result{Task: "1"}).String(); !strings.HasSuffix(text, "it logged nothing") {
		t.Error(text)
	}
}

// A job on Spot capacity has a capacity provider instead of a launch type: ECS refuses both together.
func TestRunOnSpot(t *testing.T) {
	t.Parallel()
	job := migrate()
	job.Spot = true
	f := &fake{exit: aws.Int32(0)}
	if got := f.run(t.Context(), job); got.err != nil {
		t.Fatal(got.err)
	}
	if s := f.ran.CapacityProviderStrategy; f.ran.LaunchType != "" || len(s) != 1 || aws.ToString(s[0].CapacityProvider) != "FARGATE_SPOT" || s[0].Weight != 1 {
		t.Errorf("ran %+v", f.ran)
	}
}

func TestRunWithoutArguments(t *testing.T) {
	t.Parallel()
	f := &fake{exit: aws.Int32(0), lines: []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}}
	got := f.run(t.Context(), migrate())
	if got.err != nil || got.result.Failed() || f.ran.Overrides != nil || len(got.lines) != 12 || len(got.result.Last) != 10 || got.result.Last[0] != "3" {
		t.Errorf("%+v, ran %+v", got, f.ran)
	}
}

// Whatever ends the caller's context, the task is told to stop, and is followed to its end.
func TestInterruptedRun(t *testing.T) {
	t.Parallel()
	f := &fake{looks: -1, exit: aws.Int32(143), lines: []string{"stopping"}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := f.run(ctx, migrate())
	if got.err != nil || got.result.ExitCode != 143 || f.stopped != "whoever ran the job was interrupted" || got.lines[0] != "stopping" {
		t.Errorf("%+v, stopped %s", got, f.stopped)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	f := &fake{looks: -1}
	job := migrate()
	job.Timeout = 1
	got := f.run(t.Context(), job)
	if got.err != nil || got.result.ExitCode != noExitCode || f.stopped != "the job has taken longer than its timeout of 1 seconds" {
		t.Errorf("%+v, stopped %s", got, f.stopped)
	}
}

// A job that ends well because it was told to stop has not done its work.
func TestStoppedJobHasFailed(t *testing.T) {
	t.Parallel()
	f := &fake{looks: -1, exit: aws.Int32(0)}
	job := migrate()
	job.Timeout = 1
	if got := f.run(t.Context(), job); got.err != nil || !got.result.Failed() || f.stopped == "" {
		t.Errorf("%+v, stopped %s", got, f.stopped)
	}
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fake  fake
		alone bool
		want  string
	}{
		"running":           {fake{running: []string{taskARN}}, true, "task 0123 is running already; wait for its end, or stop it in ECS"},
		"may not look":      {fake{refused: map[string]int{"ListTasks": -1}}, true, "look whether it is running; that needs ecs:ListTasks: "},
		"no definition":     {fake{refused: map[string]int{"DescribeTaskDefinition": -1}}, false, "look up its task definition; `pulumi up` makes one: "},
		"may not run":       {fake{refused: map[string]int{"RunTask": -1}}, false, "start its task; that needs ecs:RunTask and iam:PassRole: "},
		"no capacity":       {fake{failures: []ecstypes.Failure{{Reason: aws.String("Capacity is unavailable")}}}, false, "ECS placed none; try again: Capacity is unavailable"},
		"cannot be stopped": {fake{looks: -1, refused: map[string]int{"StopTask": -1}}, false, "stop task 0123, which still runs; stop it in ECS: "},
	} {
		job := migrate()
		job.Alone = test.alone
		ctx, cancel := context.WithCancel(t.Context())
		if test.fake.refused["StopTask"] != 0 {
			cancel()
		}
		got := test.fake.run(ctx, job)
		cancel()
		if got.err == nil || !strings.Contains(got.err.Error(), "run job migrate: ") || !strings.Contains(got.err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, got.err, test.want)
		}
		if errors.Is(got.err, ErrRunning) != (name == "running") || test.alone && test.fake.ran != nil {
			t.Errorf("%s: %v, ran %v", name, got.err, test.fake.ran)
		}
	}
}

// A moment without an answer ends nothing.
func TestTroubleOnTheWay(t *testing.T) {
	t.Parallel()
	f := &fake{looks: 5, exit: aws.Int32(0), lines: []string{"one"}, refused: map[string]int{"DescribeTasks": 3, "GetLogEvents": 1}}
	if got := f.run(t.Context(), migrate()); got.err != nil || got.result.Failed() || len(got.lines) != 1 {
		t.Errorf("%+v", got)
	}
}
