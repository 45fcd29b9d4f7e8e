package vnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// OpenTap makes a tap device in the network namespace of the calling thread, which needs the right to administer it, and brings it and the
// loopback device up. The file reads and writes its frames, in whichever process has it: [SendFile] passes it on. The device goes when
// the file is closed.
func OpenTap(c TapConfig) (*os.File, error) {
	f, err := openTap(c)
	if err != nil {
		return nil, fmt.Errorf("open tap device %s: %w", c.Name, err)
	}
	return f, nil
}

func openTap(c TapConfig) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/dev/net/tun", Err: err}
	}
	if err := setUpTap(fd, c); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	// Not before: the poller does not take to a file without a device.
	return os.NewFile(uintptr(fd), "/dev/net/tun"), nil
}

func setUpTap(fd int, c TapConfig) error {
	request, err := unix.NewIfreq(c.Name)
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return os.NewSyscallError("ioctl TUNSETIFF", err)
	}
	if err := BringLoopbackUp(); err != nil {
		return err
	}
	tap, err := netlink.LinkByName(c.Name)
	if err != nil {
		return fmt.Errorf("find %s: %w", c.Name, err)
	}
	if err := errors.Join(netlink.LinkSetHardwareAddr(tap, c.Hardware), netlink.LinkSetMTU(tap, c.MTU)); err != nil {
		return fmt.Errorf("set hardware address %s and MTU %d: %w", c.Hardware, c.MTU, err)
	}
	if err := netlink.LinkSetUp(tap); err != nil {
		return fmt.Errorf("bring %s up: %w", c.Name, err)
	}
	for _, prefix := range c.Addresses {
		// Nobody else has the address: it is there at once, without a search for others (RFC 4862).
		address := &netlink.Addr{IPNet: ipNet(prefix), Flags: unix.IFA_F_NODAD}
		if err := netlink.AddrAdd(tap, address); err != nil {
			return fmt.Errorf("add address %s: %w", prefix, err)
		}
	}
	for _, gateway := range c.Gateways {
		everywhere := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if gateway.Is6() {
			everywhere = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		route := &netlink.Route{
			LinkIndex: tap.Attrs().Index, Dst: ipNet(everywhere), Gw: gateway.AsSlice(), Flags: int(netlink.FLAG_ONLINK),
		}
		if err := netlink.RouteAdd(route); err != nil {
			return fmt.Errorf("add route by %s: %w", gateway, err)
		}
	}
	return nil
}

// BringLoopbackUp brings up the loopback device in the network namespace of the calling thread.
func BringLoopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find lo: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// SendFile sends a file to another process, over a connection between the two.
func SendFile(c *net.UnixConn, f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("send file %s: %w", f.Name(), err)
	}
	var sent error
	err = raw.Control(func(fd uintptr) {
		_, _, sent = c.WriteMsgUnix([]byte{0}, unix.UnixRights(int(fd)), nil)
	})
	if err := errors.Join(err, sent); err != nil {
		return fmt.Errorf("send file %s: %w", f.Name(), err)
	}
	return nil
}

// ReceiveFile receives what [SendFile] sends.
func ReceiveFile(c *net.UnixConn, name string) (*os.File, error) {
	one, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := c.ReadMsgUnix(one, rights)
	if err != nil {
		return nil, fmt.Errorf("receive file %s: %w", name, err)
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) == 0 {
		return nil, fmt.Errorf("receive file %s: no file came: %w", name, err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return nil, fmt.Errorf("receive file %s: no file came: %w", name, err)
	}
	return os.NewFile(uintptr(fds[0]), name), nil
}
