package components

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// cpuArchitectures are ECS's names for the architectures of images.
var cpuArchitectures = map[string]string{"amd64": "X86_64", "arm64": "ARM64"}

// FargateServiceArgs describe a [FargateService].
type FargateServiceArgs struct {
	// Service is the short name that routes, log streams and tags carry.
	Service string

	VPCID      pulumi.StringInput
	SubnetIDs  pulumi.StringArrayInput // public ones: tasks reach the internet by a public address
	ClusterARN pulumi.StringInput
	Region     string

	ListenerARN                 pulumi.StringInput // of the HTTPS listener whose [Routes] lead to the service
	LoadBalancerSecurityGroupID pulumi.StringInput
	LoadBalancerARNSuffix       pulumi.StringInput // by which CloudWatch knows the load balancer; alarms and scaling by requests need it
	// Priorities have those of [spec.AttachmentRoute] and, with a canary, [spec.CanaryRoute]. See [spec.Priorities].
	Priorities map[spec.Route]int

	Image spec.Image
	// RegistryCredentials are for private registries other than Amazon ECR.
	RegistryCredentials *RegistryCredentials

	EntryPoint, Command []string // the image's own if empty
	// Environment is passed to the container, and so is every key of Secrets, as an environment variable of that name.
	// PORT is set to Port, and what [spec.Drain] and IdleTimeout say is set too.
	Environment, Secrets pulumi.StringMap
	Port                 int              // by default [spec.DefaultPort]
	CPU                  int              // units, by default [spec.DefaultCPU]; see [spec.CheckFargateCPU]
	Memory               int              // MiB, by default [spec.DefaultMemory]; see [spec.CheckFargateMemory]
	Architecture         string           // "amd64" or "arm64", by default [spec.DefaultArchitecture]
	Capacity             spec.Capacity    // by default [spec.DefaultCapacity]
	HealthCheck          spec.HealthCheck // each of its fields by default that of [spec.DefaultHealthCheck]
	Drain                spec.Drain       // each of its fields but SocketAge by default that of [spec.DefaultDrain]
	IdleTimeout          int              // of the load balancer, in seconds, by default [spec.DefaultIdleTimeout]
	LogRetention         int              // days, by default [spec.DefaultLogRetention]

	// InstanceCount is how many tasks run, by default [spec.DefaultInstanceCount]; see [spec.Instances]. With Scaling it is how many there are
	// to begin with, unless more serve already.
	InstanceCount int
	Scaling       *spec.Scaling   // nil: as many as InstanceCount
	Serving       int             // tasks that serve the service's requests now; one that scales begins with as many where it is made anew
	Deployment    spec.Deployment // by default [spec.Rolling]
	Before        *spec.Before    // nil: nothing runs before the service's container
	Canary        *spec.Canary    // nil: none

	// PermissionsBoundary is the ARN of the managed policy that limits what the service's roles can ever do; nil is none.
	PermissionsBoundary pulumi.StringPtrInput

	// Watcher tells how deployments go; nil trusts the AWS provider.
	Watcher Watcher
	// onError binds an error hook to a resource, by default [registerErrorHook]. Pulumi's mocks have no hooks.
	onError func(ctx *pulumi.Context, name string, callback pulumi.ErrorHookFunction) (pulumi.ResourceOption, error)

	Tags Tags
}

// RegistryCredentials log in to a private registry.
type RegistryCredentials struct {
	Username string
	Password pulumi.StringInput // kept secret
}

// withDefaults returns the arguments with what is not given filled in.
func (a FargateServiceArgs) withDefaults() *FargateServiceArgs {
	a.Port = cmp.Or(a.Port, spec.DefaultPort)
	a.CPU = cmp.Or(a.CPU, spec.DefaultCPU)
	a.Memory = cmp.Or(a.Memory, spec.DefaultMemory)
	a.Architecture = cmp.Or(a.Architecture, spec.DefaultArchitecture)
	a.Capacity = cmp.Or(a.Capacity, spec.DefaultCapacity)
	a.InstanceCount = spec.OrNone(a.InstanceCount, spec.DefaultInstanceCount, spec.NoInstances)
	a.HealthCheck = a.HealthCheck.WithDefaults()
	a.Drain = a.Drain.WithDefaults()
	a.IdleTimeout = cmp.Or(a.IdleTimeout, spec.DefaultIdleTimeout)
	a.Deployment = a.Deployment.WithDefaults()
	a.LogRetention = cmp.Or(a.LogRetention, spec.DefaultLogRetention)
	if a.onError == nil {
		a.onError = registerErrorHook
	}
	if a.Canary != nil {
		canary := *a.Canary
		canary.Header = cmp.Or(canary.Header, spec.DefaultCanaryHeader)
		a.Canary = &canary
	}
	return &a
}

// FargateService is a service of tasks on Fargate behind a load balancer. It gets requests once [Routes] lead to it.
type FargateService struct {
	pulumi.ResourceState

	name    string
	targets []weightedTarget // how its requests are divided
	canary  *canaryTraffic   // nil: no canary

	Name         pulumi.StringOutput
	Image        pulumi.StringOutput // the one that runs: an error like TaskDefinitionARN if that is not the wanted one
	LogGroupName pulumi.StringOutput
	TaskRoleName pulumi.StringOutput // the tasks' own role, for policies that let them use other parts of AWS
	// TaskDefinitionARN is the revision that ECS runs, once its deployment has ended. If that is not the revision that was
	// deployed, it is an error.
	TaskDefinitionARN pulumi.StringOutput
}

// fargateServiceType is the component's type token.
const fargateServiceType = "slipway:index:FargateService"

// NewFargateService creates a service and waits until it is in a steady state.
func NewFargateService(ctx *pulumi.Context, name string, args *FargateServiceArgs, opts ...pulumi.ResourceOption) (*FargateService, error) {
	if args == nil {
		return nil, errors.New("service: args are missing")
	}
	args = args.withDefaults()
	if err := args.check(name); err != nil {
		return nil, fmt.Errorf("service %s: %w", name, err)
	}

	service := &FargateService{name: name}
	if err := ctx.RegisterComponentResource(fargateServiceType, name, service, opts...); err != nil {
		return nil, err
	}
	parent := pulumi.Parent(service)

	around, err := args.newSurroundings(ctx, name, service)
	if err != nil {
		return nil, err
	}
	own := version{
		name: name, stream: args.Service, image: args.Image, count: args.InstanceCount, scaling: args.Scaling, running: args.Serving,
		attachment: spec.AttachmentRoute(args.Service, args.HealthCheck),
	}
	tasks, arn, err := args.newVersion(ctx, own, around, parent)
	if err != nil {
		return nil, err
	}
	service.targets = []weightedTarget{{group: arn, weight: spec.MaxWeight}}
	if args.Canary != nil {
		if service.canary, err = args.newCanary(ctx, name, around, parent); err != nil {
			return nil, err
		}
		service.targets = service.canary.share(arn, args.Canary.Weight)
	}

	service.Name = tasks.service.Name
	service.Image = arrived(ctx, pulumi.String(args.Image.String()).ToStringOutput(), tasks)
	service.LogGroupName = around.logs.Name
	service.TaskRoleName = around.task.Name
	service.TaskDefinitionARN = tasks.running
	return service, ctx.RegisterResourceOutputs(service, pulumi.Map{
		"name":              service.Name,
		"image":             service.Image,
		"logGroupName":      service.LogGroupName,
		"taskRoleName":      service.TaskRoleName,
		"taskDefinitionArn": service.TaskDefinitionARN,
	})
}

// check reports what is missing, wrong or contradictory.
func (a *FargateServiceArgs) check(name string) error {
	var problems []error
	problem := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }

	if err := spec.CheckName(name); err != nil {
		problems = append(problems, err)
	}
	if a.VPCID == nil || a.SubnetIDs == nil || a.ClusterARN == nil || a.ListenerARN == nil ||
		a.LoadBalancerSecurityGroupID == nil || a.LoadBalancerARNSuffix == nil || a.Region == "" {
		problem("the region, VPC id, subnet ids, cluster's ARN, listener's ARN and load balancer's security group and ARN suffix are all needed")
	}
	if a.Priorities[spec.AttachmentRoute(a.Service, a.HealthCheck)] == 0 || a.Canary != nil && a.Priorities[spec.CanaryRoute(a.Service, a.HealthCheck)] == 0 {
		problem("the priority of the rule that attaches it to the load balancer is missing")
	}
	if a.Image.Repository == "" {
		problem("the image is missing")
	}
	if a.RegistryCredentials != nil && (a.RegistryCredentials.Username == "" || a.RegistryCredentials.Password == nil) {
		problem("the registry credentials need a user name and a password")
	}
	if repositories := a.repositories(); a.RegistryCredentials != nil && len(repositories) > 0 {
		problem("registry credentials and an image in Amazon ECR (%s) exclude each other: ECS logs in to ECR by the execution role", repositories[0])
	}
	for _, key := range slices.Sorted(maps.Keys(a.Environment)) {
		if _, both := a.Secrets[key]; both {
			problem("%s is both in the environment and in the secrets", key)
		}
	}
	for _, variables := range []pulumi.StringMap{a.Environment, a.Secrets} {
		for _, name := range slices.Sorted(maps.Keys(variables)) {
			if setting, reserved := spec.ReservedVariables[name]; reserved {
				problem("%s is set from %s, and is in the environment or the secrets too", name, setting)
			}
		}
	}
	for _, number := range []struct {
		what           string
		n, least, most int
	}{
		{"port", a.Port, 1, 65_535},
		{"instance count", a.InstanceCount, 0, spec.MaxInstances},
		{"load balancer's idle timeout", a.IdleTimeout, 1, spec.MaxIdleTimeout},
	} {
		if err := spec.CheckRange(number.n, number.least, number.most); err != nil {
			problem("the %s %w", number.what, err)
		}
	}
	if err := spec.CheckLogRetention(a.LogRetention); err != nil {
		problem("the log retention of %d days: %w", a.LogRetention, err)
	}
	if _, known := cpuArchitectures[a.Architecture]; !known {
		problem("architecture %q is not amd64 or arm64", a.Architecture)
	}
	problems = append(problems,
		spec.CheckFargateCPU(a.CPU), spec.CheckFargateMemory(a.CPU, a.Memory), a.Capacity.Check(), a.HealthCheck.Check(), a.Drain.Check(),
		a.Deployment.Check(a.InstanceCount), a.Deployment.CheckScaling(a.Scaling))
	if a.Scaling != nil {
		if err := a.Scaling.Check(); err != nil {
			problem("scaling: %w", err)
		}
	}
	if a.Before != nil {
		if err := a.Before.Check(); err != nil {
			problem("before: %w", err)
		}
	}
	if a.Canary != nil {
		if err := errors.Join(spec.CheckCanaryName(name), a.Canary.Check(), a.Deployment.Check(a.Canary.Tasks(a.InstanceCount, a.Scaling))); err != nil {
			problem("canary: %w", err)
		}
	}
	return errors.Join(problems...)
}
