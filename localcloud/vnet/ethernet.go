package vnet

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// ethernet is the link to an interface that speaks Ethernet. The router answers whoever looks for the hardware address of anybody else
// (ARP, and neighbour discovery of IPv6), so that all packets come to it, as on AWS.
type ethernet struct {
	stream   io.ReadWriteCloser
	hardware net.HardwareAddr
	own      []netip.Addr
	mtu      int

	reading sync.WaitGroup
	frames  sync.Pool
}

// AttachEthernet adds an interface that somebody else has, with that hardware address, and that speaks Ethernet: a tap device, for
// example. Frames reads and writes one frame a call; a write must not wait, and one that fails loses its frame. When frames end, the
// interface stays, and nobody answers there.
func (n *Network) AttachEthernet(config InterfaceConfig, hardware net.HardwareAddr, frames io.ReadWriteCloser) (*Interface, error) {
	const length = 6
	if len(hardware) != length {
		_ = frames.Close()
		return nil, fmt.Errorf("attach interface %s: %q is no Ethernet address", config.Name, hardware)
	}
	return n.Attach(config, &ethernet{
		stream: frames, hardware: hardware, own: config.Addresses, mtu: n.config.MTU, frames: sync.Pool{New: func() any { return new([]byte) }},
	})
}

// routerHardware is the router's hardware address, which is one that nobody was given (IEEE 802, locally administered).
var routerHardware = net.HardwareAddr{0x02, 0, 0, 0, 0, 1}

const (
	ethernetHeader = 14
	etherIPv4      = 0x0800
	etherARP       = 0x0806
	etherIPv6      = 0x86dd
)

// Start implements [Link].
func (e *ethernet) Start(receive func(packet []byte)) {
	e.reading.Go(func() {
		frame := make([]byte, ethernetHeader+e.mtu+1)
		for {
			n, err := e.stream.Read(frame)
			if err != nil {
				return
			}
			e.receiveFrame(frame[:n], receive)
		}
	})
}

// receiveFrame takes a frame of the interface, whatever it is.
func (e *ethernet) receiveFrame(frame []byte, receive func(packet []byte)) {
	if len(frame) < ethernetHeader {
		return
	}
	switch payload := frame[ethernetHeader:]; binary.BigEndian.Uint16(frame[12:]) {
	case etherARP:
		e.answerARP(payload)
	case etherIPv6:
		if !e.answerNeighbor(payload) {
			receive(payload)
		}
	case etherIPv4:
		receive(payload)
	}
}

// Send implements [Link].
func (e *ethernet) Send(packet []byte) {
	kind := uint16(etherIPv4)
	if packet[0]>>4 == 6 {
		kind = etherIPv6
	}
	e.sendFrame(kind, packet)
}

func (e *ethernet) sendFrame(kind uint16, payload []byte) {
	b := e.frames.Get().(*[]byte)
	defer e.frames.Put(b)
	*b = append(append((*b)[:0], e.hardware...), routerHardware...)
	*b = append(binary.BigEndian.AppendUint16(*b, kind), payload...)
	_, _ = e.stream.Write(*b)
}

// Close implements [Link].
func (e *ethernet) Close() error {
	err := e.stream.Close()
	e.reading.Wait()
	if err != nil {
		return fmt.Errorf("close the link to %s: %w", e.hardware, err)
	}
	return nil
}

// answerARP answers who asks for the hardware address of an IPv4 address.
func (e *ethernet) answerARP(b []byte) {
	request := header.ARP(b)
	if !request.IsValid() || request.Op() != header.ARPRequest {
		return
	}
	target := netip.AddrFrom4([4]byte(request.ProtocolAddressTarget()))
	if slices.Contains(e.own, target) {
		return
	}
	reply := make(header.ARP, header.ARPSize)
	reply.SetIPv4OverEthernet()
	reply.SetOp(header.ARPReply)
	copy(reply.HardwareAddressSender(), routerHardware)
	copy(reply.ProtocolAddressSender(), request.ProtocolAddressTarget())
	copy(reply.HardwareAddressTarget(), request.HardwareAddressSender())
	copy(reply.ProtocolAddressTarget(), request.ProtocolAddressSender())
	e.sendFrame(etherARP, reply)
}

// answerNeighbor answers who asks for the hardware address of an IPv6 address (RFC 4861, sections 4.3 and 4.4). It reports whether the
// packet was a question.
func (e *ethernet) answerNeighbor(b []byte) bool {
	ip := header.IPv6(b)
	if len(b) < ipv6Header+header.ICMPv6NeighborSolicitMinimumSize || ip.NextHeader() != uint8(header.ICMPv6ProtocolNumber) ||
		header.ICMPv6(ip[ipv6Header:]).Type() != header.ICMPv6NeighborSolicit {
		return false
	}
	question := header.NDPNeighborSolicit(header.ICMPv6(ip[ipv6Header:]).MessageBody())
	target := question.TargetAddress()
	who := netip.AddrFrom16(target.As16())
	// Without a source, it asks whether anybody has the address that it wants to take.
	if ip.SourceAddress() == header.IPv6Any || slices.Contains(e.own, who) {
		return true
	}
	e.sendFrame(etherIPv6, neighborAdvert(target, ip.SourceAddress()))
	return true
}

func neighborAdvert(target, to tcpip.Address) []byte {
	const option = 8 // the target's hardware address
	const hopLimit = 255
	size := header.ICMPv6NeighborAdvertMinimumSize + option
	b := make([]byte, ipv6Header+size)
	header.IPv6(b).Encode(&header.IPv6Fields{
		PayloadLength: uint16(size), TransportProtocol: header.ICMPv6ProtocolNumber, HopLimit: hopLimit, SrcAddr: target, DstAddr: to,
	})
	message := header.ICMPv6(b[ipv6Header:])
	message.SetType(header.ICMPv6NeighborAdvert)
	advert := header.NDPNeighborAdvert(message.MessageBody())
	advert.SetTargetAddress(target)
	advert.SetRouterFlag(true)
	advert.SetSolicitedFlag(true)
	advert.SetOverrideFlag(true)
	advert.Options().Serialize(header.NDPOptionsSerializer{header.NDPTargetLinkLayerAddressOption(routerHardware)})
	message.SetChecksum(header.ICMPv6Checksum(header.ICMPv6ChecksumParams{Header: message, Src: target, Dst: to}))
	return b
}
