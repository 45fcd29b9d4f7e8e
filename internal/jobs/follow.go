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
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"slipway/internal/awsconfig"
	"slipway/spec"
)

// follower follows a task to its end.
type follower struct {
	Runner
	clients
	job  Job
	task string // ARN
	log  logStream
	last []string // lines
}

// logStream is where a container logs. Driver awslogs names a stream prefix/container/task ("Send Amazon ECS logs to CloudWatch" in the
// ECS developer guide).
type logStream struct {
	group, name string  // empty: it is not known
	next        *string // what was not read yet
}

func logOf(d *ecstypes.TaskDefinition, task string) logStream {
	main := mainContainer(d)
	if main.LogConfiguration == nil || main.LogConfiguration.LogDriver != ecstypes.LogDriverAwslogs {
		return logStream{}
	}
	options := main.LogConfiguration.Options
	return logStream{
		group: options["awslogs-group"], name: strings.Join([]string{options["awslogs-stream-prefix"], aws.ToString(main.Name), task}, "/"),
	}
}

const (
	// mostLines of the log are kept for who only wants the end.
	mostLines = 10
	// stopping is how long a task may take to stop: the longest stop timeout, and time to tell of it.
	stopping = (spec.MaxStopTimeout + 60) * time.Second
	// trouble is how long AWS may give no answer.
	trouble = time.Minute
)

// follow passes the log on until the task has stopped.
func (f *follower) follow(ctx context.Context) (Result, error) {
	due := ctx
	if f.job.Timeout > 0 {
		var cancel context.CancelFunc
		due, cancel = context.WithTimeout(ctx, time.Duration(f.job.Timeout)*time.Second)
		defer cancel()
	}
	// Calls outlive the caller's context: the task has to be told to stop.
	calls := context.WithoutCancel(ctx)
	ending := due.Done()
	var until <-chan time.Time
	var failing time.Time // since when calls fail
	for {
		task, err := f.look(calls)
		switch {
		case err == nil && aws.ToString(task.LastStatus) == string(ecstypes.DesiredStatusStopped):
			return f.result(calls, task), nil
		case err == nil:
			failing = time.Time{}
		case failing.IsZero():
			failing = time.Now()
		case time.Since(failing) > trouble:
			return f.unfinished(), fmt.Errorf("follow task %s, which may still run; look for it in ECS: %s", lastOf(f.task), awsconfig.Reason(err))
		}
		select {
		case <-time.After(cmp.Or(f.pause, pause)):
		case <-ending:
			ending, until = nil, time.After(stopping)
			if err := f.stop(calls, ctx); err != nil {
				return f.unfinished(), err
			}
		case <-until:
			return f.unfinished(), fmt.Errorf("task %s has not stopped %s after it was told to; look for it in ECS", lastOf(f.task), stopping)
		}
	}
}

// look passes the new part of the log on, and returns the task.
func (f *follower) look(ctx context.Context) (ecstypes.Task, error) {
	out, err := f.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &f.job.Cluster, Tasks: []string{f.task}})
	if err != nil {
		return ecstypes.Task{}, err
	}
	if len(out.Tasks) == 0 {
		return ecstypes.Task{}, errors.New("ECS does not know it; it may have forgotten it") // yet: RunTask in its API reference
	}
	// The log cannot be read, as in a moment of throttling: the next look reads it.
	_ = f.read(ctx)
	return out.Tasks[0], nil
}

// read passes on what the container has logged since the last time.
func (f *follower) read(ctx context.Context) error {
	if f.log.group == "" {
		return nil
	}
	for {
		out, err := f.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: &f.log.group, LogStreamName: &f.log.name, NextToken: f.log.next, StartFromHead: aws.Bool(true),
		})
		if _, none := errors.AsType[*logstypes.ResourceNotFoundException](err); none {
			return nil // nothing is logged yet
		}
		if err != nil {
			return err
		}
		for _, event := range out.Events {
			f.line(aws.ToString(event.Message))
		}
		// At its end, the stream has the token that it was asked with (GetLogEvents in the API reference of CloudWatch Logs).
		end := aws.ToString(out.NextForwardToken) == aws.ToString(f.log.next) || out.NextForwardToken == nil
		f.log.next = cmp.Or(out.NextForwardToken, f.log.next)
		if end {
			return nil
		}
	}
}

func (f *follower) line(text string) {
	if f.Line != nil {
		f.Line(text)
	}
	f.last = append(f.last, text)
	f.last = slices.Delete(f.last, 0, max(0, len(f.last)-mostLines))
}

// stop tells the task to stop, because its time is over or the caller's.
func (f *follower) stop(calls, caller context.Context) error {
	reason := fmt.Sprintf("the job has taken longer than its timeout of %d seconds", f.job.Timeout)
	if caller.Err() != nil {
		reason = "whoever ran the job was interrupted"
	}
	f.say("task %s is told to stop: %s", lastOf(f.task), reason)
	if _, err := f.ecs.StopTask(calls, &ecs.StopTaskInput{Cluster: &f.job.Cluster, Task: &f.task, Reason: &reason}); err != nil {
		return fmt.Errorf("stop task %s, which still runs; stop it in ECS: %s", lastOf(f.task), awsconfig.Reason(err))
	}
	return nil
}

// result returns how the task ended, and passes on the rest of the log.
func (f *follower) result(ctx context.Context, task ecstypes.Task) Result {
	_ = f.read(ctx) // what cannot be read is in CloudWatch Logs
	result := f.unfinished()
	result.Reason = aws.ToString(task.StoppedReason)
	for _, c := range task.Containers {
		if aws.ToString(c.Name) != spec.ContainerName {
			continue
		}
		if c.ExitCode != nil {
			result.ExitCode = int(*c.ExitCode)
		}
		// A program that was told to stop can end well ("StopTask" in the ECS API reference), and its work is not done.
		if result.ExitCode == 0 && task.StopCode != ecstypes.TaskStopCodeEssentialContainerExited {
			result.ExitCode = noExitCode
		}
		if why := aws.ToString(c.Reason); why != "" {
			result.Reason = strings.TrimPrefix(result.Reason+": "+why, ": ")
		}
	}
	return result
}

// unfinished returns what is known of a task whose end is not.
func (f *follower) unfinished() Result {
	return Result{Task: lastOf(f.task), ExitCode: noExitCode, Last: f.last}
}
