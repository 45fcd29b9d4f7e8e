package runtime

import (
	"net/http/httptest"
	"slices"
	"testing"

	"slipway/localcloud/runtime/registry"

	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestECRImages(t *testing.T) {
	r, err := registry.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r)
	defer server.Close()
	const repository = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/hello"
	push := func(tag string) string {
		img, err := random.Image(1000, 2)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := registry.Locate(server.Listener.Addr().String(), repository+":"+tag)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, img, remote.WithContext(t.Context())); err != nil {
			t.Fatal(err)
		}
		digest, err := img.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return digest.String()
	}
	first, second := push("v1"), push("v2")

	images, ok := ECR{r}.Images(repository)
	if !ok || len(images) != 2 || images[0].Digest != first || images[1].Digest != second || !slices.Equal(images[1].Tags, []string{"v2"}) {
		t.Fatalf("images %+v, %v; want %s and then %s", images, ok, first, second)
	}
	if images[0].Size < 2000 || images[0].Size > 5000 {
		t.Errorf("two layers of 1000 bytes have %d bytes", images[0].Size)
	}
	if images, ok := (ECR{r}).Images("000000000000.dkr.ecr.eu-central-1.amazonaws.com/other"); ok {
		t.Errorf("another repository has %v", images)
	}
}
