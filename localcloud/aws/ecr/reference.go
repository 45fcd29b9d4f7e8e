package ecr

import (
	"regexp"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/cloud"
)

// RepositoryURL returns the name of a repository with its registry's host.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
func RepositoryURL(s cloud.Scope, name string) string {
	return s.Account + ".dkr.ecr." + s.Region + ".amazonaws.com/" + name
}

// RepositoryKey returns the key that the repository has as a resource. The name may be followed by a tag or a digest, as an
// image's is. It reports whether it is a repository of Amazon ECR.
func RepositoryKey(url string) (cloud.Key, bool) {
	m := reference.FindStringSubmatch(url)
	if m == nil {
		return cloud.Key{}, false
	}
	return cloud.Key{Scope: cloud.Scope{Account: m[1], Region: m[2]}, Token: RepositoryToken, ID: m[3]}, true
}

var reference = regexp.MustCompile(`^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([a-z0-9._/-]+?)(?:[:@]|$)`)

// IsReference reports whether an image is in Amazon ECR.
func IsReference(image string) bool { return reference.MatchString(image) }

// RepositoryARN returns the ARN and the region of the repository that an image reference of Amazon ECR names, and whether
// it is one.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
func RepositoryARN(image string) (arn, region string, ok bool) {
	m := reference.FindStringSubmatch(image)
	if m == nil {
		return "", "", false
	}
	return arns.New(cloud.Scope{Account: m[1], Region: m[2]}, "ecr", "repository/"+m[3]), m[2], true
}
