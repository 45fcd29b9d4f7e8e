package daemon

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// A push of a container engine to the local registry, as in docs/bring-your-own-service.md, is in Amazon ECR: images and lists of
// images in Docker's form, with the attestations that BuildKit adds.
func TestPushAsContainerEnginesDo(t *testing.T) {
	c, stop := run(t, t.TempDir())
	defer stop()
	p := c.provider(t)
	if err := p.configure(nil); err != nil {
		t.Fatal(err)
	}
	const repository = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/notes"
	// Docker uses no TLS for it, because it is on 127.0.0.0/8; so does the client here.
	where := func(tag string) name.Reference {
		ref, err := name.ParseReference(c.Info.Registry + "/" + repository + ":" + tag)
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	found := func(tag, want string) {
		t.Helper()
		args := p.props(resource.PropertyMap{"repositoryName": resource.NewProperty("notes"), "imageTag": resource.NewProperty(tag)})
		out, err := p.Invoke(t.Context(), &pulumirpc.InvokeRequest{Tok: "aws:ecr/getImage:getImage", Args: args})
		if err != nil {
			t.Fatal(err)
		}
		if got := out.Return.Fields["imageDigest"].GetStringValue(); got != want {
			t.Errorf("%s is %s, want %s", tag, got, want)
		}
	}

	plain := image(t, types.DockerManifestSchema2, types.DockerLayer)
	if err := remote.Write(where("1"), plain, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	digest, err := plain.Digest()
	if err != nil {
		t.Fatal(err)
	}
	found("1", digest.String())

	for tag, form := range map[string]struct {
		list, image, layer types.MediaType
	}{
		"docker": {types.DockerManifestList, types.DockerManifestSchema2, types.DockerLayer},
		"oci":    {types.OCIImageIndex, types.OCIManifestSchema1, types.OCILayer},
	} {
		list := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, form.list),
			mutate.IndexAddendum{Add: image(t, form.image, form.layer), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
			mutate.IndexAddendum{Add: image(t, form.image, form.layer), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}},
			mutate.IndexAddendum{Add: image(t, form.image, "application/vnd.in-toto+json"), Descriptor: v1.Descriptor{
				Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
				Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"},
			}},
		)
		if err := remote.WriteIndex(where(tag), list, remote.WithContext(t.Context())); err != nil {
			t.Fatalf("%s: %v", tag, err)
		}
		digest, err := list.Digest()
		if err != nil {
			t.Fatal(err)
		}
		found(tag, digest.String())
	}
	if !strings.HasPrefix(c.Info.Registry, "127.0.0.1:") {
		t.Errorf("the registry is at %s, where Docker wants TLS", c.Info.Registry)
	}
}

// image is an image in one of the forms, with its own layer.
func image(t *testing.T, form, layer types.MediaType) v1.Image {
	t.Helper()
	content, err := random.Layer(1000, layer)
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, form), content)
	if err != nil {
		t.Fatal(err)
	}
	return img
}
