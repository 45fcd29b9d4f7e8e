package components

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// FargateServiceArgs describe a [FargateService].
type FargateServiceArgs struct {
	// Service decides which resources there are. Each field that is not given has its default. Without HTTP it is a worker: no load
	// balancer sends it requests, and it needs neither Listener nor Priorities.
	spec.Service

	Cluster *Cluster
	In      Placement
	Access  Access
	Calls   Calls

	Listener Listener // the source of requests; its [Routes] lead to the service
	// Priorities contains those of [spec.AttachmentRoute] and, with a canary, [spec.CanaryRoute], among the listener's sharers. See [spec.Priorities].
	Priorities map[spec.Route]int

	// Serving is how many tasks serve the service's requests now. If a service that scales is replaced, the new one starts with as
	// many.
	Serving int
	// Watcher watches deployments; nil trusts the AWS provider.
	Watcher Watcher

	// Jobs run the service's image, by the names of their components. They are parts of the service, which is their Of.
	Jobs map[string]FargateJobArgs
	// Gate is the short name of the job that must succeed before a new version's first task starts, empty for none: one of Jobs, or of
	// Others. Several services can wait for one job, which runs once in an update.
	Gate   string
	Others map[string]*FargateJob
	// Runner runs the gate's job; with nil it does not run.
	Runner JobRunner

	// onError adds an error hook to a resource, by default [registerErrorHook]. Pulumi's mocks have no hooks.
	onError func(ctx *pulumi.Context, name string, callback pulumi.ErrorHookFunction) (pulumi.ResourceOption, error)
	// onBefore adds a hook to a resource that is called before its changes, by default [registerBeforeHook].
	onBefore func(ctx *pulumi.Context, name string, callback pulumi.ResourceHookFunction) (pulumi.ResourceOption, error)

	Tags Tags
}

// withDefaults fills in what is not given.
func (a FargateServiceArgs) withDefaults() FargateServiceArgs {
	a.Service = a.Service.WithDefaults()
	if a.HTTP != nil {
		a.Listener.IdleTimeout = cmp.Or(a.Listener.IdleTimeout, spec.DefaultIdleTimeout)
	}
	if a.onError == nil {
		a.onError = registerErrorHook
	}
	if a.onBefore == nil {
		a.onBefore = registerBeforeHook
	}
	return a
}

// FargateService is a service whose tasks run on Fargate. It gets requests once [Routes] lead to it.
type FargateService struct {
	pulumi.ResourceState

	name    string // the component's
	args    FargateServiceArgs
	around  surroundings
	targets []weightedTarget // how its requests are divided
	canary  *canaryTraffic   // nil: no canary
	gate    *FargateJob      // nil: nothing runs before a deployment

	Jobs    map[string]*FargateJob // that run the service's image, by their short names
	service *ecs.Service           // its own version's

	Name         pulumi.StringOutput
	Image        pulumi.StringOutput // the image that runs; an error like that of TaskDefinitionARN if it is not the wanted one
	LogGroupName pulumi.StringOutput
	TaskRoleName pulumi.StringOutput // the tasks' role, for policies that let them use other AWS services
	// TaskDefinitionARN is the revision that ECS runs when the deployment has ended. It is an error if that is not the deployed
	// revision.
	TaskDefinitionARN pulumi.StringOutput
}

// fargateServiceType is the component's type token.
const fargateServiceType = "slipway:index:FargateService"

// NewFargateService creates a service and waits until it is in a steady state.
func NewFargateService(ctx *pulumi.Context, name string, args *FargateServiceArgs, opts ...pulumi.ResourceOption) (*FargateService, error) {
	if args == nil {
		return nil, errors.New("service: args are missing")
	}
	service := &FargateService{name: name, args: args.withDefaults()}
	if err := service.check(ctx.Stack()); err != nil {
		return nil, fmt.Errorf("service %s: %w", name, err)
	}
	service.args.Tags = args.Tags.With(spec.ServiceTag, args.Name)
	if err := ctx.RegisterComponentResource(fargateServiceType, name, service, opts...); err != nil {
		return nil, err
	}
	if err := service.newSurroundings(ctx); err != nil {
		return nil, err
	}
	if err := service.newJobs(ctx); err != nil {
		return nil, err
	}
	own, err := service.newVersion(ctx, service.ownVersion())
	if err != nil {
		return nil, err
	}
	service.service = own.service
	if err := service.newTraffic(ctx, own); err != nil {
		return nil, err
	}
	return service, service.registerOutputs(ctx, own)
}

// parent is the option that makes a resource part of the service.
func (s *FargateService) parent() pulumi.ResourceOption { return pulumi.Parent(s) }

// newTraffic decides how requests are divided between the service and its canary, if it has one.
func (s *FargateService) newTraffic(ctx *pulumi.Context, own *tasks) (err error) {
	if s.args.HTTP == nil {
		return nil
	}
	s.targets = []weightedTarget{{group: own.group, weight: spec.MaxWeight}}
	if s.args.HTTP.Canary == nil {
		return nil
	}
	if s.canary, err = s.newCanary(ctx); err != nil {
		return err
	}
	s.targets = s.canary.share(own.group, s.args.HTTP.Canary.Weight)
	return nil
}

func (s *FargateService) registerOutputs(ctx *pulumi.Context, own *tasks) error {
	s.Name = own.service.Name
	s.Image = arrived(ctx, pulumi.String(s.args.Image.String()).ToStringOutput(), own.running)
	s.LogGroupName = s.around.logs.Name
	s.TaskRoleName = s.around.task.Name
	s.TaskDefinitionARN = own.running
	return ctx.RegisterResourceOutputs(s, pulumi.Map{
		"name":              s.Name,
		"image":             s.Image,
		"logGroupName":      s.LogGroupName,
		"taskRoleName":      s.TaskRoleName,
		"taskDefinitionArn": s.TaskDefinitionARN,
	})
}

// check reports what is missing, wrong or contradictory, in a service of the stack.
func (s *FargateService) check(stack string) error {
	var problems []error
	a := s.args
	problems = append(problems, spec.CheckName(s.name), a.In.check())
	if err := a.Exec.Check(stack); err != nil {
		problems = append(problems, fmt.Errorf("exec: %w", err))
	}
	if a.Cluster == nil {
		problems = append(problems, errors.New("the cluster is missing"))
	}
	found := a.Problems()
	if a.In.IPv6Only {
		found.Include(a.IPv6Problems())
	}
	found.Include(a.Access.problems(a.Service))
	found.Include(a.Tags.problems())
	found.Include(a.Calls.problems(a.Service))
	if a.Scaling != nil && a.Scaling.Queue != nil && a.Cluster != nil {
		found.Add(a.Scaling.Queue.CheckPlace(a.Cluster.Region, ""), "scaling", "queue", "arn")
		if !a.Cluster.Insights {
			found.Add(errors.New("needs Container Insights, which counts the running tasks; set ClusterArgs.Insights"), "scaling", "queue")
		}
	}
	if a.HTTP != nil {
		problems = append(problems, a.Listener.check(), s.checkPriorities())
		found.Include(spec.LoadBalancer{IdleTimeout: a.Listener.IdleTimeout}.WithDefaults().Problems(), "loadBalancer")
	}
	if a.Canary() != nil {
		found.Add(spec.CheckCanaryName(s.name), "canary")
	}
	return errors.Join(append(problems, found.Err())...)
}

func (s *FargateService) checkPriorities() error {
	a := s.args
	attachment := spec.AttachmentRoute(a.Name, a.HTTP.HealthCheck, a.In.IPv6Only)
	canary := spec.CanaryRoute(a.Name, a.HTTP.HealthCheck, a.In.IPv6Only)
	if a.Priorities[attachment.Among(a.Listener.Sharer)] == 0 || a.HTTP.Canary != nil && a.Priorities[canary.Among(a.Listener.Sharer)] == 0 {
		return errors.New("the priority of the rule that attaches it to the load balancer is missing")
	}
	return nil
}
