package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/s3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/bootstrap/permissions"
)

// programProject is the name of the program's project, in ../Pulumi.yaml.
const programProject = "slipway"

// stateBucket is the bucket with Pulumi's state.
type stateBucket struct {
	name, arn pulumi.StringOutput
}

// newStateBucket returns the bucket for the state of the stacks, or nil if it is elsewhere. All stacks are in one bucket, so that one
// can be promoted to another. With several accounts, one makes the bucket and the others share it. That one is production's account,
// because its roles can read and write all of the bucket, and those of the others only their own part.
func (a *account) newStateBucket(ctx *pulumi.Context) (*stateBucket, error) {
	switch {
	case a.sharedStateBucket != "":
		return &stateBucket{
			name: pulumi.String(a.sharedStateBucket).ToStringOutput(),
			arn:  pulumi.String(fmt.Sprintf("arn:%s:s3:::%s", a.Partition, a.sharedStateBucket)).ToStringOutput(),
		}, nil
	case a.stateBucket:
		return a.createStateBucket(ctx)
	}
	return nil, nil
}

// createStateBucket creates a bucket: versioned, encrypted, closed to the public and to requests without TLS. Names of buckets are
// global, so this one ends with Pulumi's suffix. AWS refuses to delete a bucket that is not empty.
func (a *account) createStateBucket(ctx *pulumi.Context) (*stateBucket, error) {
	const name = "slipway-state"
	bucket, err := s3.NewBucketV2(ctx, name, &s3.BucketV2Args{Tags: a.tags})
	if err != nil {
		return nil, err
	}
	if _, err := s3.NewBucketVersioningV2(ctx, name, &s3.BucketVersioningV2Args{
		Bucket: bucket.ID(),
		VersioningConfiguration: s3.BucketVersioningV2VersioningConfigurationArgs{
			Status: pulumi.String("Enabled"),
		},
	}); err != nil {
		return nil, err
	}
	if _, err := s3.NewBucketServerSideEncryptionConfigurationV2(ctx, name, &s3.BucketServerSideEncryptionConfigurationV2Args{
		Bucket: bucket.ID(),
		Rules: s3.BucketServerSideEncryptionConfigurationV2RuleArray{s3.BucketServerSideEncryptionConfigurationV2RuleArgs{
			ApplyServerSideEncryptionByDefault: s3.BucketServerSideEncryptionConfigurationV2RuleApplyServerSideEncryptionByDefaultArgs{
				SseAlgorithm: pulumi.String("AES256"),
			},
		}},
	}); err != nil {
		return nil, err
	}
	private, err := s3.NewBucketPublicAccessBlock(ctx, name, &s3.BucketPublicAccessBlockArgs{
		Bucket:                bucket.ID(),
		BlockPublicAcls:       pulumi.Bool(true),
		BlockPublicPolicy:     pulumi.Bool(true),
		IgnorePublicAcls:      pulumi.Bool(true),
		RestrictPublicBuckets: pulumi.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	if _, err := s3.NewBucketPolicy(ctx, name, &s3.BucketPolicyArgs{
		Bucket: bucket.ID(),
		Policy: document(bucket.Arn, a.stateBucketPolicy),
	}, pulumi.DependsOn([]pulumi.Resource{private})); err != nil { // S3 refuses to change both at the same time: OperationAborted
		return nil, err
	}
	return &stateBucket{name: bucket.Bucket, arn: bucket.Arn}, nil
}

// stateBucketPolicy returns the bucket's own policy. It gives the roles of other accounts the same access to the state of their stacks
// as the roles here have to all.
func (a *account) stateBucketPolicy(arn string) permissions.Document {
	policy := permissions.RequireTLS(arn)
	for _, account := range slices.Sorted(maps.Keys(a.stateAccounts)) {
		stacks := a.stateAccounts[account]
		readers, deployers := []string{deployName, driftName, previewName}, []string{deployName}
		if slices.Contains(stacks, pullRequestStacks) { // their own policy allows less, and only what both allow counts
			readers, deployers = append(readers, pullRequestName), append(deployers, pullRequestName)
		}
		policy = slices.Concat(policy,
			permissions.ShareWithRoles(permissions.ReadStacks(arn, programProject, stacks), a.Partition, account, readers...),
			permissions.ShareWithRoles(permissions.WriteStacks(arn, programProject, stacks), a.Partition, account, deployers...))
	}
	return policy
}

// document returns the JSON of a policy for the resource with the ARN.
func document(arn pulumi.StringOutput, of func(arn string) permissions.Document) pulumi.StringOutput {
	return arn.ApplyT(func(arn string) string { return of(arn).JSON() }).(pulumi.StringOutput)
}
