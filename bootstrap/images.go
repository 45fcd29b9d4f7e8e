package main

import (
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/bootstrap/permissions"
)

// untaggedDays is how long an image without a tag stays. Its push was interrupted, because tags do not move.
const untaggedDays = 7

// pullRequestDays is how long an image of a pull request stays, and so how long its stack can start tasks without a push.
const pullRequestDays = 30

// pullRequestPrefix begins the names of the pull requests' repositories: their images are not promoted, and do not push out those that
// are.
const pullRequestPrefix = "pr/"

// repositories are the ECR repositories of the account's images.
type repositories struct {
	arns, pullRequestARNs []string
	urls                  pulumi.StringMap // by name; not of pull requests
}

// newRepositories creates a repository for each image, and another one for its builds of pull requests.
func (a *account) newRepositories(ctx *pulumi.Context) (repositories, error) {
	all := repositories{urls: pulumi.StringMap{}}
	for _, name := range a.images {
		repository, err := a.newRepository(ctx, name, keepNewest(a.keepImages))
		if err != nil {
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
		all.arns = append(all.arns, a.repositoryARN(name))
		all.urls[name] = repository.RepositoryUrl
		if a.pullRequests {
			name := pullRequestPrefix + name
			if _, err := a.newRepository(ctx, name, expireAfter(pullRequestDays)); err != nil {
				return repositories{}, err
			}
			all.pullRequestARNs = append(all.pullRequestARNs, a.repositoryARN(name))
		}
	}
	return all, nil
}

// newRepository creates a repository. Its tags cannot move, and its images are scanned. AWS refuses to delete a repository with images.
func (a *account) newRepository(ctx *pulumi.Context, name, lifecyclePolicy string) (*ecr.Repository, error) {
	repository, err := ecr.NewRepository(ctx, name, &ecr.RepositoryArgs{
		Name:               pulumi.String(name), // part of the images' names
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
		return nil, err
	}
	_, err = ecr.NewLifecyclePolicy(ctx, name, &ecr.LifecyclePolicyArgs{
		Repository: repository.Name,
		Policy:     pulumi.String(lifecyclePolicy),
	})
	return repository, err
}

func (a *account) repositoryARN(name string) string {
	return fmt.Sprintf("arn:%s:ecr:%s:%s:repository/%s", a.Partition, a.region, a.ID, name)
}

// The parts of a lifecycle policy ("Lifecycle policy properties in Amazon ECR").
type (
	lifecycleRule struct {
		RulePriority int               `json:"rulePriority"`
		Description  string            `json:"description"`
		Selection    selection         `json:"selection"`
		Action       map[string]string `json:"action"`
	}
	selection struct {
		TagStatus      string   `json:"tagStatus"`
		TagPatternList []string `json:"tagPatternList,omitempty"`
		CountType      string   `json:"countType"`
		CountUnit      string   `json:"countUnit,omitempty"`
		CountNumber    int      `json:"countNumber"`
	}
)

// keepNewest returns the lifecycle policy that keeps the newest images and expires older ones. ECR does not know which of them run, so
// it must keep enough to include the oldest one that runs or may be rolled back to. It keeps what a kept image index refers to, an
// image for each platform and their attestations, although these have no tags.
func keepNewest(keep int) string {
	return expire(
		lifecycleRule{Description: "Expire what was never tagged", Selection: selection{
			TagStatus: "untagged", CountType: "sinceImagePushed", CountUnit: "days", CountNumber: untaggedDays,
		}},
		lifecycleRule{Description: "Keep the newest images", Selection: selection{
			TagStatus: "tagged", TagPatternList: []string{"*"}, CountType: "imageCountMoreThan", CountNumber: keep,
		}},
	)
}

// expireAfter returns the lifecycle policy that expires every image so many days after it was pushed.
func expireAfter(days int) string {
	return expire(lifecycleRule{Description: "Expire what is old", Selection: selection{
		TagStatus: "any", CountType: "sinceImagePushed", CountUnit: "days", CountNumber: days,
	}})
}

// expire returns the lifecycle policy of rules that expire images, with the first rule first.
func expire(rules ...lifecycleRule) string {
	for i := range rules {
		rules[i].RulePriority = i + 1
		rules[i].Action = map[string]string{"type": "expire"}
	}
	policy, _ := json.Marshal(map[string][]lifecycleRule{"rules": rules}) // strings and numbers always have a form
	return string(policy)
}
