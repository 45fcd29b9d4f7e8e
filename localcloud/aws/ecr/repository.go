package ecr

import (
	"fmt"
	"regexp"
	"slices"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

// What happens to a tag that is pushed again.
const (
	tagsMutable   = "MUTABLE"
	tagsImmutable = "IMMUTABLE"
)

type repository struct {
	Name                     string       `json:"name"`
	ForceDelete              bool         `json:"forceDelete"`
	ImageTagMutability       string       `json:"imageTagMutability"`
	EncryptionConfigurations []encryption `json:"encryptionConfigurations"`
	Tags                     tags.Tags    `json:"tags"`
}

type encryption struct {
	EncryptionType string `json:"encryptionType"`
	KMSKey         string `json:"kmsKey"`
}

// The pattern and the length of a repository's name.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
const repositoryPattern = `(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*`

var repositoryName = regexp.MustCompile("^" + repositoryPattern + "$")

type repositoryOutputs struct {
	ARN                      string       `json:"arn"`
	RegistryID               string       `json:"registryId"`
	URL                      string       `json:"repositoryUrl"`
	EncryptionConfigurations []encryption `json:"encryptionConfigurations"`
	Scanning                 *scanning    `json:"imageScanningConfiguration"`
}

type scanning struct {
	ScanOnPush bool `json:"scanOnPush"`
}

// Repository is a name in the account's registry, and the rules for the images under it. Nothing is scanned: settings of scanning are
// only stored.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
var Repository = &cloud.Kind[repository, repositoryOutputs]{
	Spec: cloud.Spec{
		Token:    RepositoryToken,
		Label:    "ECR Repository",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true, ServesWithout: true},
		Derived:  tags.All,
		Needs:    repositoryNeeds,
		Defaults: cloud.Map{"imageTagMutability": tagsMutable},
		AutoName: &cloud.AutoName{Property: "name", Max: 255},
		Replace:  []string{"name", "encryptionConfigurations"},
		Computed: []string{"encryptionConfigurations", "imageScanningConfiguration"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: func(id string) *cloud.Error {
			return cloud.Errorf("RepositoryNotFoundException", "The repository with name '%s' does not exist in the registry", id)
		},
	},
	Check: func(in *repository) []cloud.Failure {
		var failures []cloud.Failure
		oneOf := func(property, value string, values ...string) {
			if value != "" && !slices.Contains(values, value) {
				failures = append(failures, cloud.Failure{Property: property, Reason: fmt.Sprintf("expected %s to be one of %q, got %s", property, values, value)})
			}
		}
		oneOf("imageTagMutability", in.ImageTagMutability, tagsMutable, tagsImmutable)
		for _, e := range in.EncryptionConfigurations {
			oneOf("encryptionConfigurations", e.EncryptionType, "AES256", "KMS", "KMS_DSSE")
		}
		return failures
	},
	Rules: func(_ *cloud.Call, in *repository) error {
		for _, e := range in.EncryptionConfigurations {
			if e.KMSKey != "" || e.EncryptionType != "" && e.EncryptionType != "AES256" {
				return fmt.Errorf("encryption of a repository with a key of KMS: %w", cloud.ErrUnimplemented)
			}
		}
		return nil
	},
	Create: func(c *cloud.Call, in *repository, out *repositoryOutputs) (string, error) {
		s := c.Caller.Scope
		switch {
		case len(in.Name) < 2 || len(in.Name) > 256:
			return "", invalidParameter("repositoryName", "must have length between 2 and 256")
		case !repositoryName.MatchString(in.Name):
			return "", invalidParameter("repositoryName", "must satisfy regular expression '"+repositoryPattern+"'")
		case c.Find(cloud.Ref{Token: RepositoryToken, Value: in.Name}) != nil:
			return "", cloud.Errorf("RepositoryAlreadyExistsException",
				"The repository with name '%s' already exists in the registry with id '%s'", in.Name, s.Account)
		}
		out.ARN, out.RegistryID, out.URL = arns.New(s, "ecr", "repository/"+in.Name), s.Account, RepositoryURL(s, in.Name)
		out.EncryptionConfigurations = []encryption{{EncryptionType: "AES256"}}
		if out.Scanning == nil {
			out.Scanning = &scanning{}
		}
		return in.Name, nil
	},
}

var repositoryNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		name := o.Regional("ecr", "repository/"+o.Text("name"))
		o.Creates("ecr:CreateRepository", name, name, "ecr:TagResource", "")
	},
	Read: func(o *permission.Operation) { o.Own("ecr:DescribeRepositories", "ecr:ListTagsForResource") },
	Update: func(o *permission.Operation) {
		if o.Changes("imageTagMutability") {
			o.Own("ecr:PutImageTagMutability")
		}
		if o.Changes("imageScanningConfiguration") {
			o.Own("ecr:PutImageScanningConfiguration")
		}
		o.Retags("ecr:TagResource", "ecr:UntagResource")
	},
	Delete: func(o *permission.Operation) { o.Own("ecr:DeleteRepository", "ecr:DescribeRepositories") },
}

// repositoryOf returns the kind of the repositories of these images. They are deleted with the repository, and only with force. Images
// pushed before the repository existed belong to it: on AWS the push would have made one, for the program to import.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepository.html
func repositoryOf(images Images) *cloud.Kind[repository, repositoryOutputs] {
	kind := *Repository
	kind.Delete = func(c *cloud.Call, in *repository) error {
		r := c.Resource
		url := RepositoryURL(r.Scope, r.ID)
		if held, _ := images.Images(url); len(held) > 0 {
			if !in.ForceDelete {
				return fmt.Errorf("not empty, consider using force_delete: %w", cloud.Errorf("RepositoryNotEmptyException",
					"The repository with name '%s' in registry with id '%s' cannot be deleted because it still contains images", r.ID, r.Scope.Account))
			}
			if err := images.Remove(url); err != nil {
				return err
			}
		}
		for _, token := range []string{LifecyclePolicyToken, RepositoryPolicyToken} {
			c.Tx.Delete(cloud.Key{Scope: r.Scope, Token: token, ID: r.ID})
		}
		return nil
	}
	return &kind
}

// ImmutableTags reports whether the repository, named with its registry's host, refuses to move a tag to another image.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
func ImmutableTags(tx *cloud.Tx, repository string) bool {
	key, ok := RepositoryKey(repository)
	if !ok {
		return false
	}
	r := tx.Get(key)
	return r != nil && Repository.Inputs(r).ImageTagMutability == tagsImmutable
}

// invalidParameter is ECR's refusal of a parameter of a request.
func invalidParameter(parameter, constraint string) *cloud.Error {
	return cloud.Errorf("InvalidParameterException", "Invalid parameter at '%s' failed to satisfy constraint: '%s'", parameter, constraint)
}
