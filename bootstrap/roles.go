package main

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/iam"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/bootstrap/permissions"
)

// Names that others know: the workflows, the stacks' config, and the deploy role's policies. None of them is under the path of
// the roles that the program creates, and so out of reach for the deploy role.
const (
	previewName     = "slipway-preview"
	driftName       = "slipway-drift"
	pullRequestName = "slipway-pr"
	deployName      = "slipway-deploy"
	boundaryName    = "slipway-boundary"
	// pullRequestBoundaryName is that of the roles of pull requests' stacks (../ci/pr-config puts it into their config).
	pullRequestBoundaryName = "slipway-pr-boundary"
)

// GitHub's environments without reviewers.
const (
	// previewEnvironment is that of the job that shows what an approval would change. It is limited to the main branch, here and on
	// GitHub, since it has the passphrase of prod's secrets.
	previewEnvironment = "preview"
	// driftEnvironment is the environment of the nightly job that compares the real resources with the state. It is limited to the main
	// branch, here and on GitHub, because it reads the values of secrets.
	driftEnvironment = "drift"
	// pullRequestEnvironment is the environment of the stacks of pull requests. Every branch has it, and so has code that is not
	// reviewed.
	pullRequestEnvironment = "pr"
)

// reservedEnvironments are the environments with their own roles.
var reservedEnvironments = map[string]string{
	previewEnvironment:     previewName,
	driftEnvironment:       driftName,
	pullRequestEnvironment: pullRequestName,
}

// pullRequestStacks matches the names of pull requests' stacks. sourceStack is the stack whose config, and so whose secrets, they copy
// (../ci/pr-stack).
const (
	pullRequestStacks = "pr-*"
	sourceStack       = "dev"
)

// session is for how long, in seconds, a job has its credentials: the least that IAM takes as a role's maximum.
const session = 3600

// newBoundary creates a managed policy that limits the roles that the program creates, and returns its ARN. Its description must not
// change: another one would replace the policy, and IAM refuses that while roles have it as their boundary.
func (a *account) newBoundary(ctx *pulumi.Context, name, description string, document permissions.Document) (arn pulumi.StringOutput, err error) {
	policy, err := iam.NewPolicy(ctx, name, &iam.PolicyArgs{
		Name:        pulumi.String(name),
		Description: pulumi.String(description),
		Policy:      pulumi.String(document.JSON()),
		Tags:        a.tags,
	}, pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return arn, err
	}
	return policy.Arn, nil
}

// newOIDCProvider makes the account accept GitHub's tokens, unless it does already, and returns the provider's ARN: an account can have
// one for a URL. It has no thumbprints, because AWS verifies GitHub's certificate with its own root certificates
// (UpdateOpenIDConnectProviderThumbprint in IAM's API reference).
func (a *account) newOIDCProvider(ctx *pulumi.Context) (arn pulumi.StringOutput, err error) {
	if a.oidcProviderARN != "" {
		return pulumi.String(a.oidcProviderARN).ToStringOutput(), nil
	}
	provider, err := iam.NewOpenIdConnectProvider(ctx, "github", &iam.OpenIdConnectProviderArgs{
		Url:           pulumi.String("https://" + permissions.GitHub),
		ClientIdLists: pulumi.ToStringArray([]string{permissions.Audience}),
		Tags:          a.tags,
	}, pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return arn, err
	}
	return provider.Arn, nil
}

// newPreviewRole creates the role of jobs that show what an update would change, and returns its ARN. Pull requests have it in an
// account that allows them; in others it is only for merged code.
func (a *account) newPreviewRole(ctx *pulumi.Context, provider pulumi.StringOutput, state *stateBucket) (arn pulumi.StringOutput, err error) {
	reads, err := permissions.Preview(a.Account)
	if err != nil {
		return arn, err
	}
	trust := document(provider, func(arn string) permissions.Document {
		if a.pullRequests {
			return permissions.TrustPullRequests(arn, a.repository, previewEnvironment)
		}
		return permissions.TrustMain(arn, a.repository, []string{previewEnvironment}, nil)
	})
	return a.newRole(ctx, previewName, "Previews slipway's stacks", trust, readingPolicies(reads, state))
}

// newDriftRole creates the role of the job that looks for drift, and returns its ARN.
func (a *account) newDriftRole(ctx *pulumi.Context, provider pulumi.StringOutput, state *stateBucket) (arn pulumi.StringOutput, err error) {
	reads, err := permissions.Refresh(a.Account)
	if err != nil {
		return arn, err
	}
	trust := document(provider, func(arn string) permissions.Document {
		return permissions.TrustMain(arn, a.repository, []string{driftEnvironment}, nil)
	})
	return a.newRole(ctx, driftName, "Compares slipway's stacks with their state", trust, readingPolicies(reads, state))
}

// readingPolicies returns the policies of a role that only reads: the program's resources, and the state.
func readingPolicies(reads permissions.Document, state *stateBucket) []policy {
	policies := []policy{{"program", pulumi.String(reads.JSON())}}
	if state != nil {
		policies = append(policies, policy{"state", document(state.arn, permissions.ReadState)})
	}
	return policies
}

// deployingPolicies returns the policies of a role that deploys: for the program's resources, for its repositories, and for the state,
// by its bucket's ARN.
func deployingPolicies(
	needs []permissions.Policy, repositoryARNs []string, state *stateBucket, use func(bucketARN string) permissions.Document,
) []policy {
	var policies []policy
	for _, p := range needs {
		policies = append(policies, policy{p.Name, pulumi.String(p.Document.JSON())})
	}
	if len(repositoryARNs) > 0 {
		policies = append(policies, policy{"images", pulumi.String(permissions.PushImages(repositoryARNs).JSON())})
	}
	if state != nil {
		policies = append(policies, policy{"state", document(state.arn, use)})
	}
	return policies
}

// newDeployRole creates the role of jobs that deploy, and returns its ARN. The table of permissions has what the program needs; only
// the jobs need the images and the state.
func (a *account) newDeployRole(
	ctx *pulumi.Context, provider pulumi.StringOutput, images repositories, state *stateBucket,
) (arn pulumi.StringOutput, err error) {
	needs, err := permissions.Deploy(a.Account)
	if err != nil {
		return arn, err
	}
	trust := document(provider, func(arn string) permissions.Document {
		return permissions.TrustMain(arn, a.repository, a.environments, a.deployers)
	})
	return a.newRole(ctx, deployName, "Deploys slipway's stacks", trust, deployingPolicies(needs, images.arns, state, permissions.WriteState))
}

// newPullRequestRole creates the role of jobs that deploy the stacks of pull requests, and returns its ARN. It does there what the
// deploy role does everywhere, and pushes images to their own repositories: none of these can be promoted.
func (a *account) newPullRequestRole(
	ctx *pulumi.Context, provider pulumi.StringOutput, images repositories, state *stateBucket,
) (arn pulumi.StringOutput, err error) {
	needs, err := permissions.DeployStacks(a.Account, programProject, pullRequestStacks)
	if err != nil {
		return arn, err
	}
	policies := deployingPolicies(needs, images.pullRequestARNs, state, func(arn string) permissions.Document {
		return append(permissions.ReadStacks(arn, programProject, []string{sourceStack, pullRequestStacks}),
			permissions.WriteStacks(arn, programProject, []string{pullRequestStacks})...)
	})
	trust := document(provider, func(arn string) permissions.Document {
		return permissions.TrustEveryBranch(arn, a.repository, pullRequestEnvironment)
	})
	return a.newRole(ctx, pullRequestName, "Deploys the stacks of pull requests", trust, policies)
}

// policy is a managed policy of one role.
type policy struct {
	name     string // after the role's
	document pulumi.StringInput
}

// newRole creates a role with its policies and returns its ARN. Pulumi names the policies, so that a replacement can be there
// before the old one goes.
func (a *account) newRole(
	ctx *pulumi.Context, name, description string, trust pulumi.StringInput, policies []policy,
) (arn pulumi.StringOutput, err error) {
	role, err := iam.NewRole(ctx, name, &iam.RoleArgs{
		Name:               pulumi.String(name),
		Description:        pulumi.String(description),
		AssumeRolePolicy:   trust,
		MaxSessionDuration: pulumi.Int(session),
		Tags:               a.tags,
	}, pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return arn, err
	}
	for _, p := range policies {
		policyName := name + "-" + p.name
		policy, err := iam.NewPolicy(ctx, policyName, &iam.PolicyArgs{Policy: p.document, Tags: a.tags})
		if err != nil {
			return arn, err
		}
		if _, err := iam.NewRolePolicyAttachment(ctx, policyName, &iam.RolePolicyAttachmentArgs{
			Role:      role.Name,
			PolicyArn: policy.Arn,
		}); err != nil {
			return arn, err
		}
	}
	return role.Arn, nil
}
