package ecr

import (
	"errors"
	"fmt"
	"slices"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type imageArgs struct {
	RepositoryName string `json:"repositoryName"`
	RegistryID     string `json:"registryId"`
	ImageTag       string `json:"imageTag"`
	ImageDigest    string `json:"imageDigest"`
	MostRecent     bool   `json:"mostRecent"`
}

// getImage looks up an image. When an image was pushed is not recorded.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
func getImage(images Images) *cloud.Function[imageArgs] {
	return &cloud.Function[imageArgs]{
		Token: "aws:ecr/getImage:getImage",
		Needs: getImageNeeds,
		Call: func(c *cloud.Call, args *imageArgs) (cloud.Map, error) {
			if args.ImageTag == "" && args.ImageDigest == "" && !args.MostRecent {
				return nil, errors.New(`one of "image_digest,image_tag,most_recent" must be specified`)
			}
			s := c.Caller.Scope
			if args.RegistryID != "" {
				s.Account = args.RegistryID
			}
			if err := mayDescribe(c, s, args.RepositoryName); err != nil {
				return nil, fmt.Errorf("reading ECR Images: %w", err)
			}
			url := RepositoryURL(s, args.RepositoryName)
			held, ok := images.Images(url)
			if !ok && c.Tx.Get(cloud.Key{Scope: s, Token: RepositoryToken, ID: args.RepositoryName}) == nil {
				return nil, fmt.Errorf("reading ECR Images: %w", RepositoryNotFound(s.Account, args.RepositoryName))
			}
			i := len(held) - 1
			if !args.MostRecent {
				i = slices.IndexFunc(held, func(m Image) bool {
					return (args.ImageDigest == "" || m.Digest == args.ImageDigest) && (args.ImageTag == "" || slices.Contains(m.Tags, args.ImageTag))
				})
			}
			if i < 0 {
				// The provider keeps what ECR says to itself (terraform-provider-aws v5.100.0, internal/service/ecr, findImageDetails).
				return nil, errors.New("reading ECR Images: couldn't find resource")
			}
			found := held[i]
			tags := []any{}
			for _, t := range found.Tags {
				tags = append(tags, t)
			}
			out := cloud.Map{
				"id": found.Digest, "imageDigest": found.Digest, "imageTags": tags, "imageUri": url + "@" + found.Digest,
				"imageSizeInBytes": float64(found.Size), "imagePushedAt": 0.0, "registryId": s.Account, "repositoryName": args.RepositoryName,
				"mostRecent": args.MostRecent,
			}
			if args.ImageTag != "" {
				out["imageTag"] = args.ImageTag
			}
			return out, nil
		},
	}
}

// mayDescribe refuses a caller of another account than the registry's unless the repository's policy allows it. It does not check the
// caller's own policies.
func mayDescribe(c *cloud.Call, registry cloud.Scope, repository string) error {
	if registry.Account == c.Caller.Scope.Account {
		return nil
	}
	resource := arns.New(registry, "ecr", "repository/"+repository)
	// The provider describes the image, and then the repository for its URI.
	// terraform-provider-aws, internal/service/ecr/image_data_source.go
	for _, action := range []string{"ecr:DescribeImages", "ecr:DescribeRepositories"} {
		if why := RepositoryDenial(c.Tx, resource, identity.CallerPrincipal(c), action, true); why != "" {
			return cloud.Errorf("AccessDeniedException", "User: %s is not authorized to perform: %s on resource: %s %s", identity.CallerName(c), action, resource, why)
		}
	}
	return nil
}

var getImageNeeds = permission.Needs{Invoke: func(o *permission.Operation) {
	registry := o.Caller.Scope
	if id, _ := o.Args["registryId"].(string); id != "" {
		registry.Account = id
	}
	name, _ := o.Args["repositoryName"].(string)
	o.ARN = arns.New(registry, "ecr", "repository/"+name)
	if r := o.Tx.Get(cloud.Key{Scope: registry, Token: RepositoryToken, ID: name}); r != nil {
		o.Tags = tags.Of(r)
	}
	o.Own("ecr:DescribeImages", "ecr:DescribeRepositories")
}}
