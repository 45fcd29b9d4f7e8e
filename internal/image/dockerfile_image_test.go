package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"slipway/internal/image"
)

// buildImage makes the image as `docker build` would, of the files that it would get, in a folder of its own.
func buildImage(t *testing.T, arch string) v1.Image {
	t.Helper()
	certificates := filepath.Join(t.TempDir(), "certificates")
	if err := os.WriteFile(certificates, []byte("certificates"), 0o600); err != nil {
		t.Fatal(err)
	}
	img, err := image.Source{
		Context:    buildContext(t),
		Dockerfile: filepath.Join(root, "Dockerfile"),
		Args:       given,
		Files:      map[string]string{"/etc/ssl/certs/ca-certificates.crt": certificates},
		Platform:   v1.Platform{OS: "linux", Architecture: arch},
		Programs:   t.TempDir(),
	}.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestDockerfileImage(t *testing.T) {
	r := readDockerfile(t)
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		t.Run(arch, func(t *testing.T) {
			img := buildImage(t, arch)
			config, err := img.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			want := v1.Config{
				Env:          []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
				WorkingDir:   "/",
				User:         "65532:65532",
				Entrypoint:   []string{"/app"},
				ExposedPorts: map[string]struct{}{"8080/tcp": {}},
				Labels: map[string]string{
					"org.opencontainers.image.title":       "slipway app",
					"org.opencontainers.image.description": "A small HTTP and WebSocket service that drains before it stops",
					"org.opencontainers.image.licenses":    "Apache-2.0",
					"org.opencontainers.image.source":      given["SOURCE"],
					"org.opencontainers.image.version":     given["VERSION"],
					"org.opencontainers.image.revision":    given["COMMIT"],
					"org.opencontainers.image.created":     given["BUILD_TIME"],
				},
			}
			if !reflect.DeepEqual(config.Config, want) {
				t.Errorf("the image's configuration is\n%+v, want\n%+v", config.Config, want)
			}
			if config.OS != "linux" || config.Architecture != arch {
				t.Errorf("the image is for %s/%s", config.OS, config.Architecture)
			}
			if len(config.History) != len(r.stages[1].Commands) {
				t.Errorf("the history tells of %d instructions of %d: %v", len(config.History), len(r.stages[1].Commands), config.History)
			}

			binary := checkFiles(t, img)
			checkBinary(t, binary, arch, machine)
			if arch == runtime.GOARCH && runtime.GOOS == "linux" {
				checkVersion(t, binary)
			}

			again, err := buildImage(t, arch).Digest()
			if err != nil {
				t.Fatal(err)
			}
			if first, err := img.Digest(); err != nil || first != again {
				t.Errorf("another build in another folder made %s of %s: %v", again, first, err)
			}
		})
	}
}

// checkFiles checks which files the image has, and returns the service's binary.
func checkFiles(t *testing.T, img v1.Image) (binary []byte) {
	t.Helper()
	content := map[string][]byte{}
	var names []string
	for r := tar.NewReader(mutate.Extract(img)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprintf("%s %s %d:%d", h.FileInfo().Mode(), h.Name, h.Uid, h.Gid))
		if content[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(names)
	if want := []string{
		"-rw-r--r-- etc/ssl/certs/ca-certificates.crt 0:0",
		"-rwxr-xr-x app 0:0",
		"drwxr-xr-x etc 0:0",
		"drwxr-xr-x etc/ssl 0:0",
		"drwxr-xr-x etc/ssl/certs 0:0",
	}; !slices.Equal(names, want) {
		t.Errorf("the image's files are\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
	if got := string(content["etc/ssl/certs/ca-certificates.crt"]); got != "certificates" {
		t.Errorf("the certificates are %q", got)
	}
	return content["app"]
}

// checkBinary checks that the binary runs without other files, and the linker's values in it.
func checkBinary(t *testing.T, binary []byte, arch string, machine elf.Machine) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	if f.Machine != machine || f.OSABI != elf.ELFOSABI_NONE {
		t.Errorf("the binary is for %s, %s", f.Machine, f.OSABI)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary is linked dynamically: it has a %s", p.Type)
		}
	}
	if symbols, err := f.Symbols(); !errors.Is(err, elf.ErrNoSymbols) {
		t.Errorf("the binary has %d symbols, which nobody reads there: %v", len(symbols), err)
	}
	for _, name := range []string{"VERSION", "COMMIT", "BUILD_TIME"} {
		if !bytes.Contains(binary, []byte(given[name])) {
			t.Errorf("the binary does not know its %s", name)
		}
	}
	if at := []byte(os.TempDir() + "/"); bytes.Contains(binary, at) {
		t.Errorf("the binary tells of %s, where it was built", at)
	}
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	for key, want := range map[string]string{"GOOS": "linux", "GOARCH": arch, "CGO_ENABLED": "0", "-trimpath": "true"} {
		if settings[key] != want {
			t.Errorf("the binary was built with %s=%q, want %q", key, settings[key], want)
		}
	}
	if info.Path != "slipway/app" {
		t.Errorf("the binary is %s", info.Path)
	}
}

// checkVersion runs the service and asks which version it is.
func checkVersion(t *testing.T, binary []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app")
	if err := os.WriteFile(file, binary, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	cmd := exec.CommandContext(ctx, file)
	cmd.Env = []string{"HOST=" + host, "PORT=" + port}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // killed
	}()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/version", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			if ctx.Err() != nil {
				t.Fatalf("the service does not answer: %v", err)
			}
			<-time.After(10 * time.Millisecond)
			continue
		}
		var told map[string]string
		err = json.NewDecoder(resp.Body).Decode(&told)
		resp.Body.Close()
		if err != nil || told["version"] != given["VERSION"] || told["commit"] != given["COMMIT"] || told["build_time"] != given["BUILD_TIME"] {
			t.Errorf("the service says that it is %v: %v", told, err)
		}
		return
	}
}
