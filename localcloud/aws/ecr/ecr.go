// Package ecr has the kinds of Amazon ECR, a file each. What callers must be allowed follows, for the calls, the provider's
// own source, and for actions, resources and condition keys the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
// terraform-provider-aws, internal/service/ecr
package ecr

import (
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

// The tokens of the kinds.
const (
	RepositoryToken       = "aws:ecr/repository:Repository"
	LifecyclePolicyToken  = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
	RepositoryPolicyToken = "aws:ecr/repositoryPolicy:RepositoryPolicy"
)

// Images is the local registry. It has images by repository, with or without a resource: a push to a name without a repository makes
// one, as ECR does with a repository creation template for CREATE_ON_PUSH. Names of repositories include their registry's host, like an
// image's: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/hello.
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

// Kinds returns the kinds and functions of the service.
func Kinds() []any { return []any{LifecyclePolicy, RepositoryPolicy} }

// WithImages returns the kinds and functions of the container registry that use its images.
func WithImages(images Images) []any { return []any{repositoryOf(images), getImage(images)} }

// RepositoryNotFound is the error for a repository that a registry does not have.
func RepositoryNotFound(registry, name string) *cloud.Error {
	return cloud.Errorf("RepositoryNotFoundException",
		"The repository with name '%s' does not exist in the registry with id '%s'", name, registry)
}

// ofRegistry are the outputs of a repository's settings.
type ofRegistry struct {
	RegistryID string `json:"registryId"`
}

// repositorySettingNeeds are the needs of a repository's settings.
func repositorySettingNeeds(get, put, remove string) permission.Needs {
	on := func(action string) func(*permission.Operation) {
		return func(o *permission.Operation) {
			name := o.Text("repository")
			o.ARN, o.Tags = o.Regional("ecr", "repository/"+name), nil
			if r := o.Tx.Get(cloud.Key{Scope: o.Resource.Scope, Token: RepositoryToken, ID: name}); r != nil {
				o.Tags = tags.Of(r)
			}
			o.Own(action)
		}
	}
	return permission.Needs{Create: on(put), Read: on(get), Update: on(put), Delete: on(remove)}
}
