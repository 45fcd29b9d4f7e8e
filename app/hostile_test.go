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
	"syscall"
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

// A client that never finishes its request, however little it says, is hung up on.
func TestSlowloris(t *testing.T) {
	a := start(t, map[string]string{"READ_TIMEOUT": "50ms"})
	for name, begun := range map[string]string{
		"silent":      "",
		"half a line": "GET / HT",
		"half a head": "GET / HTTP/1.1\r\nHost: a\r\nX-A: ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", a.address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, begun)
			until(t, "the connection to be closed", func() bool {
				if begun != "" {
					_, _ = io.WriteString(conn, "x") // keeps trickling
				}
				_ = conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
				_, err := conn.Read(make([]byte, 1024))
				return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
			})
		})
	}
}

// TestIdleSockets opens twice the default MAX_SOCKETS and asserts what one costs: 48 KiB makes 235 MiB of the default,
// less than half of the smallest Fargate task's 512 MiB.
func TestIdleSockets(t *testing.T) {
	const mostBytes = 48 << 10 // for one socket and its client's half
	sockets := 10_000
	if testing.Short() {
		sockets = 500
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	// A socket takes a file at either end. Go raises the limit as far as it may.
	if most := int(min(files.Cur, 1<<20))/2 - 100; sockets > most {
		t.Logf("%d sockets instead of %d, as only %d files may be open", most, sockets, files.Cur)
		sockets = most
	}
	a := start(t, map[string]string{"MAX_SOCKETS": "100000", "PING_INTERVAL": "1h"})

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
				conn, err := net.Dial("tcp", a.address)
				if err != nil {
					t.Errorf("socket %d: %v", i, err)
					return
				}
				conns[i] = conn
				if err := handshake(conn, "/ws"); err != nil {
					t.Errorf("socket %d: %v", i, err)
					return
				}
			}
		})
	}
	opening.Wait()
	if t.Failed() {
		return
	}
	each := (memory() - before) / int64(sockets)
	t.Logf("%d idle sockets, %d bytes each", sockets, each)
	if each > mostBytes {
		t.Errorf("an idle socket takes %d bytes, want at most %d", each, mostBytes)
	}
	if status, _, err := a.get("/healthz"); status != 200 || err != nil {
		t.Errorf("health beside them: %d, %v", status, err)
	}
}

// memory is what the heap and the stacks take after a collection.
func memory() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc + stats.StackInuse)
}
