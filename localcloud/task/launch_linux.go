package task

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// launch is a process to be started by the calling thread, whose root is the container's. Package os can start processes too, but
// not mount anything in between: only a process of a process namespace can mount the /proc that shows it (proc(5)).
type launch struct {
	file, dir string
	args, env []string
	user      *syscall.Credential
	files     [3]*os.File
	// first says that the process begins a process namespace, and mounts its /proc.
	first bool
}

// The steps at which a process fails to start.
const (
	stepMount = iota + 1
	stepPrepare
	stepExec
)

// stepError is an error of a process that was to be started.
type stepError struct {
	step int
	err  syscall.Errno
}

func (e *stepError) Error() string {
	return [...]string{"", "mount the container's /proc", "become the container's user", "exec"}[e.step] + ": " + e.err.Error()
}

func (e *stepError) Unwrap() error { return e.err }

// start starts the process. Its error is a [stepError] if it is the new process's.
func (l *launch) start() (*os.Process, error) {
	child, err := l.prepare()
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	for i, f := range l.files {
		child.fds[i] = f.Fd()
	}
	child.report = w.Fd()
	if l.first {
		child.flags |= unix.CLONE_NEWPID
	}
	syscall.ForkLock.Lock()
	pid, errno := child.fork()
	syscall.ForkLock.Unlock()
	runtime.KeepAlive(child)
	runtime.KeepAlive(l)
	_ = w.Close()
	if errno != 0 {
		return nil, os.NewSyscallError("clone", errno)
	}
	var said [8]byte // nothing, once it runs another program
	if _, err := io.ReadFull(r, said[:]); err == nil {
		_, _ = syscall.Wait4(int(pid), nil, 0, nil)
		return nil, &stepError{int(binary.NativeEndian.Uint32(said[:4])), syscall.Errno(binary.NativeEndian.Uint32(said[4:]))}
	}
	return os.FindProcess(int(pid))
}

// child is what the new process needs, ready for it: it allocates nothing and calls nothing but the kernel.
type child struct {
	flags, file, dir, argv, envp, uid, gid, report uintptr

	fds [3]uintptr
	// Kept for the pointers above.
	strings []*byte
	vectors [2][]*byte
}

// The constants and places of the new process, which has no others.
var (
	procName   = [...]byte{'p', 'r', 'o', 'c', 0}
	procFolder = [...]byte{'/', 'p', 'r', 'o', 'c', 0}
)

// procFlags are the flags of a container's /proc.
const procFlags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RDONLY

func (l *launch) prepare() (*child, error) {
	c := &child{flags: uintptr(syscall.SIGCHLD), uid: uintptr(l.user.Uid), gid: uintptr(l.user.Gid)}
	for _, s := range []string{l.file, l.dir} {
		p, err := unix.BytePtrFromString(s)
		if err != nil {
			return nil, err
		}
		c.strings = append(c.strings, p)
	}
	for i, list := range [][]string{l.args, l.env} {
		v, err := syscall.SlicePtrFromStrings(list)
		if err != nil {
			return nil, err
		}
		c.vectors[i] = v
	}
	c.file, c.dir = uintptr(unsafe.Pointer(c.strings[0])), uintptr(unsafe.Pointer(c.strings[1]))          //nolint:gosec // system calls take pointers as numbers
	c.argv, c.envp = uintptr(unsafe.Pointer(&c.vectors[0][0])), uintptr(unsafe.Pointer(&c.vectors[1][0])) //nolint:gosec // as above
	return c, nil
}

// fork makes the process. The new one is a copy of this one with a single thread, in which Go's scheduler must not run: until it runs
// another program, it does nothing but raw system calls. No signal gets at it meanwhile.
//
//go:norace
//go:nosplit
//go:noinline
func (c *child) fork() (pid uintptr, errno syscall.Errno) {
	var all, before uint64
	all = ^all
	const maskSize = 8
	_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&before)), maskSize, 0, 0) //nolint:gosec // a number for a system call
	pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, c.flags, 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&before)), 0, maskSize, 0, 0) //nolint:gosec // a number for a system call
		return pid, errno
	}

	var said [2]uint32
	var poll unix.PollFd
	var now unix.Timespec
	var none uint64
	if c.flags&unix.CLONE_NEWPID != 0 {
		said[0] = stepMount
		_, _, errno = syscall.RawSyscall6(unix.SYS_MOUNT, uintptr(unsafe.Pointer(&procName)), uintptr(unsafe.Pointer(&procFolder)), //nolint:gosec // a number for a system call
			uintptr(unsafe.Pointer(&procName)), procFlags, 0, 0) //nolint:gosec // a number for a system call
		if errno != 0 {
			goto failed
		}
	}
	said[0] = stepPrepare
	if _, _, errno = syscall.RawSyscall(unix.SYS_SETPGID, 0, 0, 0); errno != 0 {
		goto failed
	}
	if _, _, errno = syscall.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
		goto failed
	}
	if _, _, errno = syscall.RawSyscall(unix.SYS_SETGID, c.gid, 0, 0); errno != 0 {
		goto failed
	}
	if _, _, errno = syscall.RawSyscall(unix.SYS_SETUID, c.uid, 0, 0); errno != 0 {
		goto failed
	}
	// A change of the user takes it away, so it comes after that.
	if _, _, errno = syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0, 0, 0, 0); errno != 0 {
		goto failed
	}
	// The parent has died already: then nothing will kill this process.
	poll.Fd = int32(c.report)                                                                                                                     //nolint:gosec // a number for a system call
	if _, _, errno = syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0); errno != 0 { //nolint:gosec // a number for a system call
		goto failed
	}
	if poll.Revents&unix.POLLERR != 0 {
		goto failed
	}
	if _, _, errno = syscall.RawSyscall(unix.SYS_CHDIR, c.dir, 0, 0); errno != 0 {
		goto failed
	}
	for i := 0; i < len(c.fds); i++ { //nolint:intrange // no more than is needed, in this place
		if _, _, errno = syscall.RawSyscall(unix.SYS_DUP3, c.fds[i], uintptr(i), 0); errno != 0 {
			goto failed
		}
	}
	_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&none)), 0, maskSize, 0, 0) //nolint:gosec // a number for a system call
	said[0] = stepExec
	_, _, errno = syscall.RawSyscall(unix.SYS_EXECVE, c.file, c.argv, c.envp)
failed:
	said[1] = uint32(errno)                                                                                     //nolint:gosec // a number for a system call
	_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, c.report, uintptr(unsafe.Pointer(&said)), unsafe.Sizeof(said)) //nolint:gosec // a number for a system call
	for {
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 1, 0, 0)
	}
}

// launchProcess starts a command in the namespaces and the root of the calling thread.
func launchProcess(cmd command, first bool) (*os.Process, error) {
	user, err := credential("", cmd.user)
	if err != nil {
		return nil, err
	}
	file, dir, err := cmd.place("")
	if err != nil {
		return nil, err
	}
	l := launch{
		file: file, dir: dir, args: cmd.args, env: cmd.env, user: user, files: [3]*os.File{cmd.stdin, cmd.stdout, cmd.stderr}, first: first,
	}
	process, err := l.start()
	if e, ok := errors.AsType[*stepError](err); ok && e.step == stepExec {
		err = fmt.Errorf("exec: %q: %w", cmd.args[0], e.err)
	}
	return process, err
}

// ownProc reports whether the calling thread, which has a root of its own, may give a process namespace its /proc: it is tried with a
// program that is not there.
func ownProc() error {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = null.Close() }()
	l := launch{
		file: "/none", dir: "/", args: []string{"none"}, user: &syscall.Credential{}, files: [3]*os.File{null, null, null}, first: true,
	}
	_, err = l.start()
	if e, ok := errors.AsType[*stepError](err); ok && e.step == stepExec {
		return nil
	}
	return err
}
