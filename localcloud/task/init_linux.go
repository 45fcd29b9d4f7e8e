package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// The names under which this program runs again, within namespaces: to set up a task's network, and to start a process of a container.
const (
	networkInit   = "localcloud: network of a task"
	containerInit = "localcloud: start of a container"
)

// init runs before main, and before whatever else a program that runs tasks does in its place. It holds the first thread, which becomes
// the container's process.
func init() {
	if len(os.Args) != 1 {
		return
	}
	switch os.Args[0] {
	case networkInit:
		if err := runNetworkInit(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case containerInit:
		runContainerInit()
	}
}

// startConfig describes a process to start, and its surroundings.
type startConfig struct {
	// Root is nil for a process that joins others in theirs, whose mount namespace is file 4.
	Root      *rootConfig
	Args, Env []string
	Dir, User string
	OneUser   bool // the process's user is the only one
	Filter    bool
}

// rootConfig describes the root file system of a new container.
type rootConfig struct {
	Dir, Image, Hostname, Hosts, Resolver string
	Authorities                           []byte
	Readonly                              bool
	Mounts                                []mountConfig
	Owner                                 *syscall.Credential // of what belongs to root; nil for root
}

type mountConfig struct {
	Source, Target string
	Readonly       bool
}

// startFailure is what is said of a process that did not start.
type startFailure struct {
	// Create says that its surroundings could not be made.
	Create bool
	Text   string
	Errno  syscall.Errno
}

// proceed is what the two sides say to each other before the program runs.
const proceed = 'g'

// runContainerInit becomes the container's process. It tells the daemon why if it cannot; its end of the connection closes when it can.
func runContainerInit() {
	daemon := os.NewFile(3, "daemon")
	unix.CloseOnExec(3)
	unix.CloseOnExec(4)
	f := &startFailure{}
	err := becomeContainer(daemon, f)
	f.Text = err.Error()
	f.Errno, _ = errors.AsType[syscall.Errno](err)
	_ = json.NewEncoder(daemon).Encode(f)
	os.Exit(1)
}

func becomeContainer(daemon *os.File, f *startFailure) error {
	var s startConfig
	if err := json.NewDecoder(daemon).Decode(&s); err != nil {
		return err
	}
	// Everything from here on is about this thread, which is the process when the program runs.
	runtime.LockOSThread()
	f.Create = true
	unix.Umask(0o022)
	if err := s.enterRoot(); err != nil {
		return err
	}
	f.Create = false
	file, user, err := s.find()
	if err != nil {
		return err
	}
	if err := s.restrict(user); err != nil {
		return err
	}
	if err := awaitDaemon(daemon); err != nil {
		return err
	}
	if err := confine(); err != nil {
		return err
	}
	return fmt.Errorf("exec: %q: %w", s.Args[0], syscall.Exec(file, s.Args, s.Env)) //nolint:gosec // what a container is for
}

// awaitDaemon waits for the daemon's word. If the daemon has died, nothing would end the process.
func awaitDaemon(daemon *os.File) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	if _, err := daemon.Write([]byte{proceed}); err != nil {
		return err
	}
	var answer [1]byte
	_, err := io.ReadFull(daemon, answer[:])
	return err
}

// enterRoot makes the root file system of the container, or joins it.
func (s *startConfig) enterRoot() error {
	if s.Root == nil {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		return os.NewSyscallError("setns", unix.Setns(4, unix.CLONE_NEWNS))
	}
	r := s.Root
	in := surroundings{dir: r.Dir, hostname: r.Hostname, hosts: r.Hosts, resolver: &r.Resolver, authorities: r.Authorities, readonly: r.Readonly, owner: r.Owner, owned: true}
	for _, m := range r.Mounts {
		in.mounts = append(in.mounts, mount{m.Source, m.Target, m.Readonly})
	}
	return enterRoot(in, r.Image)
}

// find finds the program and the user, in the container's own files, and enters its folder.
func (s *startConfig) find() (file string, user *syscall.Credential, err error) {
	if user, err = credential("", s.User); err != nil {
		return "", nil, err
	}
	cmd := command{args: s.Args, env: s.Env, dir: s.Dir}
	file, dir, err := cmd.place("")
	if err != nil {
		return "", nil, err
	}
	if err := unix.Chdir(dir); err != nil {
		return "", nil, fmt.Errorf("chdir to cwd (%q) set in config.json failed: %w", s.Dir, err)
	}
	return file, user, nil
}

// restrict takes from the process what a container's user does not have.
func (s *startConfig) restrict(user *syscall.Credential) error {
	if err := dropCapabilities(); err != nil {
		return err
	}
	// Raw calls: the others are for all threads, which the program that is run does not have.
	raw := func(name string, number uintptr, args ...uintptr) error {
		var a [3]uintptr
		copy(a[:], args)
		if _, _, errno := unix.RawSyscall(number, a[0], a[1], a[2]); errno != 0 {
			return os.NewSyscallError(name, errno)
		}
		return nil
	}
	if err := raw("setpgid", unix.SYS_SETPGID, 0, 0); err != nil {
		return err
	}
	if s.OneUser {
		return os.NewSyscallError("prctl", unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
	}
	uid, gid := uintptr(user.Uid), uintptr(user.Gid)
	return errors.Join(raw("setgroups", unix.SYS_SETGROUPS, 0, 0), raw("setgid", unix.SYS_SETRESGID, gid, gid, gid), raw("setuid", unix.SYS_SETRESUID, uid, uid, uid))
}
