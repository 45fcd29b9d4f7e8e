package task

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// layered makes an image of layers, the lowest first.
func layered(t *testing.T, layers ...[]tar.Header) v1.Image {
	t.Helper()
	img := empty.Image
	for _, headers := range layers {
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		for _, h := range headers {
			content := ""
			if h.Typeflag == tar.TypeReg {
				content = "content of " + h.Name
			}
			h.Size = int64(len(content))
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, content); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil })
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

func file(name string, mode int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}
}

func folder(name string, mode int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode}
}

func TestExtract(t *testing.T) {
	img := layered(t,
		[]tar.Header{
			folder("bin", 0o755), file("bin/tool", 0o4755), file("bin/old", 0o644),
			folder("tmp", 0o1777), folder("kept", 0o555), file("kept/file", 0o444),
			folder("opaque", 0o755), file("opaque/hidden", 0o644), file("replaced", 0o644),
		},
		[]tar.Header{
			file("bin/.wh.old", 0), file("opaque/.wh..wh..opq", 0), file("opaque/new", 0o600),
			file("replaced", 0o755),
			{Typeflag: tar.TypeSymlink, Name: "link", Linkname: "bin/tool"},
			{Typeflag: tar.TypeLink, Name: "hard", Linkname: "replaced"},
			{Typeflag: tar.TypeChar, Name: "device", Mode: 0o666},
		},
	)
	dir := t.TempDir()
	if err := extract(img, dir, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := removeAll(dir); err != nil {
			t.Error(err)
		}
	})
	var got []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		got = append(got, relative+" "+info.Mode().String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		". drwxr-xr-x", "bin drwxr-xr-x", "bin/tool -rwxr-xr-x", "hard -rwxr-xr-x", "kept dr-xr-xr-x", "kept/file -r--r--r--",
		"link Lrwxrwxrwx", "opaque drwxr-xr-x", "opaque/new -rw-------", "replaced -rwxr-xr-x", "tmp dtrwxrwxrwx",
	}
	if !slices.Equal(got, want) {
		t.Errorf("extracted %q\nwant %q", got, want)
	}
}

func TestExtractStaysInside(t *testing.T) {
	outside := t.TempDir()
	tests := map[string][]tar.Header{
		"path":          {file("../../../"+outside+"/escaped", 0o644)},
		"symbolic link": {{Typeflag: tar.TypeSymlink, Name: "out", Linkname: outside}, file("out/escaped", 0o644)},
		"hard link":     {{Typeflag: tar.TypeLink, Name: "passwd", Linkname: "../../../../../../etc/passwd"}},
	}
	for name, headers := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			// Whether it is refused or left out does not matter.
			_ = extract(layered(t, headers), dir, nil)
			if _, err := os.Stat(filepath.Join(outside, "escaped")); !os.IsNotExist(err) {
				t.Errorf("a file was written outside: %v", err)
			}
			if _, err := os.Stat(filepath.Join(dir, "passwd")); !os.IsNotExist(err) {
				t.Errorf("a file from outside is inside: %v", err)
			}
		})
	}
}

func TestCacheExtractsOnce(t *testing.T) {
	c := &cache{dir: filepath.Join(t.TempDir(), "images")}
	img := layered(t, []tar.Header{file("app", 0o755)})
	var group sync.WaitGroup
	dirs := make([]string, 8)
	for i := range dirs {
		group.Go(func() {
			var err error
			if dirs[i], err = c.rootFS(img); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(slices.Compact(dirs)) != 1 {
		t.Errorf("folders = %q, want one", dirs)
	}
	left, err := os.ReadDir(c.dir)
	if err != nil || len(left) != 1 || strings.HasPrefix(left[0].Name(), ".") {
		t.Errorf("the cache holds %v, %v, want one image", left, err)
	}
}
