package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// refName is the annotation under which a layout's index names a manifest (image-spec, "Pre-Defined Annotation Keys").
const refName = "org.opencontainers.image.ref.name"

// entry is one name of one manifest.
type entry struct {
	repository string
	target     string // a tag or a digest
	descriptor v1.Descriptor
}

// name is the entry's whole reference: repository:tag or repository@digest.
func (e entry) name() string {
	if strings.Contains(e.target, ":") {
		return e.repository + "@" + e.target
	}
	return e.repository + ":" + e.target
}

// index is the layout's index.json: every name of every manifest, oldest push first.
type index struct {
	dir string

	mu      sync.RWMutex
	entries []entry
}

func openIndex(dir string) (*index, error) {
	if err := writeFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return nil, err
	}
	x := &index{dir: dir}
	content, err := os.ReadFile(x.path())
	if errors.Is(err, fs.ErrNotExist) {
		return x, x.save(nil)
	}
	if err != nil {
		return nil, err
	}
	var manifest v1.IndexManifest
	if err := json.Unmarshal(content, &manifest); err != nil {
		return nil, fmt.Errorf("read %s: %w", x.path(), err)
	}
	for _, desc := range manifest.Manifests {
		e := entry{descriptor: desc}
		ok := false
		if e.repository, e.target, ok = strings.Cut(desc.Annotations[refName], "@"); !ok {
			i := strings.LastIndex(e.repository, ":")
			if i < 0 {
				return nil, fmt.Errorf("read %s: manifest %s has no name", x.path(), desc.Digest)
			}
			e.repository, e.target = e.repository[:i], e.repository[i+1:]
		}
		e.descriptor.Annotations = nil
		x.entries = append(x.entries, e)
	}
	return x, nil
}

func (x *index) path() string { return filepath.Join(x.dir, "index.json") }

// save writes the entries to disk and, once they are safe there, makes them current.
func (x *index) save(entries []entry) error {
	manifest := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}}
	for _, e := range entries {
		desc := e.descriptor
		desc.Annotations = map[string]string{refName: e.name()}
		manifest.Manifests = append(manifest.Manifests, desc)
	}
	content, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(x.path(), content); err != nil {
		return err
	}
	x.entries = entries
	return nil
}

// errImmutable says that a tag names a manifest and may not be pushed again.
var errImmutable = errors.New("the tag is immutable")

// put names a manifest by target and by its digest; a tag that named another manifest moves. Immutable tags are pushed once.
func (x *index) put(repository, target string, desc v1.Descriptor, immutable bool) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	entries := slices.Clone(x.entries)
	digest := desc.Digest.String()
	// The same image is refused too (https://github.com/aws/containers-roadmap/issues/2380).
	if _, ok := x.find(repository, target); immutable && ok && target != digest {
		return errImmutable
	}
	if _, known := x.find(repository, digest); !known {
		entries = append(entries, entry{repository, digest, desc})
	}
	if target != digest {
		entries = slices.DeleteFunc(entries, func(e entry) bool { return e.repository == repository && e.target == target })
		entries = append(entries, entry{repository, target, desc})
	}
	return x.save(entries)
}

// remove takes away every name of every manifest of the repository, and returns what it took.
func (x *index) remove(repository string) ([]entry, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var gone, kept []entry
	for _, e := range x.entries {
		if e.repository == repository {
			gone = append(gone, e)
		} else {
			kept = append(kept, e)
		}
	}
	return gone, x.save(kept)
}

func (x *index) get(repository, target string) (v1.Descriptor, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.find(repository, target)
}

func (x *index) find(repository, target string) (v1.Descriptor, bool) {
	for _, e := range x.entries {
		if e.repository == repository && e.target == target {
			return e.descriptor, true
		}
	}
	return v1.Descriptor{}, false
}

func (x *index) all() []entry {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Clone(x.entries)
}
