// Package jobs runs jobs: tasks of Amazon ECS that do one piece of work and end.
//
// Pulumi's AWS provider runs no tasks. So this package calls AWS itself, with the provider's credentials.
package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"slipway/internal/awsconfig"
	"slipway/spec"
)

// Job is a job of a cluster.
type Job struct {
	Name    string // for messages
	Cluster string // its name or ARN
	spec.Run
}

// Result is how a run ended.
type Result struct {
	Task     string   // its id
	ExitCode int      // of the job's container
	Reason   string   // why the task stopped
	Last     []string // the last lines of its log
}

// Failed reports whether the run failed.
func (r Result) Failed() bool { return r.ExitCode != 0 }

// String describes the end of a run, in lines.
func (r Result) String() string {
	text := fmt.Sprintf("task %s ended with exit code %d: %s", r.Task, r.ExitCode, r.Reason)
	if len(r.Last) == 0 {
		return text + "\n  it logged nothing"
	}
	return text + "\n  " + strings.Join(r.Last, "\n  ")
}

// noExitCode is the exit code of a task whose container never ran, or was ended by force.
const noExitCode = 1

// Runner runs jobs with the credentials and endpoints of the options.
type Runner struct {
	Options awsconfig.Options
	// Say is told what happens, and Line each line that the job logs. They may be nil.
	Say, Line func(string)

	connect func(context.Context) (clients, error) // nil: [Runner.clients]
	pause   time.Duration                          // between two looks at the task; 0: [pause]
}

// pause is short because a person waits for the log.
const pause = time.Second

// The parts of AWS's APIs that running a job uses.
type (
	ecsAPI interface {
		RunTask(context.Context, *ecs.RunTaskInput, ...func(*ecs.Options)) (*ecs.RunTaskOutput, error)
		StopTask(context.Context, *ecs.StopTaskInput, ...func(*ecs.Options)) (*ecs.StopTaskOutput, error)
		ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
		DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
		DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
	}
	logsAPI interface {
		GetLogEvents(context.Context, *cloudwatchlogs.GetLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error)
	}
)

type clients struct {
	ecs  ecsAPI
	logs logsAPI
}

func (r Runner) clients(ctx context.Context) (clients, error) {
	cfg, err := r.Options.Load(ctx)
	if err != nil {
		return clients{}, fmt.Errorf("get AWS credentials: %s", awsconfig.Reason(err))
	}
	return clients{
		ecs:  ecs.NewFromConfig(cfg, func(o *ecs.Options) { o.BaseEndpoint = cmp.Or(r.Options.Endpoint("ecs"), o.BaseEndpoint) }),
		logs: cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) { o.BaseEndpoint = cmp.Or(r.Options.Endpoint("logs"), o.BaseEndpoint) }),
	}, nil
}

// Run runs a job and waits for its end. The arguments follow the job's command. When ctx ends, or the job's time, the task is told to
// stop, and Run waits until it has.
func (r Runner) Run(ctx context.Context, job Job, arguments ...string) (Result, error) {
	result, err := r.run(ctx, job, arguments)
	if err != nil {
		return result, fmt.Errorf("run job %s: %w", job.Name, err)
	}
	return result, nil
}

func (r Runner) run(ctx context.Context, job Job, arguments []string) (Result, error) {
	connect := r.connect
	if connect == nil {
		connect = r.clients
	}
	c, err := connect(ctx)
	if err != nil {
		return Result{}, err
	}
	definition, err := c.definition(ctx, job)
	if err != nil {
		return Result{}, err
	}
	if err := c.mayBegin(ctx, job, definition); err != nil {
		return Result{}, err
	}
	task, err := c.start(ctx, job, definition, arguments)
	if err != nil {
		return Result{}, err
	}
	r.say("task %s starts", lastOf(task))
	f := follower{Runner: r, clients: c, job: job, task: task, log: logOf(definition, lastOf(task))}
	return f.follow(ctx)
}

func (r Runner) say(format string, args ...any) {
	if r.Say != nil {
		r.Say(fmt.Sprintf(format, args...))
	}
}

// definition returns the job's task definition.
func (c clients) definition(ctx context.Context, job Job) (*ecstypes.TaskDefinition, error) {
	out, err := c.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &job.TaskDefinition})
	if err != nil {
		return nil, fmt.Errorf("look up its task definition; `pulumi up` makes one: %s", awsconfig.Reason(err))
	}
	if out.TaskDefinition == nil || len(out.TaskDefinition.ContainerDefinitions) == 0 {
		return nil, errors.New("its task definition is not there; run `pulumi up`")
	}
	return out.TaskDefinition, nil
}

// ErrRunning says that a job that runs alone is running.
var ErrRunning = errors.New("is running already; wait for its end, or stop it in ECS")

// mayBegin returns an error if the job runs alone and is running.
func (c clients) mayBegin(ctx context.Context, job Job, definition *ecstypes.TaskDefinition) error {
	if !job.Alone {
		return nil
	}
	out, err := c.ecs.ListTasks(ctx, &ecs.ListTasksInput{
		Cluster: &job.Cluster, Family: definition.Family, DesiredStatus: ecstypes.DesiredStatusRunning,
	})
	if err != nil {
		return fmt.Errorf("look whether it is running; that needs ecs:ListTasks: %s", awsconfig.Reason(err))
	}
	if len(out.TaskArns) > 0 {
		return fmt.Errorf("task %s %w", lastOf(out.TaskArns[0]), ErrRunning)
	}
	return nil
}

// startedBy is what ECS shows as the starter of the tasks.
const startedBy = "slipway-run"

// start runs the task and returns its ARN.
func (c clients) start(ctx context.Context, job Job, definition *ecstypes.TaskDefinition, arguments []string) (string, error) {
	assign := ecstypes.AssignPublicIpDisabled
	if job.PublicIP {
		assign = ecstypes.AssignPublicIpEnabled
	}
	in := &ecs.RunTaskInput{
		Cluster: &job.Cluster, TaskDefinition: &job.TaskDefinition, StartedBy: aws.String(startedBy),
		NetworkConfiguration: &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{
			Subnets: job.Subnets, SecurityGroups: job.SecurityGroups, AssignPublicIp: assign,
		}},
	}
	if job.Spot { // instead of a launch type (RunTask in the ECS API reference)
		in.CapacityProviderStrategy = []ecstypes.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE_SPOT"), Weight: 1}}
	} else {
		in.LaunchType = ecstypes.LaunchTypeFargate
	}
	if len(arguments) > 0 {
		main := mainContainer(definition)
		in.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{{
			Name: main.Name, Command: slices.Concat(main.Command, arguments),
		}}}
	}
	// Whoever interrupts this moment would leave a task that nobody follows or stops.
	out, err := c.ecs.RunTask(context.WithoutCancel(ctx), in)
	if err != nil {
		return "", fmt.Errorf("start its task; that needs ecs:RunTask and iam:PassRole: %s", awsconfig.Reason(err))
	}
	var failures []string
	for _, f := range out.Failures {
		failures = append(failures, strings.TrimSpace(aws.ToString(f.Reason)+" "+aws.ToString(f.Detail)))
	}
	if len(out.Tasks) == 0 {
		return "", fmt.Errorf("start its task: ECS placed none; try again: %s", cmp.Or(strings.Join(failures, "; "), "it gave no reason"))
	}
	return aws.ToString(out.Tasks[0].TaskArn), nil
}

// mainContainer returns the definition of the job's container.
func mainContainer(d *ecstypes.TaskDefinition) ecstypes.ContainerDefinition {
	i := slices.IndexFunc(d.ContainerDefinitions, func(c ecstypes.ContainerDefinition) bool { return aws.ToString(c.Name) == spec.ContainerName })
	return d.ContainerDefinitions[max(i, 0)]
}

func lastOf(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
