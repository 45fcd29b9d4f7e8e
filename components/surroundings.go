package components

import (
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// owner is the component whose tasks need surroundings: a service or a job.
type owner struct {
	name, title string // the component's name, and "service hello"
	region      string
	in          Placement
	workload    spec.Workload
	images      []spec.Image // all that its tasks run
	access      Access
	tags        Tags
	parent      pulumi.ResourceOption
}

// owner describes the service as the owner of its tasks.
func (s *FargateService) owner() owner {
	return owner{
		name: s.name, title: "service " + s.args.Name, region: s.args.Cluster.Region, in: s.args.In, workload: s.args.Workload, images: s.args.Images(),
		access: s.args.Access, tags: s.args.Tags, parent: s.parent(),
	}
}

// surroundings has what every task of a service or a job needs, in every version.
type surroundings struct {
	securityGroup   pulumi.StringInput
	logs            *cloudwatch.LogGroup
	secrets         serviceSecrets
	execution, task *iam.Role
	// access has the policies and rules that tasks need to start, and to stop cleanly.
	access []pulumi.Resource
}

func (s *FargateService) newSurroundings(ctx *pulumi.Context) (err error) {
	if s.args.HTTP == nil {
		s.around, err = s.owner().newSurroundings(ctx, "Tasks of a worker: out to anywhere", nil)
	} else {
		s.around, err = s.owner().newSurroundings(ctx, "Tasks of a service: in from its load balancer, out to anywhere", s.newRequestRules)
	}
	if err != nil {
		return err
	}
	calls, err := s.newCallRules(ctx)
	s.around.access = append(s.around.access, calls...)
	return err
}

// newSurroundings creates the surroundings. The description is the security group's, and the rules let something in; nil lets in nothing.
func (o owner) newSurroundings(
	ctx *pulumi.Context, description string, rules func(*pulumi.Context, pulumi.StringInput) ([]pulumi.Resource, error),
) (around surroundings, err error) {
	group, groupRules, err := o.newSecurityGroup(ctx, description, rules)
	if err != nil {
		return around, err
	}
	around.securityGroup = group
	if around.logs, err = cloudwatch.NewLogGroup(ctx, o.name, &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(o.workload.LogRetention),
		Tags:            o.tags.named(o.name),
	}, o.parent); err != nil {
		return around, err
	}
	if around.secrets, err = o.newSecrets(ctx); err != nil {
		return around, err
	}
	execution, policies, err := o.newExecutionRole(ctx, around)
	if err != nil {
		return around, err
	}
	around.execution = execution
	task, permissions, err := o.newTaskRole(ctx)
	if err != nil {
		return around, err
	}
	around.task = task
	if o.workload.Exec.Enabled {
		sessions, err := o.newExecPolicy(ctx, around)
		if err != nil {
			return around, err
		}
		permissions = append(permissions, sessions)
	}
	around.access = slices.Concat(groupRules, policies, permissions)
	return around, nil
}

// newSecurityGroup creates the tasks' security group: in only what the rules allow, which is the load balancer to the container's port
// of a service, and out to everywhere. Tasks use services on the internet, also for their image, secrets and logs.
func (o owner) newSecurityGroup(
	ctx *pulumi.Context, description string, in func(*pulumi.Context, pulumi.StringInput) ([]pulumi.Resource, error),
) (group pulumi.StringInput, rules []pulumi.Resource, err error) {
	g, err := newSecurityGroup(ctx, o.name, description, o.in.VPCID, o.tags, o.parent)
	if err != nil {
		return nil, nil, err
	}
	if in != nil {
		if rules, err = in(ctx, g.ID()); err != nil {
			return nil, nil, err
		}
	}
	for _, out := range []struct {
		suffix string
		to     peer
	}{{"-out-ipv4", peer{ipv4: everyIPv4}}, {"-out-ipv6", peer{ipv6: everyIPv6}}} {
		rule, err := allowAllTo(ctx, o.name+out.suffix, g.ID(), out.to, o.tags, o.parent)
		if err != nil {
			return nil, nil, err
		}
		rules = append(rules, rule)
	}
	reached, err := newReaches(ctx, o.name, o.workload.Reaches, g.ID(), o.tags, o.parent)
	if err != nil {
		return nil, nil, err
	}
	return g.ID(), append(rules, reached...), nil
}

// newRequestRules lets requests out of the load balancer's security group and into the tasks'.
func (s *FargateService) newRequestRules(ctx *pulumi.Context, group pulumi.StringInput) ([]pulumi.Resource, error) {
	// The port is part of the rules' names: another port gets new rules while tasks on the old port still serve.
	number, balancer := s.args.HTTP.Port, s.args.Listener.SecurityGroupID
	port := strconv.Itoa(number)
	in, err := allowTCPFrom(ctx, s.name+"-in-"+port, group, peer{group: balancer}, number, s.args.Tags, s.parent())
	if err != nil {
		return nil, err
	}
	toTasks, err := allowTCPTo(ctx, s.name+"-load-balancer-out-"+port, balancer, peer{group: group}, number, s.args.Tags, s.parent())
	if err != nil {
		return nil, err
	}
	return []pulumi.Resource{in, toTasks}, nil
}
