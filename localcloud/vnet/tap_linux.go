package vnet

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// TapIndex is the number of a tap device, to be set before it is made: requests name it by that. None of those that every network namespace
// has comes near it.
const TapIndex = 1000

// DeviceRequest is the parameter of TUNSETIFF.
func (c TapConfig) DeviceRequest() (*unix.Ifreq, error) {
	request, err := unix.NewIfreq(c.Name)
	if err != nil {
		return nil, fmt.Errorf("name %q: %w", c.Name, err)
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	return request, nil
}

// Step is a request to the kernel by netlink (rtnetlink(7)).
type Step struct {
	What    string
	Request []byte
}

// SetUp has the steps that bring up the loopback device of a network namespace, and its tap device with its addresses and routes; nil has
// the loopback device alone.
func SetUp(tap *TapConfig) []Step {
	const loopback = 1
	steps := []Step{link("bring lo up", loopback)}
	if tap == nil {
		return steps
	}
	mtu := binary.NativeEndian.AppendUint32(nil, uint32(tap.MTU)) //nolint:gosec // an MTU
	steps = append(steps, link("bring "+tap.Name+" up", TapIndex, nl.NewRtAttr(unix.IFLA_ADDRESS, tap.Hardware), nl.NewRtAttr(unix.IFLA_MTU, mtu)))
	for _, prefix := range tap.Addresses {
		m := nl.NewIfAddrmsg(familyOf(prefix.Addr()))
		m.Prefixlen, m.Index = uint8(prefix.Bits()), TapIndex //nolint:gosec // a prefix
		r := nl.NewNetlinkRequest(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
		r.AddData(m)
		for _, kind := range []int{unix.IFA_LOCAL, unix.IFA_ADDRESS} {
			r.AddData(nl.NewRtAttr(kind, prefix.Addr().AsSlice()))
		}
		// Nobody else has the address: it is there at once, without a search for others (RFC 4862).
		r.AddData(nl.NewRtAttr(unix.IFA_FLAGS, binary.NativeEndian.AppendUint32(nil, unix.IFA_F_NODAD)))
		steps = append(steps, Step{"add address " + prefix.String(), r.Serialize()})
	}
	for _, gateway := range tap.Gateways {
		m := nl.NewRtMsg()
		m.Family, m.Flags = uint8(familyOf(gateway)), unix.RTNH_F_ONLINK //nolint:gosec // a family
		r := nl.NewNetlinkRequest(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
		r.AddData(m)
		r.AddData(nl.NewRtAttr(unix.RTA_GATEWAY, gateway.AsSlice()))
		r.AddData(nl.NewRtAttr(unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, TapIndex)))
		steps = append(steps, Step{"add route by " + gateway.String(), r.Serialize()})
	}
	return steps
}

// link is the step that brings a device up.
func link(what string, index int32, attributes ...*nl.RtAttr) Step {
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	m.Index, m.Flags, m.Change = index, unix.IFF_UP, unix.IFF_UP
	r := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
	r.AddData(m)
	for _, a := range attributes {
		r.AddData(a)
	}
	return Step{what, r.Serialize()}
}

func familyOf(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// Acknowledged reads the kernel's answers to steps that were sent over a netlink socket.
func Acknowledged(socket int, steps []Step) error {
	b := make([]byte, os.Getpagesize())
	for answered := 0; answered < len(steps); {
		n, _, err := unix.Recvfrom(socket, b, 0)
		if err != nil {
			return os.NewSyscallError("recvfrom", err)
		}
		messages, err := syscall.ParseNetlinkMessage(b[:n])
		if err != nil {
			return fmt.Errorf("read netlink message: %w", err)
		}
		for _, m := range messages {
			if m.Header.Type != unix.NLMSG_ERROR || answered == len(steps) {
				continue
			}
			if errno := -int32(binary.NativeEndian.Uint32(m.Data)); errno != 0 { //nolint:gosec // the kernel's number
				return fmt.Errorf("%s: %w", steps[answered].What, syscall.Errno(errno)) //nolint:gosec // as above
			}
			answered++
		}
	}
	return nil
}

// ReceiveFile receives a file that another process sends over a connection between the two, with a byte.
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
