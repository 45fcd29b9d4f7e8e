package task

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"golang.org/x/sync/singleflight"
)

// cache holds the file systems of images, one folder for each digest. Nothing writes to them once they are there.
type cache struct {
	dir      string
	inFlight singleflight.Group
}

// rootFS returns the folder with the image's file system; it is extracted at the first call.
func (c *cache) rootFS(img v1.Image) (string, error) { return c.rootFSOf(img, nil) }

// rootFSOf is rootFS for the one user who sees it, and who seems to have all its files, if root did not extract it; nil is root.
func (c *cache) rootFSOf(img v1.Image, user *syscall.Credential) (string, error) {
	digest, err := img.Digest()
	if err != nil {
		return "", err
	}
	name := digest.Hex
	if user != nil {
		name += fmt.Sprintf("-%d-%d", user.Uid, user.Gid)
	}
	dir := filepath.Join(c.dir, name)
	_, err, _ = c.inFlight.Do(name, func() (any, error) {
		if _, err := os.Stat(dir); err == nil {
			return nil, nil
		}
		if err := os.MkdirAll(c.dir, 0o700); err != nil {
			return nil, err
		}
		partial, err := os.MkdirTemp(c.dir, ".extract-*")
		if err != nil {
			return nil, err
		}
		if err := extract(img, partial, user); err != nil {
			return nil, errors.Join(err, removeAll(partial))
		}
		return nil, os.Rename(partial, dir)
	})
	return dir, err
}

// extract writes the image's flattened file system to the folder dir, which exists. What leads out of dir is an error,
// be it a path or a symbolic link; device files are left out. Files get the image's owners if we are root. If not, the user who sees them
// has all of them, and may do with each what the image lets that user do; folders are the exception.
func extract(img v1.Image, dir string, user *syscall.Credential) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := root.Chmod(".", 0o755); err != nil {
		return err
	}
	stream := mutate.Extract(img)
	defer func() { err = errors.Join(err, stream.Close()) }()

	// Layers come topmost first, so that a link may come before its target and a file before its directory. The
	// directories' own modes come last, as they may forbid to write to them.
	var links, dirs []*tar.Header
	r := tar.NewReader(stream)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read image: %w", err)
		}
		switch header.Typeflag {
		case tar.TypeLink:
			links = append(links, header)
			continue
		case tar.TypeDir:
			dirs = append(dirs, header)
		}
		if err := extractEntry(root, header, r, user); err != nil {
			return fmt.Errorf("extract %s: %w", header.Name, err)
		}
	}
	for _, header := range links {
		if err := root.Link(inside(header.Linkname), inside(header.Name)); err != nil {
			return fmt.Errorf("extract link %s: %w", header.Name, err)
		}
	}
	for _, header := range dirs {
		if err := setAttributes(root, inside(header.Name), header, user); err != nil {
			return fmt.Errorf("extract %s: %w", header.Name, err)
		}
	}
	return nil
}

// modeFor is the mode that gives the user, as the owner of a file, what a mode gives that user when others own it.
func modeFor(user *syscall.Credential, uid, gid int, mode fs.FileMode) fs.FileMode {
	const owner, group, everybody = 6, 3, 0
	if user == nil || user.Uid == 0 || int(user.Uid) == uid {
		return mode
	}
	class := everybody
	if int(user.Gid) == gid {
		class = group
	}
	const bits = 7
	return mode&^(bits<<owner) | mode>>class&bits<<owner
}

// inside makes an archive's name relative to the root.
func inside(name string) string {
	if name = strings.TrimPrefix(path.Clean("/"+name), "/"); name != "" {
		return name
	}
	return "."
}

func extractEntry(root *os.Root, header *tar.Header, content io.Reader, user *syscall.Credential) error {
	name := inside(header.Name)
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeReg:
		// A process started meanwhile would hold the file open for writing until its exec, and a program that is open for writing
		// cannot be started (ETXTBSY, golang.org/issue/22315).
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, content)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		return setAttributes(root, name, header, user)
	case tar.TypeSymlink:
		if err := root.Symlink(header.Linkname, name); err != nil {
			return err
		}
		return chown(root, name, header)
	default:
		return nil
	}
}

// setAttributes gives a file its owner and mode, without the set-user-ID and set-group-ID bits: the folder is on the
// user's own machine.
func setAttributes(root *os.Root, name string, header *tar.Header, user *syscall.Credential) error {
	if err := chown(root, name, header); err != nil {
		return err
	}
	mode := header.FileInfo().Mode() & (fs.ModePerm | fs.ModeSticky)
	if header.Typeflag != tar.TypeDir { // a folder that its owner cannot write to cannot be removed with rm -r
		mode = modeFor(user, header.Uid, header.Gid, mode)
	}
	return root.Chmod(name, mode)
}

func chown(root *os.Root, name string, header *tar.Header) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return root.Lchown(name, header.Uid, header.Gid)
}

// removeAll removes a tree even where its folders lost their write permission.
func removeAll(dir string) error {
	// The first pass may fail, and then the second says why.
	_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(name, 0o700) //nolint:gosec // a folder is of no use without the execute permission
		}
		return nil
	})
	return os.RemoveAll(dir)
}
