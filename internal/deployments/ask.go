package deployments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

var errNoService = errors.New("the service is not there")

// active is the status of a service that is not deleted.
const active = "ACTIVE"

func (c clients) service(ctx context.Context, d Revision) (*ecstypes.Service, error) {
	out, err := c.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &d.ClusterARN, Services: []string{d.ServiceName}})
	if err != nil {
		return nil, err
	}
	// ECS returns a deleted service for a while, as DRAINING and then INACTIVE (DeleteService in its API reference).
	if len(out.Services) == 0 || cmp.Or(aws.ToString(out.Services[0].Status), active) != active {
		return nil, errNoService
	}
	return &out.Services[0], nil
}

// tasks returns the tasks of the wanted revision: first the stopped ones, the latest first, which ECS returns for an hour, and then the
// others. With an error it returns those that it found before.
func (c clients) tasks(ctx context.Context, d Revision) (tasks []ecstypes.Task, err error) {
	for _, status := range []ecstypes.DesiredStatus{ecstypes.DesiredStatusStopped, ecstypes.DesiredStatusRunning} {
		some, failure := c.tasksOf(ctx, d, status)
		tasks = append(tasks, some...)
		if err = failure; err != nil {
			break
		}
	}
	slices.SortStableFunc(tasks, func(a, b ecstypes.Task) int {
		return cmp.Or(compareBools(stopping(b), stopping(a)), aws.ToTime(b.StoppedAt).Compare(aws.ToTime(a.StoppedAt)))
	})
	return tasks, err
}

// tasksOf returns the tasks of the wanted revision with a desired status. ECS lists those of all revisions, without a documented order.
// A page has as many as one call can describe.
func (c clients) tasksOf(ctx context.Context, d Revision, status ecstypes.DesiredStatus) (tasks []ecstypes.Task, err error) {
	pages := ecs.NewListTasksPaginator(c.ecs, &ecs.ListTasksInput{Cluster: &d.ClusterARN, ServiceName: &d.ServiceName, DesiredStatus: status})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return tasks, err
		}
		if len(page.TaskArns) == 0 {
			continue
		}
		out, err := c.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &d.ClusterARN, Tasks: page.TaskArns})
		if err != nil {
			return tasks, err
		}
		for _, t := range out.Tasks {
			if aws.ToString(t.TaskDefinitionArn) == d.TaskDefinitionARN {
				tasks = append(tasks, t)
			}
		}
	}
	return tasks, nil
}

// stopping reports whether the task has stopped or is about to: only then it has a reason.
func stopping(t ecstypes.Task) bool {
	return aws.ToString(t.DesiredStatus) == string(ecstypes.DesiredStatusStopped)
}

// mostTelling returns the task with the most useful log: the last one with a failed container, or else the last one.
func mostTelling(tasks []ecstypes.Task) *ecstypes.Task {
	if len(tasks) == 0 {
		return nil
	}
	return &tasks[max(0, slices.IndexFunc(tasks, func(t ecstypes.Task) bool { return slices.ContainsFunc(t.Containers, failed) }))]
}

// failed reports whether the container ended with an error.
func failed(c ecstypes.Container) bool { return aws.ToInt32(c.ExitCode) != 0 }

func targetGroups(s *ecstypes.Service) []string {
	var groups []string
	for _, b := range s.LoadBalancers {
		if b.TargetGroupArn != nil {
			groups = append(groups, *b.TargetGroupArn)
		}
	}
	return groups
}

func (c clients) targets(ctx context.Context, group string) ([]elbtypes.TargetHealthDescription, error) {
	out, err := c.elb.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: &group})
	if err != nil {
		return nil, err
	}
	return out.TargetHealthDescriptions, nil
}

// healthyTargets returns how many targets of the groups the load balancer finds healthy.
func (c clients) healthyTargets(ctx context.Context, groups []string) (int, error) {
	healthy := 0
	for _, group := range groups {
		targets, err := c.targets(ctx, group)
		if err != nil {
			return 0, err
		}
		for _, target := range targets {
			if target.TargetHealth != nil && target.TargetHealth.State == elbtypes.TargetHealthStateEnumHealthy {
				healthy++
			}
		}
	}
	return healthy, nil
}

// healthyTasks returns how many tasks of the revision run, and are found healthy if they are checked. ECS calls the health of others
// UNKNOWN (Task in its API reference).
func (c clients) healthyTasks(ctx context.Context, d Revision, checked bool) (int, error) {
	tasks, err := c.tasksOf(ctx, d, ecstypes.DesiredStatusRunning)
	if err != nil {
		return 0, err
	}
	healthy := 0
	for _, t := range tasks {
		if aws.ToString(t.LastStatus) == string(ecstypes.DesiredStatusRunning) && (!checked || t.HealthStatus == ecstypes.HealthStatusHealthy) {
			healthy++
		}
	}
	return healthy, nil
}

// excerpt is the end of what a container logged.
type excerpt struct {
	task, container string
	messages        []string
}

// told ranks a container by what its log may tell: first those that ended with an error by themselves, then those that the stop of their
// task ended by a signal, then the others.
func told(c ecstypes.Container) int {
	const terminated, killed = 128 + 15, 128 + 9 // as shells give the codes of SIGTERM and SIGKILL
	code := aws.ToInt32(c.ExitCode)
	switch {
	case !failed(c):
		return 2
	case (code == terminated || code == killed) && c.Reason == nil:
		return 1
	}
	return 0
}

// lastLines returns the end of the log of the task's failed container, or else of the first one that logged anything. The task
// definition has the log's place: driver awslogs names a stream prefix/container/task ("Send Amazon ECS logs to CloudWatch" in the ECS
// developer guide).
func (c clients) lastLines(ctx context.Context, d Revision, task *ecstypes.Task) (excerpt, error) {
	out, err := c.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &d.TaskDefinitionARN})
	if err != nil {
		return excerpt{}, err
	}
	if out.TaskDefinition == nil {
		return excerpt{}, errors.New("its task definition is not there")
	}
	containers := slices.Clone(task.Containers)
	slices.SortStableFunc(containers, func(a, b ecstypes.Container) int { return cmp.Compare(told(a), told(b)) })
	log := excerpt{task: lastOf(aws.ToString(task.TaskArn))}
	for _, container := range containers {
		log.container = aws.ToString(container.Name)
		i := slices.IndexFunc(out.TaskDefinition.ContainerDefinitions, func(d ecstypes.ContainerDefinition) bool {
			return aws.ToString(d.Name) == log.container
		})
		if i < 0 {
			continue
		}
		to := out.TaskDefinition.ContainerDefinitions[i].LogConfiguration
		if to == nil || to.LogDriver != ecstypes.LogDriverAwslogs {
			continue
		}
		group, stream := to.Options["awslogs-group"], fmt.Sprintf("%s/%s/%s", to.Options["awslogs-stream-prefix"], log.container, log.task)
		log.messages, err = c.messages(ctx, group, stream)
		if err != nil || len(log.messages) > 0 {
			return log, err
		}
	}
	return log, nil
}

// messages returns the last events of a stream, or none if there is no stream.
func (c clients) messages(ctx context.Context, group, stream string) ([]string, error) {
	out, err := c.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: &group, LogStreamName: &stream, Limit: aws.Int32(maxLines), StartFromHead: aws.Bool(false),
	})
	if _, ok := errors.AsType[*logstypes.ResourceNotFoundException](err); ok {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var messages []string
	for _, e := range out.Events {
		messages = append(messages, aws.ToString(e.Message))
	}
	return messages, nil
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
