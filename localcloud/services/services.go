// Package services puts the AWS services together: their kinds, and the controllers that do their work. A service that works by
// itself is wired in here, and the daemon runs it with the others.
package services

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"slipway/localcloud/addr"
	"slipway/localcloud/api"
	"slipway/localcloud/aws"
	"slipway/localcloud/aws/acm/acmapi"
	"slipway/localcloud/aws/acm/issuer"
	"slipway/localcloud/aws/appautoscaling"
	"slipway/localcloud/aws/appautoscaling/scaling"
	"slipway/localcloud/aws/cloudwatch/metrics"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ec2/networks"
	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/aws/ecr/ecrapi"
	"slipway/localcloud/aws/ecr/front"
	"slipway/localcloud/aws/ecr/images"
	"slipway/localcloud/aws/ecs/ecsapi"
	"slipway/localcloud/aws/ecs/scheduler"
	"slipway/localcloud/aws/ecs/taskapi"
	"slipway/localcloud/aws/elbv2/balancers"
	"slipway/localcloud/aws/elbv2/elbv2api"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/logs/logsapi"
	"slipway/localcloud/aws/logs/streams"
	"slipway/localcloud/aws/resourcegroupstagging"
	"slipway/localcloud/aws/s3/s3api"
	"slipway/localcloud/aws/scheduler/invoker"
	"slipway/localcloud/aws/sfn/executions"
	"slipway/localcloud/aws/sfn/sfnapi"
	"slipway/localcloud/aws/sqs/queues"
	"slipway/localcloud/aws/sqs/sqsapi"
	"slipway/localcloud/aws/ssm/ssmapi"
	"slipway/localcloud/aws/sts"
	"slipway/localcloud/aws/sts/stsapi"
	"slipway/localcloud/cloud"
	"slipway/localcloud/pace"
	"slipway/localcloud/registry"
	"slipway/localcloud/task"
	"slipway/localcloud/vnet"
)

// registration is how long load balancers take to register a target, which takes AWS longer. A program has mostly begun to
// listen by then: if its first health check fails, it gets no requests before the next one.
const registration = 500 * time.Millisecond

// Options are the machine's parts that the services need, and their speed.
type Options struct {
	Store     *cloud.Store
	Authority issuer.Authority
	Images    *registry.Registry
	Runner    *task.Runner
	// FileSystems is the folder of the file systems that tasks share.
	FileSystems string
	// VPCs are the networks in which tasks and load balancers have their addresses, for which the runner must have containers. Nil leaves
	// all of them at loopback addresses.
	VPCs *networks.Networks
	// DNS is the name server with the validation records.
	DNS netip.AddrPort
	// RecordTokens are the kinds of the records that it answers.
	RecordTokens []string
	// Logs keeps the events of log groups.
	Logs *streams.Logs
	// Queues keeps the messages of queues.
	Queues *queues.Queues
	// Latency scales how long operations take; 0 is as fast as can be, 1 as slow as AWS.
	Latency float64
	// Pace is that of the minutes in which AWS counts.
	Pace pace.Pace
	// Clock is that by which schedules come due.
	Clock *pace.Clock
	Log   *slog.Logger
}

// Controller is the part of a service that works by itself.
type Controller interface {
	// Run works until the context ends.
	Run(ctx context.Context) error
}

// Services are the AWS services over one store.
type Services struct {
	// Logs, Queues and Scheduler do more than work by themselves: events are read, messages sent, and tasks are made to fail.
	Logs      *streams.Logs
	Queues    *queues.Queues
	Scheduler *scheduler.Scheduler
	// Tasks has the endpoints of tasks that are at loopback addresses. Its URL is to be set before the controllers run.
	Tasks *taskapi.Endpoints
	// Kinds are the kinds and functions of all services.
	Kinds []any
	// Controllers run together, and start in this order.
	Controllers []Controller

	// Registry is the registry of images at Amazon ECR's own host names.
	Registry http.Handler
	// MakeRepository makes a repository for a caller of Amazon ECR's API. It is to be set before the first call.
	MakeRepository func(ctx context.Context, caller cloud.Caller, inputs cloud.Map) error

	vpcs     *networks.Networks
	sessions stsapi.STS
	ecr      *ecrapi.ECR
}

// New wires the services to each other. Nothing works before the controllers are run.
func New(o Options) *Services {
	addresses := addr.New()
	var vpcs []Controller
	var taskInterface func(cloud.Key, http.Handler) (*task.Interface, error)
	var proxy func(cloud.Key, int) ([]netip.Addr, func() (*vnet.Host, error), error)
	egress := ec2.Egress
	var nodes func(cloud.Scope, string) ([]*vnet.Host, error)
	if o.VPCs != nil {
		vpcs, taskInterface, nodes, proxy = []Controller{o.VPCs}, o.VPCs.Task, o.VPCs.Nodes, o.VPCs.Proxy
		egress = networks.Egress // asks what packets ask
	}
	s := &Services{Logs: o.Logs, Queues: o.Queues, vpcs: o.VPCs}
	repositories, logins := images.Of(o.Store, o.Images), &ecr.Logins{}
	s.Registry = &front.Front{Store: o.Store, Logins: logins, Images: o.Images}
	s.ecr = &ecrapi.ECR{Logins: logins, Images: repositories, Make: func(ctx context.Context, caller cloud.Caller, inputs cloud.Map) error {
		return s.MakeRepository(ctx, caller, inputs)
	}}
	s.Tasks = &taskapi.Endpoints{Store: o.Store, Credentials: s.credentials, API: s.api(o.Store, s.sessions.Signer, ""), Egress: egress}
	tasks := scheduler.New(scheduler.Options{
		Endpoint: s.Tasks.Open, FileSystems: o.FileSystems, Interface: taskInterface, Proxy: proxy, Store: o.Store, Runner: o.Runner, Addresses: addresses, Images: o.Images, Logs: o.Logs, Removed: appautoscaling.ServiceRemoved,
		Latency: o.Latency, Pace: o.Pace,
	})
	tasks.Egress = egress
	balancers := &balancers.Balancers{Nodes: nodes, Store: o.Store, Addresses: addresses, Registration: registration, Log: o.Log}
	metrics := &metrics.Metrics{Store: o.Store, Balancers: balancers, Tasks: tasks, Queues: o.Queues, Pace: o.Pace}
	s.Scheduler = tasks
	s.Kinds = append(aws.Kinds(), ecr.WithImages(repositories)...)
	s.Controllers = slices.Concat(vpcs, []Controller{
		&issuer.Issuer{Store: o.Store, Authority: o.Authority, DNS: o.DNS, RecordTokens: o.RecordTokens, Log: o.Log},
		o.Logs,
		o.Queues,
		balancers,
		tasks,
		metrics,
		&scaling.Scaler{Store: o.Store, Alarms: metrics, Pace: o.Pace, Clock: o.Clock, Log: o.Log},
		&executions.Executor{Store: o.Store, Clock: o.Clock, Began: time.Now()},
		&invoker.Invoker{Store: o.Store, Clock: o.Clock, Pace: o.Pace, Log: o.Log},
	})
	return s
}

// credentials makes credentials of a task's role.
func (s *Services) credentials(session cloud.Caller, lifetime time.Duration) taskapi.Credentials {
	key, secret, token := s.sessions.Session(session, lifetime)
	return taskapi.Credentials{AccessKeyID: key, SecretAccessKey: secret, SessionToken: token, Expires: time.Now().Add(lifetime)}
}

// API serves AWS's own protocols, to callers with the token; and in VPCs, at AWS's own names, to whoever has the credentials of a role.
func (s *Services) API(store *cloud.Store, callers *sts.Callers, token string) *api.Server {
	s.sessions.Callers = callers
	if s.vpcs != nil {
		s.vpcs.Services = s.api(store, s.sessions.Signer, "")
	}
	return s.api(store, s.sessions.Caller, token)
}

// api serves the APIs to whom the function takes a caller for.
func (s *Services) api(store *cloud.Store, caller func(*http.Request) (cloud.Caller, error), token string) *api.Server {
	return &api.Server{
		Store: store, Caller: caller, Token: token,
		Services: []api.Service{acmapi.Service, s.ecr.Service(), ecsapi.Service, elbv2api.Service, logsapi.Service(s.Logs), s.sessions.Service(), sfnapi.Service, sqsapi.Service(s.Queues), ssmapi.Service},
		REST:     map[string]func(http.ResponseWriter, *api.Request){s3api.Name: s3api.Serve},
	}
}

// WithHooks adds the services' part in operations on every kind: IAM authorizes callers, and the tagging API keeps listing deleted
// resources.
func WithHooks(o cloud.Options) cloud.Options {
	o.Authorize = iam.Authorize
	o.Deleted = resourcegroupstagging.ListDeleted(resourcegroupstagging.ListedFor(o.Latency))
	return o
}
