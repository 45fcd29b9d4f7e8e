package image_test

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"slipway/internal/image"
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
		Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "APP_VERSION=1.2.3", "GREETING=hello world", "FULL=1.2.3-amd64"},
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
	const earlier = "FROM golang AS build\nRUN go build\nFROM scratch\n"
	tests := map[string]struct{ dockerfile, want string }{
		"base image":         {"FROM alpine:3", "line 1: FROM alpine:3: the last stage must be FROM scratch"},
		"earlier stage":      {"FROM scratch AS a\nFROM a", "line 2: FROM a: the last stage cannot be built on another one"},
		"platform":           {"FROM --platform=linux/arm64 scratch", "flag --platform is not supported in the last stage"},
		"RUN":                {"FROM scratch\nRUN true", "line 2: RUN true: instruction RUN is not supported"},
		"HEALTHCHECK":        {"FROM scratch\nHEALTHCHECK CMD true", "instruction HEALTHCHECK is not supported"},
		"HEALTHCHECK NONE":   {"FROM scratch\nHEALTHCHECK NONE", "instruction HEALTHCHECK is not supported"},
		"ADD":                {"FROM scratch\nADD a b", "instruction ADD is not supported"},
		"ADD of a URL":       {"FROM scratch\nADD https://example.com/app /app", "instruction ADD is not supported"},
		"RUN on a base":      {"FROM scratch\nRUN true", "instruction RUN is not supported"},
		"STOPSIGNAL":         {"FROM scratch\nSTOPSIGNAL SIGINT", "instruction STOPSIGNAL is not supported"},
		"ONBUILD":            {"FROM scratch\nONBUILD USER 1", "instruction ONBUILD is not supported"},
		"SHELL":              {"FROM scratch\nSHELL [\"/app\"]", "instruction SHELL is not supported"},
		"MAINTAINER":         {"FROM scratch\nMAINTAINER me", "instruction MAINTAINER is not supported"},
		"build context":      {"FROM scratch\nCOPY a b", "COPY from the build context is not supported"},
		"other image":        {earlier + "COPY --from=busybox /bin/sh /sh", "no stage busybox comes before this one"},
		"own number":         {earlier + "COPY --from=1 /out/app /app", "no stage 1 comes before this one"},
		"owner":              {earlier + "COPY --from=build --chown=1:1 /out/app /app", "flag --chown is not supported"},
		"mode":               {earlier + "COPY --from=build --chmod=a+x /out/app /app", "flag --chmod=a+x: want an octal mode"},
		"parents":            {earlier + "COPY --from=build --parents /out/app /app", "flag --parents is not supported"},
		"exclusion":          {earlier + "COPY --from=build --exclude=*.go /out/app /app", "flag --exclude is not supported"},
		"here-document":      {earlier + "COPY --from=build <<app /app\ntext\napp", "here-documents are not supported"},
		"unknown file":       {earlier + "COPY --from=build /nope /app", "line 4: COPY --from=build /nope /app: no local file stands for /nope of stage build"},
		"unknown file of 0":  {earlier + "COPY --from=0 /nope /app", "no local file stands for /nope of stage 0"},
		"pattern":            {earlier + "COPY --from=build /out/* /", "no local file stands for /out/* of stage build"},
		"port":               {"FROM scratch\nEXPOSE 70000", `port "70000": want a number`},
		"ports":              {"FROM scratch\nEXPOSE 80-90", `port "80-90": want a number`},
		"unknown":            {"FROM scratch\nFETCH x", "unknown instruction: FETCH"},
		"unknown flag":       {"FROM scratch\nUSER --force 1", "unknown flag: --force"},
		"empty":              {"", "file with no instructions"},
		"arguments only":     {"ARG A", "no FROM instruction"},
		"missing substance":  {"FROM scratch\nLABEL a=\"${B?must be set}\"", "must be set"},
		"unknown expression": {"FROM scratch\nLABEL a=\"${B!x}\"", "unsupported modifier"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := image.Build(image.BuildConfig{Dockerfile: []byte(tt.dockerfile), Files: sources(t), Platform: amd64})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Build = %v, want an error with %q", err, tt.want)
			}
		})
	}
}
