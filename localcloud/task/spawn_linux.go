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

// spawn is a process that is made as a list of system calls. Go cannot make it: a process with several threads can neither join nor make a
// user namespace, and to run this program anew only for that would take longer than everything else. So the process is a copy of the calling
// thread alone, makes the calls, and runs another program or ends.
type spawn struct {
	flags  uintptr // for clone
	calls  []call
	pinned []any // what the calls point to
	// forked is the call that makes the process which goes on; 0 if it is this one.
	forked int
}

// call is a system call of a process that was just made. It stops at the first one that fails.
type call struct {
	what   string
	number uintptr
	args   [6]uintptr
	// of is the call whose result is the first argument; negative for none.
	of      int
	mayFail bool // but for a program of another format
	// fork says that the call makes a process, which goes on; the other one reports its number and exits.
	fork bool
	// want is what it returns if it does not fail; negative for anything.
	want   int
	result uintptr
}

func (s *spawn) add(what string, number uintptr, args ...uintptr) *call {
	c := call{what: what, number: number, of: -1, want: -1}
	copy(c.args[:], args)
	s.calls = append(s.calls, c)
	return &s.calls[len(s.calls)-1]
}

// text is a text as system calls take it.
func (s *spawn) text(t string) uintptr {
	b := append([]byte(t), 0)
	s.pinned = append(s.pinned, b)
	return uintptr(unsafe.Pointer(&b[0])) //nolint:gosec // a number for a system call
}

// bytes are bytes as system calls take them.
func (s *spawn) bytes(b []byte) (at, length uintptr) {
	b = append([]byte{}, b...)
	s.pinned = append(s.pinned, b)
	return uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)) //nolint:gosec // a number for a system call
}

// here is the folder of the process, as a file that paths are relative to.
const here = ^uintptr(0) - 99 // AT_FDCWD

// join enters a namespace.
func (s *spawn) join(namespace *os.File, kind uintptr) {
	s.pinned = append(s.pinned, namespace)
	s.add("enter "+namespace.Name(), unix.SYS_SETNS, namespace.Fd(), kind)
}

// write writes a file, which has that mode if it is new.
func (s *spawn) write(file string, content []byte, flags int, mode os.FileMode) {
	f := s.open(file, unix.O_WRONLY|flags, mode)
	if len(content) > 0 {
		b, length := s.bytes(content)
		c := s.add("write "+file, unix.SYS_WRITE, 0, b, length)
		c.of, c.want = f, len(content)
	}
	s.add("close "+file, unix.SYS_CLOSE).of = f
}

// open opens a file, for calls whose first argument is of the index that it returns.
func (s *spawn) open(file string, flags int, mode os.FileMode) (of int) {
	s.add("open "+file, unix.SYS_OPENAT, here, s.text(file), uintptr(unix.O_CLOEXEC|flags), uintptr(mode))
	return len(s.calls) - 1
}

// become takes on a user who is not root in a new user namespace, where there is no other.
func (s *spawn) become(user *syscall.Credential) {
	s.write("/proc/self/uid_map", fmt.Appendf(nil, "%d 0 1\n", user.Uid), 0, 0)
	s.write("/proc/self/gid_map", fmt.Appendf(nil, "%d 0 1\n", user.Gid), 0, 0)
}

// fork makes the process that goes on, for it to be in the process namespace that was entered or made. It is this process's child too.
func (s *spawn) fork() {
	s.add("clone", unix.SYS_CLONE, unix.CLONE_PARENT|uintptr(syscall.SIGCHLD)).fork = true
	s.forked = len(s.calls) - 1
}

// givenFiles is the number from which on files are given to a process, which has all that this one has, until it runs another program: above
// those that it gets there.
const givenFiles = 128

// give returns the number of a file in the process. The file must be closed when the process has been made.
func give(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, givenFiles)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// gate is what a process waits at.
type gate struct{ process, ours *os.File }

func newGate() (*gate, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	process, err := give(r)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return &gate{process, w}, nil
}

// open lets the process go on. One that has ended does not.
func (g *gate) open() { _, _ = g.ours.Write([]byte{0}) }

func (g *gate) close() {
	_, _ = g.process.Close(), g.ours.Close()
}

// await waits at a gate, and fails if nobody can open it any more.
func (s *spawn) await(g *gate) {
	s.pinned = append(s.pinned, g)
	s.add("wait for the local cloud", unix.SYS_CLOSE, g.ours.Fd())
	b, length := s.bytes(make([]byte, 1))
	s.add("wait for the local cloud", unix.SYS_READ, g.process.Fd(), b, length).want = 1
}

// spawned is a process that makes its calls.
type spawned struct {
	*os.Process
	spawn  *spawn
	report *os.File
	failed error // what it has reported already
}

// start makes the process, which is that of the last fork if there is one. It ends with the calling thread only if it asks for that.
func (s *spawn) start() (*spawned, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	given, err := give(w)
	_ = w.Close()
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	report := given.Fd()
	syscall.ForkLock.Lock()
	pid, errno := callAll(s.flags|uintptr(syscall.SIGCHLD), s.calls, report)
	syscall.ForkLock.Unlock()
	runtime.KeepAlive(s)
	_ = given.Close()
	if errno != 0 {
		return nil, errors.Join(os.NewSyscallError("clone", errno), r.Close())
	}
	p := &spawned{spawn: s, report: r}
	process := int(pid)
	if s.forked > 0 {
		process, err = p.fork()
		_, _ = syscall.Wait4(int(pid), nil, 0, nil)
	}
	if err == nil {
		p.Process, err = os.FindProcess(process)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return p, nil
}

// fork reads which process goes on. That one may have failed before the other one has said so.
func (p *spawned) fork() (pid int, err error) {
	for range 2 {
		n, errno, err := readReport(p.report)
		switch {
		case err != nil:
			return 0, err
		case errno == 0:
			return n, nil
		}
		if p.failed = p.spawn.failed(n, errno); n <= p.spawn.forked {
			break
		}
	}
	return 0, p.failed
}

// callError is a call that failed.
type callError struct {
	call  *call
	index int
	errno syscall.Errno
}

func (e *callError) Error() string { return e.call.what + ": " + e.errno.Error() }

func (e *callError) Unwrap() error { return e.errno }

func (s *spawn) failed(n int, errno syscall.Errno) error { return &callError{&s.calls[n], n, errno} }

// result waits until the process runs another program, or has made all its calls.
func (p *spawned) result() error {
	defer func() { _ = p.report.Close() }()
	if p.failed != nil {
		return p.failed
	}
	switch n, errno, err := readReport(p.report); {
	case errors.Is(err, io.EOF):
		return nil // it runs the other program, or was killed
	case err != nil:
		return err
	case errno != 0:
		return p.spawn.failed(n, errno)
	}
	return nil
}

// readReport reads which call failed and why, or the number of the process that goes on.
func readReport(r io.Reader) (n int, errno syscall.Errno, err error) {
	var b [16]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, 0, err // io.EOF once the other program runs
	}
	return int(binary.NativeEndian.Uint64(b[:])), syscall.Errno(binary.NativeEndian.Uint64(b[8:])), nil //nolint:gosec // small numbers
}

// callAll makes a process that makes the calls. It is a copy of this one with a single thread, in which Go's scheduler must not run: it
// does nothing but raw system calls. No signal gets at it meanwhile.
//
//go:norace
//go:nosplit
//go:noinline
func callAll(flags uintptr, calls []call, report uintptr) (pid uintptr, errno syscall.Errno) {
	var all, before, none uint64
	all = ^all
	const maskSize = 8
	_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&before)), maskSize, 0, 0) //nolint:gosec // a number for a system call
	pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, flags, 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&before)), 0, maskSize, 0, 0) //nolint:gosec // a number for a system call
		return pid, errno
	}
	var said [2]uint64
	var result uintptr
	for i := range calls {
		c := &calls[i]
		first := c.args[0]
		if c.of >= 0 {
			first = calls[c.of].result
		}
		if c.number == unix.SYS_EXECVE {
			_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&none)), 0, maskSize, 0, 0) //nolint:gosec // a number for a system call
		}
		result, _, errno = syscall.RawSyscall6(c.number, first, c.args[1], c.args[2], c.args[3], c.args[4], c.args[5])
		c.result = result
		if errno == 0 && c.want >= 0 && result != uintptr(c.want) {
			errno = syscall.EIO
		}
		if errno != 0 && (!c.mayFail || errno == syscall.ENOEXEC) || c.fork && errno == 0 && result != 0 {
			said[0], said[1] = uint64(i), uint64(errno)
			if errno == 0 {
				said[0] = uint64(result)
			}
			break
		}
	}
	_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, report, uintptr(unsafe.Pointer(&said)), unsafe.Sizeof(said)) //nolint:gosec // a number for a system call
	for {
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 1, 0, 0)
	}
}
