package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// exchange sends raw bytes and returns the status of the answer; 0 if the connection is closed without one.
func exchange(t *testing.T, address, request string) (status int) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	go func() { _, _ = io.WriteString(conn, request) }() // the answer may come before the last byte is taken
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("neither answered nor closed")
		}
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestHostileRequests(t *testing.T) {
	a := start(t, map[string]string{"READ_TIMEOUT": "2s"})
	for name, test := range map[string]struct {
		request string
		want    int
	}{
		"not HTTP":          {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
		"no host":           {"GET / HTTP/1.1\r\n\r\n", 400},
		"two hosts":         {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		"smuggled length":   {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400},
		"bare CR in header": {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
		"unknown coding":    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
		"dot segments":      {"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404},
		"absolute form":     {"GET http://evil.example/version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200},
		"connect":           {"CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n", 404},
		"ALB's largest":     {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + strings.Repeat("X: "+strings.Repeat("x", 16_000)+"\r\n", 4) + "\r\n", 200},
		"large header":      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", 431},
		"many headers":      {"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", 1<<16) + "\r\n", 431},
		"long path":         {"GET /" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\nHost: a\r\n\r\n", 431},
		"announced body":    {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n", 413},
		"sent body":         {fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", 8<<20, strings.Repeat("x", 8<<20)), 413},
		"endless chunks": {
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1000\r\n"+strings.Repeat("x", 0x1000)+"\r\n", 1000),
			405,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := exchange(t, a.address, test.request); got != test.want {
				t.Errorf("status %d, want %d", got, test.want)
			}
		})
	}
	if status, _, err := a.get("/healthz"); status != 200 || err != nil {
		t.Errorf("health after all that: %d, %v", status, err)
	}
	for _, line := range a.log.lines(t, "request") {
		if path := line["path"].(string); len(path) > maxTextBytes {
			t.Errorf("a path of %d bytes in the log", len(path))
		}
	}
}

// Clients that never finish their requests, however little they say at a time, are hung up on, and keep nobody waiting.
func TestSlowloris(t *testing.T) {
	const each = 40 // of every kind
	a := start(t, map[string]string{"READ_TIMEOUT": "300ms"})
	head := "POST / HTTP/1.1\r\nHost: a\r\n"
	var open atomic.Int64
	var trickling sync.WaitGroup
	for _, begun := range []string{
		"", // silent to the end
		"GET / HT",
		"GET / HTTP/1.1\r\nHost: a\r\nX-A: ",
		"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ",
		head + "Content-Length: 60000\r\n\r\n",
		head + "Content-Length: 60000\r\nExpect: 100-continue\r\n\r\n",
		head + "Transfer-Encoding: chunked\r\n\r\nffff\r\n",
		head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ",
	} {
		for range each {
			open.Add(1)
			trickling.Go(func() {
				defer open.Add(-1)
				trickle(t, a.address, begun)
			})
		}
	}
	for served := 0; served == 0 || open.Load() > 0; served++ {
		if status, _, err := a.get("/healthz"); status != 200 || err != nil {
			t.Errorf("health beside them: %d, %v", status, err)
		}
	}
	trickling.Wait()
}

// trickle sends the beginning of a request and then, unless that is nothing, single bytes, until it is hung up on.
func trickle(t *testing.T, address, begun string) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, begun)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if begun != "" {
			_, _ = io.WriteString(conn, "x")
		}
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := conn.Read(make([]byte, 1024)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
	}
	t.Errorf("still connected %s after %q", patience, begun)
}

// A client that asks and does not take the answer is hung up on.
func TestUnreadAnswer(t *testing.T) {
	listener := listenInMemory() // keeps nothing on its way, so that one answer is enough
	startOn(t, listener, nil, func(cfg *config) { cfg.writeTimeout = 50 * time.Millisecond })
	conn, err := listener.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	for err == nil {
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection stays open")
	}
}

// Twice the default MAX_SOCKETS, open and silent. What one costs is bounded so that the default's take 235 MiB, less than
// half of the smallest Fargate task's 512 MiB. Most of them are no files, of which a process may have too few for both ends.
func TestIdleSockets(t *testing.T) {
	const mostBytes = 48 << 10 // for one socket and its client's half
	env := map[string]string{"MAX_SOCKETS": "100000", "PING_INTERVAL": "1h"}
	memory, loopback := listenInMemory(), listenOnLoopback(t)
	for name, test := range map[string]struct {
		listener net.Listener
		sockets  int
		dial     func() (net.Conn, error)
	}{
		"memory":   {memory, 10_000, memory.dial},
		"loopback": {loopback, 1000, func() (net.Conn, error) { return net.Dial("tcp", loopback.Addr().String()) }},
	} {
		t.Run(name, func(t *testing.T) {
			each := idle(t, startOn(t, test.listener, env), test.sockets, test.dial)
			if t.Logf("%d bytes each", each); each > mostBytes {
				t.Errorf("an idle socket takes %d bytes, want at most %d", each, mostBytes)
			}
		})
	}
}

// idle opens so many WebSockets, wants the service to answer beside them, closes them and returns how many bytes of memory
// each of them took.
func idle(t *testing.T, a *app, sockets int, dial func() (net.Conn, error)) (each int64) {
	t.Helper()
	before := memory()
	conns := make([]net.Conn, sockets)
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				conn.Close()
			}
		}
	}()
	var opening sync.WaitGroup
	const openers = 4
	for opener := range openers {
		opening.Go(func() {
			for i := opener; i < sockets; i += openers {
				conn, err := dial()
				if err == nil {
					conns[i] = conn
					err = handshake(conn, "/ws")
				}
				if err != nil {
					t.Errorf("socket %d: %v", i, err)
					return
				}
			}
		})
	}
	opening.Wait()
	each = (memory() - before) / int64(sockets)
	if status, _, err := a.get("/healthz"); status != 200 || err != nil {
		t.Errorf("health beside %d idle sockets: %d, %v", sockets, status, err)
	}
	return each
}

// Everybody shouts and nobody listens: all are dropped, and until then they neither take more memory than a small part of the
// smallest Fargate task's 512 MiB nor keep anybody waiting.
func TestBroadcastFlood(t *testing.T) {
	const (
		sockets   = 20
		size      = 32 << 10 // MAX_MESSAGE_BYTES
		mostBytes = 64 << 20 // what is kept, 4 MiB, and what is already garbage when memory is measured
	)
	a := start(t, nil, func(cfg *config) { cfg.room.closing = 100 * time.Millisecond })
	before := memory()
	// Final, binary, and masked with zeros.
	message := append([]byte{0x82, 0xfe, size >> 8, size & 0xff, 0, 0, 0, 0}, make([]byte, size)...)
	var shouting sync.WaitGroup
	for range sockets {
		conn := rawSocket(t, "http://"+a.address+"/ws")
		shouting.Go(func() {
			for err := error(nil); err == nil; {
				_, err = conn.Write(message)
			}
		})
	}
	until(t, "all to be dropped", func() bool {
		if grown := memory() - before; grown > mostBytes {
			t.Errorf("the flood takes %d KiB, want at most %d", grown>>10, mostBytes>>10)
		}
		if status, _, err := a.get("/healthz"); status != 200 || err != nil {
			t.Errorf("health beside it: %d, %v", status, err)
		}
		return len(a.log.lines(t, "socket dropped")) == sockets
	})
	shouting.Wait()
}

// memory is what the heap and the stacks take after a collection.
func memory() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc + stats.StackInuse)
}
