package vnet

import (
	"encoding/binary"
	"net/netip"
)

// endpoint is one end of a connection; IPv4 addresses are mapped.
type endpoint struct {
	address [16]byte
	port    uint16
}

func (e endpoint) addr() netip.Addr { return netip.AddrFrom16(e.address).Unmap() }

func (e endpoint) addrPort() netip.AddrPort { return netip.AddrPortFrom(e.addr(), e.port) }

// packet is what the router reads of an IP packet.
type packet struct {
	raw                 []byte // without what follows the packet in its frame
	protocol            Protocol
	source, destination endpoint
	icmpType, icmpCode  uint8
	tcpFlags            uint8
	// about is the packet, sent in the other direction, that an ICMP error is about.
	about *packet
}

// Lengths of headers, without options.
const (
	ipv4Header = 20
	ipv6Header = 40
	tcpHeader  = 20
	udpHeader  = 8
	icmpHeader = 8
)

// Flags of a TCP header.
const (
	tcpFIN = 1 << iota
	tcpSYN
	tcpRST
)

// parse reads an IP packet. It reports false for what is malformed or not routed: fragments, IPv6 extension headers.
func parse(b []byte) (p packet, ok bool) { return parseNested(b, true) }

// parseNested reads a packet that is whole, or the beginning of one that an ICMP error quotes.
func parseNested(b []byte, whole bool) (p packet, ok bool) {
	if len(b) == 0 {
		return p, false
	}
	var payload []byte
	switch b[0] >> 4 {
	case 4:
		payload, ok = p.parseIPv4(b, whole)
	case 6:
		payload, ok = p.parseIPv6(b, whole)
	}
	return p, ok && p.parseTransport(payload, whole)
}

func (p *packet) parseIPv4(b []byte, whole bool) (payload []byte, ok bool) {
	if len(b) < ipv4Header {
		return nil, false
	}
	const moreFragmentsAndOffset = 0x3fff
	header, total := int(b[0]&0xf)*4, int(binary.BigEndian.Uint16(b[2:]))
	if header < ipv4Header || total < header || len(b) < header || binary.BigEndian.Uint16(b[6:])&moreFragmentsAndOffset != 0 {
		return nil, false
	}
	if whole {
		if len(b) < total {
			return nil, false
		}
		b = b[:total]
	}
	p.raw, p.protocol = b, Protocol(b[9])
	p.source.address = netip.AddrFrom4([4]byte(b[12:])).As16()
	p.destination.address = netip.AddrFrom4([4]byte(b[16:])).As16()
	return b[header:], p.protocol != ICMPv6
}

func (p *packet) parseIPv6(b []byte, whole bool) (payload []byte, ok bool) {
	if len(b) < ipv6Header {
		return nil, false
	}
	if whole {
		total := ipv6Header + int(binary.BigEndian.Uint16(b[4:]))
		if len(b) < total {
			return nil, false
		}
		b = b[:total]
	}
	p.raw, p.protocol = b, Protocol(b[6])
	p.source.address, p.destination.address = [16]byte(b[8:]), [16]byte(b[24:])
	// An IPv4 address in an IPv6 packet would be taken for that of an interface.
	mapped := netip.AddrFrom16(p.source.address).Is4In6() || netip.AddrFrom16(p.destination.address).Is4In6()
	const hopByHop, routing, fragment, options = 0, 43, 44, 60
	switch p.protocol {
	case hopByHop, routing, fragment, options, ICMP:
		return nil, false
	}
	return b[ipv6Header:], !mapped
}

func (p *packet) parseTransport(b []byte, whole bool) bool {
	switch p.protocol {
	case TCP, UDP:
		shortest := udpHeader
		if p.protocol == TCP && whole {
			shortest = tcpHeader
		}
		if len(b) < shortest {
			return false
		}
		p.source.port, p.destination.port = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		if p.protocol == TCP && whole {
			p.tcpFlags = b[13]
		}
	case ICMP, ICMPv6:
		if len(b) < icmpHeader {
			return false
		}
		p.icmpType, p.icmpCode = b[0], b[1]
		return p.parseICMP(b[icmpHeader:], binary.BigEndian.Uint16(b[4:]), whole)
	}
	return true
}

// parseICMP gives an echo's identifier the place of ports, by which its reply is known, and reads what an error is about.
func (p *packet) parseICMP(rest []byte, identifier uint16, whole bool) bool {
	if p.isEcho() {
		p.source.port, p.destination.port = identifier, identifier
		return true
	}
	if !p.isError() {
		return true
	}
	if !whole {
		return false // no error is about an error
	}
	about, ok := parseNested(rest, false)
	if !ok || about.source.address != p.destination.address {
		return false
	}
	p.about = &about
	return true
}

func (p *packet) isEcho() bool {
	const reply, request, request6, reply6 = 0, 8, 128, 129
	if p.protocol == ICMP {
		return p.icmpType == request || p.icmpType == reply
	}
	return p.icmpType == request6 || p.icmpType == reply6
}

func (p *packet) isError() bool {
	const unreachable, timeExceeded, parameterProblem, firstOfNoError6 = 3, 11, 12, 128
	if p.protocol == ICMP {
		return p.icmpType == unreachable || p.icmpType == timeExceeded || p.icmpType == parameterProblem
	}
	return p.icmpType < firstOfNoError6
}
