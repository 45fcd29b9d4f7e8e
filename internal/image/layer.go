package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// entry is a file or directory of a layer.
type entry struct {
	name  string // absolute path in the image
	local string // the local file with its content; none for a directory
	mode  fs.FileMode
}

// newLayer makes a layer of the entries and the directories they are in. Everything belongs to root and is as old as
// the epoch, so that the layer depends on names, modes and contents alone.
func newLayer(entries []entry, media types.MediaType) (v1.Layer, error) {
	entries = withParents(entries)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, e := range entries {
		if err := e.write(w); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(media), tarball.WithCompressedCaching)
}

// withParents adds the directories above each entry and sorts all by name. The root has no entry of its own.
func withParents(entries []entry) []entry {
	all := map[string]entry{}
	for _, e := range entries {
		for dir := path.Dir(e.name); dir != "/"; dir = path.Dir(dir) {
			all[dir] = entry{name: dir, mode: fs.ModeDir | 0o755}
		}
	}
	for _, e := range entries {
		if e.name != "/" {
			all[e.name] = e
		}
	}
	sorted := make([]entry, 0, len(all))
	for _, e := range all {
		sorted = append(sorted, e)
	}
	slices.SortFunc(sorted, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return sorted
}

func (e entry) write(w *tar.Writer) error {
	header := &tar.Header{
		Name:    strings.TrimPrefix(e.name, "/"),
		Mode:    int64(e.mode.Perm()),
		ModTime: epoch.Time,
		Format:  tar.FormatPAX,
	}
	if e.mode.IsDir() {
		header.Typeflag = tar.TypeDir
		header.Name += "/"
		return w.WriteHeader(header)
	}
	f, err := os.Open(e.local)
	if err != nil {
		return fmt.Errorf("copy %s: %w", e.name, err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("copy %s: %w", e.name, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("copy %s: %s is not a regular file", e.name, e.local)
	}
	header.Typeflag = tar.TypeReg
	header.Size = info.Size()
	if e.mode == 0 {
		header.Mode = 0o644
		// The image keeps that the file is a program, and not the umask with which it was built.
		if info.Mode()&0o111 != 0 {
			header.Mode = 0o755
		}
	}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	if _, err := io.Copy(w, f); err != nil {
		return fmt.Errorf("copy %s: %w", e.name, err)
	}
	return nil
}
