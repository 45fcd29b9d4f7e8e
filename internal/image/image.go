// Package image builds a container image from a Dockerfile without a container engine, and pushes it.
//
// It is for images whose earlier stages run nothing but `go build`. [Source] compiles those programs on this machine. The last stage may
// have its base, the image's configuration and files from earlier stages. The same inputs give the same digest on every machine.
package image

import (
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
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
