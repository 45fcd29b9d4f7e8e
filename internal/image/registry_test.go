package image_test

import (
	"reflect"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"slipway/internal/image"
)

func TestPush(t *testing.T) {
	t.Parallel()
	registries, reference := image.Registries{}, serveRegistry(t)+"/hello:1"
	img, err := image.Build(image.BuildConfig{Dockerfile: []byte(dockerfile), Files: sources(t), Platform: amd64})
	if err != nil {
		t.Fatal(err)
	}
	want, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if found, err := registries.Find(t.Context(), reference); found != "" || err != nil {
		t.Errorf("before, there is %s: %v", found, err)
	}
	var first, again counter
	if pushed, err := registries.Push(t.Context(), img, reference, first.add); !pushed || err != nil {
		t.Fatalf("pushed: %t, %v", pushed, err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	content := manifest.Config.Size
	for _, l := range manifest.Layers {
		content += l.Size
	}
	if int64(first.bytes) <= content {
		t.Errorf("%d bytes were sent, want more than the %d of layers and configuration", first.bytes, content)
	}
	if found, err := registries.Find(t.Context(), reference); found != want.String() || err != nil {
		t.Errorf("there is %s, want %s: %v", found, want, err)
	}

	// Nothing is sent twice: the same reference needs nothing, and another one the manifest.
	if pushed, err := registries.Push(t.Context(), img, reference, again.add); pushed || err != nil || again.bytes > 0 {
		t.Errorf("pushed again: %t, %v, %d bytes", pushed, err, again.bytes)
	}
	if pushed, err := registries.Push(t.Context(), img, reference+"-too", again.add); !pushed || err != nil || int64(again.bytes) > content {
		t.Errorf("pushed under another tag: %t, %v, %d bytes", pushed, err, again.bytes)
	}

	ref, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := remote.Image(ref, remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(files(t, stored), files(t, img)) {
		t.Error("the stored image's files differ from those pushed")
	}
}

// counter counts bytes from any goroutine.
type counter struct {
	mu    sync.Mutex
	bytes int
}

func (c *counter) add(bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += bytes
}
