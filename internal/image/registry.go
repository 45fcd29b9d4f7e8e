package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Registries are the registries that images are in.
type Registries struct {
	// Logins are the credentials, in addition to those of `docker login`. Nil adds none.
	Logins authn.Keychain
}

func (r Registries) options(ctx context.Context) []remote.Option {
	var keychain authn.Keychain = authn.DefaultKeychain
	if r.Logins != nil {
		keychain = authn.NewMultiKeychain(r.Logins, keychain)
	}
	return []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain)}
}

// Base finds images to build on: see [BuildConfig].
func (r Registries) Base(ctx context.Context) func(reference string, platform v1.Platform) (v1.Image, error) {
	return func(reference string, platform v1.Platform) (v1.Image, error) {
		ref, err := name.ParseReference(reference)
		if err != nil {
			return nil, fmt.Errorf("pull the base image %s for %s: %w", reference, platform, err)
		}
		img, err := remote.Image(ref, append(r.options(ctx), remote.WithPlatform(platform))...)
		if err != nil {
			return nil, fmt.Errorf("pull the base image %s for %s: %w", reference, platform, err)
		}
		return img, nil
	}
}

// Push pushes an image under a reference, and calls sent with the number of bytes that each part of it took. Layers that the repository
// has are not sent. It returns false if the reference is that image already: a repository with immutable tags refuses an image that it
// has (https://github.com/aws/containers-roadmap/issues/2380).
func (r Registries) Push(ctx context.Context, img v1.Image, reference string, sent func(bytes int)) (pushed bool, err error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return false, fmt.Errorf("push image: %w", err)
	}
	digest, err := img.Digest()
	if err != nil {
		return false, fmt.Errorf("push image %s: %w", ref, err)
	}
	switch there, err := r.find(ctx, ref); {
	case err != nil:
		return false, fmt.Errorf("push image %s: %w", ref, err)
	case there == digest:
		return false, nil
	}
	options := append(r.options(ctx), remote.WithTransport(counting{remote.DefaultTransport, sent}))
	if err := remote.Write(ref, img, options...); err != nil {
		return false, fmt.Errorf("push image %s: %w", ref, err)
	}
	return true, nil
}

// counting counts the bytes of what is uploaded.
type counting struct {
	http.RoundTripper
	sent func(bytes int)
}

// RoundTrip implements [http.RoundTripper].
func (c counting) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return c.RoundTripper.RoundTrip(req)
	}
	counted := req.Clone(req.Context())
	counted.Body = upload{req.Body, c.sent}
	return c.RoundTripper.RoundTrip(counted)
}

type upload struct {
	io.ReadCloser
	sent func(bytes int)
}

// Read implements [io.Reader].
func (u upload) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	if u.sent != nil {
		u.sent(n)
	}
	return n, err
}

// Find returns the digest that a reference has in its registry, or "" if it has none.
func (r Registries) Find(ctx context.Context, reference string) (digest string, err error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return "", fmt.Errorf("find image: %w", err)
	}
	found, err := r.find(ctx, ref)
	if err != nil {
		return "", fmt.Errorf("find image %s: %w", ref, err)
	}
	if found == (v1.Hash{}) {
		return "", nil
	}
	return found.String(), nil
}

// find returns the digest of a reference, or zero for one that is not there.
func (r Registries) find(ctx context.Context, ref name.Reference) (v1.Hash, error) {
	found, err := remote.Head(ref, r.options(ctx)...)
	if refusal, ok := errors.AsType[*transport.Error](err); ok && refusal.StatusCode == http.StatusNotFound {
		return v1.Hash{}, nil
	}
	if err != nil {
		return v1.Hash{}, err
	}
	return found.Digest, nil
}
