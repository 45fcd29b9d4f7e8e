package main

import (
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/bootstrap/permissions"
)

// untaggedDays is for how long an image stays that has no tag: one whose push was broken off, since tags do not move.
const untaggedDays = 7

// repositories are the ECR repositories of the account's images.
type repositories struct {
	arns []string
	urls pulumi.StringMap // by name
}

// newRepositories creates a repository for each image. Its tags cannot move, and what is in it is scanned. AWS refuses to
// delete one with images in it.
func (a *account) newRepositories(ctx *pulumi.Context) (repositories, error) {
	all := repositories{urls: pulumi.StringMap{}}
	for _, name := range a.images {
		repository, err := ecr.NewRepository(ctx, name, &ecr.RepositoryArgs{
			Name:               pulumi.String(name), // part of what images are called
			ImageTagMutability: pulumi.String("IMMUTABLE"),
			ImageScanningConfiguration: ecr.RepositoryImageScanningConfigurationArgs{
				ScanOnPush: pulumi.Bool(true),
			},
			EncryptionConfigurations: ecr.RepositoryEncryptionConfigurationArray{ecr.RepositoryEncryptionConfigurationArgs{
				EncryptionType: pulumi.String("AES256"),
			}},
			Tags: a.tags,
		}, pulumi.DeleteBeforeReplace(true))
		if err != nil {
			return repositories{}, err
		}
		if _, err := ecr.NewLifecyclePolicy(ctx, name, &ecr.LifecyclePolicyArgs{
			Repository: repository.Name,
			Policy:     pulumi.String(lifecyclePolicy(a.keepImages)),
		}); err != nil {
			return repositories{}, err
		}
		if len(a.pullAccounts) > 0 {
			if _, err := ecr.NewRepositoryPolicy(ctx, name, &ecr.RepositoryPolicyArgs{
				Repository: repository.Name,
				Policy:     pulumi.String(permissions.PullFromAccounts(a.Partition, a.pullAccounts).JSON()),
			}); err != nil {
				return repositories{}, err
			}
		}
		all.arns = append(all.arns, fmt.Sprintf("arn:%s:ecr:%s:%s:repository/%s", a.Partition, a.region, a.ID, name))
		all.urls[name] = repository.RepositoryUrl
	}
	return all, nil
}

// lifecyclePolicy returns the policy that keeps the newest images and expires older ones ("Lifecycle policy properties in Amazon
// ECR"). ECR does not know which of them run, so that there have to be enough for the oldest one that runs, or that is rolled
// back to, to be among them. What a kept image index refers to, an image for each platform and their attestations, is kept
// with it although it has no tag.
func lifecyclePolicy(keep int) string {
	type selection struct {
		TagStatus      string   `json:"tagStatus"`
		TagPatternList []string `json:"tagPatternList,omitempty"`
		CountType      string   `json:"countType"`
		CountUnit      string   `json:"countUnit,omitempty"`
		CountNumber    int      `json:"countNumber"`
	}
	type rule struct {
		RulePriority int               `json:"rulePriority"`
		Description  string            `json:"description"`
		Selection    selection         `json:"selection"`
		Action       map[string]string `json:"action"`
	}
	expire := map[string]string{"type": "expire"}
	policy, _ := json.Marshal(map[string][]rule{"rules": { // strings and numbers always have a form
		{1, "Expire what was never tagged", selection{TagStatus: "untagged", CountType: "sinceImagePushed", CountUnit: "days", CountNumber: untaggedDays}, expire},
		{2, "Keep the newest images", selection{TagStatus: "tagged", TagPatternList: []string{"*"}, CountType: "imageCountMoreThan", CountNumber: keep}, expire},
	}})
	return string(policy)
}
