package task

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// contained starts the processes of a container in separate namespaces, below those that its task's containers share. The first one is
// the first of the process namespace: when it ends the kernel kills the others.
type contained struct {
	thread *thread // the processes end with it
	in     surroundings
	image  string // folder
	user   *syscall.Credential
	// namespaces are the first process's, which others join, by their names in /proc.
	namespaces map[string]*os.File
}

// newContained makes the sandbox of [IsolationContainer].
func newContained(t *thread, s surroundings) (*contained, error) {
	root, err := s.images.rootFS(s.image)
	if err != nil {
		return nil, err
	}
	user, err := credential(root, s.user)
	if err != nil {
		return nil, cannotStart(err)
	}
	if os.Geteuid() != 0 && user.Uid != 0 {
		if root, err = s.images.rootFSOf(s.image, user); err != nil {
			return nil, err
		}
	}
	return &contained{thread: t, in: s, image: root, user: user, namespaces: map[string]*os.File{}}, nil
}

// oneUser says that the container has its user alone, who is not the one of its task's namespaces.
func (b *contained) oneUser() bool {
	return os.Geteuid() != 0 && (b.user.Uid != 0 || b.user.Gid != 0)
}

func (b *contained) start(cmd command) (*os.Process, error) {
	if len(b.namespaces) == 0 {
		return b.first(cmd)
	}
	return b.join(cmd)
}

// first starts the process that the container is made with.
func (b *contained) first(cmd command) (*os.Process, error) {
	s := &spawn{}
	s.join(b.in.space.user, unix.CLONE_NEWUSER)
	s.join(b.in.space.network, unix.CLONE_NEWNET)
	const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC
	if b.oneUser() {
		s.add("make namespaces", unix.SYS_UNSHARE, namespaces|unix.CLONE_NEWUSER)
		s.become(b.user)
	} else {
		s.add("make namespaces", unix.SYS_UNSHARE, namespaces)
	}
	s.fork()
	resolver, err := b.in.resolvers()
	if err != nil {
		return nil, cannotCreate(err)
	}
	root := &rootConfig{
		Dir: b.in.dir, Image: b.image, Hostname: b.in.hostname, Hosts: b.in.hosts, Readonly: b.in.readonly, Resolver: resolver,
		Authorities: b.in.authorities,
	}
	if b.oneUser() {
		root.Owner = b.user
	}
	for _, m := range b.in.mounts {
		root.Mounts = append(root.Mounts, mountConfig{m.source, m.target, m.readonly})
	}
	return b.launch(s, cmd, root, func(p *os.Process) error {
		for _, name := range []string{"user", "mnt", "pid", "uts", "ipc"} {
			f, err := openNamespace(p.Pid, name)
			if err != nil {
				return err
			}
			b.namespaces[name] = f
		}
		return nil
	})
}

// join starts a process in the namespaces of the first one.
func (b *contained) join(cmd command) (*os.Process, error) {
	s := &spawn{}
	s.join(b.in.space.user, unix.CLONE_NEWUSER)
	s.join(b.in.space.network, unix.CLONE_NEWNET)
	if b.oneUser() {
		s.join(b.namespaces["user"], unix.CLONE_NEWUSER)
		s.keepCapabilities()
	}
	s.join(b.namespaces["pid"], unix.CLONE_NEWPID)
	s.join(b.namespaces["uts"], unix.CLONE_NEWUTS)
	s.join(b.namespaces["ipc"], unix.CLONE_NEWIPC)
	s.fork()
	return b.launch(s, cmd, nil, func(*os.Process) error { return nil })
}

// launch starts the process and waits until it is known to run its program. It calls ready before that.
func (b *contained) launch(s *spawn, cmd command, root *rootConfig, ready func(*os.Process) error) (*os.Process, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer func() { _, _ = ours.Close(), theirs.Close() }()
	files := []*os.File{cmd.stdin, cmd.stdout, cmd.stderr, theirs}
	if root == nil {
		files = append(files, b.namespaces["mnt"])
	}
	var process *os.Process
	err = b.thread.do(func() (err error) {
		process, err = s.run(containerInit, files...)
		return err
	})
	if err != nil {
		return nil, cannotCreate(err)
	}
	_ = theirs.Close()
	what := startConfig{Root: root, Args: cmd.args, Env: cmd.env, Dir: cmd.dir, User: cmd.user, OneUser: os.Geteuid() != 0}
	if err := handshake(ours, what, func() error { return errors.Join(b.in.group.enter(process.Pid), ready(process)) }); err != nil {
		_ = process.Kill()
		_, _ = process.Wait()
		return nil, err
	}
	return process, nil
}

// handshake sends a new process its configuration, and waits until it runs its program.
func handshake(c *net.UnixConn, what startConfig, ready func() error) error {
	if err := json.NewEncoder(c).Encode(what); err != nil {
		return cannotCreate(err)
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(c, first); err != nil {
		return cannotCreate(fmt.Errorf("the container's first process has ended: %w", err))
	}
	if first[0] == proceed {
		if err := ready(); err != nil {
			return cannotCreate(err)
		}
		if _, err := c.Write([]byte{proceed}); err != nil {
			return cannotCreate(err)
		}
		first = nil
	}
	rest, err := io.ReadAll(c)
	if said := slices.Concat(first, rest); len(said) > 0 {
		return readFailure(said)
	}
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		return cannotCreate(err)
	}
	return nil
}

func readFailure(said []byte) error {
	var f startFailure
	if err := json.NewDecoder(bytes.NewReader(said)).Decode(&f); err != nil {
		return cannotCreate(err)
	}
	err := error(&childError{f.Text, f.Errno})
	if f.Create {
		return cannotCreate(err)
	}
	return err
}

// childError is the error of a process that did not start.
type childError struct {
	text  string
	errno syscall.Errno
}

func (e *childError) Error() string { return e.text }

func (e *childError) Unwrap() error {
	if e.errno == 0 {
		return nil
	}
	return e.errno
}

func (b *contained) close() {
	b.thread.close()
	for _, f := range b.namespaces {
		_ = f.Close()
	}
}
