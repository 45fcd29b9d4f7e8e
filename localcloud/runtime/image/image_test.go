package image_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"slipway/localcloud/runtime/image"
	"slipway/localcloud/runtime/registry"
)

var amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}

// sources writes an executable and a certificate file and returns them as the sources of a build.
func sources(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	app, certs := filepath.Join(dir, "app"), filepath.Join(dir, "certs")
	if err := errors.Join(
		os.WriteFile(app, []byte("program"), 0o700),
		os.WriteFile(certs, []byte("certificates"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"/out/app": app, "/etc/ssl/certs/ca-certificates.crt": certs}
}

const dockerfile = `# syntax=docker/dockerfile:1
ARG TITLE=hello
FROM golang:1.26 AS build
RUN go build -o /out/app .

FROM scratch
ARG TITLE
ARG VERSION=dev
ARG TARGETARCH
ENV APP_VERSION=${VERSION} GREETING="hello world"
ENV FULL=$APP_VERSION-$TARGETARCH
LABEL org.opencontainers.image.title=$TITLE \
      org.opencontainers.image.version="${VERSION:-none}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chmod=0555 /out/app /app
WORKDIR /data/work
USER 65532:65532
EXPOSE 8080 9090/udp
ENTRYPOINT ["/app"]
CMD ["serve", "--fast"]
`

func TestConfigIsTheDockerfiles(t *testing.T) {
	img, err := image.Build(image.BuildConfig{
		Dockerfile: []byte(dockerfile),
		Args:       map[string]string{"VERSION": "1.2.3", "UNUSED": "x"},
		Files:      sources(t),
		Platform:   amd64,
	})
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Config{
		Env: []string{"APP_VERSION=1.2.3", "GREETING=hello world", "FULL=1.2.3-amd64"},
		Labels: map[string]string{
			"org.opencontainers.image.title":   "hello",
			"org.opencontainers.image.version": "1.2.3",
		},
		WorkingDir:   "/data/work",
		User:         "65532:65532",
		ExposedPorts: map[string]struct{}{"8080/tcp": {}, "9090/udp": {}},
		Entrypoint:   []string{"/app"},
		Cmd:          []string{"serve", "--fast"},
	}
	if !reflect.DeepEqual(config.Config, want) {
		t.Errorf("config = %+v\nwant %+v", config.Config, want)
	}
	if config.OS != "linux" || config.Architecture != "amd64" {
		t.Errorf("platform = %s/%s, want linux/amd64", config.OS, config.Architecture)
	}
	if len(config.History) != 13 {
		t.Errorf("history has %d entries, want one for each of the 13 instructions after FROM: %v", len(config.History), config.History)
	}
}

// files lists the image's flattened file system: name, mode and content.
func files(t *testing.T, img v1.Image) []string {
	t.Helper()
	var list []string
	r := tar.NewReader(mutate.Extract(img))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			slices.Sort(list)
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || !h.ModTime.IsZero() && h.ModTime.Unix() != 0 {
			t.Errorf("%s belongs to %d:%d and is of %s, want root and the epoch", h.Name, h.Uid, h.Gid, h.ModTime)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, h.Name+" "+h.FileInfo().Mode().String()+" "+string(content))
	}
}

func TestFiles(t *testing.T) {
	img, err := image.Build(image.BuildConfig{Dockerfile: []byte(dockerfile), Files: sources(t), Platform: amd64})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"app -r-xr-xr-x program",
		"data drwxr-xr-x ",
		"data/work drwxr-xr-x ",
		"etc drwxr-xr-x ",
		"etc/ssl drwxr-xr-x ",
		"etc/ssl/certs drwxr-xr-x ",
		"etc/ssl/certs/ca-certificates.crt -rw-r--r-- certificates",
	}
	if got := files(t, img); !slices.Equal(got, want) {
		t.Errorf("files = %q\nwant %q", got, want)
	}
}

func TestDigestDependsOnContentsAlone(t *testing.T) {
	build := func(files map[string]string) v1.Hash {
		t.Helper()
		img, err := image.Build(image.BuildConfig{Dockerfile: []byte(dockerfile), Files: files, Platform: amd64})
		if err != nil {
			t.Fatal(err)
		}
		h, err := img.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	first, second := sources(t), sources(t)
	if err := os.Chmod(second["/out/app"], 0o751); err != nil {
		t.Fatal(err)
	}
	if build(first) != build(second) {
		t.Error("the same contents in other files gave another digest")
	}
	before := build(first)
	if err := os.WriteFile(first["/out/app"], []byte("another program"), 0o700); err != nil {
		t.Fatal(err)
	}
	if build(first) == before {
		t.Error("another program gave the same digest")
	}
}

func TestRefused(t *testing.T) {
	tests := map[string]struct{ stage, want string }{
		"base image":        {"FROM alpine:3", "line 1: FROM alpine:3: the last stage must be FROM scratch"},
		"RUN":               {"FROM scratch\nRUN true", "line 2: RUN true: instruction RUN is not supported"},
		"HEALTHCHECK":       {"FROM scratch\nHEALTHCHECK CMD true", "instruction HEALTHCHECK is not supported"},
		"ADD":               {"FROM scratch\nADD a b", "instruction ADD is not supported"},
		"VOLUME":            {"FROM scratch\nVOLUME /data", "instruction VOLUME is not supported"},
		"STOPSIGNAL":        {"FROM scratch\nSTOPSIGNAL SIGINT", "instruction STOPSIGNAL is not supported"},
		"build context":     {"FROM scratch\nCOPY a b", "COPY from the build context is not supported"},
		"owner":             {"FROM scratch\nCOPY --from=b --chown=1:1 /out/app /app", "flag --chown is not supported"},
		"mode":              {"FROM scratch\nCOPY --from=b --chmod=a+x /out/app /app", "flag --chmod=a+x: want an octal mode"},
		"unknown file":      {"FROM scratch\nCOPY --from=b /nope /app", "no local file stands for /nope of stage b"},
		"port":              {"FROM scratch\nEXPOSE 70000", `port "70000": want a number`},
		"unknown":           {"FROM scratch\nFETCH x", "unknown instruction: FETCH"},
		"empty":             {"", "file with no instructions"},
		"missing substance": {"FROM scratch\nLABEL a=\"${B?must be set}\"", "must be set"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := image.Build(image.BuildConfig{Dockerfile: []byte(tt.stage), Files: sources(t), Platform: amd64})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Build = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestPush(t *testing.T) {
	r, err := registry.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(r)
	defer srv.Close()
	img, err := image.Build(image.BuildConfig{Dockerfile: []byte(dockerfile), Files: sources(t), Platform: amd64})
	if err != nil {
		t.Fatal(err)
	}
	const reference = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/hello:local"
	if err := image.Push(t.Context(), img, srv.Listener.Addr().String(), reference); err != nil {
		t.Fatal(err)
	}
	stored, err := r.Image(reference, amd64)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(files(t, stored), files(t, img)) {
		t.Error("the stored image's files differ from those pushed")
	}
}

// The repository's own Dockerfile must build, and every line of its last stage must be in the image's history.
func TestRepositorysDockerfile(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := image.Build(image.BuildConfig{
		Dockerfile: content,
		Files:      sources(t),
		Platform:   v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
	})
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	stage := content[bytes.LastIndex(content, []byte("\nFROM "))+1:]
	instructions := 0
	continued := false
	for line := range strings.Lines(string(stage)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "FROM ") {
			continue
		}
		if !continued {
			instructions++
		}
		continued = strings.HasSuffix(line, `\`)
	}
	if len(config.History) != instructions {
		t.Errorf("history has %d entries for %d instructions: %v", len(config.History), instructions, config.History)
	}
	if config.Config.User == "" || config.Config.User == "0" || strings.HasPrefix(config.Config.User, "0:") {
		t.Errorf("user %q is root", config.Config.User)
	}
	if len(config.Config.Entrypoint) == 0 {
		t.Error("the image has no entry point")
	}
}
