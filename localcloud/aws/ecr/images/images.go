// Package images answers the functions of Amazon ECR from the local registry.
package images

import (
	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/cloud"
	"slipway/localcloud/registry"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Images answers the functions of Amazon ECR from the local registry.
type Images struct{ Registry *registry.Registry }

var _ ecr.Images = Images{}

// Of returns Amazon ECR over the registry, which from now on enforces the stored repositories' settings of tags.
func Of(store *cloud.Store, r *registry.Registry) Images {
	r.Immutable = func(repository string) (immutable bool) {
		store.View(func(tx *cloud.Tx) { immutable = ecr.ImmutableTags(tx, repository) })
		return immutable
	}
	return Images{r}
}

// Remove implements [aws.Images].
func (e Images) Remove(repository string) error { return e.Registry.Remove(repository) }

// Images implements [aws.Images].
func (e Images) Images(repository string) ([]ecr.Image, bool) {
	for _, r := range e.Registry.Repositories() {
		if r.Name != repository {
			continue
		}
		var out []ecr.Image
		for _, m := range r.Images {
			digest := m.Digest.String()
			out = append(out, ecr.Image{Digest: digest, Tags: m.Tags, Size: e.size(repository + "@" + digest)})
		}
		return out, true
	}
	return nil, false
}

// size returns how large the image's layers are, compressed; for images of several platforms it is the first one's. An image that
// cannot be read has none.
func (e Images) size(reference string) (sum int64) {
	img, err := e.Registry.Image(reference, v1.Platform{})
	if err != nil {
		return 0
	}
	manifest, err := img.Manifest()
	if err != nil {
		return 0
	}
	for _, l := range manifest.Layers {
		sum += l.Size
	}
	return sum
}
