package task

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"slipway/localcloud/vnet"
)

// place is where the containers of a task are in the network. It is made for the first of them.
type place struct {
	make func() (*space, error)

	made     *space
	attached io.Closer
}

func newPlace(i *Interface) *place {
	p := &place{}
	p.make = sync.OnceValues(func() (*space, error) {
		if i == nil {
			s, _, err := newSpace(nil)
			p.made = s
			return s, err
		}
		s, frames, err := newSpace(&i.Tap)
		if err != nil {
			return nil, err
		}
		if p.attached, err = i.Attach(frames); err != nil {
			s.close()
			return nil, err
		}
		p.made = s
		return s, nil
	})
	return p
}

// space returns the namespaces of the task's network; nil for a task without.
func (p *place) space() (*space, error) {
	if p == nil {
		return nil, nil
	}
	return p.make()
}

// close takes the task out of the network, once its containers have ended.
func (p *place) close() {
	if p == nil {
		return
	}
	if p.attached != nil {
		_ = p.attached.Close()
	}
	if p.made != nil {
		p.made.close()
	}
}

// tryContainer returns nil if the system lets tasks have network interfaces and containers, and otherwise which step of it fails.
func tryContainer(dir string) error {
	s, frames, err := newSpace(&vnet.TapConfig{Name: "eth0", Hardware: []byte{2, 0, 0, 0, 0, 4}, MTU: vnet.DefaultMTU})
	if err != nil {
		return fmt.Errorf("this system does not let tasks have a network of their own: %w", err)
	}
	defer s.close()
	defer func() { _ = frames.Close() }()
	if err := tryRoot(dir, s); err != nil {
		return fmt.Errorf("this system does not let tasks have a file system of their own: %w", err)
	}
	return nil
}

// tryRoot starts a program that is not there, as a user who is not root, in a container whose image is empty.
func tryRoot(dir string, s *space) error {
	trial, err := os.MkdirTemp(dir, ".container-*")
	if err != nil {
		return err
	}
	defer func() { _ = removeAll(trial) }()
	image := filepath.Join(trial, "image")
	if err := os.Mkdir(image, 0o755); err != nil { //nolint:gosec // the container's users are not ours
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = null.Close() }()
	t, resolver := newThread(), ""
	box := &contained{
		thread: t, in: surroundings{dir: trial, space: s, resolver: &resolver}, image: image, user: &syscall.Credential{Uid: 65532, Gid: 65532},
		namespaces: map[string]*os.File{},
	}
	defer box.close()
	_, err = box.start(command{args: []string{"/none"}, dir: "/", user: "65532", stdin: null, stdout: null, stderr: null})
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return nil // it was looked for in the container
}
