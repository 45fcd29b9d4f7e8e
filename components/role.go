package components

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// newRole creates a role within the tasks' permissions boundary.
func (o owner) newRole(ctx *pulumi.Context, name, description string, trusts policyDocument) (*iam.Role, error) {
	trust, err := trusts.JSON()
	if err != nil {
		return nil, err
	}
	return iam.NewRole(ctx, name, &iam.RoleArgs{
		Path:                pulumi.String(spec.RolePath),
		Description:         pulumi.String(description),
		AssumeRolePolicy:    pulumi.String(trust),
		PermissionsBoundary: o.access.Boundary,
		Tags:                o.tags.named(name),
	}, o.parent)
}

// newExecutionRole creates the role with which ECS starts the tasks. Each thing that it may use has a separate policy. A policy for a
// new repository or secret is created before the service is updated, and an old one is deleted after that. So the running tasks, and a
// rollback to them, keep theirs.
func (o owner) newExecutionRole(ctx *pulumi.Context, around surroundings) (*iam.Role, []pulumi.Resource, error) {
	name, secrets := spec.ExecutionRole.Of(o.name), around.secrets
	role, err := o.newRole(ctx, name, "Used by ECS to start the tasks", trustECSTasks)
	if err != nil {
		return nil, nil, err
	}
	type grant struct {
		name   string
		arn    pulumi.StringOutput
		policy func(arn string) policyDocument
	}
	grants := []grant{{name + "-logs", around.logs.Arn, writeLogs}}
	if len(o.access.allSecrets()) > 0 {
		grants = append(grants, grant{name + "-environment", secrets.environment, readSecret})
	}
	if o.access.Registry != nil {
		grants = append(grants, grant{name + "-registry", secrets.registry, readSecret})
	}
	for _, source := range o.workload.SecretSources() {
		policy := readSecret
		if source.IsParameter() {
			policy = readParameter
		}
		grants = append(grants, grant{policyName(name+"-secret", source.ARN()), pulumi.String(source.ARN()).ToStringOutput(), policy})
	}
	for _, arn := range o.repositories() {
		grants = append(grants, grant{policyName(name+"-image", arn), pulumi.String(arn).ToStringOutput(), pullImage})
	}
	var policies []pulumi.Resource
	for _, g := range grants {
		policy, err := iam.NewRolePolicy(ctx, g.name, &iam.RolePolicyArgs{
			Role:   role.Name,
			Policy: g.arn.ApplyT(func(arn string) (string, error) { return g.policy(arn).JSON() }).(pulumi.StringOutput),
		}, o.parent)
		if err != nil {
			return nil, nil, err
		}
		policies = append(policies, policy)
	}
	return role, policies, nil
}

// newTaskRole creates the role that the tasks have themselves, with one policy for each permission, as for the execution role: tasks that
// run keep what they may do until others have replaced them.
func (o owner) newTaskRole(ctx *pulumi.Context) (*iam.Role, []pulumi.Resource, error) {
	name := spec.TaskRole.Of(o.name)
	role, err := o.newRole(ctx, name, "Given to the tasks themselves", trustECSTasks)
	if err != nil {
		return nil, nil, err
	}
	var policies []pulumi.Resource
	for _, arn := range o.workload.Policies {
		attached, err := iam.NewRolePolicyAttachment(ctx, policyName(name, arn), &iam.RolePolicyAttachmentArgs{
			Role: role.Name, PolicyArn: pulumi.String(arn),
		}, o.parent)
		if err != nil {
			return nil, nil, err
		}
		policies = append(policies, attached)
	}
	write := func(suffix string, policy policyDocument) error {
		document, err := policy.JSON()
		if err != nil {
			return err
		}
		written, err := iam.NewRolePolicy(ctx, policyName(name+suffix, document), &iam.RolePolicyArgs{
			Role: role.Name, Policy: pulumi.String(document),
		}, o.parent)
		policies = append(policies, written)
		return err
	}
	for _, permission := range o.workload.Allow {
		if err := write("-allow", allow(permission)); err != nil {
			return nil, nil, err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(o.workload.Watch)) {
		if err := write("-watch", watchParameters(path, o.region)); err != nil {
			return nil, nil, err
		}
	}
	for _, volume := range o.workload.Room.FileSystems() {
		if err := write("-volume", mountVolume(volume, o.region)); err != nil {
			return nil, nil, err
		}
	}
	return role, policies, nil
}

// policyName returns the name of one of several policies. It has a hash of what tells them apart: an ARN can contain "/", and a policy's
// name cannot.
func policyName(beginning, what string) string {
	hash := sha256.Sum256([]byte(what))
	return fmt.Sprintf("%s-%x", beginning, hash[:4])
}

// repositories returns the ARNs of the images' ECR repositories, sorted.
func (o owner) repositories() []string {
	var arns []string
	for _, image := range o.images {
		if repository, isECR := image.ECR(); isECR {
			arns = append(arns, repository.ARN())
		}
	}
	slices.Sort(arns)
	return slices.Compact(arns)
}
