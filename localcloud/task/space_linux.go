package task

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"slipway/localcloud/vnet"
)

// space is what the containers of a task share: a network namespace, and the user namespace that it belongs to. It needs no process in
// it.
type space struct{ user, network *os.File }

// users are the users that a task's containers may be. Root has all of them. Nobody else has any but itself, which is root in the task's
// user namespace, and what a container's user is in one below that.
func users(id int) []syscall.SysProcIDMap {
	const all = 1 << 16
	if os.Geteuid() == 0 {
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: all}}
	}
	return []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
}

// newSpace makes the namespaces of a task. The file is its tap device's; nil if it has no interface.
func newSpace(tap *vnet.TapConfig) (s *space, frames *os.File, err error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _, _ = ours.Close(), theirs.Close() }()
	var said bytes.Buffer
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{networkInit}, Env: []string{}, Stderr: &said, ExtraFiles: []*os.File{theirs},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNET, UidMappings: users(os.Geteuid()), GidMappings: users(os.Getegid()),
			GidMappingsEnableSetgroups: os.Geteuid() == 0,
		},
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("make user and network namespaces: %w", cause(err))
	}
	_ = theirs.Close()
	defer func() {
		_ = ours.Close() // upon which it ends
		if ended := cmd.Wait(); err != nil && said.Len() > 0 {
			err = errors.New(strings.TrimSpace(said.String()))
		} else if err != nil {
			err = errors.Join(err, ended)
		}
	}()
	if err := json.NewEncoder(ours).Encode(tap); err != nil {
		return nil, nil, err
	}
	if frames, err = vnet.ReceiveFile(ours, "tap device"); err != nil {
		return nil, nil, err
	}
	s = &space{}
	for name, file := range map[string]**os.File{"user": &s.user, "net": &s.network} {
		if *file, err = openNamespace(cmd.Process.Pid, name); err != nil {
			return nil, nil, errors.Join(err, frames.Close())
		}
	}
	if tap == nil {
		_ = frames.Close()
		return s, nil, nil
	}
	return s, frames, nil
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

// runNetworkInit is the life of the process in whose namespaces a task's containers start: it makes the tap device, hands it over, and
// stays until the daemon has hold of the namespaces.
func runNetworkInit() error {
	f := os.NewFile(3, "daemon")
	c, err := net.FileConn(f)
	if err != nil {
		return err
	}
	var config *vnet.TapConfig
	if err := json.NewDecoder(c).Decode(&config); err != nil {
		return err
	}
	frames, err := openFrames(config)
	if err != nil {
		return err
	}
	if err := vnet.SendFile(c.(*net.UnixConn), frames); err != nil {
		return err
	}
	_ = frames.Close()
	_, _ = c.Read(make([]byte, 1))
	return nil
}

// openFrames makes the tap device; without one, it brings the loopback device up.
func openFrames(config *vnet.TapConfig) (*os.File, error) {
	if config != nil {
		return vnet.OpenTap(*config)
	}
	if err := vnet.BringLoopbackUp(); err != nil {
		return nil, err
	}
	return os.Open(os.DevNull)
}
