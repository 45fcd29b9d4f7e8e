package task

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// network makes a task, which shares the machine's network, listen as it does where it has a network interface of its own: on every
// address means on the task's, and on 127.0.0.1 means where only the task's own containers get at it. The kernel asks before each bind
// and connect (seccomp_unotify(2)); the socket is then bound, or connected, in the process's place.
type network struct {
	address netip.Addr

	mu    sync.Mutex
	bound map[uint16]netip.Addr // where the task listens that is asked at 127.0.0.1
}

// newNetwork returns the network of a task with the address, or nil if it has none.
func newNetwork(address netip.Addr) *network {
	if !address.Is4() {
		return nil
	}
	return &network{address: address, bound: map[uint16]netip.Addr{}}
}

// inner is the task's 127.0.0.1: an address of the machine's loopback interface that nothing else uses.
func (n *network) inner() netip.Addr {
	a := n.address.As4()
	a[1] ^= 0x80
	return netip.AddrFrom4(a)
}

// watch makes the kernel ask about the binds and connects of all processes that the calling thread starts from now on, and answers
// until all of them have ended. The thread is one that ends.
func (n *network) watch() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fd, err := filter()
	if err != nil {
		return err
	}
	// Waited for by Go's poller, not by a thread.
	if err := unix.SetNonblock(fd, true); err != nil {
		return errors.Join(os.NewSyscallError("fcntl", err), unix.Close(fd))
	}
	f := os.NewFile(uintptr(fd), "seccomp")
	conn, err := f.SyscallConn()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	go func() {
		defer func() { _ = f.Close() }()
		for n.answerNext(conn, fd) {
		}
	}()
	return nil
}

// notification and response are struct seccomp_notif and seccomp_notif_resp of linux/seccomp.h.
type notification struct {
	id         uint64
	pid, flags uint32
	call       int32
	arch       uint32
	at         uint64
	args       [6]uint64
}

type response struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

// architectures are the values of seccomp_data.arch (linux/audit.h).
var architectures = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// filter installs on the calling thread the filter that asks about bind and connect, and returns the file on which it asks.
func filter() (fd int, err error) {
	arch, ok := architectures[runtime.GOARCH]
	if !ok {
		return -1, errors.ErrUnsupported
	}
	const load, equal, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	code := []unix.SockFilter{
		{Code: load, K: 4}, // seccomp_data.arch
		{Code: equal, K: arch, Jf: 4},
		{Code: load, K: 0}, // seccomp_data.nr
		{Code: equal, K: unix.SYS_BIND, Jt: 1},
		{Code: equal, K: unix.SYS_CONNECT, Jf: 1},
		{Code: ret, K: unix.SECCOMP_RET_USER_NOTIF},
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]} //nolint:gosec // as many as there are above
	install := func(flags uintptr) (int, error) {
		fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags|unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&program))) //nolint:gosec // a number for a system call
		if errno != 0 {
			return -1, os.NewSyscallError("seccomp", errno)
		}
		return int(fd), nil
	}
	// Without the right to administer the system, its processes get no new privileges either. None of them has a file that gives any.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return -1, os.NewSyscallError("prctl", err)
	}
	// Linux before 5.19 does not know the flag: there a signal can interrupt the call that is asked about, which then asks again.
	if fd, err = install(unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV); errors.Is(err, unix.EINVAL) {
		fd, err = install(0)
	}
	return fd, err
}

// answerNext waits for a question and answers it. It returns false when no process is left that could ask.
func (n *network) answerNext(conn syscall.RawConn, fd int) bool {
	q := new(notification)
	over := false
	err := conn.Read(func(uintptr) bool {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}} //nolint:gosec // a file descriptor
		if _, err := unix.Poll(poll, 0); err != nil {
			return false
		}
		switch {
		case poll[0].Revents&unix.POLLIN != 0:
			_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(q))) //nolint:gosec // as above
			return errno == 0                                                                                                   // or the process that asked was killed meanwhile
		case poll[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0:
			over = true
			return true
		}
		return false
	})
	if err != nil || over {
		return false
	}
	// A connect may take time, for which the others do not wait.
	go func() {
		r := response{id: q.id}
		if err := n.act(q); errors.Is(err, errAsIs) {
			r.flags = unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE
		} else if errno, ok := errors.AsType[syscall.Errno](err); ok {
			r.errno = -int32(errno) //nolint:gosec // a small number
		}
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&r))) //nolint:gosec // as above; or it was killed
	}()
	return true
}

// errAsIs says that the call must be carried out unchanged.
var errAsIs = errors.New("not of concern")

// act carries out the call for the process that made it, if the call concerns the task's address. The process gets a [syscall.Errno].
func (n *network) act(q *notification) error {
	to, err := readSocketAddress(int(q.pid), uintptr(q.args[1]), int(q.args[2])) //nolint:gosec // as the kernel gave them
	if err != nil || to.Port() == 0 {
		return errAsIs
	}
	target, ok := n.translate(to, q.call == unix.SYS_BIND)
	if !ok {
		return errAsIs
	}
	who, err := readProcess(int(q.pid))
	if err != nil {
		return errAsIs
	}
	socket, err := who.socket(int(q.args[0])) //nolint:gosec // a file descriptor
	if err != nil {
		return errAsIs
	}
	defer func() { _ = unix.Close(socket) }()
	if !isTCP(socket) {
		return errAsIs
	}
	address, err := socketAddress(socket, target)
	switch {
	case err != nil || address == nil && q.call == unix.SYS_CONNECT:
		return errAsIs
	case address == nil:
		return nil // a task has no IPv6 address here: the socket gets some port of the machine, and the socket for IPv4 counts
	case q.call == unix.SYS_CONNECT:
		return errnoOf(unix.Connect(socket, address))
	}
	return n.bind(socket, address, target, who)
}

// bind binds the socket, unless it did so before and the answer was not heard.
func (n *network) bind(socket int, address unix.Sockaddr, target netip.AddrPort, who process) error {
	// On Fargate only root may: https://github.com/aws/containers-roadmap/issues/1721
	if target.Port() < 1024 && !who.has(unix.CAP_NET_BIND_SERVICE) {
		return unix.EACCES
	}
	err := unix.Bind(socket, address)
	if err != nil && (!errors.Is(err, unix.EINVAL) || !boundTo(socket, target)) {
		return errnoOf(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.bound[target.Port()] = target.Addr()
	return nil
}

// translate returns what the address means to the task, and whether that is something else.
func (n *network) translate(to netip.AddrPort, bind bool) (target netip.AddrPort, other bool) {
	local := to.Addr().Unmap()
	switch {
	case bind && local.IsUnspecified():
		return netip.AddrPortFrom(n.address, to.Port()), true
	case bind && isLocalhost(local):
		return netip.AddrPortFrom(n.inner(), to.Port()), true
	case bind:
		return to, false
	case !local.IsUnspecified() && !isLocalhost(local):
		return to, false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	address, ok := n.bound[to.Port()]
	return netip.AddrPortFrom(address, to.Port()), ok
}

// isLocalhost leaves out the rest of 127.0.0.0/8, which tasks have their addresses of.
func isLocalhost(a netip.Addr) bool {
	return a == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || a == netip.IPv6Loopback()
}

func errnoOf(err error) error {
	if err == nil {
		return nil
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return unix.EINVAL
}

// process has the facts about an asking process.
type process struct {
	pid          int
	capabilities uint64
}

func (p process) has(capability int) bool { return p.capabilities&(1<<capability) != 0 }

// readProcess reads the status of the process of a thread.
func readProcess(thread int) (process, error) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(thread) + "/status")
	if err != nil {
		return process{}, err
	}
	var p process
	for line := range bytes.Lines(status) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		text := string(bytes.TrimSpace(value))
		switch string(name) {
		case "Tgid":
			p.pid, err = strconv.Atoi(text)
		case "CapEff":
			p.capabilities, err = strconv.ParseUint(text, 16, 64)
		}
		if err != nil {
			return process{}, err
		}
	}
	return p, nil
}

// socket returns a file descriptor of ours for one of the process's.
func (p process) socket(fd int) (int, error) {
	pidfd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(pidfd) }()
	return unix.PidfdGetfd(pidfd, fd, 0)
}

// readSocketAddress reads a sockaddr of IPv4 or IPv6 in a process's memory.
func readSocketAddress(pid int, at uintptr, length int) (netip.AddrPort, error) {
	const longest = unix.SizeofSockaddrInet6
	b := make([]byte, min(max(length, 0), longest))
	if len(b) < unix.SizeofSockaddrInet4 {
		return netip.AddrPort{}, errAsIs
	}
	local := []unix.Iovec{{Base: &b[0]}}
	local[0].SetLen(len(b))
	if n, err := unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: at, Len: len(b)}}, 0); err != nil || n != len(b) {
		return netip.AddrPort{}, errors.Join(errAsIs, err)
	}
	port := binary.BigEndian.Uint16(b[2:])
	switch family := binary.NativeEndian.Uint16(b); {
	case family == unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:])), port), nil
	case family == unix.AF_INET6 && len(b) == longest:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:])), port), nil
	}
	return netip.AddrPort{}, errAsIs
}

// isTCP reports whether the socket is one for TCP, of several paths too, as Go's listeners are (GODEBUG multipathtcp).
func isTCP(socket int) bool {
	protocol, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	return err == nil && (protocol == unix.IPPROTO_TCP || protocol == unix.IPPROTO_MPTCP)
}

// socketAddress puts the address, which is of IPv4, into the socket's family. It is nil if the socket is for IPv6 alone.
func socketAddress(socket int, to netip.AddrPort) (unix.Sockaddr, error) {
	domain, err := unix.GetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return nil, err
	}
	if domain == unix.AF_INET {
		return &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}, nil
	}
	only, err := unix.GetsockoptInt(socket, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
	if err != nil || only != 0 {
		return nil, err
	}
	return &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}, nil
}

func boundTo(socket int, address netip.AddrPort) bool {
	name, err := unix.Getsockname(socket)
	if err != nil {
		return false
	}
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)) == address //nolint:gosec // a port
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port)) == address //nolint:gosec // a port
	}
	return false
}

// canWatch reports whether this system lets a network be watched, by trying: a thread binds a socket to every address.
func canWatch() bool {
	if self, err := readProcess(os.Getpid()); err != nil || os.Geteuid() == 0 && !self.has(unix.CAP_SYS_PTRACE) {
		return false // tasks have users of their own, whose sockets only this gets at
	}
	n := newNetwork(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	t := newThread()
	defer t.close()
	return t.do(func() error {
		if err := n.watch(); err != nil {
			return err
		}
		l, err := net.Listen("tcp4", "127.0.0.1:0") // which finds a free port
		if err != nil {
			return err
		}
		port := l.Addr().(*net.TCPAddr).AddrPort().Port()
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
		if err := errors.Join(err, l.Close()); err != nil {
			return err
		}
		defer func() { _ = unix.Close(s) }()
		if err := unix.Bind(s, &unix.SockaddrInet4{Port: int(port)}); err != nil {
			return err
		}
		if !boundTo(s, netip.AddrPortFrom(n.address, port)) {
			return errors.ErrUnsupported
		}
		return nil
	}) == nil
}
