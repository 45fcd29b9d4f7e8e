package registry_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"pgregory.net/rapid"

	"slipway/localcloud/registry"
)

const (
	hello = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/hello"
	other = "210987654321.dkr.ecr.eu-central-1.amazonaws.com/hello"
)

// open opens the registry in dir and serves it until the test ends.
func open(t *testing.T, dir string) (*registry.Registry, string) {
	t.Helper()
	r, err := registry.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	return r, srv.Listener.Addr().String()
}

func locate(t *testing.T, address, reference string) name.Reference {
	t.Helper()
	ref, err := registry.Locate(address, reference)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func push(t *testing.T, address, reference string, img v1.Image) {
	t.Helper()
	if err := remote.Write(locate(t, address, reference), img, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
}

func randomImage(t *testing.T) v1.Image {
	t.Helper()
	img, err := random.Image(512, 2)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// platformImage is a random image that says what it is built for.
func platformImage(t *testing.T, arch string) v1.Image {
	t.Helper()
	img := randomImage(t)
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

func digest(t *testing.T, img interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	h, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

func TestPushedImageIsPulledByTagAndDigestAfterARestart(t *testing.T) {
	dir := t.TempDir()
	_, address := open(t, dir)
	img := randomImage(t)
	push(t, address, hello+":v1", img)

	r, address := open(t, dir)
	for _, reference := range []string{hello + ":v1", hello + "@" + digest(t, img)} {
		resolved, err := r.Resolve(reference)
		if err != nil {
			t.Fatal(err)
		}
		if resolved.String() != digest(t, img) {
			t.Errorf("Resolve(%s) = %s, want %s", reference, resolved, digest(t, img))
		}
		pulled, err := remote.Image(locate(t, address, reference), remote.WithContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		local, err := r.Image(reference, v1.Platform{})
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []v1.Image{pulled, local} {
			layers, err := got.Layers()
			if err != nil {
				t.Fatal(err)
			}
			want, err := img.Layers()
			if err != nil {
				t.Fatal(err)
			}
			if len(layers) != len(want) {
				t.Fatalf("%s has %d layers, want %d", reference, len(layers), len(want))
			}
			for i := range layers {
				if digest(t, layers[i]) != digest(t, want[i]) {
					t.Errorf("layer %d of %s differs", i, reference)
				}
			}
		}
	}
}

func TestMovedTagLeavesTheOldDigest(t *testing.T) {
	dir := t.TempDir()
	_, address := open(t, dir)
	first, second := randomImage(t), randomImage(t)
	push(t, address, hello+":local", first)
	push(t, address, hello+":local", second)

	r, _ := open(t, dir)
	repositories := r.Repositories()
	if len(repositories) != 1 || len(repositories[0].Images) != 2 {
		t.Fatalf("Repositories() = %+v, want one with two images", repositories)
	}
	images := repositories[0].Images
	if images[0].Digest.String() != digest(t, first) || len(images[0].Tags) != 0 {
		t.Errorf("first image = %+v, want %s without a tag", images[0], digest(t, first))
	}
	if images[1].Digest.String() != digest(t, second) || len(images[1].Tags) != 1 || images[1].Tags[0] != "local" {
		t.Errorf("second image = %+v, want %s tagged local", images[1], digest(t, second))
	}
}

func TestAccountsStayApart(t *testing.T) {
	r, address := open(t, t.TempDir())
	push(t, address, hello+":v1", randomImage(t))
	_, err := r.Resolve(other + ":v1")
	if !errors.Is(err, registry.ErrNotFound) {
		t.Fatalf("Resolve in the other account: %v, want ErrNotFound", err)
	}
	if !strings.Contains(err.Error(), other+":v1") {
		t.Errorf("error %q does not name the reference", err)
	}
}

func TestIndexResolvesToThePlatformAfterARestart(t *testing.T) {
	dir := t.TempDir()
	_, address := open(t, dir)
	amd, arm := platformImage(t, "amd64"), platformImage(t, "arm64")
	idx := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: amd, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: arm, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}},
	)
	if err := remote.WriteIndex(locate(t, address, hello+":multi"), idx, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	push(t, address, hello+":single", amd)

	r, _ := open(t, dir)
	img, err := r.Image(hello+":multi", v1.Platform{OS: "linux", Architecture: "arm64"})
	if err != nil {
		t.Fatal(err)
	}
	if digest(t, img) != digest(t, arm) {
		t.Errorf("Image = %s, want the arm64 image %s", digest(t, img), digest(t, arm))
	}
	riscv := v1.Platform{OS: "linux", Architecture: "riscv64"}
	if _, err := r.Image(hello+":multi", riscv); !errors.Is(err, registry.ErrPlatform) || !strings.Contains(err.Error(), "'linux/riscv64'") {
		t.Errorf("a list without the platform: %v, want ErrPlatform naming it", err)
	}
	// An image that is not a list is pulled for any platform.
	if img, err := r.Image(hello+":single", riscv); err != nil || digest(t, img) != digest(t, amd) {
		t.Errorf("an image of another platform: %v, want the image", err)
	}
}

func TestRefusals(t *testing.T) {
	manifest := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"sha256:` + strings.Repeat("a", 64) + `"},"layers":[]}`
	tests := map[string]struct {
		method, target, contentType, body string
		wantStatus                        int
		wantCode                          string
	}{
		"manifest before its blobs": {
			http.MethodPut, "v1", "application/vnd.oci.image.manifest.v1+json", manifest, 404, "MANIFEST_BLOB_UNKNOWN",
		},
		"wrong digest": {
			http.MethodPut, "sha256:" + strings.Repeat("b", 64), "application/vnd.oci.image.manifest.v1+json", manifest, 400, "DIGEST_INVALID",
		},
		"not JSON": {
			http.MethodPut, "v1", "application/vnd.oci.image.manifest.v1+json", "{", 400, "MANIFEST_INVALID",
		},
		"not an image": {
			http.MethodPut, "v1", "text/plain", "hello", 400, "MANIFEST_INVALID",
		},
		"larger than allowed": {
			http.MethodPut, "v1", "application/vnd.oci.image.manifest.v1+json", strings.Repeat(" ", 5<<20), 413, "MANIFEST_INVALID",
		},
		"delete": {
			http.MethodDelete, "v1", "", "", 405, "UNSUPPORTED",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := registry.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			req := httptest.NewRequest(tt.method, "/v2/repo/manifests/"+tt.target, strings.NewReader(tt.body))
			req.Header.Set("Content-Type", tt.contentType)
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			if w.Code != tt.wantStatus || !strings.Contains(w.Body.String(), tt.wantCode) {
				t.Errorf("%s = %d %s, want %d %s", tt.method, w.Code, w.Body, tt.wantStatus, tt.wantCode)
			}
			if len(r.Repositories()) != 0 {
				t.Errorf("the registry holds %+v after the refusal", r.Repositories())
			}
		})
	}
}

func TestOpenRemovesPartialUploads(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	partial := filepath.Join(dir, "blobs", "upload-123")
	if err := os.WriteFile(partial, []byte("half a layer"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Stat(partial); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the partial upload is still there: %v", err)
	}
}

func TestSplit(t *testing.T) {
	tests := map[string]struct{ repository, target string }{
		hello + ":v1":           {hello, "v1"},
		hello:                   {hello, "latest"},
		"nginx:1.27":            {"index.docker.io/library/nginx", "1.27"},
		"localhost:5000/a/b:v1": {"localhost_5000/a/b", "v1"},
		hello + "@sha256:" + strings.Repeat("0", 64): {hello, "sha256:" + strings.Repeat("0", 64)},
	}
	for reference, want := range tests {
		repository, target, err := registry.Split(reference)
		if err != nil || repository != want.repository || target != want.target {
			t.Errorf("Split(%s) = %s, %s, %v; want %s, %s", reference, repository, target, err, want.repository, want.target)
		}
	}
	if _, _, err := registry.Split("Not A Reference"); err == nil {
		t.Error("Split took a malformed reference")
	}
}

// A located reference names Split's result, for any reference of the cloud.
func TestLocateAgreesWithSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reference := rapid.StringMatching(`([0-9]{12}\.dkr\.ecr\.[a-z]{2}-[a-z]{4,9}-[1-3]\.amazonaws\.com|ghcr\.io|localhost:[1-9][0-9]{3})`).Draw(t, "host") +
			rapid.StringMatching(`(/[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?){1,3}`).Draw(t, "repository") +
			rapid.StringMatching(`(:[A-Za-z0-9_][A-Za-z0-9._-]{0,20}|@sha256:[0-9a-f]{64}|)`).Draw(t, "target")
		repository, target, err := registry.Split(reference)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := registry.Locate("127.0.0.1:5000", reference)
		if err != nil {
			t.Fatal(err)
		}
		if ref.Context().RepositoryStr() != repository || ref.Identifier() != target || ref.Context().Scheme() != "http" {
			t.Fatalf("Locate(%s) = %s, want repository %s and target %s over http", reference, ref, repository, target)
		}
	})
}

func TestImmutableTags(t *testing.T) {
	dir := t.TempDir()
	r, address := open(t, dir)
	r.Immutable = func(repository string) bool { return repository == hello }
	first, second := randomImage(t), randomImage(t)
	push(t, address, hello+":v1", first)
	push(t, address, other+":v1", first)
	push(t, address, other+":v1", second) // whose tags may move

	err := remote.Write(locate(t, address, hello+":v1"), second, remote.WithContext(t.Context()))
	var refusal *transport.Error
	if !errors.As(err, &refusal) || refusal.StatusCode != http.StatusBadRequest || refusal.Errors[0].Code != "TAG_INVALID" ||
		refusal.Errors[0].Message != "The image tag 'v1' already exists in the 'hello' repository and cannot be overwritten because the tag is immutable." {
		t.Fatalf("pushing another image under the tag: %v", err)
	}
	if h, err := r.Resolve(hello + ":v1"); err != nil || h.String() != digest(t, first) {
		t.Errorf("the tag names %s, %v", h, err)
	}
	// The same image is refused too. The manifest is put by hand, because the client would see that it exists.
	manifest, err := first.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodPut, "/v2/"+hello+"/manifests/v1", bytes.NewReader(manifest))
	req.Header.Set("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
	w := httptest.NewRecorder()
	if r.ServeHTTP(w, req); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "TAG_INVALID") {
		t.Errorf("pushing the same image again: %d %s", w.Code, w.Body)
	}
	// The other one is welcome under another tag, or none.
	push(t, address, hello+":v2", second)
	push(t, address, hello+"@"+digest(t, second), second)
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	r, address := open(t, dir)
	shared, own := randomImage(t), randomImage(t)
	push(t, address, hello+":v1", own)
	push(t, address, hello+":v2", shared)
	push(t, address, other+":v1", shared)
	if err := r.Remove(hello); err != nil {
		t.Fatal(err)
	}
	for _, reference := range []string{hello + ":v1", hello + "@" + digest(t, own)} {
		if _, err := r.Resolve(reference); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("Resolve(%s) after the removal: %v", reference, err)
		}
		if _, err := remote.Head(locate(t, address, reference), remote.WithContext(t.Context())); err == nil {
			t.Errorf("%s can still be pulled", reference)
		}
	}
	push(t, address, hello+":v1", shared) // under a name that is free again

	r, _ = open(t, dir)
	if repositories := r.Repositories(); len(repositories) != 2 {
		t.Errorf("Repositories() = %+v, want two", repositories)
	}
	layers, err := own.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, blob := range []string{digest(t, own), digest(t, layers[0])} {
		if _, err := os.Stat(filepath.Join(dir, "blobs", strings.Replace(blob, ":", string(filepath.Separator), 1))); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("blob %s of the removed image is still on disk: %v", blob, err)
		}
	}
	for _, reference := range []string{hello + ":v1", other + ":v1"} {
		img, err := r.Image(reference, v1.Platform{})
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(img); err != nil {
			t.Errorf("%s: %v", reference, err)
		}
	}
}
