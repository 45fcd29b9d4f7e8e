// Package aws lists the AWS services that the local cloud has, a folder each, and says how the AWS provider behaves. Rules
// name the page of AWS's documentation, or the API error code, that they follow.
package aws

import (
	"slices"

	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/appautoscaling"
	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/logs"
	"slipway/localcloud/aws/resourcegroupstagging"
	"slipway/localcloud/aws/s3"
	"slipway/localcloud/aws/scheduler"
	"slipway/localcloud/aws/secretsmanager"
	"slipway/localcloud/aws/servicediscovery"
	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/aws/sqs"
	"slipway/localcloud/aws/ssm"
	"slipway/localcloud/aws/sts"
)

// Kinds returns every kind and function of the package but those of [ecr.WithImages], which need a registry.
func Kinds() []any {
	return slices.Concat(
		ec2.Kinds(), ecs.Kinds(), iam.Kinds(), acm.Kinds(), cloudwatch.Kinds(), appautoscaling.Kinds(), logs.Kinds(),
		secretsmanager.Kinds(), servicediscovery.Kinds(), ssm.Kinds(), elbv2.Kinds(), ecr.Kinds(), s3.Kinds(),
		sqs.Kinds(), scheduler.Kinds(), sfn.Kinds(), resourcegroupstagging.Kinds(), sts.Kinds(),
		[]any{getRegion, getPartition},
	)
}
