package registry

import (
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Split is the only place that decides where this registry stores an image of the cloud. A cloud reference such as
// 123456789012.dkr.ecr.eu-central-1.amazonaws.com/hello:v1 lives in the repository whose path is the cloud's registry host followed by
// the repository's name, so that accounts, regions and foreign registries stay apart. The target is the tag (latest by default) or the
// digest. A port of the host is written with an underscore, because a repository's path cannot contain a colon.
func Split(reference string) (repository, target string, err error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return "", "", fmt.Errorf("parse image reference %q: %w", reference, err)
	}
	host := strings.ReplaceAll(ref.Context().RegistryStr(), ":", "_")
	return host + "/" + ref.Context().RepositoryStr(), ref.Identifier(), nil
}

// Locate returns the reference by which an OCI client reaches a cloud reference at this registry, which listens on
// address (host:port) without TLS.
func Locate(address, reference string) (name.Reference, error) {
	repository, target, err := Split(reference)
	if err != nil {
		return nil, err
	}
	separator := ":"
	if strings.Contains(target, ":") {
		separator = "@"
	}
	ref, err := name.ParseReference(address+"/"+repository+separator+target, name.Insecure)
	if err != nil {
		return nil, fmt.Errorf("locate image %q in the registry at %s: %w", reference, address, err)
	}
	return ref, nil
}
