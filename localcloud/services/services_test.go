package services_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"slipway/localcloud/aws/ec2/networks"
	"slipway/localcloud/registry"
	"slipway/localcloud/services"
)

// Without its controller, a service would store resources and do nothing.
func TestEveryControllerIsRun(t *testing.T) {
	t.Parallel()
	images, err := registry.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	run := map[string]bool{}
	for _, c := range services.New(services.Options{Images: images, VPCs: networks.New(nil, nil)}).Controllers {
		run[reflect.TypeOf(c).Elem().PkgPath()] = true
	}
	files, err := filepath.Glob("../aws/*/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), ") Run(ctx context.Context) error {") {
			found["slipway/localcloud"+strings.TrimPrefix(filepath.ToSlash(filepath.Dir(file)), "..")] = true
		}
	}
	if !reflect.DeepEqual(run, found) {
		t.Errorf("the controllers of %v are run, and there are those of %v", run, found)
	}
}
