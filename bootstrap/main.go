// Command slipway-bootstrap is a Pulumi program that an administrator runs once in each AWS account before stacks are deployed to it.
// It makes the deploying roles, and the places of images and state.
package main

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/bootstrap/permissions"
	"slipway/internal/function"
	"slipway/internal/settings"
	"slipway/spec"
)

func main() {
	var source settings.Source
	pulumi.Run(func(ctx *pulumi.Context) error { return bootstrap(ctx, source) }, source.Capture)
}

// bootstrap prepares an account:
//
//	GitHub ── OpenID Connect ─┬─ pull requests, preview ─▶ role slipway-preview ── reads ───────┐
//	                          ├─ environment drift ──────▶ role slipway-drift ──── reads ───────┤
//	                          ├─ environment pr ─────────▶ role slipway-pr ─────── does, in stacks pr-*, whose roles
//	                          │                                                    are within slipway-pr-boundary
//	                          └─ other environments ─────▶ role slipway-deploy ─── does ──┐     │
//	                                                          │                           ▼     ▼
//	               images in ECR ◀── pushes, and writes ──▶ state in S3                the program's resources,
//	                     ▲                                                             roles under /slipway/ within
//	                     └── pull ── other accounts                                    the boundary slipway-boundary
func bootstrap(ctx *pulumi.Context, source settings.Source) error {
	cfg, err := readConfig(source)
	if err != nil {
		return err
	}
	account, err := lookUp(ctx, cfg)
	if err != nil {
		return err
	}

	images, err := account.newRepositories(ctx)
	if err != nil {
		return err
	}
	state, err := account.newStateBucket(ctx)
	if err != nil {
		return err
	}
	boundary, err := account.newBoundary(ctx, boundaryName, "The most that roles of slipway's services can do", permissions.Boundary(account.Account, account.boundaryAllow...))
	if err != nil {
		return err
	}
	provider, err := account.newOIDCProvider(ctx)
	if err != nil {
		return err
	}
	preview, err := account.newPreviewRole(ctx, provider, state)
	if err != nil {
		return err
	}
	drift, err := account.newDriftRole(ctx, provider, state)
	if err != nil {
		return err
	}
	deploy, err := account.newDeployRole(ctx, provider, images, state)
	if err != nil {
		return err
	}
	if account.pullRequests {
		if _, err := account.newBoundary(ctx, pullRequestBoundaryName, "The most that roles of pull requests' stacks can do",
			permissions.StacksBoundary(account.Account, programProject, pullRequestStacks, account.pullRequestsBoundaryAllow...)); err != nil {
			return err
		}
		pullRequest, err := account.newPullRequestRole(ctx, provider, images, state)
		if err != nil {
			return err
		}
		ctx.Export("pullRequestRoleArn", pullRequest)
	}

	ctx.Export("previewRoleArn", preview)
	ctx.Export("driftRoleArn", drift)
	ctx.Export("deployRoleArn", deploy)
	ctx.Export("permissionsBoundary", boundary)
	ctx.Export("repositoryUrls", images.urls)
	if state != nil {
		ctx.Export("stateBucket", state.name)
	}
	return nil
}

// account has the facts about an account before anything is created in it.
type account struct {
	permissions.Account
	*config
	region string
	tags   pulumi.StringMap // of every resource
}

// lookUp finds out the account and the region.
func lookUp(ctx *pulumi.Context, cfg *config) (*account, error) {
	caller, err := aws.GetCallerIdentity(ctx, &aws.GetCallerIdentityArgs{})
	if err != nil {
		return nil, fmt.Errorf("look up the AWS account; are there credentials?: %w", function.Error(err))
	}
	partition, err := aws.GetPartition(ctx, &aws.GetPartitionArgs{})
	if err != nil {
		return nil, fmt.Errorf("look up the AWS partition: %w", function.Error(err))
	}
	region, err := aws.GetRegion(ctx, &aws.GetRegionArgs{})
	if err != nil {
		return nil, fmt.Errorf("look up the AWS region, which is aws:region or that of the environment: %w", function.Error(err))
	}
	policy := func(name string) string {
		return fmt.Sprintf("arn:%s:iam::%s:policy/%s", partition.Partition, caller.AccountId, name)
	}
	prepared := permissions.Account{
		Partition: partition.Partition,
		ID:        caller.AccountId,
		RolePath:  spec.RolePath, ScheduleRoles: spec.ScheduleRole.End(), RunRoles: spec.RunRole.End(),
		Boundary: policy(boundaryName),
	}
	if cfg.pullRequests {
		prepared.StacksBoundary = policy(pullRequestBoundaryName)
	}
	return &account{
		Account: prepared,
		config:  cfg,
		region:  region.Name,
		tags:    pulumi.StringMap{"Project": pulumi.String(ctx.Project()), "Stack": pulumi.String(ctx.Stack())},
	}, nil
}
