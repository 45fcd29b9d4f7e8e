package components

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// portVariable is the environment variable that tells a service which port to listen on.
const portVariable = "PORT"

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

	ListenerARN                 pulumi.StringInput // of the HTTPS listener that gets the rules
	LoadBalancerSecurityGroupID pulumi.StringInput
	// Priorities are the service's routes with the priorities of their rules. See [Priorities].
	Priorities map[Route]int

	Image Image
	// RegistryCredentials are for private registries other than Amazon ECR.
	RegistryCredentials *RegistryCredentials

	EntryPoint, Command []string // the image's own if empty
	// Environment is passed to the container, and so is every key of Secrets, as an environment variable of that name.
	// PORT is set to Port.
	Environment, Secrets pulumi.StringMap
	Port                 int    // by default [DefaultPort]
	CPU                  int    // units, by default [DefaultCPU]; see [CheckFargateCPU]
	Memory               int    // MiB, by default [DefaultMemory]; see [CheckFargateMemory]
	Architecture         string // "amd64" or "arm64", by default [DefaultArchitecture]
	InstanceCount        int
	Capacity             Capacity    // by default [DefaultCapacity]
	HealthCheck          HealthCheck // by default [DefaultHealthCheck]
	DeregistrationDelay  int         // seconds that a task which is to stop still gets to finish its requests; can be 0
	StopTimeout          int         // seconds between SIGTERM and SIGKILL, by default [DefaultStopTimeout]
	LogRetention         int         // days, by default [DefaultLogRetention]

	// PermissionsBoundary is the ARN of the managed policy that limits what the service's roles can ever do; nil is none.
	PermissionsBoundary pulumi.StringPtrInput

	Tags Tags
}

// RegistryCredentials log in to a private registry.
type RegistryCredentials struct {
	Username string
	Password pulumi.StringInput // kept secret
}

// HealthCheck is how the load balancer finds out whether a task can take requests: it wants status 200 from the path.
type HealthCheck struct {
	Path               string
	Interval           int // seconds
	Timeout            int // seconds
	HealthyThreshold   int // successes in a row
	UnhealthyThreshold int // failures in a row
	GracePeriod        int // seconds after a task's start in which ECS ignores failures
}

// Defaults of a [FargateService].
const (
	DefaultPort         = 8080
	DefaultCPU          = 256
	DefaultMemory       = 512
	DefaultArchitecture = "amd64"
	DefaultStopTimeout  = 30
	DefaultLogRetention = 30
)

// Defaults of a [FargateService] that are not constants. Nothing changes them.
var (
	DefaultCapacity    = Capacity{Fargate: Share{Weight: 1}}
	DefaultHealthCheck = HealthCheck{Path: "/healthz", Interval: 5, Timeout: 2, HealthyThreshold: 2, UnhealthyThreshold: 2, GracePeriod: 10}
)

// withDefaults returns the arguments with what is not given filled in.
func (a FargateServiceArgs) withDefaults() *FargateServiceArgs {
	a.Port = cmp.Or(a.Port, DefaultPort)
	a.CPU = cmp.Or(a.CPU, DefaultCPU)
	a.Memory = cmp.Or(a.Memory, DefaultMemory)
	a.Architecture = cmp.Or(a.Architecture, DefaultArchitecture)
	a.Capacity = cmp.Or(a.Capacity, DefaultCapacity)
	a.HealthCheck = cmp.Or(a.HealthCheck, DefaultHealthCheck)
	a.StopTimeout = cmp.Or(a.StopTimeout, DefaultStopTimeout)
	a.LogRetention = cmp.Or(a.LogRetention, DefaultLogRetention)
	return &a
}

// FargateService is a service of tasks on Fargate behind a load balancer.
type FargateService struct {
	pulumi.ResourceState

	Name         pulumi.StringOutput
	LogGroupName pulumi.StringOutput
	TaskRoleName pulumi.StringOutput // the tasks' own role, for policies that let them use other parts of AWS
	// TaskDefinitionARN is the revision that ECS runs. If that is not the revision that was deployed, it is an error.
	TaskDefinitionARN pulumi.StringOutput
}

// NewFargateService creates a service and waits until it is in a steady state.
func NewFargateService(ctx *pulumi.Context, name string, args *FargateServiceArgs, opts ...pulumi.ResourceOption) (*FargateService, error) {
	if args == nil {
		return nil, errors.New("service: args are missing")
	}
	args = args.withDefaults()
	if err := args.check(name); err != nil {
		return nil, fmt.Errorf("service %s: %w", name, err)
	}

	service := &FargateService{}
	if err := ctx.RegisterComponentResource("slipway:index:FargateService", name, service, opts...); err != nil {
		return nil, err
	}
	parent := pulumi.Parent(service)

	group, groupRules, err := args.newSecurityGroup(ctx, name, parent)
	if err != nil {
		return nil, err
	}
	target, rules, err := args.newTargetGroup(ctx, name, parent)
	if err != nil {
		return nil, err
	}
	logs, err := cloudwatch.NewLogGroup(ctx, name, &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(args.LogRetention),
		Tags:            args.Tags.named(name),
	}, parent)
	if err != nil {
		return nil, err
	}
	secrets, err := args.newSecrets(ctx, name, parent)
	if err != nil {
		return nil, err
	}
	execution, executionPolicies, err := args.newExecutionRole(ctx, name, logs, secrets, parent)
	if err != nil {
		return nil, err
	}
	task, err := args.newRole(ctx, name+"-task", "Given to the tasks themselves", parent)
	if err != nil {
		return nil, err
	}
	definition, err := args.newTaskDefinition(ctx, name, logs, secrets, execution, task, parent)
	if err != nil {
		return nil, err
	}

	// The target group must belong to a load balancer when the service registers, which the rules see to. Tasks can start
	// once the policies and the security groups let them, and stop properly as long as they do.
	needs := slices.Concat(rules, groupRules, executionPolicies)
	s, err := ecs.NewService(ctx, name, &ecs.ServiceArgs{
		Cluster:                    args.ClusterARN,
		TaskDefinition:             definition.Arn,
		DesiredCount:               pulumi.Int(args.InstanceCount),
		CapacityProviderStrategies: args.Capacity.strategies(),
		NetworkConfiguration: ecs.ServiceNetworkConfigurationArgs{
			AssignPublicIp: pulumi.Bool(true),
			SecurityGroups: pulumi.StringArray{group},
			Subnets:        args.SubnetIDs,
		},
		LoadBalancers: ecs.ServiceLoadBalancerArray{ecs.ServiceLoadBalancerArgs{
			TargetGroupArn: target.Arn,
			ContainerName:  pulumi.String(containerName),
			ContainerPort:  pulumi.Int(args.Port),
		}},
		DeploymentMinimumHealthyPercent: pulumi.Int(100),
		DeploymentMaximumPercent:        pulumi.Int(200),
		DeploymentCircuitBreaker: ecs.ServiceDeploymentCircuitBreakerArgs{
			Enable:   pulumi.Bool(true),
			Rollback: pulumi.Bool(true),
		},
		HealthCheckGracePeriodSeconds: pulumi.Int(args.HealthCheck.GracePeriod),
		WaitForSteadyState:            pulumi.Bool(true),
		EnableEcsManagedTags:          pulumi.Bool(true),
		PropagateTags:                 pulumi.String("SERVICE"),
		Tags:                          args.Tags.named(name),
	}, parent, pulumi.DependsOn(needs), pulumi.Timeouts(&pulumi.CustomTimeouts{
		// A service that never had healthy tasks cannot be rolled back, so its first deployment ends by this alone.
		// Later ones need time to be rolled back in.
		Create: "10m",
		Update: "20m",
	}))
	if err != nil {
		return nil, err
	}

	service.Name = s.Name
	service.LogGroupName = logs.Name
	service.TaskRoleName = task.Name
	service.TaskDefinitionARN = runningTaskDefinition(ctx, s, definition.Arn)
	return service, ctx.RegisterResourceOutputs(service, pulumi.Map{
		"name":              service.Name,
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
	if a.VPCID == nil || a.SubnetIDs == nil || a.ClusterARN == nil || a.ListenerARN == nil || a.LoadBalancerSecurityGroupID == nil || a.Region == "" {
		problem("the region, VPC id, subnet ids, cluster's ARN, listener's ARN and load balancer's security group are all needed")
	}
	if len(a.Priorities) == 0 {
		problem("there is no route to it")
	}
	if a.Image.Repository == "" {
		problem("the image is missing")
	}
	if a.RegistryCredentials != nil && (a.RegistryCredentials.Username == "" || a.RegistryCredentials.Password == nil) {
		problem("the registry credentials need a user name and a password")
	}
	if repository, isECR := a.Image.ECR(); isECR && a.RegistryCredentials != nil {
		problem("registry credentials and an image in Amazon ECR (%s) exclude each other: ECS logs in to ECR by the execution role", repository.ARN())
	}
	for _, key := range slices.Sorted(maps.Keys(a.Environment)) {
		if _, both := a.Secrets[key]; both {
			problem("%s is both in the environment and in the secrets", key)
		}
	}
	for _, variables := range []pulumi.StringMap{a.Environment, a.Secrets} {
		if _, set := variables[portVariable]; set {
			problem("%s is set from the port, and is in the environment or the secrets too", portVariable)
		}
	}
	if _, known := cpuArchitectures[a.Architecture]; !known {
		problem("architecture %q is not amd64 or arm64", a.Architecture)
	}
	if err := errors.Join(CheckFargateCPU(a.CPU), CheckFargateMemory(a.CPU, a.Memory), a.Capacity.Check()); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// newSecurityGroup creates the tasks' security group: in only from the load balancer to the container's port, out to
// everywhere, because tasks fetch their image and secrets from, write their logs to and use services on the internet.
// The load balancer's own group is opened towards it.
func (a *FargateServiceArgs) newSecurityGroup(
	ctx *pulumi.Context, name string, parent pulumi.ResourceOption,
) (group pulumi.StringInput, rules []pulumi.Resource, err error) {
	g, err := newSecurityGroup(ctx, name, "Tasks of a service: in from its load balancer, out to anywhere", a.VPCID, a.Tags, parent)
	if err != nil {
		return nil, nil, err
	}
	// The port is part of the rules' names: another port gets rules of its own while the tasks that listen on the old one
	// still serve.
	port := strconv.Itoa(a.Port)
	in, err := allowTCPFrom(ctx, name+"-in-"+port, g.ID(), peer{group: a.LoadBalancerSecurityGroupID}, a.Port, a.Tags, parent)
	if err != nil {
		return nil, nil, err
	}
	toTasks, err := allowTCPTo(ctx, name+"-load-balancer-out-"+port, a.LoadBalancerSecurityGroupID, peer{group: g.ID()}, a.Port, a.Tags, parent)
	if err != nil {
		return nil, nil, err
	}
	outIPv4, err := allowAllTo(ctx, name+"-out-ipv4", g.ID(), peer{ipv4: everyIPv4}, a.Tags, parent)
	if err != nil {
		return nil, nil, err
	}
	outIPv6, err := allowAllTo(ctx, name+"-out-ipv6", g.ID(), peer{ipv6: everyIPv6}, a.Tags, parent)
	if err != nil {
		return nil, nil, err
	}
	return g.ID(), []pulumi.Resource{in, toTasks, outIPv4, outIPv6}, nil
}
