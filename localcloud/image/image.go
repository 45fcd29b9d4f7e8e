// Package image builds a container image from a Dockerfile's last stage without a container engine.
//
// It is for images that need no program to run for their build: the last stage may have its base, the image's configuration and files
// from earlier stages; the files themselves were built by other means and are named in [BuildConfig]. The same inputs give the same
// digest on every machine.
package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"slipway/localcloud/registry"
)

// epoch is the time of everything in the image: a real one would give each build another digest.
var epoch = v1.Time{Time: time.Unix(0, 0).UTC()}

// BuildConfig is what an image is built from.
type BuildConfig struct {
	Dockerfile []byte
	// Args are the values of ARG instructions. TARGETOS, TARGETARCH, TARGETVARIANT and TARGETPLATFORM are set from
	// Platform, as BuildKit sets them.
	Args map[string]string
	// Files are the local files that stand for the sources of COPY --from, by their path in the stage copied from.
	Files    map[string]string
	Platform v1.Platform
	// Base finds the image that the last stage is FROM, for the platform. Nil refuses all but scratch.
	Base func(reference string, platform v1.Platform) (v1.Image, error)
}

// Build builds the image of the Dockerfile's last stage. It refuses an instruction, or a flag of one, that is not reproducible from
// only the Dockerfile and Files, such as RUN.
func Build(cfg BuildConfig) (v1.Image, error) {
	s, err := evaluate(cfg)
	if err != nil {
		return nil, fmt.Errorf("build image: %w", err)
	}
	base, err := s.base.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("build image: %w", err)
	}
	config := base.DeepCopy()
	config.Created, config.Config = epoch, s.config
	config.OS, config.Architecture, config.Variant = cfg.Platform.OS, cfg.Platform.Architecture, cfg.Platform.Variant
	img, err := mutate.ConfigFile(s.base, config)
	if err != nil {
		return nil, fmt.Errorf("build image: %w", err)
	}
	img, err = mutate.Append(img, s.steps...)
	if err != nil {
		return nil, fmt.Errorf("build image: %w", err)
	}
	return img, nil
}

// scratch is the image that is nothing, in OCI's form.
func scratch() v1.Image {
	return mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
}

// Base finds an image to build on: in the registry at address if that has it under the cloud reference, else in the registry that the
// reference names, with the credentials that container engines keep, if there are any.
func Base(ctx context.Context, address, reference string, platform v1.Platform) (v1.Image, error) {
	fail := func(err error) (v1.Image, error) {
		return nil, fmt.Errorf("pull the base image %s for %s: %w", reference, platform, err)
	}
	here, err := registry.Locate(address, reference)
	if err != nil {
		return fail(err)
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithPlatform(platform)}
	img, err := remote.Image(here, options...)
	if refusal, ok := errors.AsType[*transport.Error](err); !ok || refusal.StatusCode != http.StatusNotFound {
		if err != nil {
			return fail(err)
		}
		return img, nil
	}
	there, err := name.ParseReference(reference)
	if err != nil {
		return fail(err)
	}
	if img, err = remote.Image(there, append(options, remote.WithAuthFromKeychain(authn.DefaultKeychain))...); err != nil {
		return fail(err)
	}
	return img, nil
}

// Push puts the image into the registry at address (host:port) under a cloud reference; see [registry.Split].
func Push(ctx context.Context, img v1.Image, address, reference string) error {
	ref, err := registry.Locate(address, reference)
	if err != nil {
		return fmt.Errorf("push image: %w", err)
	}
	if err := remote.Write(ref, img, remote.WithContext(ctx)); err != nil {
		return fmt.Errorf("push image %s: %w", ref, err)
	}
	return nil
}
