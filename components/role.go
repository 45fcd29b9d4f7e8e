package components

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// newRole creates a role that ECS can give to the service's tasks.
func (a *FargateServiceArgs) newRole(ctx *pulumi.Context, name, description string, parent pulumi.ResourceOption) (*iam.Role, error) {
	trust, err := trustECSTasks.JSON()
	if err != nil {
		return nil, err
	}
	return iam.NewRole(ctx, name, &iam.RoleArgs{
		Path:                pulumi.String(spec.RolePath),
		Description:         pulumi.String(description),
		AssumeRolePolicy:    pulumi.String(trust),
		PermissionsBoundary: a.PermissionsBoundary,
		Tags:                a.Tags.named(name),
	}, parent)
}

// newExecutionRole creates the role by which ECS starts the tasks. Everything that it may use has a policy of its own: one for
// another image's repository or a new secret is created before the service is updated, and one that is not wanted any
// more is deleted after that, so that the tasks that still run, and a rollback to them, keep theirs.
func (a *FargateServiceArgs) newExecutionRole(
	ctx *pulumi.Context, name string, logs *cloudwatch.LogGroup, secrets serviceSecrets, parent pulumi.ResourceOption,
) (*iam.Role, []pulumi.Resource, error) {
	name += "-execution"
	role, err := a.newRole(ctx, name, "Used by ECS to start the tasks", parent)
	if err != nil {
		return nil, nil, err
	}
	type grant struct {
		name   string
		arn    pulumi.StringOutput
		policy func(arn string) policyDocument
	}
	grants := []grant{{name + "-logs", logs.Arn, writeLogs}}
	if len(a.Secrets) > 0 {
		grants = append(grants, grant{name + "-environment", secrets.environment, readSecret})
	}
	if a.RegistryCredentials != nil {
		grants = append(grants, grant{name + "-registry", secrets.registry, readSecret})
	}
	for _, arn := range a.repositories() {
		hash := sha256.Sum256([]byte(arn)) // a policy's name cannot hold the "/" that a repository's can
		grants = append(grants, grant{fmt.Sprintf("%s-image-%x", name, hash[:4]), pulumi.String(arn).ToStringOutput(), pullImage})
	}
	var policies []pulumi.Resource
	for _, g := range grants {
		policy, err := iam.NewRolePolicy(ctx, g.name, &iam.RolePolicyArgs{
			Role:   role.Name,
			Policy: g.arn.ApplyT(func(arn string) (string, error) { return g.policy(arn).JSON() }).(pulumi.StringOutput),
		}, parent)
		if err != nil {
			return nil, nil, err
		}
		policies = append(policies, policy)
	}
	return role, policies, nil
}

// images returns every image that the service's tasks run.
func (a *FargateServiceArgs) images() []spec.Image {
	images := []spec.Image{a.Image}
	if a.Canary != nil {
		images = append(images, a.Canary.Image)
	}
	if a.Before != nil && a.Before.Image != nil {
		images = append(images, *a.Before.Image)
	}
	return images
}

// repositories returns the ARNs of the ECR repositories that the images are in, sorted.
func (a *FargateServiceArgs) repositories() []string {
	var arns []string
	for _, image := range a.images() {
		if repository, isECR := image.ECR(); isECR {
			arns = append(arns, repository.ARN())
		}
	}
	slices.Sort(arns)
	return slices.Compact(arns)
}
