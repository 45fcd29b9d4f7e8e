package vnet

import "net/netip"

// Filter decides whether a new connection passes an interface in a direction. It is called from many goroutines, while packets wait, and
// must not call the network.
type Filter func(Connection, Direction) Verdict

// Direction is that in which a connection's first packet passes an interface.
type Direction int

// The two sides of an interface, as whoever has it sees them.
const (
	Egress  Direction = iota // out of Connection.From
	Ingress                  // into Connection.To
)

func (d Direction) String() string { return [...]string{"egress", "ingress"}[d] }

// Verdict is a filter's answer.
type Verdict int

const (
	// Drop loses the packet without a word.
	Drop Verdict = iota
	// Accept lets the connection through for as long as it lasts, in both directions.
	Accept
	// AcceptUntracked lets the connection through until the filter's answers change ([Network.Refilter]).
	AcceptUntracked
)

// Protocol is the number of a protocol, as in IP headers.
type Protocol uint8

// The protocols of which more than the number is looked at.
const (
	ICMP   Protocol = 1
	TCP    Protocol = 6
	UDP    Protocol = 17
	ICMPv6 Protocol = 58
)

// Connection is a connection as its first packet shows it.
type Connection struct {
	From, To            *Interface
	Protocol            Protocol
	Source, Destination netip.AddrPort // the ports are 0 if the protocol has none
	ICMPType, ICMPCode  uint8          // for ICMP and ICMPv6
}
