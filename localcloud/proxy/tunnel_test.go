package proxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

const established = "HTTP/1.1 200 Connection established\r\n\r\n"

// peer runs one connection's server, and returns its address.
func peer(t *testing.T, serve func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		serve(conn.(*net.TCPConn))
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// connect opens a tunnel; early is sent along with the request.
func connect(t *testing.T, proxy, early string) *net.TCPConn {
	t.Helper()
	conn := dial(t, proxy)
	if _, err := io.WriteString(conn, "CONNECT peer.test:7 HTTP/1.1\r\nHost: peer.test:7\r\n\r\n"+early); err != nil {
		t.Fatal(err)
	}
	expect(t, conn, established)
	return conn
}

func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v, want %q", got, err, want)
	}
}

func say(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Errorf("say %q: %v", text, err)
	}
}

func TestHalfClose(t *testing.T) {
	t.Run("client first", func(t *testing.T) {
		address := peer(t, func(conn *net.TCPConn) {
			question, err := io.ReadAll(conn) // until the client has said all
			if err != nil {
				t.Error(err)
			}
			say(t, conn, strings.ToUpper(string(question)))
		})
		proxy, _ := serve(t, hosts{"peer.test:7": address}, 0)
		conn := connect(t, proxy, "")
		say(t, conn, "question")
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if answer := read(conn); answer != "QUESTION" {
			t.Errorf("the answer is %q", answer)
		}
	})
	t.Run("host first", func(t *testing.T) {
		heard := make(chan string, 1)
		address := peer(t, func(conn *net.TCPConn) {
			say(t, conn, "greeting")
			if err := conn.CloseWrite(); err != nil {
				t.Error(err)
			}
			heard <- read(conn)
		})
		proxy, _ := serve(t, hosts{"peer.test:7": address}, 0)
		conn := connect(t, proxy, "")
		if greeting := read(conn); greeting != "greeting" {
			t.Errorf("the greeting is %q", greeting)
		}
		say(t, conn, "late question")
		conn.Close()
		if question := <-heard; question != "late question" {
			t.Errorf("the host heard %q", question)
		}
	})
}

// A client may send before it has the proxy's answer, and may have nothing to say after that.
func TestEarlyBytes(t *testing.T) {
	address := peer(t, func(conn *net.TCPConn) { _, _ = io.Copy(conn, conn) })
	proxy, _ := serve(t, hosts{"peer.test:7": address}, 0)
	early := strings.Repeat("early ", 1000)
	conn := connect(t, proxy, early)
	expect(t, conn, early)
	say(t, conn, "late")
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest := read(conn); rest != "late" {
		t.Errorf("the rest is %q", rest)
	}
}

func TestResetEndsTunnel(t *testing.T) {
	address := peer(t, func(conn *net.TCPConn) {
		_, _ = io.ReadFull(conn, make([]byte, len("hello")))
		_ = conn.SetLinger(0) // so that Close resets
	})
	proxy, stop := serve(t, hosts{"peer.test:7": address}, time.Hour)
	conn := connect(t, proxy, "")
	say(t, conn, "hello")
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after a reset the client reads %v", err)
	}
	stop() // at once: there is nothing under way any more
}

func TestStopLetsEnd(t *testing.T) {
	address := peer(t, func(conn *net.TCPConn) { _, _ = io.Copy(conn, conn) })
	arrived, release := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = io.WriteString(w, "done")
	}))
	defer slow.Close()
	proxy, stop := serve(t, hosts{"peer.test:7": address, "slow.test:80": slow.Listener.Addr().String()}, time.Hour)
	tunnel := connect(t, proxy, "")
	type result struct {
		body string
		err  error
	}
	answered := make(chan result, 1)
	c := client(t, proxy, nil)
	go func() {
		resp, err := c.Get("http://slow.test/")
		if err != nil {
			answered <- result{err: err}
			return
		}
		defer resp.Body.Close()
		answered <- result{body: read(resp.Body)}
	}()
	<-arrived

	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	for deadline := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", proxy)
		if err != nil {
			break
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("a stopping proxy takes connections")
		}
	}
	say(t, tunnel, "still here")
	expect(t, tunnel, "still here")
	close(release)
	if r := <-answered; r.err != nil || r.body != "done" {
		t.Errorf("the request under way got %q, %v", r.body, r.err)
	}
	select {
	case <-stopped:
		t.Error("the proxy did not wait for the tunnel")
	default:
	}
	tunnel.Close()
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Error("the proxy did not end with the last tunnel")
	}
}

func TestStopCutsAfterGrace(t *testing.T) {
	gone := make(chan struct{})
	address := peer(t, func(conn *net.TCPConn) {
		_, _ = io.Copy(io.Discard, conn)
		close(gone)
	})
	h, _ := site(t)
	arrived := make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	defer stuck.Close()
	h["peer.test:7"], h["stuck.test:80"] = address, stuck.Listener.Addr().String()
	proxy, stop := serve(t, h, time.Millisecond)

	tunnel := connect(t, proxy, "")
	socket := dial(t, proxy) // a WebSocket that never says anything
	say(t, socket, "GET http://example.com/ws HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	expect(t, socket, "HTTP/1.1 101 Switching Protocols\r\n")
	request := dial(t, proxy)
	say(t, request, "GET http://stuck.test/ HTTP/1.1\r\nHost: stuck.test\r\n\r\n")
	<-arrived

	stop()
	for name, conn := range map[string]net.Conn{"tunnel": tunnel, "WebSocket": socket, "request": request} {
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the %s is not cut", name)
		}
	}
	<-gone
}
