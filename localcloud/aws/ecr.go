package aws

import (
	"errors"
	"fmt"
	"slices"

	"slipway/localcloud/cloud"
)

// Images tells what the local registry holds.
type Images interface {
	// Images returns the images of a repository, the latest pushed last, and whether there is such a repository. It is named
	// with its registry's host, as an image is: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/hello.
	Images(repository string) ([]Image, bool)
}

// Image is an image in a repository.
type Image struct {
	Digest string
	Tags   []string
	Size   int64 // in bytes
}

// ECR returns the kinds and functions of the container registry, which answer of the images that there are.
func ECR(images Images) []any { return []any{getImage(images)} }

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
		Call: func(c *cloud.Call, args *imageArgs) (cloud.Map, error) {
			if args.ImageTag == "" && args.ImageDigest == "" && !args.MostRecent {
				return nil, errors.New(`one of "image_digest,image_tag,most_recent" must be specified`)
			}
			registry := args.RegistryID
			if registry == "" {
				registry = c.Caller.Scope.Account
			}
			uri := fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/%s", registry, c.Caller.Scope.Region, args.RepositoryName)
			held, ok := images.Images(uri)
			if !ok {
				return nil, fmt.Errorf("reading ECR Images: %w", cloud.Errorf("RepositoryNotFoundException",
					"The repository with name '%s' does not exist in the registry with id '%s'", args.RepositoryName, registry))
			}
			i := len(held) - 1
			if !args.MostRecent {
				i = slices.IndexFunc(held, func(m Image) bool {
					return (args.ImageDigest == "" || m.Digest == args.ImageDigest) && (args.ImageTag == "" || slices.Contains(m.Tags, args.ImageTag))
				})
			}
			if i < 0 {
				return nil, fmt.Errorf("reading ECR Images: %w", cloud.Errorf("ImageNotFoundException",
					"The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'",
					orNull(args.ImageDigest), orNull(args.ImageTag), args.RepositoryName, registry))
			}
			found := held[i]
			tags := []any{}
			for _, t := range found.Tags {
				tags = append(tags, t)
			}
			out := cloud.Map{
				"id": found.Digest, "imageDigest": found.Digest, "imageTags": tags, "imageUri": uri + "@" + found.Digest,
				"imageSizeInBytes": float64(found.Size), "imagePushedAt": 0.0, "registryId": registry, "repositoryName": args.RepositoryName,
				"mostRecent": args.MostRecent,
			}
			if args.ImageTag != "" {
				out["imageTag"] = args.ImageTag
			}
			return out, nil
		},
	}
}

// orNull writes a missing value as ECR's messages do.
func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}
