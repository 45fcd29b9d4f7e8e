package registry

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

var (
	// ErrNotFound says that the registry has no such image.
	ErrNotFound = errors.New("not found")
	// ErrPlatform says that a list of images exists, but has none for the platform.
	ErrPlatform = errors.New("image Manifest does not contain descriptor matching platform")
)

// Resolve returns the digest of the manifest that a cloud reference names: repository:tag (latest if there is no tag)
// or repository@digest. The error for an unknown one is worded as a Fargate task's stopped reason words it (Amazon ECS
// developer guide, "CannotPullContainer task errors") and wraps [ErrNotFound].
func (r *Registry) Resolve(reference string) (v1.Hash, error) {
	desc, err := r.resolve(reference)
	return desc.Digest, err
}

func (r *Registry) resolve(reference string) (v1.Descriptor, error) {
	repository, target, err := Split(reference)
	if err != nil {
		return v1.Descriptor{}, err
	}
	desc, ok := r.index.get(repository, target)
	if !ok {
		return v1.Descriptor{}, fmt.Errorf("failed to resolve ref %s: %s: %w", reference, reference, ErrNotFound)
	}
	return desc, nil
}

// Image returns the image of a cloud reference, and from a list of images the one for the platform. It is read from disk on use. A list
// without one is an error in ECS's words, wrapping [ErrPlatform]. An image that is not a list is returned for any platform, because
// Fargate pulls it too; its program then fails to start (https://repost.aws/knowledge-center/ecs-task-exec-format-error).
func (r *Registry) Image(reference string, platform v1.Platform) (v1.Image, error) {
	desc, err := r.resolve(reference)
	if err != nil {
		return nil, err
	}
	root, err := layout.ImageIndexFromPath(filepath.Dir(r.blobs))
	if err != nil {
		return nil, fmt.Errorf("read image %s: %w", reference, err)
	}
	if desc.MediaType.IsIndex() {
		idx, err := root.ImageIndex(desc.Digest)
		if err != nil {
			return nil, fmt.Errorf("read image index %s: %w", reference, err)
		}
		manifest, err := idx.IndexManifest()
		if err != nil {
			return nil, fmt.Errorf("read image index %s: %w", reference, err)
		}
		i := slices.IndexFunc(manifest.Manifests, func(d v1.Descriptor) bool {
			return d.MediaType.IsImage() && d.Platform != nil && d.Platform.Satisfies(platform)
		})
		if i < 0 {
			return nil, fmt.Errorf("%w '%s'", ErrPlatform, platform.String())
		}
		return idx.Image(manifest.Manifests[i].Digest)
	}
	img, err := root.Image(desc.Digest)
	if err != nil {
		return nil, fmt.Errorf("read image %s: %w", reference, err)
	}
	return img, nil
}

// Repository is the registry's content under one name.
type Repository struct {
	Name   string // the registry's host and the repository's path, as [Split] returns them
	Images []Image
}

// Image is one manifest of a repository: an image or an index of images.
type Image struct {
	Digest    v1.Hash
	MediaType string
	Size      int64    // of the manifest, in bytes
	Tags      []string // sorted
}

// Repositories lists everything the registry holds: repositories by name, their images in the order of the first push.
func (r *Registry) Repositories() []Repository {
	var repositories []Repository
	for _, e := range r.index.all() {
		i := slices.IndexFunc(repositories, func(r Repository) bool { return r.Name == e.repository })
		if i < 0 {
			repositories = append(repositories, Repository{Name: e.repository})
			i = len(repositories) - 1
		}
		images := &repositories[i].Images
		j := slices.IndexFunc(*images, func(m Image) bool { return m.Digest == e.descriptor.Digest })
		if j < 0 {
			*images = append(*images, Image{
				Digest:    e.descriptor.Digest,
				MediaType: string(e.descriptor.MediaType),
				Size:      e.descriptor.Size,
			})
			j = len(*images) - 1
		}
		if !strings.Contains(e.target, ":") {
			(*images)[j].Tags = append((*images)[j].Tags, e.target)
			slices.Sort((*images)[j].Tags)
		}
	}
	slices.SortFunc(repositories, func(a, b Repository) int { return cmp.Compare(a.Name, b.Name) })
	return repositories
}
