package vnet

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// cable carries frames between a test and the network.
type cable struct {
	in, out chan []byte
	once    sync.Once
	quit    chan struct{}
}

func newCable() *cable {
	return &cable{in: make(chan []byte, 100), out: make(chan []byte, 100), quit: make(chan struct{})}
}

func (c *cable) Read(b []byte) (int, error) {
	select {
	case frame := <-c.in:
		return copy(b, frame), nil
	case <-c.quit:
		return 0, io.EOF
	}
}

func (c *cable) Write(b []byte) (int, error) {
	select {
	case c.out <- slices.Clone(b):
	default:
	}
	return len(b), nil
}

func (c *cable) Close() error { c.once.Do(func() { close(c.quit) }); return nil }

var ownHardware = net.HardwareAddr{2, 0, 0, 0, 0, 4}

func frame(kind uint16, payload []byte) []byte {
	b := append(slices.Clone([]byte(routerHardware)), ownHardware...)
	return append(binary.BigEndian.AppendUint16(b, kind), payload...)
}

func arp(asks, target string) []byte {
	b := make(header.ARP, header.ARPSize)
	b.SetIPv4OverEthernet()
	b.SetOp(header.ARPRequest)
	copy(b.HardwareAddressSender(), ownHardware)
	copy(b.ProtocolAddressSender(), netip.MustParseAddr(asks).AsSlice())
	copy(b.ProtocolAddressTarget(), netip.MustParseAddr(target).AsSlice())
	return b
}

func solicit(from, target string) []byte {
	body := icmpOf(135, 0, 0, nil)
	body = append(body, netip.MustParseAddr(target).AsSlice()...)
	return ip(ICMPv6, from, "ff02::1:ff00:1", body)
}

func TestEthernet(t *testing.T) {
	t.Parallel()
	n := New(Config{})
	c := newCable()
	i, err := n.AttachEthernet(InterfaceConfig{Name: "a", Addresses: parsed([]string{"10.0.1.4", "2001:db8::4"})}, ownHardware, c)
	if err != nil {
		t.Fatal(err)
	}
	_, wb := onWire(t, n, "b", "10.0.2.5", "2001:db8::5")

	c.in <- frame(etherARP, arp("10.0.1.4", "10.0.1.1"))
	reply := header.ARP((<-c.out)[ethernetHeader:])
	if !reply.IsValid() || reply.Op() != header.ARPReply || !bytes.Equal(reply.HardwareAddressSender(), routerHardware) ||
		!bytes.Equal(reply.ProtocolAddressSender(), []byte{10, 0, 1, 1}) || !bytes.Equal(reply.HardwareAddressTarget(), ownHardware) {
		t.Errorf("ARP is answered % x", reply)
	}

	c.in <- frame(etherIPv6, solicit("2001:db8::4", "2001:db8::1"))
	advert := header.IPv6((<-c.out)[ethernetHeader:])
	message := header.ICMPv6(advert.Payload())
	target := header.NDPNeighborAdvert(message.MessageBody()).TargetAddress()
	if message.Type() != header.ICMPv6NeighborAdvert || target != tcpip.AddrFrom16(netip.MustParseAddr("2001:db8::1").As16()) ||
		header.ICMPv6Checksum(header.ICMPv6ChecksumParams{Header: message, Src: advert.SourceAddress(), Dst: advert.DestinationAddress()}) != message.Checksum() {
		t.Errorf("a neighbour is advertised by % x", []byte(advert))
	}

	// Who looks whether anybody has its own address is told of nobody; nor does the router answer for what is no question.
	c.in <- frame(etherARP, arp("0.0.0.0", "10.0.1.4"))
	c.in <- frame(etherIPv6, solicit("::", "2001:db8::9"))
	c.in <- frame(etherIPv6, solicit("2001:db8::4", "2001:db8::4"))
	c.in <- frame(etherARP, []byte("cut short"))
	c.in <- frame(0x88cc, []byte("LLDP"))
	c.in <- []byte{1, 2, 3}
	packet := ip(UDP, "10.0.1.4", "10.0.2.5", udpOf(1, 53))
	c.in <- frame(etherIPv4, packet)
	eventually(t, "the packet passes", func() bool {
		got := wb.take()
		return len(got) == 1 && bytes.Equal(got[0], packet)
	})
	select {
	case f := <-c.out:
		t.Errorf("the router sends % x", f)
	default:
	}

	answer := ip(UDP, "10.0.2.5", "10.0.1.4", udpOf(53, 1))
	wb.send(answer)
	want := append(append(slices.Clone([]byte(ownHardware)), routerHardware...), 8, 0)
	if got := <-c.out; !bytes.Equal(got, append(want, answer...)) {
		t.Errorf("the answer comes as % x", got)
	}
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
}

// Whatever a task sends, nobody gets a packet that does not come from one of the task's addresses, and a host goes on.
func FuzzFrames(f *testing.F) {
	for _, seed := range [][]byte{
		frame(etherIPv4, ip(TCP, "10.0.1.4", "10.0.2.5", tcpOf(1, 80, tcpSYN))), frame(etherIPv4, ip(UDP, "10.0.1.4", "10.0.3.6", udpOf(1, 53))),
		frame(etherIPv4, ip(ICMP, "10.0.1.4", "10.0.3.6", icmpOf(8, 0, 1, []byte("echo")))), frame(etherARP, arp("10.0.1.4", "10.0.1.1")),
		frame(etherIPv4, ip(ICMP, "10.0.1.4", "10.0.3.6", icmpOf(3, 3, 0, ip(UDP, "10.0.3.6", "10.0.1.4", udpOf(53, 1))))),
		frame(etherIPv6, ip(TCP, "2001:db8::4", "2001:db8::5", tcpOf(1, 80, tcpSYN))), frame(etherIPv6, solicit("2001:db8::4", "2001:db8::1")),
		frame(etherIPv6, ip(ICMPv6, "2001:db8::4", "2001:db8::6", icmpOf(128, 0, 1, nil))), frame(etherIPv4, nil), frame(0, nil), nil,
	} {
		f.Add(seed)
	}
	n := New(Config{MaxFlows: 1000})
	c := newCable()
	own := parsed([]string{"10.0.1.4", "2001:db8::4"})
	e := &ethernet{stream: c, hardware: ownHardware, own: own, mtu: n.MTU(), frames: sync.Pool{New: func() any { return new([]byte) }}}
	i, err := n.Attach(InterfaceConfig{Name: "task", Addresses: own}, e)
	if err != nil {
		f.Fatal(err)
	}
	b := host(f, n, "host", "10.0.2.5", "2001:db8::5")
	echo(f, b, "[::]:80")
	_, seen := onWire(f, n, "wire", "10.0.3.6", "2001:db8::6")
	f.Fuzz(func(t *testing.T, raw []byte) {
		e.receiveFrame(raw, i.receive)
		for _, got := range seen.take() {
			p, ok := parse(got)
			if !ok || !slices.Contains(own, p.source.addr()) || p.destination.addr() != netip.MustParseAddr("10.0.3.6") && p.destination.addr() != netip.MustParseAddr("2001:db8::6") {
				t.Errorf("% x passes", got)
			}
		}
	})
}
