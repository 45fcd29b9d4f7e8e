package task

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"slipway/localcloud/vnet"
)

// space is what the containers of a task share: a network namespace, and the user namespace that it belongs to. It needs no process in
// it.
type space struct{ user, network *os.File }

// The numbers of its files, by which a new space's process hands them over.
const (
	spaceTap = givenFiles - 1 - iota
	spaceNetlink
)

// newSpace makes the namespaces of a task. The file is its tap device's; nil if it has no interface.
func newSpace(tap *vnet.TapConfig) (s *space, frames *os.File, err error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = ours.Close() }()
	given, err := give(theirs)
	_ = theirs.Close()
	if err != nil {
		return nil, nil, err
	}
	g, err := newGate()
	if err != nil {
		return nil, nil, errors.Join(err, given.Close())
	}
	defer g.close()
	calls, steps := &spawn{flags: unix.CLONE_NEWUSER | unix.CLONE_NEWNET}, vnet.SetUp(tap)
	if err := calls.setUpSpace(tap, steps, given); err != nil {
		return nil, nil, errors.Join(err, given.Close())
	}
	calls.await(g)
	p, err := calls.start()
	_ = given.Close() // upon which its end is that of the connection
	if err != nil {
		return nil, nil, fmt.Errorf("make user and network namespaces: %w", cause(err))
	}
	s, frames, err = receiveSpace(p, ours, tap != nil, steps)
	if err != nil {
		_ = p.Kill()
	}
	g.open()
	if failed := p.result(); failed != nil {
		err = failed // which is why
	}
	_, _ = p.Wait()
	return s, frames, err
}

// setUpSpace makes the tap device, if there is to be one, has the kernel take the steps, and hands the files of both over.
func (s *spawn) setUpSpace(tap *vnet.TapConfig, steps []vnet.Step, daemon *os.File) error {
	files := []uintptr{spaceNetlink}
	if tap != nil {
		request, err := tap.DeviceRequest()
		if err != nil {
			return err
		}
		index, _ := s.bytes(binary.NativeEndian.AppendUint32(nil, vnet.TapIndex))
		s.pinned = append(s.pinned, request)
		device := s.open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK, 0)
		s.add("number tap device "+tap.Name, unix.SYS_IOCTL, 0, unix.TUNSETIFINDEX, index).of = device
		s.add("make tap device "+tap.Name, unix.SYS_IOCTL, 0, unix.TUNSETIFF, uintptr(unsafe.Pointer(request))).of = device //nolint:gosec // a number for a system call
		s.keep(device, spaceTap)
		files = append(files, spaceTap)
	}
	s.add("open netlink", unix.SYS_SOCKET, unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	socket := len(s.calls) - 1
	for _, step := range steps {
		b, length := s.bytes(step.Request)
		s.add(step.What, unix.SYS_SENDTO, 0, b, length).of = socket
	}
	s.keep(socket, spaceNetlink)
	for _, f := range files {
		s.send(daemon, f)
	}
	return nil
}

// keep gives a file that a call has opened a number that is known. It may have that one already.
func (s *spawn) keep(of int, number uintptr) {
	c := s.add("keep what was opened", unix.SYS_DUP3, 0, number, unix.O_CLOEXEC)
	c.of, c.mayFail = of, true
}

// send sends a file of the process over a connection.
func (s *spawn) send(connection *os.File, file uintptr) {
	one, rights := make([]byte, 1), unix.UnixRights(int(file))
	vector := &unix.Iovec{Base: &one[0]}
	vector.SetLen(len(one))
	message := &unix.Msghdr{Iov: vector, Control: &rights[0]}
	message.SetIovlen(1)
	message.SetControllen(len(rights))
	s.pinned = append(s.pinned, one, rights, vector, message)
	s.add("hand over", unix.SYS_SENDMSG, connection.Fd(), uintptr(unsafe.Pointer(message)), unix.MSG_NOSIGNAL) //nolint:gosec // a number for a system call
}

// receiveSpace takes over what a process has made, and makes its users known.
func receiveSpace(p *spawned, c *net.UnixConn, tap bool, steps []vnet.Step) (s *space, frames *os.File, err error) {
	if err := mapUsers(p.Pid); err != nil {
		return nil, nil, err
	}
	netlink, err := vnet.ReceiveFile(c, "netlink")
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = netlink.Close() }()
	if err := vnet.Acknowledged(int(netlink.Fd()), steps); err != nil {
		return nil, nil, err
	}
	if tap {
		if frames, err = vnet.ReceiveFile(c, "/dev/net/tun"); err != nil {
			return nil, nil, err
		}
	}
	s = &space{}
	for name, file := range map[string]**os.File{"user": &s.user, "net": &s.network} {
		if *file, err = openNamespace(p.Pid, name); err != nil {
			if frames != nil {
				_ = frames.Close()
			}
			return nil, nil, err
		}
	}
	return s, frames, nil
}

// mapUsers gives a new user namespace its users. Root has all of them. Nobody else has any but itself, which is root in the task's user
// namespace, and what a container's user is in one below that.
func mapUsers(pid int) error {
	folder := "/proc/" + strconv.Itoa(pid) + "/"
	all, own, ownGroup := "0 0 65536", fmt.Sprintf("0 %d 1", os.Geteuid()), fmt.Sprintf("0 %d 1", os.Getegid())
	if os.Geteuid() == 0 {
		own, ownGroup = all, all
	} else if err := os.WriteFile(folder+"setgroups", []byte("deny"), 0); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(folder+"uid_map", []byte(own), 0), os.WriteFile(folder+"gid_map", []byte(ownGroup), 0))
}

func openNamespace(pid int, kind string) (*os.File, error) {
	return os.Open("/proc/" + strconv.Itoa(pid) + "/ns/" + kind)
}

func (s *space) close() {
	_, _ = s.user.Close(), s.network.Close()
}

func socketPair() (ours *net.UnixConn, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	f, theirs := os.NewFile(uintptr(pair[0]), "container"), os.NewFile(uintptr(pair[1]), "daemon")
	defer func() { _ = f.Close() }()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return c.(*net.UnixConn), theirs, nil
}
