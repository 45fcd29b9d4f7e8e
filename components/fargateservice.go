package components

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// portVariable is the environment variable that tells a service which port to listen on.
const portVariable = "PORT"

// ReservedVariables are the environment variables that a service gets from its settings, with what they are set from. Nothing
// changes them.
var ReservedVariables = map[string]string{
	portVariable:       "the port",
	"DRAIN_DELAY":      "the drain profile",
	"IDLE_TIMEOUT":     "the load balancer's idle timeout",
	"MAX_SOCKET_AGE":   "the drain profile",
	"PING_INTERVAL":    "the load balancer's idle timeout",
	"SHUTDOWN_TIMEOUT": "the stop timeout",
}

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
	// Priorities have those of [AttachmentRoute] and, with a canary, [CanaryRoute]. See [Priorities].
	Priorities map[Route]int

	Image Image
	// RegistryCredentials are for private registries other than Amazon ECR.
	RegistryCredentials *RegistryCredentials

	EntryPoint, Command []string // the image's own if empty
	// Environment is passed to the container, and so is every key of Secrets, as an environment variable of that name.
	// PORT is set to Port, and what [Drain] and IdleTimeout say is set too.
	Environment, Secrets pulumi.StringMap
	Port                 int         // by default [DefaultPort]
	CPU                  int         // units, by default [DefaultCPU]; see [CheckFargateCPU]
	Memory               int         // MiB, by default [DefaultMemory]; see [CheckFargateMemory]
	Architecture         string      // "amd64" or "arm64", by default [DefaultArchitecture]
	Capacity             Capacity    // by default [DefaultCapacity]
	HealthCheck          HealthCheck // each of its fields by default that of [DefaultHealthCheck]
	Drain                Drain       // each of its fields but SocketAge by default that of [DefaultDrain]
	IdleTimeout          int         // of the load balancer, in seconds, by default [DefaultIdleTimeout]
	LogRetention         int         // days, by default [DefaultLogRetention]

	// InstanceCount is how many tasks run, by default [DefaultInstanceCount]; see [Instances]. With Scaling it is how many there are
	// to begin with.
	InstanceCount int
	Scaling       *Scaling   // nil: as many as InstanceCount
	Deployment    Deployment // by default [Rolling]
	Before        *Before    // nil: nothing runs before the service's container
	Canary        *Canary    // nil: none

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

// Defaults of a [FargateService].
const (
	DefaultPort         = 8080
	DefaultCPU          = 256
	DefaultMemory       = 512
	DefaultArchitecture = "amd64"
	DefaultLogRetention = 30
	// DefaultInstanceCount is the default of FargateServiceArgs.InstanceCount, of which [NoInstances] is 0.
	DefaultInstanceCount = 1
	NoInstances          = -1
	// MaxInstances is how many tasks a service can have ("Amazon ECS service quotas").
	MaxInstances = 5000
)

// DefaultCapacity is the default of FargateServiceArgs.Capacity. Nothing changes it.
var DefaultCapacity = Capacity{Fargate: Share{Weight: 1}}

// Instances returns what FargateServiceArgs.InstanceCount is for so many tasks.
func Instances(n int) int {
	if n == 0 {
		return NoInstances
	}
	return n
}

// withDefaults returns the arguments with what is not given filled in.
func (a FargateServiceArgs) withDefaults() *FargateServiceArgs {
	a.Port = cmp.Or(a.Port, DefaultPort)
	a.CPU = cmp.Or(a.CPU, DefaultCPU)
	a.Memory = cmp.Or(a.Memory, DefaultMemory)
	a.Architecture = cmp.Or(a.Architecture, DefaultArchitecture)
	a.Capacity = cmp.Or(a.Capacity, DefaultCapacity)
	a.InstanceCount = orNone(a.InstanceCount, DefaultInstanceCount, NoInstances)
	a.HealthCheck = a.HealthCheck.withDefaults()
	a.Drain = a.Drain.withDefaults()
	a.IdleTimeout = cmp.Or(a.IdleTimeout, DefaultIdleTimeout)
	a.Deployment = a.Deployment.withDefaults()
	a.LogRetention = cmp.Or(a.LogRetention, DefaultLogRetention)
	if a.onError == nil {
		a.onError = registerErrorHook
	}
	if a.Canary != nil {
		canary := *a.Canary
		canary.Header = cmp.Or(canary.Header, DefaultCanaryHeader)
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
		name: name, stream: args.Service, image: args.Image, count: args.InstanceCount, scaling: args.Scaling,
		attachment: AttachmentRoute(args.Service, args.HealthCheck),
	}
	tasks, arn, err := args.newVersion(ctx, own, around, parent)
	if err != nil {
		return nil, err
	}
	service.targets = []weightedTarget{{group: arn, weight: maxWeight}}
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

	if err := CheckName(name); err != nil {
		problems = append(problems, err)
	}
	if a.VPCID == nil || a.SubnetIDs == nil || a.ClusterARN == nil || a.ListenerARN == nil ||
		a.LoadBalancerSecurityGroupID == nil || a.LoadBalancerARNSuffix == nil || a.Region == "" {
		problem("the region, VPC id, subnet ids, cluster's ARN, listener's ARN and load balancer's security group and ARN suffix are all needed")
	}
	if a.Priorities[AttachmentRoute(a.Service, a.HealthCheck)] == 0 || a.Canary != nil && a.Priorities[CanaryRoute(a.Service, a.HealthCheck)] == 0 {
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
			if setting, reserved := ReservedVariables[name]; reserved {
				problem("%s is set from %s, and is in the environment or the secrets too", name, setting)
			}
		}
	}
	for _, number := range []struct {
		what           string
		n, least, most int
	}{
		{"port", a.Port, 1, 65_535},
		{"instance count", a.InstanceCount, 0, MaxInstances},
		{"load balancer's idle timeout", a.IdleTimeout, 1, MaxIdleTimeout},
	} {
		if err := checkRange(number.n, number.least, number.most); err != nil {
			problem("the %s %w", number.what, err)
		}
	}
	if err := CheckLogRetention(a.LogRetention); err != nil {
		problem("the log retention of %d days: %w", a.LogRetention, err)
	}
	if _, known := cpuArchitectures[a.Architecture]; !known {
		problem("architecture %q is not amd64 or arm64", a.Architecture)
	}
	problems = append(problems,
		CheckFargateCPU(a.CPU), CheckFargateMemory(a.CPU, a.Memory), a.Capacity.Check(), a.HealthCheck.check(), a.Drain.check(),
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
		if err := errors.Join(CheckCanaryName(name), a.Canary.Check(), a.Deployment.Check(a.Canary.Tasks(a.InstanceCount, a.Scaling))); err != nil {
			problem("canary: %w", err)
		}
	}
	return errors.Join(problems...)
}
