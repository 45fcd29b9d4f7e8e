package schedulertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"slipway/localcloud/imagetest"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Images finds images by their references.
type Images map[string]v1.Image

// Image implements [scheduler.ImageSource].
func (i Images) Image(reference string, _ v1.Platform) (v1.Image, error) {
	if img, ok := i[reference]; ok {
		return img, nil
	}
	return nil, fmt.Errorf("failed to resolve ref %s: %s: not found", reference, reference)
}

// ServerImage builds the image of the scheduler's testdata/server.
func ServerImage(t testing.TB) v1.Image {
	t.Helper()
	program := filepath.Join(t.TempDir(), "server")
	build := exec.Command("go", "build", "-o", program, "slipway/localcloud/aws/ecs/scheduler/testdata/server") //nolint:gosec // what is built is this repository's own
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	img, err := imagetest.New(v1.Config{Entrypoint: []string{"/server"}}, map[string]string{"/server": program})
	if err != nil {
		t.Fatal(err)
	}
	return img
}
