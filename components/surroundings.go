package components

import (
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// surroundings has what every task of a service needs, in every version.
type surroundings struct {
	securityGroup   pulumi.StringInput
	logs            *cloudwatch.LogGroup
	secrets         serviceSecrets
	execution, task *iam.Role
	// access has the policies and rules that tasks need to start, and to stop cleanly.
	access []pulumi.Resource
}

func (s *FargateService) newSurroundings(ctx *pulumi.Context) error {
	around := &s.around
	group, groupRules, err := s.newSecurityGroup(ctx)
	if err != nil {
		return err
	}
	around.securityGroup = group
	if around.logs, err = cloudwatch.NewLogGroup(ctx, s.name, &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(s.args.LogRetention),
		Tags:            s.args.Tags.named(s.name),
	}, s.parent()); err != nil {
		return err
	}
	if around.secrets, err = s.newSecrets(ctx); err != nil {
		return err
	}
	execution, policies, err := s.newExecutionRole(ctx)
	if err != nil {
		return err
	}
	around.execution = execution
	task, permissions, err := s.newTaskRole(ctx)
	if err != nil {
		return err
	}
	around.task = task
	if s.args.Exec.Enabled {
		sessions, err := s.newExecPolicy(ctx)
		if err != nil {
			return err
		}
		permissions = append(permissions, sessions)
	}
	around.access = slices.Concat(groupRules, policies, permissions)
	return nil
}

// newSecurityGroup creates the tasks' security group: in only from the load balancer to the container's port, if there is one, and out
// to everywhere. Tasks use services on the internet, also for their image, secrets and logs.
func (s *FargateService) newSecurityGroup(ctx *pulumi.Context) (group pulumi.StringInput, rules []pulumi.Resource, err error) {
	description := "Tasks of a service: in from its load balancer, out to anywhere"
	if s.args.HTTP == nil {
		description = "Tasks of a worker: out to anywhere"
	}
	g, err := newSecurityGroup(ctx, s.name, description, s.args.In.VPCID, s.args.Tags, s.parent())
	if err != nil {
		return nil, nil, err
	}
	if s.args.HTTP != nil {
		if rules, err = s.newRequestRules(ctx, g.ID()); err != nil {
			return nil, nil, err
		}
	}
	for _, out := range []struct {
		suffix string
		to     peer
	}{{"-out-ipv4", peer{ipv4: everyIPv4}}, {"-out-ipv6", peer{ipv6: everyIPv6}}} {
		rule, err := allowAllTo(ctx, s.name+out.suffix, g.ID(), out.to, s.args.Tags, s.parent())
		if err != nil {
			return nil, nil, err
		}
		rules = append(rules, rule)
	}
	reached, err := newReaches(ctx, s.name, s.args.Reaches, g.ID(), s.args.Tags, s.parent())
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
