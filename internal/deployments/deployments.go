// Package deployments follows a deployment of an ECS service to its end and, if it failed, says why in the words of ECS, Elastic Load
// Balancing and CloudWatch Logs.
//
// Pulumi's AWS provider has no functions for deployments, for stopped tasks, for the health of targets or for log events. So this
// package calls AWS itself, with the provider's credentials.
package deployments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"slipway/internal/awsconfig"
)

// Watcher calls AWS with the credentials and endpoints of the options.
type Watcher struct{ Options awsconfig.Options }

// timeout is how long a diagnosis may take. It then reports what it has found.
const timeout = 20 * time.Second

// Revision is the version that a service must run.
type Revision struct {
	ClusterARN, ServiceName, TaskDefinitionARN string
}

// Explain returns lines of text about a failed deployment: the wanted and the running revision, the events of the service, why tasks
// stopped, why targets were or are unhealthy, hints, and the last lines of a failed task's log. A part that cannot be read says why,
// and the others stay. A missing service has no text.
func (w Watcher) Explain(ctx context.Context, d Revision) string {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := w.clients(ctx)
	if err != nil {
		return fmt.Sprintf("could not ask AWS why: %s", reason(err))
	}
	text := c.explain(ctx, d)
	if ignored := w.Options.Ignored(); text != "" && len(ignored) > 0 {
		text += fmt.Sprintf("\n(asked without the provider's %s)", strings.Join(ignored, ", "))
	}
	return text
}

// The parts of AWS's APIs that a diagnosis uses.
type (
	ecsAPI interface {
		DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
		DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
		ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
		DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
	}
	elbAPI interface {
		DescribeTargetHealth(
			context.Context, *elasticloadbalancingv2.DescribeTargetHealthInput, ...func(*elasticloadbalancingv2.Options),
		) (*elasticloadbalancingv2.DescribeTargetHealthOutput, error)
	}
	logsAPI interface {
		GetLogEvents(context.Context, *cloudwatchlogs.GetLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error)
	}
)

type clients struct {
	ecs  ecsAPI
	elb  elbAPI
	logs logsAPI
}

func (w Watcher) clients(ctx context.Context) (clients, error) {
	cfg, err := w.Options.Load(ctx)
	return clients{
		ecs: ecs.NewFromConfig(cfg, func(o *ecs.Options) { o.BaseEndpoint = cmp.Or(w.Options.Endpoint("ecs"), o.BaseEndpoint) }),
		elb: elasticloadbalancingv2.NewFromConfig(cfg, func(o *elasticloadbalancingv2.Options) {
			o.BaseEndpoint = cmp.Or(w.Options.Endpoint("elbv2"), o.BaseEndpoint)
		}),
		logs: cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) { o.BaseEndpoint = cmp.Or(w.Options.Endpoint("logs"), o.BaseEndpoint) }),
	}, err
}

// explain writes the parts of a diagnosis in order.
func (c clients) explain(ctx context.Context, d Revision) string {
	var text report
	service, err := c.service(ctx, d)
	if errors.Is(err, errNoService) {
		return ""
	}
	if err != nil {
		text.line("wanted: %s", revision(d.TaskDefinitionARN))
		text.unread("the service", err)
	} else {
		text.service(service, d)
	}
	tasks, err := c.tasks(ctx, d)
	if err != nil {
		text.unread("the tasks", err)
	}
	text.stopped(tasks)
	if service != nil {
		since := began(service, tasks, d)
		text.unhealthy(service.Events, since)
		var all []elbtypes.TargetHealthDescription
		for _, group := range targetGroups(service) {
			targets, err := c.targets(ctx, group)
			if err != nil {
				text.unread("the health of the targets", err)
				continue
			}
			text.targets(targets)
			all = append(all, targets...)
		}
		text.hints(findingsOf(tasks, service.Events, since, all), service)
	}
	if task := mostTelling(tasks); task != nil {
		log, err := c.lastLines(ctx, d, task)
		if err != nil {
			text.unread("the log of task "+lastOf(*task.TaskArn), err)
		}
		text.log(log)
	}
	return text.String()
}
