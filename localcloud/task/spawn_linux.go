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

// spawn starts this program in namespaces that Go cannot enter by itself: a process with several threads can neither join nor make a user
// namespace. So the new process is a copy of the calling thread alone, makes a list of system calls, and runs the program anew.
type spawn struct {
	calls   []call
	pinned  []any // what the calls point to
	forking bool
}

// call is a system call of a process that was just made. It stops at the first one that fails.
type call struct {
	what     string
	number   uintptr
	args     [5]uintptr
	previous bool // its first argument is what the call before returned
	mayFail  bool
	// fork says that the call makes a process, which goes on; the other one reports its number and exits.
	fork bool
}

func (s *spawn) add(what string, number uintptr, args ...uintptr) *call {
	c := call{what: what, number: number}
	copy(c.args[:], args)
	s.calls = append(s.calls, c)
	return &s.calls[len(s.calls)-1]
}

// join enters a namespace.
func (s *spawn) join(namespace *os.File, kind uintptr) {
	s.pinned = append(s.pinned, namespace)
	s.add("enter "+namespace.Name(), unix.SYS_SETNS, namespace.Fd(), kind)
}

// write writes a text to a file of the process.
func (s *spawn) write(file, text string) {
	name, content := append([]byte(file), 0), []byte(text)
	s.pinned = append(s.pinned, name, content)
	at := unix.AT_FDCWD
	s.add("open "+file, unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(&name[0])), unix.O_WRONLY)                  //nolint:gosec // a number for a system call
	s.add("write "+file, unix.SYS_WRITE, 0, uintptr(unsafe.Pointer(&content[0])), uintptr(len(content))).previous = true //nolint:gosec // as above
}

// become takes on a user who is not root in a new user namespace, where there is no other, and keeps its rights over the namespace for the
// program that is run anew.
func (s *spawn) become(user *syscall.Credential) {
	s.write("/proc/self/uid_map", fmt.Sprintf("%d 0 1\n", user.Uid))
	s.write("/proc/self/gid_map", fmt.Sprintf("%d 0 1\n", user.Gid))
	s.keepCapabilities()
}

func (s *spawn) keepCapabilities() {
	header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	all := &[2]unix.CapUserData{}
	for i := range all {
		all[i] = unix.CapUserData{Effective: ^uint32(0), Permitted: ^uint32(0), Inheritable: ^uint32(0)}
	}
	s.pinned = append(s.pinned, header, all)
	s.add("keep capabilities", unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(all))) //nolint:gosec // a number for a system call
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		// This kernel may not know the capability.
		s.add("keep a capability", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, c, 0).mayFail = true
	}
}

// fork makes the process that goes on, for it to be in the process namespace that was entered or made. It is this process's child too.
func (s *spawn) fork() {
	s.add("clone", unix.SYS_CLONE, unix.CLONE_PARENT|uintptr(syscall.SIGCHLD)).fork = true
	s.forking = true
}

// run runs this program anew under a name, with these files as its first ones.
func (s *spawn) run(name string, files ...*os.File) (*os.Process, error) {
	const first = 16 // above all that the program expects
	var opened []int
	defer func() {
		for _, fd := range opened {
			_ = unix.Close(fd)
		}
	}()
	dup := func(f *os.File) (uintptr, error) {
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, first)
		opened = append(opened, fd)
		return uintptr(fd), os.NewSyscallError("fcntl", err)
	}
	for i, f := range files {
		fd, err := dup(f)
		if err != nil {
			return nil, err
		}
		s.add("give files", unix.SYS_DUP3, fd, uintptr(i), 0)
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer func() { _ = self.Close() }()
	program, err := dup(self)
	if err != nil {
		return nil, err
	}
	argv, err := syscall.SlicePtrFromStrings([]string{name})
	if err != nil {
		return nil, err
	}
	envp, empty := []*byte{nil}, []byte{0}
	s.pinned = append(s.pinned, argv, envp, empty)
	s.add("run "+name, unix.SYS_EXECVEAT, program, uintptr(unsafe.Pointer(&empty[0])), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envp[0])), unix.AT_EMPTY_PATH) //nolint:gosec // a number for a system call
	return s.start()
}

// start makes the process, which is that of the last fork if there is one. It ends with the calling thread only if it asks for that.
func (s *spawn) start() (*os.Process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	report := w.Fd()
	syscall.ForkLock.Lock()
	pid, errno := callAll(s.calls, report)
	syscall.ForkLock.Unlock()
	runtime.KeepAlive(s)
	_ = w.Close()
	if errno != 0 {
		return nil, os.NewSyscallError("clone", errno)
	}
	process := int(pid)
	if s.forking {
		n, errno, err := readReport(r)
		_, _ = syscall.Wait4(int(pid), nil, 0, nil)
		switch {
		case err != nil:
			return nil, err
		case errno != 0:
			return nil, s.failed(n, errno)
		}
		process = n
	}
	switch n, errno, err := readReport(r); {
	case err == nil:
		_, _ = syscall.Wait4(process, nil, 0, nil)
		return nil, s.failed(n, errno)
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return os.FindProcess(process)
}

func (s *spawn) failed(n int, errno syscall.Errno) error {
	return fmt.Errorf("%s: %w", s.calls[n].what, errno)
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
func callAll(calls []call, report uintptr) (pid uintptr, errno syscall.Errno) {
	var all, before, none uint64
	all = ^all
	const maskSize = 8
	_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&before)), maskSize, 0, 0) //nolint:gosec // a number for a system call
	pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&before)), 0, maskSize, 0, 0) //nolint:gosec // a number for a system call
		return pid, errno
	}
	var said [2]uint64
	var result uintptr
	for i := range calls {
		c := &calls[i]
		first := c.args[0]
		if c.previous {
			first = result
		}
		if c.number == unix.SYS_EXECVEAT {
			_, _, _ = syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&none)), 0, maskSize, 0, 0) //nolint:gosec // a number for a system call
		}
		result, _, errno = syscall.RawSyscall6(c.number, first, c.args[1], c.args[2], c.args[3], c.args[4], 0)
		if errno != 0 && !c.mayFail || c.fork && errno == 0 && result != 0 {
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
