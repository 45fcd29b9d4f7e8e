package components

import (
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// surroundings are what every task of a service needs, whichever version it runs.
type surroundings struct {
	component       pulumi.Resource // that all of it is part of
	securityGroup   pulumi.StringInput
	logs            *cloudwatch.LogGroup
	secrets         serviceSecrets
	execution, task *iam.Role
	// access are the policies and rules by which tasks can start, and stop properly as long as they are there.
	access []pulumi.Resource
}

func (a *FargateServiceArgs) newSurroundings(ctx *pulumi.Context, name string, component pulumi.Resource) (*surroundings, error) {
	parent := pulumi.Parent(component)
	group, groupRules, err := a.newSecurityGroup(ctx, name, parent)
	if err != nil {
		return nil, err
	}
	logs, err := cloudwatch.NewLogGroup(ctx, name, &cloudwatch.LogGroupArgs{
		RetentionInDays: pulumi.Int(a.LogRetention),
		Tags:            a.Tags.named(name),
	}, parent)
	if err != nil {
		return nil, err
	}
	secrets, err := a.newSecrets(ctx, name, parent)
	if err != nil {
		return nil, err
	}
	execution, policies, err := a.newExecutionRole(ctx, name, logs, secrets, parent)
	if err != nil {
		return nil, err
	}
	task, err := a.newRole(ctx, name+"-task", "Given to the tasks themselves", parent)
	if err != nil {
		return nil, err
	}
	return &surroundings{
		component:     component,
		securityGroup: group,
		logs:          logs,
		secrets:       secrets,
		execution:     execution,
		task:          task,
		access:        slices.Concat(groupRules, policies),
	}, nil
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
