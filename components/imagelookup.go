package components

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecr"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/internal/function"
	"slipway/spec"
)

// ResolveImage returns the image pinned to a digest. So the deployed image stays the same when its tag moves, and a preview shows that
// it moved. An image with a digest is returned without its tag: changing only the tag does not redeploy. An image with only a tag is
// looked up in Amazon ECR, with a warning. The AWS provider cannot look up tags of other registries or regions: those images are
// returned unchanged, also with a warning. A digest or a tag that Amazon ECR does not have is an error.
func ResolveImage(ctx *pulumi.Context, image spec.Image, region string) (spec.Image, error) {
	if image.Digest != "" {
		image.Tag = ""
		return image, findDigest(ctx, image, region)
	}
	repository, isECR := image.ECR()
	if !isECR || repository.Region != region {
		return image, ctx.Log.Warn(fmt.Sprintf(
			"image %s is deployed by its tag, which can move: two tasks of a service may run different images; give a digest", image), nil)
	}
	found, err := ecr.GetImage(ctx, &ecr.GetImageArgs{
		RegistryId:     &repository.Account,
		RepositoryName: repository.Name,
		ImageTag:       &image.Tag,
	})
	if err != nil {
		return spec.Image{}, fmt.Errorf("look up the digest of image %s; push the image, or correct the tag: %w", image, function.Error(err))
	}
	pinned, err := image.WithDigest(found.ImageDigest)
	if err != nil {
		return spec.Image{}, fmt.Errorf("look up the digest of image %s: Amazon ECR gave %w", image, err)
	}
	return pinned, ctx.Log.Warn(fmt.Sprintf(
		"image %s is given by its tag, which can move; it now means %s, and that is deployed", image, pinned.Digest), nil)
}

// findDigest returns an error if Amazon ECR does not have the image. It cannot tell for other registries, or if the repository's owner
// allows pulling its images but not listing them.
func findDigest(ctx *pulumi.Context, image spec.Image, region string) error {
	repository, isECR := image.ECR()
	if !isECR || repository.Region != region {
		return nil
	}
	_, err := ecr.GetImage(ctx, &ecr.GetImageArgs{
		RegistryId:     &repository.Account,
		RepositoryName: repository.Name,
		ImageDigest:    &image.Digest,
	})
	if err == nil {
		return nil
	}
	// API_DescribeImages, "Errors"; and the error of the provider's data source for a missing image.
	for _, missing := range []string{"ImageNotFoundException", "RepositoryNotFoundException", "couldn't find resource"} {
		if strings.Contains(err.Error(), missing) {
			return fmt.Errorf("look up image %s; push the image, or correct the digest: %w", image, function.Error(err))
		}
	}
	return nil
}
