package components

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// newTaskRole creates a role that ECS can give to tasks.
func newTaskRole(ctx *pulumi.Context, name, description string, tags Tags, parent pulumi.ResourceOption) (*iam.Role, error) {
	trust, err := trustECSTasks.JSON()
	if err != nil {
		return nil, err
	}
	return iam.NewRole(ctx, name, &iam.RoleArgs{
		Description:      pulumi.String(description),
		AssumeRolePolicy: pulumi.String(trust),
		Tags:             tags.named(name),
	}, parent)
}

// newExecutionRole creates the role by which ECS starts the tasks. See [executionPolicy].
func (a *FargateServiceArgs) newExecutionRole(
	ctx *pulumi.Context, name string, logs *cloudwatch.LogGroup, secrets serviceSecrets, parent pulumi.ResourceOption,
) (*iam.Role, *iam.RolePolicy, error) {
	role, err := newTaskRole(ctx, name+"-execution", "Used by ECS to start the tasks", a.Tags, parent)
	if err != nil {
		return nil, nil, err
	}
	var repository *ECRRepository
	if r, isECR := a.Image.ECR(); isECR {
		repository = &r
	}
	document := pulumi.All(logs.Arn, secrets.arns.ToStringArrayOutput()).ApplyT(func(known []any) (string, error) {
		return executionPolicy(known[0].(string), known[1].([]string), repository).JSON()
	}).(pulumi.StringOutput)
	policy, err := iam.NewRolePolicy(ctx, name+"-execution", &iam.RolePolicyArgs{
		Role:   role.Name,
		Policy: document,
	}, parent)
	return role, policy, err
}
