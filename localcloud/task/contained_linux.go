package task

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

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
	root := rootMaker{spawn: s, in: b.in, image: b.image}
	s.join(b.in.space.user, unix.CLONE_NEWUSER)
	s.join(b.in.space.network, unix.CLONE_NEWNET)
	const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC
	if b.oneUser() {
		root.owner = b.user
		s.add("make namespaces", unix.SYS_UNSHARE, namespaces|unix.CLONE_NEWUSER)
		s.become(b.user)
	} else {
		s.add("make namespaces", unix.SYS_UNSHARE, namespaces)
	}
	s.fork()
	if err := root.make(); err != nil {
		return nil, cannotCreate(err)
	}
	return b.launch(s, cmd, func(p *os.Process) error {
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
	}
	s.join(b.namespaces["pid"], unix.CLONE_NEWPID)
	s.join(b.namespaces["uts"], unix.CLONE_NEWUTS)
	s.join(b.namespaces["ipc"], unix.CLONE_NEWIPC)
	s.fork()
	s.join(b.namespaces["mnt"], unix.CLONE_NEWNS)
	return b.launch(s, cmd, func(*os.Process) error { return nil })
}

// launch starts the process and waits until it is known to run its program. It calls ready before that.
func (b *contained) launch(s *spawn, cmd command, ready func(*os.Process) error) (*os.Process, error) {
	g, err := newGate()
	if err != nil {
		return nil, cannotCreate(err)
	}
	defer g.close()
	own := len(s.calls) // from there on, what fails is the command
	s.add("chdir to cwd ("+strconv.Quote(cmd.dir)+") set in config.json failed", unix.SYS_CHDIR, s.text(cmd.dir))
	if err := b.restrict(s, g); err != nil {
		return nil, cannotCreate(err)
	}
	files, err := s.run(cmd)
	defer closeAll(files)
	if err != nil {
		return nil, err
	}
	var p *spawned
	err = b.thread.do(func() (err error) {
		p, err = s.start()
		return err
	})
	if err != nil {
		return nil, cannotCreate(err)
	}
	preparing := errors.Join(b.in.group.enter(p.Pid), ready(p.Process))
	if preparing == nil {
		g.open()
	} else {
		_ = p.Kill()
	}
	err = p.result()
	if e, failed := errors.AsType[*callError](err); failed && e.index >= own {
		err = cmd.failure(e)
	} else if err != nil || preparing != nil {
		err = cannotCreate(cmp.Or(err, preparing)) // a process that has failed has no namespaces either
	}
	if err != nil {
		_ = p.Kill()
		_, _ = p.Wait()
		return nil, err
	}
	return p.Process, nil
}

// restrict takes from the process what a container's user does not have, and has it wait at the gate.
func (b *contained) restrict(s *spawn, g *gate) error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if !keptCapabilities[c] {
			s.add("drop a capability", unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c).mayFail = true // this kernel may not know it
		}
	}
	s.add("begin a process group", unix.SYS_SETPGID, 0, 0)
	if os.Geteuid() == 0 { // or else the user is the only one
		uid, gid := uintptr(b.user.Uid), uintptr(b.user.Gid)
		s.add("setgroups", unix.SYS_SETGROUPS, 0, 0)
		s.add("setgid", unix.SYS_SETRESGID, gid, gid, gid)
		s.add("setuid", unix.SYS_SETRESUID, uid, uid, uid)
	}
	// A change of the user takes it away, so it comes after that. If the daemon has died before, nobody opens the gate.
	s.add("end with the local cloud", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL))
	s.await(g)
	return s.confine()
}

// run runs the command's program. The files are to be closed once the process was made.
func (s *spawn) run(cmd command) (files []*os.File, err error) {
	for i, f := range []*os.File{cmd.stdin, cmd.stdout, cmd.stderr} {
		given, err := give(f)
		if err != nil {
			return files, cannotCreate(err)
		}
		files = append(files, given)
		s.add("give files", unix.SYS_DUP3, given.Fd(), uintptr(i), 0)
	}
	candidates, err := cmd.candidates()
	if err != nil {
		return files, err
	}
	argv, errArgs := syscall.SlicePtrFromStrings(cmd.args)
	envp, errEnv := syscall.SlicePtrFromStrings(cmd.env)
	if err := errors.Join(errArgs, errEnv); err != nil {
		return files, err
	}
	s.pinned = append(s.pinned, argv, envp)
	for i, file := range candidates {
		if len(candidates) == 1 {
			s.add("stat "+cmd.args[0], unix.SYS_FACCESSAT, here, s.text(file), unix.F_OK)
		}
		c := s.add("exec", unix.SYS_EXECVE, s.text(file), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envp[0]))) //nolint:gosec // numbers for a system call
		c.mayFail = i < len(candidates)-1
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// candidates are the files that the command may mean, in a container: one if it is a path, or else one in each folder of PATH.
func (c command) candidates() ([]string, error) {
	if len(c.args) == 0 || c.args[0] == "" {
		return nil, errors.New("no command specified")
	}
	name := c.args[0]
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(c.dir, name)
		}
		return []string{name}, nil
	}
	var files []string
	for _, dir := range filepath.SplitList(c.path()) {
		files = append(files, filepath.Join(dir, name))
	}
	// The last one says that there is none.
	return append(files, "/proc/nowhere"), nil
}

// failure is the error of a command that was not started, as the OCI runtime words it.
func (c command) failure(e *callError) error {
	name := c.args[0]
	switch {
	case strings.HasPrefix(e.call.what, "stat "):
		return fmt.Errorf("exec: %q: %w", name, e)
	case e.call.what != "exec":
		return e
	case !strings.Contains(name, "/") && !errors.Is(e, syscall.ENOEXEC):
		return fmt.Errorf("exec: %q: executable file not found in $PATH", name)
	}
	return fmt.Errorf("exec: %q: %w", name, e.errno)
}

func (b *contained) close() {
	b.thread.close()
	for _, f := range b.namespaces {
		_ = f.Close()
	}
}
