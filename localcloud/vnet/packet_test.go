package vnet

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// wire is a link whose packets a test sends and sees.
type wire struct {
	send   func([]byte)
	closed atomic.Bool

	mu  sync.Mutex
	got [][]byte
}

func newWire() *wire { return &wire{} }

func (w *wire) Start(receive func([]byte)) { w.send = receive }

func (w *wire) Send(packet []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, slices.Clone(packet))
}

func (w *wire) Close() error { w.closed.Store(true); return nil }

// take returns what has come, and forgets it.
func (w *wire) take() [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.got
	w.got = nil
	return got
}

func onWire(t testing.TB, n *Network, name string, addresses ...string) (*Interface, *wire) {
	t.Helper()
	w := newWire()
	i, err := n.Attach(InterfaceConfig{Name: name, Addresses: parsed(addresses)}, w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Close() })
	return i, w
}

// ip makes an IP packet of either family; its checksums are nobody's business here.
func ip(protocol Protocol, source, destination string, payload []byte) []byte {
	from, to := netip.MustParseAddr(source), netip.MustParseAddr(destination)
	if from.Is4() {
		b := make([]byte, ipv4Header, ipv4Header+len(payload))
		b[0], b[8], b[9] = 0x45, 64, byte(protocol)
		binary.BigEndian.PutUint16(b[2:], uint16(ipv4Header+len(payload)))
		copy(b[12:], from.AsSlice())
		copy(b[16:], to.AsSlice())
		return append(b, payload...)
	}
	b := make([]byte, ipv6Header, ipv6Header+len(payload))
	b[0], b[6], b[7] = 0x60, byte(protocol), 64
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	copy(b[8:], from.AsSlice())
	copy(b[24:], to.AsSlice())
	return append(b, payload...)
}

func tcpOf(from, to uint16, flags byte) []byte {
	b := make([]byte, tcpHeader)
	binary.BigEndian.PutUint16(b, from)
	binary.BigEndian.PutUint16(b[2:], to)
	b[12], b[13] = 5<<4, flags
	return b
}

func udpOf(from, to uint16) []byte {
	b := make([]byte, udpHeader)
	binary.BigEndian.PutUint16(b, from)
	binary.BigEndian.PutUint16(b[2:], to)
	b[5] = udpHeader
	return b
}

func icmpOf(kind, code byte, identifier uint16, rest []byte) []byte {
	b := []byte{kind, code, 0, 0, 0, 0, 0, 1}
	binary.BigEndian.PutUint16(b[4:], identifier)
	return append(b, rest...)
}

// egressOnly lets a's connections out, and nobody's else.
func egressOnly(c Connection, _ Direction) Verdict {
	if c.From.Name() == "a" {
		return Accept
	}
	return Drop
}

func TestPacketsThatPass(t *testing.T) {
	t.Parallel()
	const a, b, a6, b6 = "10.0.1.4", "10.0.2.5", "2001:db8::4", "2001:db8::5"
	asked := func(b []byte) []byte { return b[:ipv4Header+8] }
	type step struct {
		fromB  bool
		packet []byte
		passes bool
	}
	const syn, ack, rst = tcpSYN, 16, tcpRST
	fragment := ip(UDP, a, b, udpOf(1, 2))
	fragment[6] = 0x20
	padded := append(ip(TCP, a, b, tcpOf(1, 80, syn)), 0, 0, 0)
	for name, steps := range map[string][]step{
		"a connection and its answer": {{false, ip(TCP, a, b, tcpOf(1, 80, syn)), true}, {true, ip(TCP, b, a, tcpOf(80, 1, syn|ack)), true}},
		"no answer to another port":   {{false, ip(TCP, a, b, tcpOf(1, 80, syn)), true}, {true, ip(TCP, b, a, tcpOf(80, 2, syn|ack)), false}},
		"no answer by another protocol": {
			{false, ip(TCP, a, b, tcpOf(1, 80, syn)), true}, {true, ip(UDP, b, a, udpOf(80, 1)), false},
		},
		"what b begins":               {{true, ip(TCP, b, a, tcpOf(80, 1, syn)), false}, {true, ip(UDP, b, a, udpOf(80, 1)), false}},
		"over IPv6":                   {{false, ip(TCP, a6, b6, tcpOf(1, 80, syn)), true}, {true, ip(TCP, b6, a6, tcpOf(80, 1, syn|ack)), true}},
		"a reset of nothing":          {{false, ip(TCP, a, b, tcpOf(1, 80, rst)), false}},
		"a reset of something":        {{false, ip(TCP, a, b, tcpOf(1, 80, syn)), true}, {true, ip(TCP, b, a, tcpOf(80, 1, rst|ack)), true}},
		"an echo and its reply":       {{false, ip(ICMP, a, b, icmpOf(8, 0, 7, nil)), true}, {true, ip(ICMP, b, a, icmpOf(0, 0, 7, nil)), true}},
		"another echo's reply":        {{false, ip(ICMP, a, b, icmpOf(8, 0, 7, nil)), true}, {true, ip(ICMP, b, a, icmpOf(0, 0, 8, nil)), false}},
		"an echo over IPv6":           {{false, ip(ICMPv6, a6, b6, icmpOf(128, 0, 7, nil)), true}, {true, ip(ICMPv6, b6, a6, icmpOf(129, 0, 7, nil)), true}},
		"an error about a connection": {{false, ip(UDP, a, b, udpOf(1, 53)), true}, {true, ip(ICMP, b, a, icmpOf(3, 3, 0, asked(ip(UDP, a, b, udpOf(1, 53))))), true}},
		"an error about none":         {{true, ip(ICMP, b, a, icmpOf(3, 3, 0, asked(ip(UDP, a, b, udpOf(1, 53))))), false}},
		"an error about another one's": {
			{false, ip(UDP, a, b, udpOf(1, 53)), true}, {true, ip(ICMP, b, a, icmpOf(3, 3, 0, asked(ip(UDP, "10.0.9.9", b, udpOf(1, 53))))), false},
		},
		"an error about nothing": {{false, ip(ICMP, a, b, icmpOf(3, 3, 0, nil)), false}},
		"another protocol":       {{false, ip(47, a, b, []byte("gre")), true}, {true, ip(47, b, a, []byte("gre")), true}},
		"another one's source":   {{false, ip(TCP, b, b, tcpOf(1, 80, syn)), false}, {false, ip(TCP, "10.0.1.9", b, tcpOf(1, 80, syn)), false}},
		"everybody":              {{false, ip(UDP, a, "255.255.255.255", udpOf(1, 2)), false}, {false, ip(UDP, a, "224.0.0.1", udpOf(1, 2)), false}},
		"a fragment":             {{false, fragment, false}},
		"what follows a packet":  {{false, padded, true}},
		"cut short":              {{false, ip(TCP, a, b, tcpOf(1, 80, syn))[:39], false}, {false, ip(TCP, a, b, nil), false}, {false, nil, false}},
		"too long":               {{false, ip(UDP, a, b, append(udpOf(1, 2), make([]byte, 1500)...)), false}},
		"ICMP of the other family": {
			{false, ip(ICMPv6, a, b, icmpOf(128, 0, 7, nil)), false}, {false, ip(ICMP, a6, b6, icmpOf(8, 0, 7, nil)), false},
		},
		"IPv4 within IPv6": {{false, ip(UDP, "::ffff:10.0.1.4", "::ffff:10.0.2.5", udpOf(1, 2)), false}},
	} {
		n := New(Config{Filter: egressOnly, MTU: 1500})
		ia, wa := onWire(t, n, "a", a, a6)
		ib, wb := onWire(t, n, "b", b, b6)
		for i, s := range steps {
			from, to := wa, wb
			if s.fromB {
				from, to = wb, wa
			}
			from.send(s.packet)
			got := to.take()
			if (len(got) == 1) != s.passes || len(got) > 1 {
				t.Errorf("%s, packet %d: %d packets passed, want it to pass: %v", name, i+1, len(got), s.passes)
			}
			if len(got) == 1 && !bytes.HasPrefix(s.packet, got[0]) {
				t.Errorf("%s, packet %d: changed on its way", name, i+1)
			}
		}
		_, _ = ia.Close(), ib.Close()
	}
}

// Connections are forgotten some time after their last packet.
func TestConnectionsAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	n := New(Config{Filter: egressOnly, Now: func() time.Time { return now }})
	_, wa := onWire(t, n, "a", "10.0.1.4")
	_, wb := onWire(t, n, "b", "10.0.2.5")
	answers := func(p []byte) bool {
		wb.send(p)
		return len(wa.take()) == 1
	}
	const syn, ack, fin = tcpSYN, 16, tcpFIN
	wa.send(ip(TCP, "10.0.1.4", "10.0.2.5", tcpOf(1, 80, syn)))
	if now = now.Add(openingIdle - time.Second); !answers(ip(TCP, "10.0.2.5", "10.0.1.4", tcpOf(80, 1, syn|ack))) {
		t.Error("the answer came in time, and did not pass")
	}
	if now = now.Add(4 * 24 * time.Hour); !answers(ip(TCP, "10.0.2.5", "10.0.1.4", tcpOf(80, 1, ack))) {
		t.Error("an established connection was forgotten in four days")
	}
	wa.send(ip(TCP, "10.0.1.4", "10.0.2.5", tcpOf(1, 80, fin|ack)))
	if !answers(ip(TCP, "10.0.2.5", "10.0.1.4", tcpOf(80, 1, fin|ack))) {
		t.Error("the end of a connection did not pass")
	}
	if now = now.Add(closedIdle + time.Second); answers(ip(TCP, "10.0.2.5", "10.0.1.4", tcpOf(80, 1, ack))) {
		t.Error("a connection that was closed is remembered")
	}
	wa.send(ip(UDP, "10.0.1.4", "10.0.2.5", udpOf(1, 53)))
	if now = now.Add(datagramIdle + time.Second); answers(ip(UDP, "10.0.2.5", "10.0.1.4", udpOf(53, 1))) {
		t.Error("a question is remembered for more than three minutes")
	}
	if n.Connections() != 0 {
		t.Errorf("%d connections are tracked still", n.Connections())
	}
}

// An interface that begins too many connections begins no more, and is in nobody's way.
func TestFlood(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	const most = 1000
	n := New(Config{MaxFlows: most, Now: func() time.Time { return now }})
	ia, wa := onWire(t, n, "a", "10.0.1.4")
	_, wb := onWire(t, n, "b", "10.0.2.5")
	_, wc := onWire(t, n, "c", "10.0.3.6")
	for i := range 3 * most {
		wa.send(ip(TCP, "10.0.1.4", "10.0.2.5", tcpOf(uint16(i), 80, tcpSYN)))
	}
	if got := len(wb.take()); got != most || n.Connections() != most || ia.Counters().DroppedFilter != 2*most {
		t.Errorf("%d connections began, %d are tracked, %+v", got, n.Connections(), ia.Counters())
	}
	wc.send(ip(TCP, "10.0.3.6", "10.0.2.5", tcpOf(1, 80, tcpSYN)))
	if len(wb.take()) != 1 {
		t.Error("another interface's connection is in the flood's way")
	}
	now = now.Add(openingIdle + time.Minute)
	for i := range most {
		wa.send(ip(TCP, "10.0.1.4", "10.0.2.5", tcpOf(uint16(i), 81, tcpSYN)))
	}
	if len(wb.take()) == 0 {
		t.Error("no connection begins after those of the flood were forgotten")
	}
}

func TestCapture(t *testing.T) {
	t.Parallel()
	n := New(Config{Filter: egressOnly})
	ia, wa := onWire(t, n, "a", "10.0.1.4")
	_, wb := onWire(t, n, "b", "10.0.2.5")
	out, in := ip(UDP, "10.0.1.4", "10.0.2.5", udpOf(1, 53)), ip(UDP, "10.0.2.5", "10.0.1.4", udpOf(53, 1))
	lost := ip(UDP, "10.0.1.4", "10.0.9.9", udpOf(1, 53))
	var file lockedBuffer
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- ia.Capture(ctx, &file) }()
	eventually(t, "the capture begins", func() bool { return ia.watched.Load() != nil })
	wa.send(out)
	wb.send(in)
	wa.send(lost)
	const header, record = 24, 16
	whole := header + 3*record + len(out) + len(in) + len(lost)
	eventually(t, "the packets are written", func() bool { return len(file.bytes()) >= whole })
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	b := file.bytes()
	if len(b) != whole || binary.LittleEndian.Uint32(b) != 0xa1b2c3d4 || binary.LittleEndian.Uint32(b[20:]) != 101 {
		t.Fatalf("%d bytes, % x", len(b), b)
	}
	b = b[header:]
	for _, want := range [][]byte{out, in, lost} {
		length := int(binary.LittleEndian.Uint32(b[8:]))
		if got := b[record : record+length]; !bytes.Equal(got, want) {
			t.Errorf("% x, want % x", got, want)
		}
		b = b[record+length:]
	}
	go func() { done <- ia.Capture(t.Context(), &file) }()
	eventually(t, "the capture begins", func() bool { return ia.watched.Load() != nil })
	_ = ia.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := ia.Capture(t.Context(), &file); err == nil {
		t.Error("an interface that is gone is watched")
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}
