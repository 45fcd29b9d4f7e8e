package vnet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
)

// What routes lead outside is dialled there, and nothing else; when the interface goes, so do its connections and goroutines.
func TestOutside(t *testing.T) {
	before := runtime.NumGoroutine()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	go func() {
		b := make([]byte, 100)
		for {
			n, from, err := packets.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = packets.WriteTo(b[:n], from)
		}
	}()
	n := New(Config{})
	var asked atomic.Value
	gateway, err := n.AttachOutside("outside", func(ctx context.Context, network string, from, to netip.AddrPort) (net.Conn, error) {
		asked.Store(network + " " + to.String() + " for " + from.Addr().String())
		var d net.Dialer
		switch {
		case to.String() == "192.0.2.9:80":
			return nil, errors.New("nobody is there")
		case to.String() == "192.0.2.8:80":
			return nil, ErrSilence
		case network == "udp":
			return d.DialContext(ctx, "udp", packets.LocalAddr().String())
		}
		return d.DialContext(ctx, "tcp", l.Addr().String())
	})
	if err != nil {
		t.Fatal(err)
	}
	h, err := n.AttachHost(InterfaceConfig{Name: "host", Addresses: parsed([]string{"10.0.1.4", "2001:db8::4"}), Routes: NewRoutes(
		Route{Prefix: netip.MustParsePrefix("10.0.0.0/16")}, Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Via: gateway.Interface},
		Route{Prefix: netip.MustParsePrefix("::/0"), Via: gateway.Interface},
	)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ network, address, from string }{
		{"tcp", "192.0.2.1:80", "10.0.1.4"}, {"tcp", "[2001:db8:1::1]:80", "2001:db8::4"}, {"udp", "192.0.2.1:53", "10.0.1.4"},
	} {
		conn, err := h.DialContext(t.Context(), c.network, c.address)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := said(conn, "hello", patience); err != nil || got != "hello" {
			t.Errorf("%v answers %q, %v", c, got, err)
		}
		if got := asked.Load(); got != c.network+" "+c.address+" for "+c.from {
			t.Errorf("%v was dialled, want %v", got, c)
		}
	}
	if _, err := dial(h, "192.0.2.9:80", patience); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("where nobody is: %v", err)
	}
	if _, err := dial(h, "192.0.2.8:80", silence); !isTimeout(err) {
		t.Errorf("where nobody answers: %v", err)
	}
	echo(t, h, "10.0.1.4:8080")
	from := netip.MustParseAddr("192.0.2.7")
	conn, err := gateway.DialFrom(t.Context(), "tcp", from, netip.MustParseAddrPort("10.0.1.4:8080"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := said(conn, "hello", patience); err != nil || got != "hello" || conn.LocalAddr().(*net.TCPAddr).IP.String() != "192.0.2.7" {
		t.Errorf("from outside, %s is told %q, %v", conn.LocalAddr(), got, err)
	}
	asked.Store("nothing")
	if _, err := dial(h, "10.0.9.9:80", silence); !isTimeout(err) || asked.Load() != "nothing" {
		t.Errorf("an address of the network: %v, dialled %v", err, asked.Load())
	}
	_, _ = l.Close(), packets.Close()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}
