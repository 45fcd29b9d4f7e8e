// Package image builds a container image from a Dockerfile's last stage without a container engine.
//
// It is for images made from scratch: the last stage may say what the image's configuration is and which files of
// earlier stages it takes; the files themselves were built by other means and are named in [BuildConfig]. The same
// inputs give the same digest on every machine.
package image

import (
	"context"
	"fmt"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"slipway/localcloud/runtime/registry"
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
}

// Build builds the image of the Dockerfile's last stage. It refuses an instruction, or a flag of one, that it does not
// know to be reproducible from the Dockerfile and Files alone, such as RUN.
func Build(cfg BuildConfig) (v1.Image, error) {
	s, err := evaluate(cfg)
	if err != nil {
		return nil, fmt.Errorf("build image: %w", err)
	}
	img := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	img = mutate.ConfigMediaType(img, types.OCIConfigJSON)
	img, err = mutate.ConfigFile(img, &v1.ConfigFile{
		Created:      epoch,
		OS:           cfg.Platform.OS,
		Architecture: cfg.Platform.Architecture,
		Variant:      cfg.Platform.Variant,
		Config:       s.config,
		RootFS:       v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, fmt.Errorf("build image: %w", err)
	}
	img, err = mutate.Append(img, s.steps...)
	if err != nil {
		return nil, fmt.Errorf("build image: %w", err)
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
