package components

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// FargateJobArgs describe a [FargateJob].
type FargateJobArgs struct {
	// Job decides which resources there are. Each field that is not given has its default.
	spec.Job

	Cluster *Cluster
	In      Placement
	Access  Access

	// Of is the service whose image the job has; nil: an image of its own. The job then has its security group, log group, secrets and
	// roles, and neither In nor Access. [spec.Job.CheckOf] has what else it cannot have.
	Of *FargateService

	Tags Tags
}

// FargateJob is a task that does one piece of work on Fargate and ends. With a schedule it runs at times by itself; without one it runs
// when someone starts it.
type FargateJob struct {
	pulumi.ResourceState

	name       string // the component's
	args       FargateJobArgs
	around     surroundings
	definition *ecs.TaskDefinition
	gate       *gate // nil: no service waits for it

	// TaskDefinitionARN is the revision that runs. It has everything as a dependency that a task needs to start.
	TaskDefinitionARN pulumi.StringOutput
	LogGroupName      pulumi.StringOutput
	TaskRoleName      pulumi.StringOutput // the tasks' role, for policies that let them use other AWS services
	StateMachineARN   pulumi.StringOutput // whose executions are the scheduled runs; empty without a schedule
}

// NewFargateJob creates a job. It runs nothing.
func NewFargateJob(ctx *pulumi.Context, name string, args *FargateJobArgs, opts ...pulumi.ResourceOption) (*FargateJob, error) {
	if args == nil {
		return nil, errors.New("job: args are missing")
	}
	job := &FargateJob{name: name, args: args.withDefaults()}
	if err := job.check(*args); err != nil {
		return nil, fmt.Errorf("job %s: %w", name, err)
	}
	job.args.Tags = args.Tags.With(spec.ServiceTag, args.Name)
	if err := ctx.RegisterComponentResource("slipway:index:FargateJob", name, job, opts...); err != nil {
		return nil, err
	}
	if err := job.newSurroundings(ctx); err != nil {
		return nil, err
	}
	if err := job.newTaskDefinition(ctx); err != nil {
		return nil, err
	}
	job.TaskDefinitionARN = after(job.definition.Arn, job.around.access...)
	job.LogGroupName = job.around.logs.Name
	job.TaskRoleName = job.around.task.Name
	job.StateMachineARN = pulumi.String("").ToStringOutput()
	if err := job.newSchedule(ctx); err != nil {
		return nil, err
	}
	return job, ctx.RegisterResourceOutputs(job, pulumi.Map{
		"taskDefinitionArn": job.TaskDefinitionARN,
		"logGroupName":      job.LogGroupName,
		"taskRoleName":      job.TaskRoleName,
		"stateMachineArn":   job.StateMachineARN,
	})
}

// withDefaults fills in what is not given.
func (a FargateJobArgs) withDefaults() FargateJobArgs {
	if a.Of != nil {
		a.Job = a.Inherit(a.Of.args.Service)
		a.Service = a.Of.args.Name
		a.Cluster = cmp.Or(a.Cluster, a.Of.args.Cluster)
		a.In, a.Access = a.Of.args.In, a.Of.args.Access
	}
	a.Job = a.Job.WithDefaults()
	return a
}

// check reports what is missing, wrong or contradictory. What was given is without defaults.
func (j *FargateJob) check(given FargateJobArgs) error {
	a := j.args
	problems := []error{spec.CheckName(j.name), a.In.check()}
	if a.Cluster == nil {
		problems = append(problems, errors.New("the cluster is missing"))
	}
	found := a.Problems()
	if a.In.IPv6Only {
		found.Include(a.IPv6Problems())
	}
	if a.Of == nil {
		found.Include(a.Access.problemsOf(a.Workload, a.Images(), true))
	} else {
		found.Include(given.checkOf())
		found.Add(a.CheckDefinition(slices.Collect(maps.Keys(a.Access.Secrets))))
	}
	if a.Of == nil && a.Service != "" {
		found.Add(errors.New("is for a job with Of; set Of to the service, or leave it out"), "service")
	}
	found.Include(a.Tags.problems())
	return errors.Join(append(problems, found.Err())...)
}

// checkOf reports what a job is given that it has of its service.
func (a FargateJobArgs) checkOf() spec.Problems {
	service := a.Of.args
	found := a.CheckOf(service.Service, slices.Collect(maps.Keys(service.Access.Secrets)))
	found.Add(a.CheckNames([]spec.Service{service.Service}))
	if a.Service != "" && a.Service != service.Name {
		found.AddValue(a.Service, fmt.Errorf("is not the service in Of, which is %s; leave it out", service.Name), "service")
	}
	for _, of := range []struct {
		name  string
		given bool
	}{
		{"in", a.In.VPCID != nil || a.In.SubnetIDs != nil || a.In.PublicIP},
		{"secrets", len(a.Access.Secrets) > 0},
		{"registry", a.Access.Registry != nil},
		{"env", len(a.Access.Environment) > 0},
		{"permissionsBoundary", a.Access.Boundary != nil},
	} {
		if of.given {
			found.Add(spec.ErrOfService, of.name)
		}
	}
	return found
}

// parent is the option that makes a resource part of the job.
func (j *FargateJob) parent() pulumi.ResourceOption { return pulumi.Parent(j) }

// owner describes the job as the owner of its tasks.
func (j *FargateJob) owner() owner {
	return owner{
		name: j.name, title: "job " + j.args.Name, region: j.args.Cluster.Region, in: j.args.In, workload: j.args.Workload, images: j.args.Images(),
		access: j.args.Access, tags: j.args.Tags, parent: j.parent(),
	}
}

func (j *FargateJob) newSurroundings(ctx *pulumi.Context) (err error) {
	if j.args.Of != nil {
		j.around = j.args.Of.around
		return nil
	}
	j.around, err = j.owner().newSurroundings(ctx, "Tasks of a job: out to anywhere", nil)
	return err
}

func (j *FargateJob) newTaskDefinition(ctx *pulumi.Context) (err error) {
	o := j.owner()
	j.definition, err = o.newTaskDefinition(ctx, j.around, revision{
		name: j.name, stream: j.args.Name, image: j.args.Image, environment: o.environment(j.args.Settings()), stopTimeout: j.args.StopTimeout,
	})
	return err
}

// Run returns what it takes to run the job, in the form of [spec.Run].
func (j *FargateJob) Run() pulumi.Map {
	return pulumi.Map{
		"taskDefinition": j.TaskDefinitionARN,
		"subnets":        j.args.In.SubnetIDs,
		"securityGroups": pulumi.StringArray{j.around.securityGroup},
		"publicIp":       pulumi.Bool(j.args.In.PublicIP),
		"timeout":        pulumi.Int(j.args.Timeout),
		"alone":          pulumi.Bool(j.args.Alone),
		"spot":           pulumi.Bool(j.args.Spot),
		"stateMachine":   j.StateMachineARN,
	}
}
