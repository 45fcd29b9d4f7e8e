package spec

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Image is a reference to a container image, in the parts of the distribution specification's grammar.
type Image struct {
	Registry   string // host and optional port; empty means Docker Hub
	Repository string
	Tag        string // empty if only the digest is given
	Digest     string // sha256:…, empty if only the tag is given
}

var (
	registryPattern   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)
	repositoryPattern = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagPattern        = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	digestPattern     = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// ParseImage parses an image reference. It must have a digest or a tag: without either, registries assume the tag "latest", and the day
// a task starts would decide what it runs.
func ParseImage(s string) (Image, error) {
	var image Image
	name, digest, hasDigest := strings.Cut(s, "@")
	if hasDigest {
		if !digestPattern.MatchString(digest) {
			return Image{}, errors.New("the digest must be sha256: and 64 hexadecimal digits")
		}
		image.Digest = digest
	}
	// A colon after the last slash begins a tag; one before it belongs to the registry's port.
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		name, image.Tag = name[:colon], name[colon+1:]
		if !tagPattern.MatchString(image.Tag) {
			return Image{}, errors.New("the tag must be 1 to 128 letters, digits and any of _ . - and not begin with . or -")
		}
	}
	// The first part is a registry if it could not be part of a repository's name on Docker Hub.
	if host, rest, found := strings.Cut(name, "/"); found && (strings.ContainsAny(host, ".:") || host == "localhost") {
		if !registryPattern.MatchString(host) {
			return Image{}, errors.New("the registry must be a host name, with or without a port")
		}
		image.Registry, name = host, rest
	}
	if !repositoryPattern.MatchString(name) {
		return Image{}, errors.New("the repository must be lower-case letters and digits, separated by . _ - or /")
	}
	image.Repository = name
	if image.Tag == "" && image.Digest == "" {
		return Image{}, errors.New("needs a digest (@sha256:…) or a tag")
	}
	return image, nil
}

// Check reports parts that do not make a reference.
func (i Image) Check() error {
	if i == (Image{}) {
		return ErrMissing
	}
	if parsed, err := ParseImage(i.String()); err != nil || parsed != i {
		return cmp.Or(err, errors.New("has parts that would be read differently"))
	}
	return nil
}

// String returns the reference in the form that registry clients take.
func (i Image) String() string {
	var b strings.Builder
	if i.Registry != "" {
		b.WriteString(i.Registry + "/")
	}
	b.WriteString(i.Repository)
	if i.Tag != "" {
		b.WriteString(":" + i.Tag)
	}
	if i.Digest != "" {
		b.WriteString("@" + i.Digest)
	}
	return b.String()
}

// MarshalText returns the reference.
func (i Image) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText parses a reference.
func (i *Image) UnmarshalText(text []byte) error {
	parsed, err := ParseImage(string(text))
	if err != nil {
		return fmt.Errorf("image %q: %w", text, err)
	}
	*i = parsed
	return nil
}

// WithDigest returns the image with the digest and without the tag.
func (i Image) WithDigest(digest string) (Image, error) {
	if !digestPattern.MatchString(digest) {
		return Image{}, fmt.Errorf("%q is not a digest", digest)
	}
	return Image{Registry: i.Registry, Repository: i.Repository, Digest: digest}, nil
}

// ecrHost matches the host names of private Amazon ECR registries ("Amazon ECR private registry" and "Amazon ECR
// endpoints and quotas"): account, region and, in China, its own domain.
var ecrHost = regexp.MustCompile(`^([0-9]{12})\.dkr(?:\.ecr|\.ecr-fips|-ecr|-ecr-fips)\.([a-z]{2}(?:-[a-z]+)+-[0-9])\.(?:amazonaws\.com|amazonaws\.com\.cn|on\.aws|on\.amazonwebservices\.com\.cn)$`)

// ECRRepository is a repository in a private registry of Amazon ECR.
type ECRRepository struct {
	Account, Region, Name string
}

// ECR returns the Amazon ECR repository of the image, if it is in one.
func (i Image) ECR() (ECRRepository, bool) {
	match := ecrHost.FindStringSubmatch(i.Registry)
	if match == nil {
		return ECRRepository{}, false
	}
	return ECRRepository{Account: match[1], Region: match[2], Name: i.Repository}, true
}

// ARN returns the repository's Amazon Resource Name.
func (r ECRRepository) ARN() string {
	partition := "aws"
	switch {
	case strings.HasPrefix(r.Region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(r.Region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return fmt.Sprintf("arn:%s:ecr:%s:%s:repository/%s", partition, r.Region, r.Account, r.Name)
}
