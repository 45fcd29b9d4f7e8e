// Package registry is an OCI registry whose images survive a restart.
//
// Its folder is an OCI image layout (image-spec, "OCI Image Layout Specification"): blobs below blobs/, and an
// index.json that names each manifest by its whole reference, so crane, skopeo or oras read it without the registry.
// Pushes and pulls speak the OCI distribution API, which go-containerregistry's pkg/registry serves. That package
// forgets its manifests when the process ends; this one writes each to the layout before the client hears of it, and
// gives them back to it when the folder is opened again.
package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/renameio/v2"
)

const (
	// maxManifest is the largest manifest taken, in bytes: the 4 MiB that the distribution specification asks
	// registries to accept ("Pushing Manifests").
	maxManifest = 4 << 20
	// maxBlob is the largest upload taken, in bytes. pkg/registry holds an upload in memory until it is complete.
	maxBlob = 1 << 30
)

// Registry is an OCI registry over one folder. It is an [http.Handler] to be mounted at the root of a server, and is
// safe for concurrent use. Only one process may have a folder open.
type Registry struct {
	// Immutable reports whether a repository, with its name from [Split], keeps each of its tags on its first image. Nil, the default:
	// none does. Set it before the first request.
	Immutable func(repository string) bool

	blobs string
	api   http.Handler
	index *index
	// changing is held while the index and the API are changed together.
	changing sync.Mutex
}

// Open opens the registry in dir and makes the folder if it is missing.
func Open(dir string) (*Registry, error) {
	blobs := filepath.Join(dir, "blobs")
	// The sha256 folder too: pkg/registry answers a question about a blob with an error if it is missing.
	if err := os.MkdirAll(filepath.Join(blobs, "sha256"), 0o700); err != nil {
		return nil, fmt.Errorf("open registry %s: %w", dir, err)
	}
	// Uploads that an earlier process did not live to complete (pkg/registry's disk blob handler names them so).
	partial, err := filepath.Glob(filepath.Join(blobs, "upload-*"))
	if err != nil {
		return nil, fmt.Errorf("open registry %s: %w", dir, err)
	}
	for _, name := range partial {
		if err := os.Remove(name); err != nil {
			return nil, fmt.Errorf("open registry %s: %w", dir, err)
		}
	}
	idx, err := openIndex(dir)
	if err != nil {
		return nil, fmt.Errorf("open registry %s: %w", dir, err)
	}
	r := &Registry{
		blobs: blobs,
		index: idx,
		api: registry.New(
			registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs)),
			registry.Logger(log.New(io.Discard, "", 0)),
		),
	}
	if err := r.sweep(); err != nil {
		return nil, fmt.Errorf("open registry %s: %w", dir, err)
	}
	if err := r.replay(); err != nil {
		return nil, fmt.Errorf("open registry %s: %w", dir, err)
	}
	return r, nil
}

// sweep removes the blobs that no manifest refers to: those of uploads without a manifest, and of removed repositories. Only at this
// moment no manifest for them can follow.
func (r *Registry) sweep() error {
	used := map[string]bool{}
	for _, e := range r.index.all() {
		used[e.descriptor.Digest.Hex] = true
		manifest, err := os.ReadFile(r.blobPath(e.descriptor.Digest))
		if err != nil {
			return err
		}
		if e.descriptor.MediaType.IsIndex() {
			continue // the images of an index have their own names
		}
		m, err := v1.ParseManifest(bytes.NewReader(manifest))
		if err != nil {
			return fmt.Errorf("read manifest %s: %w", e.name(), err)
		}
		for _, blob := range append(m.Layers, m.Config) {
			used[blob.Digest.Hex] = true
		}
	}
	blobs, err := os.ReadDir(filepath.Join(r.blobs, "sha256"))
	if err != nil {
		return err
	}
	for _, b := range blobs {
		if used[b.Name()] {
			continue
		}
		if err := os.Remove(filepath.Join(r.blobs, "sha256", b.Name())); err != nil {
			return err
		}
	}
	return nil
}

// replay gives the manifests on disk to the API. They are in the order in which they were pushed, so the images of an
// index come before it, as the API wants.
func (r *Registry) replay() error {
	for _, e := range r.index.all() {
		manifest, err := os.ReadFile(r.blobPath(e.descriptor.Digest))
		if err != nil {
			return err
		}
		url := "/v2/" + e.repository + "/manifests/" + e.target
		req, err := http.NewRequest(http.MethodPut, url, bytes.NewReader(manifest))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", string(e.descriptor.MediaType))
		answer := &status{header: http.Header{}}
		if r.api.ServeHTTP(answer, req); answer.code != http.StatusCreated {
			return fmt.Errorf("load manifest %s of %s: status %d", e.target, e.repository, answer.code)
		}
	}
	return nil
}

// status is a response that only keeps the status.
type status struct {
	header http.Header
	code   int
}

func (s *status) Header() http.Header         { return s.header }
func (s *status) Write(p []byte) (int, error) { return len(p), nil }
func (s *status) WriteHeader(code int)        { s.code = code }

// Serve answers on ln until ctx ends. It closes ln.
func (r *Registry) Serve(ctx context.Context, ln net.Listener) error {
	srv := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
	if err := srv.Serve(ln); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve registry on %s: %w", ln.Addr(), err)
	}
	return nil
}

// ServeHTTP serves the OCI distribution API. Like Amazon ECR it refuses to delete through this API.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	repository, target, ok := manifestPath(req.URL.Path)
	switch {
	case req.Method == http.MethodDelete:
		apiError{http.StatusMethodNotAllowed, "UNSUPPORTED", "images are not deleted through the distribution API"}.write(w)
	case req.Method == http.MethodPut && ok:
		r.putManifest(w, req, repository, target)
	default:
		req.Body = http.MaxBytesReader(w, req.Body, maxBlob)
		r.api.ServeHTTP(w, req)
	}
}

// putManifest keeps a pushed manifest on disk, then in the API.
func (r *Registry) putManifest(w http.ResponseWriter, req *http.Request, repository, target string) {
	manifest, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxManifest))
	if err != nil {
		apiError{http.StatusRequestEntityTooLarge, "MANIFEST_INVALID", err.Error()}.write(w)
		return
	}
	digest, _, err := v1.SHA256(bytes.NewReader(manifest))
	if err != nil {
		apiError{http.StatusInternalServerError, "UNKNOWN", err.Error()}.write(w)
		return
	}
	if strings.Contains(target, ":") && target != digest.String() {
		apiError{http.StatusBadRequest, "DIGEST_INVALID", "the manifest's digest is " + digest.String()}.write(w)
		return
	}
	desc := v1.Descriptor{
		MediaType: types.MediaType(req.Header.Get("Content-Type")),
		Digest:    digest,
		Size:      int64(len(manifest)),
	}
	if refusal := r.checkManifest(repository, desc.MediaType, manifest); refusal != nil {
		refusal.write(w)
		return
	}
	if err := writeFile(r.blobPath(digest), manifest); err != nil {
		apiError{http.StatusInternalServerError, "UNKNOWN", err.Error()}.write(w)
		return
	}
	// Asked before anything is held: who answers may be waiting for a repository to be removed.
	immutable := r.Immutable != nil && r.Immutable(repository)
	r.changing.Lock()
	defer r.changing.Unlock()
	err = r.index.put(repository, target, desc, immutable)
	if errors.Is(err, errImmutable) {
		_, name, _ := strings.Cut(repository, "/")
		apiError{http.StatusBadRequest, "TAG_INVALID", fmt.Sprintf(
			"The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.", target, name,
		)}.write(w)
		return
	}
	if err != nil {
		apiError{http.StatusInternalServerError, "UNKNOWN", err.Error()}.write(w)
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(manifest))
	r.api.ServeHTTP(w, req)
}

// Remove removes all images of a repository, named as [Split] names it. Their layers stay on disk until the registry is opened
// again: an image that is being pushed may share them.
func (r *Registry) Remove(repository string) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	removed, err := r.index.remove(repository)
	if err != nil {
		return fmt.Errorf("remove the images of %s: %w", repository, err)
	}
	for _, e := range removed {
		req, err := http.NewRequest(http.MethodDelete, "/v2/"+e.repository+"/manifests/"+e.target, nil)
		if err != nil {
			return fmt.Errorf("remove the images of %s: %w", repository, err)
		}
		r.api.ServeHTTP(&status{header: http.Header{}}, req)
	}
	return nil
}

// checkManifest refuses a manifest that could not be pulled again: everything it refers to must be here already, as
// ECR asks too (API_PutImage: LayersNotFoundException, ReferencedImagesNotFoundException).
func (r *Registry) checkManifest(repository string, mediaType types.MediaType, manifest []byte) *apiError {
	switch {
	case mediaType.IsImage():
		m, err := v1.ParseManifest(bytes.NewReader(manifest))
		if err != nil {
			return &apiError{http.StatusBadRequest, "MANIFEST_INVALID", err.Error()}
		}
		for _, blob := range append(m.Layers, m.Config) {
			if blob.MediaType.IsDistributable() && !r.has(blob.Digest) {
				return &apiError{http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN", "push blob " + blob.Digest.String() + " first"}
			}
		}
	case mediaType.IsIndex():
		m, err := v1.ParseIndexManifest(bytes.NewReader(manifest))
		if err != nil {
			return &apiError{http.StatusBadRequest, "MANIFEST_INVALID", err.Error()}
		}
		for _, child := range m.Manifests {
			if _, ok := r.index.get(repository, child.Digest.String()); !ok {
				return &apiError{http.StatusNotFound, "MANIFEST_UNKNOWN", "push manifest " + child.Digest.String() + " first"}
			}
		}
	default:
		return &apiError{http.StatusBadRequest, "MANIFEST_INVALID", fmt.Sprintf("media type %q is neither an image nor an index", mediaType)}
	}
	return nil
}

func (r *Registry) has(h v1.Hash) bool {
	info, err := os.Stat(r.blobPath(h)) //nolint:gosec // [v1.Hash] takes nothing but hexadecimal digits from JSON
	return err == nil && info.Mode().IsRegular()
}

func (r *Registry) blobPath(h v1.Hash) string {
	return filepath.Join(r.blobs, h.Algorithm, h.Hex)
}

// manifestPath splits /v2/<repository>/manifests/<target>.
func manifestPath(path string) (repository, target string, ok bool) {
	path, ok = strings.CutPrefix(path, "/v2/")
	if !ok {
		return "", "", false
	}
	i := strings.LastIndex(path, "/manifests/")
	if i < 0 {
		return "", "", false
	}
	repository, target = path[:i], path[i+len("/manifests/"):]
	return repository, target, repository != "" && target != "" && !strings.Contains(target, "/")
}

// apiError is an error in the distribution API's form.
type apiError struct {
	status  int
	code    string
	message string
}

func (e apiError) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	type detail struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	// The client has the status already, or is gone.
	_ = json.NewEncoder(w).Encode(struct {
		Errors []detail `json:"errors"`
	}{[]detail{{e.code, e.message}}})
}

// writeFile writes a file completely or not at all, even if the process is killed meanwhile.
func writeFile(name string, content []byte) error {
	return renameio.WriteFile(name, content, 0o600, renameio.WithTempDir(filepath.Dir(name)))
}
