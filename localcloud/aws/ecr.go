package aws

import (
	"slipway/localcloud/cloud"
)

const (
	repositoryToken       = "aws:ecr/repository:Repository"
	lifecyclePolicyToken  = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
	repositoryPolicyToken = "aws:ecr/repositoryPolicy:RepositoryPolicy"
)

// Images is the local registry. It holds images by repository, be that a resource or not: a push to a name that has no
// repository makes one, as ECR does where a repository creation template is applied for CREATE_ON_PUSH. Repositories are named
// with their registry's host, as an image is: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/hello.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
type Images interface {
	// Images returns the images of a repository, the latest pushed last, and whether it has any.
	Images(repository string) ([]Image, bool)
	// Remove removes the images of a repository.
	Remove(repository string) error
}

// Image is an image in a repository.
type Image struct {
	Digest string
	Tags   []string
	Size   int64 // in bytes
}

func ecrKinds() []any { return []any{LifecyclePolicy, RepositoryPolicy} }

// ECR returns those kinds and functions of the container registry that have to do with the images that there are.
func ECR(images Images) []any { return []any{repositoryOf(images), getImage(images)} }

// RepositoryURL returns the name of a repository with its registry's host.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
func RepositoryURL(s cloud.Scope, name string) string {
	return s.Account + ".dkr.ecr." + s.Region + ".amazonaws.com/" + name
}

// RepositoryKey returns the key that the repository has as a resource. The name may be followed by a tag or a digest, as an
// image's is. It reports whether it is a repository of Amazon ECR.
func RepositoryKey(url string) (cloud.Key, bool) {
	m := ecrImage.FindStringSubmatch(url)
	if m == nil {
		return cloud.Key{}, false
	}
	return cloud.Key{Scope: cloud.Scope{Account: m[1], Region: m[2]}, Token: repositoryToken, ID: m[3]}, true
}

func repositoryNotFound(registry, name string) *cloud.Error {
	return cloud.Errorf("RepositoryNotFoundException",
		"The repository with name '%s' does not exist in the registry with id '%s'", name, registry)
}
