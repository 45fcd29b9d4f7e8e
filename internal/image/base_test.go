package image_test

import (
	"io"
	"log"
	"net/http/httptest"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"slipway/internal/image"
)

// serveRegistry serves an empty registry and returns its address.
func serveRegistry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// base is an image in Docker's form, as the hub has them, for an architecture.
func base(t *testing.T, architecture string) v1.Image {
	t.Helper()
	layer, err := random.Layer(100, types.DockerLayer)
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.Append(empty.Image, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: "base"}})
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file.OS, file.Architecture = "linux", architecture
	file.Config = v1.Config{
		Env: []string{"PATH=/opt/bin:/bin", "LANG=C.UTF-8"}, User: "1000:1000", WorkingDir: "/srv", Volumes: map[string]struct{}{"/data": {}},
		Entrypoint: []string{"/entry"}, Cmd: []string{"serve"}, Labels: map[string]string{"of": "base"}, ExposedPorts: map[string]struct{}{"80/tcp": {}},
		StopSignal: "SIGQUIT",
	}
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	return img
}

// pushBase pushes an image for two architectures under one tag, as `docker buildx build --push` does, and returns that for amd64.
func pushBase(t *testing.T, address, reference string) v1.Image {
	t.Helper()
	amd, arm := base(t, "amd64"), base(t, "arm64")
	list := mutate.AppendManifests(
		mutate.IndexMediaType(empty.Index, types.DockerManifestList),
		mutate.IndexAddendum{Add: amd, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: arm, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}},
	)
	ref, err := name.ParseReference(address + "/" + reference)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, list, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	return amd
}

func TestBuildOnABase(t *testing.T) {
	here, hub := serveRegistry(t), serveRegistry(t)
	own := here + "/base:1"
	ownBase := pushBase(t, here, "base:1")
	there := hub + "/library/python:3"
	img := base(t, "amd64")
	ref, err := name.ParseReference(there)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	find := image.Registries{}.Base(t.Context())
	carried := v1.Config{
		Env: []string{"PATH=/opt/bin:/bin", "LANG=C.UTF-8"}, User: "1000:1000", WorkingDir: "/srv", Volumes: map[string]struct{}{"/data": {}},
		Entrypoint: []string{"/entry"}, Cmd: []string{"serve"}, Labels: map[string]string{"of": "base"}, ExposedPorts: map[string]struct{}{"80/tcp": {}},
		StopSignal: "SIGQUIT",
	}
	changed := carried
	changed.Env = []string{"PATH=/opt/bin:/bin", "LANG=de", "A=1"}
	changed.User, changed.WorkingDir, changed.Entrypoint, changed.Cmd = "65532", "/srv/app", []string{"/app"}, nil
	changed.Volumes = map[string]struct{}{"/data": {}, "/more": {}}
	command := carried
	command.Cmd = []string{"other"}
	both := carried
	both.Entrypoint, both.Cmd = []string{"/app"}, []string{"other"}
	for title, test := range map[string]struct {
		dockerfile string
		base       v1.Image
		layers     int
		want       v1.Config
	}{
		"nothing of its own":   {"FROM " + own, ownBase, 1, carried},
		"another registry":     {"FROM " + there, img, 1, carried},
		"by an argument":       {"ARG BASE=" + there + "\nFROM ${BASE}", img, 1, carried},
		"everything":           {"FROM scratch AS build\nFROM " + own + "\nENV LANG=de A=1\nUSER 65532\nWORKDIR app\nVOLUME /more\nCOPY --from=build /out/app .\nENTRYPOINT [\"/app\"]", ownBase, 3, changed},
		"another command":      {"FROM " + own + "\nCMD [\"other\"]", ownBase, 1, command},
		"command, entry point": {"FROM " + own + "\nCMD [\"other\"]\nENTRYPOINT [\"/app\"]", ownBase, 1, both},
	} {
		t.Run(title, func(t *testing.T) {
			built, err := image.Build(image.BuildConfig{Dockerfile: []byte(test.dockerfile), Files: sources(t), Platform: amd64, Base: find})
			if err != nil {
				t.Fatal(err)
			}
			file, err := built.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(file.Config, test.want) {
				t.Errorf("config = %+v, want %+v", file.Config, test.want)
			}
			manifest, err := built.Manifest()
			if err != nil {
				t.Fatal(err)
			}
			below, err := test.base.Manifest()
			if err != nil {
				t.Fatal(err)
			}
			if len(manifest.Layers) != test.layers || manifest.Layers[0].Digest != below.Layers[0].Digest || len(file.RootFS.DiffIDs) != test.layers {
				t.Errorf("layers = %+v, want %d, the base's first", manifest.Layers, test.layers)
			}
			if manifest.MediaType != below.MediaType || slices.ContainsFunc(manifest.Layers, func(d v1.Descriptor) bool { return d.MediaType != types.DockerLayer }) {
				t.Errorf("the manifest is of several forms: %+v", manifest)
			}
			if file.Architecture != "amd64" || file.History[0].CreatedBy != "base" {
				t.Errorf("config file = %+v", file)
			}
			if pushed, err := (image.Registries{}).Push(t.Context(), built, here+"/built:"+strings.ReplaceAll(path.Base(t.Name()), ",", ""), nil); err != nil || !pushed {
				t.Errorf("pushed: %t, %v", pushed, err)
			}
		})
	}
}

func TestBaseThatIsNotThere(t *testing.T) {
	hub := serveRegistry(t)
	for reference, want := range map[string]string{
		hub + "/none:1": "NAME_UNKNOWN",
		"UPPER CASE":    "pull the base image UPPER CASE",
	} {
		_, err := image.Build(image.BuildConfig{
			Dockerfile: []byte("ARG BASE\nFROM $BASE"), Args: map[string]string{"BASE": reference}, Platform: amd64,
			Base: image.Registries{}.Base(t.Context()),
		})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("FROM %s: %v, want an error with %q", reference, err, want)
		}
	}
	_, err := image.Build(image.BuildConfig{Dockerfile: []byte("FROM " + hub + "/none:1\nRUN pip install x"), Platform: amd64})
	if err == nil || !strings.Contains(err.Error(), "must be FROM scratch") {
		t.Errorf("without anybody to pull: %v", err)
	}
}

// RUN is never run, on any base image.
func TestRunOnABaseIsRefused(t *testing.T) {
	_, err := image.Build(image.BuildConfig{
		Dockerfile: []byte("FROM python:3\nRUN pip install x"), Platform: amd64,
		Base: func(string, v1.Platform) (v1.Image, error) { return base(t, "amd64"), nil },
	})
	if err == nil || !strings.Contains(err.Error(), "instruction RUN is not supported") {
		t.Errorf("got %v", err)
	}
}
