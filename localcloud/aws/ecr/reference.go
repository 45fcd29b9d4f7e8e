package ecr

import (
	"regexp"
	"strings"

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
	s, name, ok := parse(url)
	return cloud.Key{Scope: s, Token: RepositoryToken, ID: name}, ok
}

// reference matches a repository at the IPv4-only name of its registry, and at the dual-stack one.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html
var reference = regexp.MustCompile(`^(\d{12})\.dkr(?:\.ecr\.([a-z0-9-]+)\.amazonaws\.com|-ecr\.([a-z0-9-]+)\.on\.aws)/([a-z0-9._/-]+?)(?:[:@]|$)`)

// parse returns the scope of a repository's registry, and the repository's name.
func parse(image string) (s cloud.Scope, name string, ok bool) {
	m := reference.FindStringSubmatch(image)
	if m == nil {
		return s, "", false
	}
	return cloud.Scope{Account: m[1], Region: m[2] + m[3]}, m[4], true
}

// IsReference reports whether an image is in Amazon ECR.
func IsReference(image string) bool { return reference.MatchString(image) }

// Canonical returns the reference with the IPv4-only name of its registry, if it is in Amazon ECR: both names lead to the same images.
func Canonical(image string) string {
	s, name, ok := parse(image)
	if !ok {
		return image
	}
	_, rest, _ := strings.Cut(image, "/"+name)
	return RepositoryURL(s, name) + rest
}

// IPv4Only reports whether the host of a registry has no IPv6 addresses. Those of Amazon ECR have names for IPv6: see [reference], and
// ecr-public.aws.com.
// https://docs.aws.amazon.com/AmazonECR/latest/public/public-ecr-requests.html
// https://github.com/orgs/community/discussions/10539
func IPv4Only(host string) bool {
	return host == "ghcr.io" || host == "public.ecr.aws" || ipv4Registry.MatchString(host)
}

var ipv4Registry = regexp.MustCompile(`^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com$`)

// RepositoryARN returns the ARN and the region of the repository that an image reference of Amazon ECR names, and whether
// it is one.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
func RepositoryARN(image string) (arn, region string, ok bool) {
	s, name, ok := parse(image)
	if !ok {
		return "", "", false
	}
	return arns.New(s, "ecr", "repository/"+name), s.Region, true
}
