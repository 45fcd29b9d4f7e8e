package components

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// newExecPolicy lets sessions of ECS Exec reach the tasks, and log to the service's log group: without a setting of the cluster, ECS Exec
// logs where the containers do.
func (o owner) newExecPolicy(ctx *pulumi.Context, around surroundings) (*iam.RolePolicy, error) {
	return iam.NewRolePolicy(ctx, o.name+"-task-exec", &iam.RolePolicyArgs{
		Role: around.task.Name,
		Policy: around.logs.Arn.ApplyT(func(arn string) (string, error) {
			var document policyDocument
			for _, permission := range o.workload.Exec.Permissions(arn) {
				document = append(document, allow(permission)...)
			}
			return document.JSON()
		}).(pulumi.StringOutput),
	}, o.parent)
}
