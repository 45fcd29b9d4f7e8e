package vnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long tests wait for what must happen, and silence for what must not.
const (
	patience = 20 * time.Second
	silence  = 150 * time.Millisecond
)

func host(t testing.TB, n *Network, name string, addresses ...string) *Host {
	t.Helper()
	h, err := n.AttachHost(InterfaceConfig{Name: name, Addresses: parsed(addresses)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func parsed(addresses []string) []netip.Addr {
	var out []netip.Addr
	for _, a := range addresses {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

// echo makes the host answer with what it is sent.
func echo(t testing.TB, h *Host, address string) {
	t.Helper()
	l, err := h.Listen(netip.MustParseAddrPort(address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
}

// dial connects within the given time.
func dial(h *Host, address string, within time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return h.DialContext(ctx, "tcp", address)
}

func mustDial(t testing.TB, h *Host, address string) net.Conn {
	t.Helper()
	c, err := dial(h, address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// said sends a text and returns what is answered within the given time.
func said(c net.Conn, text string, within time.Duration) (string, error) {
	if err := c.SetDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	if _, err := c.Write([]byte(text)); err != nil {
		return "", err
	}
	b := make([]byte, len(text))
	_, err := io.ReadFull(c, b)
	return string(b), err
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) { //nolint:forbidigo // looks at what tells nobody
		if time.Now().After(deadline) {
			t.Fatalf("not in %s: %s", patience, what)
		}
	}
}

func TestHostsTalk(t *testing.T) {
	t.Parallel()
	n := New(Config{})
	a := host(t, n, "a", "10.0.1.4", "2001:db8::4")
	b := host(t, n, "b", "10.0.2.5", "2001:db8::5")
	echo(t, b, "[::]:80")
	for _, at := range []string{"10.0.2.5:80", "[2001:db8::5]:80"} {
		c := mustDial(t, a, at)
		if got, err := said(c, "hello", patience); err != nil || got != "hello" {
			t.Errorf("%s answers %q, %v", at, got, err)
		}
		from := c.LocalAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
		if !slices.Contains(a.Addresses(), from) || c.RemoteAddr().String() != at {
			t.Errorf("connected from %s to %s, want one of %v to %s", from, c.RemoteAddr(), a.Addresses(), at)
		}
	}
	if got := n.Connections(); got != 2 {
		t.Errorf("%d connections are tracked, want 2", got)
	}
}

func TestDatagrams(t *testing.T) {
	t.Parallel()
	n := New(Config{})
	a, b := host(t, n, "a", "10.0.1.4"), host(t, n, "b", "10.0.2.5")
	server, err := b.ListenPacket(netip.MustParseAddrPort("10.0.2.5:53"))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		buffer := make([]byte, 100)
		for {
			n, from, err := server.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(buffer[:n], from)
		}
	}()
	c, err := a.DialContext(t.Context(), "udp", "10.0.2.5:53")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := said(c, "hello", patience); err != nil || got != "hello" {
		t.Errorf("answered %q, %v", got, err)
	}
}

// What cannot be connected to says why as the kernel's network does, or says nothing.
func TestDialFailures(t *testing.T) {
	t.Parallel()
	n := New(Config{Filter: func(c Connection, d Direction) Verdict {
		if d == Ingress && c.Destination.Port() == 81 {
			return Drop
		}
		return Accept
	}})
	a, b := host(t, n, "a", "10.0.1.4"), host(t, n, "b", "10.0.2.5")
	echo(t, b, "0.0.0.0:81")
	if _, err := dial(a, "10.0.2.5:80", patience); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a port that nobody listens at: %v", err)
	}
	for what, at := range map[string]string{"a port that is shut": "10.0.2.5:81", "an address that nobody has": "10.0.2.6:80"} {
		if _, err := dial(a, at, silence); !errors.Is(err, context.DeadlineExceeded) || !isTimeout(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for at, want := range map[string]string{"[2001:db8::1]:80": "no address from which", "localhost:80": "unable to parse IP"} {
		if _, err := dial(a, at, patience); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("dial %s: %v, want %q", at, err, want)
		}
	}
	if _, err := b.Listen(netip.MustParseAddrPort("0.0.0.0:81")); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("listen twice: %v", err)
	}
	if _, err := b.Listen(netip.MustParseAddrPort("10.0.1.4:82")); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("listen at another one's address: %v", err)
	}
}

// The filter is asked once in each direction, about who connects; answers need no rule.
func TestFilterIsAskedAboutNewConnections(t *testing.T) {
	t.Parallel()
	type question struct {
		direction            Direction
		from, to, at, source string
	}
	var mu sync.Mutex
	var asked []question
	n := New(Config{Filter: func(c Connection, d Direction) Verdict {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, question{d, c.From.Name(), c.To.Name(), c.Destination.String(), c.Source.Addr().String()})
		if c.From.Name() == "b" {
			return Drop
		}
		return Accept
	}})
	a, b := host(t, n, "a", "10.0.1.4"), host(t, n, "b", "10.0.2.5")
	echo(t, a, "0.0.0.0:80")
	echo(t, b, "0.0.0.0:80")
	c := mustDial(t, a, "10.0.2.5:80")
	for range 3 {
		if _, err := said(c, "hello", patience); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dial(b, "10.0.1.4:80", silence); !isTimeout(err) {
		t.Errorf("from b: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	want := []question{{Egress, "a", "b", "10.0.2.5:80", "10.0.1.4"}, {Ingress, "a", "b", "10.0.2.5:80", "10.0.1.4"}}
	if !slices.Equal(asked[:min(2, len(asked))], want) {
		t.Errorf("asked %+v, want %+v first", asked, want)
	}
	for _, q := range asked[2:] {
		if q != (question{Egress, "b", "a", "10.0.1.4:80", "10.0.2.5"}) {
			t.Errorf("asked %+v", q)
		}
	}
}

// A connection that is tracked goes on when its rule goes; one that is not stops.
func TestRuleGoesWhileConnected(t *testing.T) {
	t.Parallel()
	for verdict, goesOn := range map[Verdict]bool{Accept: true, AcceptUntracked: false} {
		var shut atomic.Bool
		n := New(Config{Filter: func(_ Connection, d Direction) Verdict {
			if d == Egress {
				return Accept
			}
			if shut.Load() {
				return Drop
			}
			return verdict
		}})
		a, b := host(t, n, "a", "10.0.1.4"), host(t, n, "b", "10.0.2.5")
		echo(t, b, "0.0.0.0:80")
		c := mustDial(t, a, "10.0.2.5:80")
		if _, err := said(c, "before", patience); err != nil {
			t.Fatal(err)
		}
		n.Refilter()
		if _, err := said(c, "still", patience); err != nil {
			t.Errorf("verdict %d, the same rule: %v", verdict, err)
		}
		shut.Store(true)
		n.Refilter()
		within := silence
		if goesOn {
			within = patience
		}
		if _, err := said(c, "after", within); (err == nil) != goesOn || err != nil && !isTimeout(err) {
			t.Errorf("verdict %d, the rule is gone: %v", verdict, err)
		}
		if _, err := dial(a, "10.0.2.5:80", silence); !isTimeout(err) {
			t.Errorf("verdict %d, a new connection: %v", verdict, err)
		}
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	n := New(Config{})
	a, b := host(t, n, "a", "10.0.1.4"), host(t, n, "b", "10.0.2.5")
	gateway := newWire()
	g, err := n.Attach(InterfaceConfig{Name: "gateway", Gateway: true}, gateway)
	if err != nil {
		t.Fatal(err)
	}
	echo(t, b, "0.0.0.0:80")
	prefix := netip.MustParsePrefix
	for name, c := range map[string]struct {
		routes   []Route
		to       string
		answered bool
		gateway  bool
	}{
		"local":                    {[]Route{{Prefix: prefix("10.0.0.0/16")}}, "10.0.2.5:80", true, false},
		"none":                     {[]Route{{Prefix: prefix("10.0.1.0/24")}}, "10.0.2.5:80", false, false},
		"blackhole":                {[]Route{{Prefix: prefix("10.0.0.0/16")}, {Prefix: prefix("10.0.2.0/24"), Blackhole: true}}, "10.0.2.5:80", false, false},
		"longest prefix, local":    {[]Route{{Prefix: prefix("0.0.0.0/0"), Via: g}, {Prefix: prefix("10.0.0.0/16")}}, "10.0.2.5:80", true, false},
		"longest prefix, gateway":  {[]Route{{Prefix: prefix("10.0.0.0/16")}, {Prefix: prefix("0.0.0.0/0"), Via: g}}, "192.0.2.1:80", false, true},
		"addresses of nobody here": {[]Route{{Prefix: prefix("0.0.0.0/0")}}, "192.0.2.1:80", false, false},
	} {
		gateway.take()
		a.SetRoutes(NewRoutes(c.routes...))
		conn, err := dial(a, c.to, map[bool]time.Duration{true: patience, false: silence}[c.answered])
		if err == nil {
			_ = conn.Close()
		}
		if (err == nil) != c.answered || err != nil && !isTimeout(err) {
			t.Errorf("%s: %v", name, err)
		}
		if got := len(gateway.take()) > 0; got != c.gateway {
			t.Errorf("%s: packets came to the gateway: %v, want %v", name, got, c.gateway)
		}
	}
	// A route that goes takes connections with it, in both directions.
	a.SetRoutes(nil)
	c := mustDial(t, a, "10.0.2.5:80")
	b.SetRoutes(NewRoutes())
	if _, err := said(c, "hello", silence); !isTimeout(err) {
		t.Errorf("without a route for the answers: %v", err)
	}
}

// Large bodies arrive whole, in both directions.
func TestBulk(t *testing.T) {
	t.Parallel()
	n := New(Config{})
	a, b := host(t, n, "a", "10.0.1.4"), host(t, n, "b", "10.0.2.5")
	echo(t, b, "0.0.0.0:80")
	c := mustDial(t, a, "10.0.2.5:80")
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<19)
	go func() {
		_, _ = c.Write(sent)
		_ = c.(interface{ CloseWrite() error }).CloseWrite()
	}()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d of %d bytes came back: %v", len(got), len(sent), err)
	}
}

func TestThousandsOfConnections(t *testing.T) {
	t.Parallel()
	n := New(Config{})
	a, b := host(t, n, "a", "10.0.1.4"), host(t, n, "b", "10.0.2.5")
	echo(t, b, "0.0.0.0:80")
	const connections = 3000
	var wg sync.WaitGroup
	gate := make(chan struct{}, 200) // being opened
	var failed atomic.Int64
	conns := make([]net.Conn, connections)
	for i := range conns {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			c, err := dial(a, "10.0.2.5:80", patience)
			if err != nil {
				failed.Add(1)
				return
			}
			conns[i] = c
			if _, err := said(c, "hello", patience); err != nil {
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	if failed.Load() > 0 || n.Connections() != connections {
		t.Errorf("%d of %d connections failed, %d are tracked", failed.Load(), connections, n.Connections())
	}
	for _, c := range conns {
		if c != nil {
			_ = c.Close()
		}
	}
}

// An interface that goes leaves no goroutine behind, and nobody waiting.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	n := New(Config{})
	for range 3 {
		a, b := host(t, n, "a", "10.0.1.4", "2001:db8::4"), host(t, n, "b", "10.0.2.5")
		l, err := b.Listen(netip.MustParseAddrPort("10.0.2.5:80"))
		if err != nil {
			t.Fatal(err)
		}
		accepted, read := make(chan error, 1), make(chan error, 2)
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, _ = c.Write([]byte{1})
				go func() {
					_, err := c.Read(make([]byte, 1))
					read <- err
				}()
				_, err = l.Accept()
			}
			accepted <- err
		}()
		c, err := dial(a, "10.0.2.5:80", patience)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != nil { // the other side has accepted
			t.Fatal(err)
		}
		go func() {
			_, err := c.Read(make([]byte, 1))
			read <- err
		}()
		if err := errors.Join(b.Close(), a.Close(), b.Close()); err != nil {
			t.Fatal(err)
		}
		for what, ended := range map[string]chan error{"accept": accepted, "read": read} {
			select {
			case err := <-ended:
				if err == nil {
					t.Errorf("%s went well on an interface that is gone", what)
				}
			case <-time.After(patience):
				t.Fatalf("%s still waits on an interface that is gone", what)
			}
		}
		select {
		case <-read:
		case <-time.After(patience):
			t.Fatal("the other end still waits on an interface that is gone")
		}
		if _, err := a.DialContext(t.Context(), "tcp", "10.0.2.5:80"); !errors.Is(err, ErrClosed) {
			t.Errorf("dial from an interface that is gone: %v", err)
		}
		if _, ok := n.Owner(netip.MustParseAddr("10.0.2.5")); ok || n.Connections() != 0 {
			t.Errorf("the network still knows the interface, or %d connections", n.Connections())
		}
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the goroutines end", func() bool { return runtime.NumGoroutine() <= before })
	if _, err := n.AttachHost(InterfaceConfig{Name: "late"}); !errors.Is(err, ErrClosed) {
		t.Errorf("attach to a closed network: %v", err)
	}
}

func TestAttachRefuses(t *testing.T) {
	t.Parallel()
	n := New(Config{})
	host(t, n, "a", "10.0.1.4")
	for address, want := range map[string]string{
		"10.0.1.4": "interface a has the address", "0.0.0.0": "is not an address", "224.0.0.1": "is not an address", "::ffff:10.0.1.5": "is not an address",
	} {
		link := newWire()
		_, err := n.Attach(InterfaceConfig{Name: "b", Addresses: parsed([]string{address})}, link)
		if err == nil || !strings.Contains(err.Error(), want) || !link.closed.Load() {
			t.Errorf("%s: %v, link closed: %v; want %q", address, err, link.closed.Load(), want)
		}
	}
	if _, err := n.AttachEthernet(InterfaceConfig{Name: "b"}, net.HardwareAddr{1}, nopCloser{}); err == nil {
		t.Error("a hardware address of one byte was taken")
	}
}

type nopCloser struct{ io.ReadWriter }

func (nopCloser) Close() error { return nil }
