package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzRequest has the service answer any request that net/http lets through: always with JSON (the WebSocket's refusals
// aside), never with a failure, and with one short log line that holds nothing of the query.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7, 10.0.0.1\r\nX-Forwarded-Proto: https\r\n\r\n",
		"GET /version?token=secret HTTP/1.1\r\nHost: a\r\n\r\n",
		"HEAD /status HTTP/1.0\r\n\r\n",
		"GET /%2e%2e//healthz HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /\"\\n\xff\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /" + strings.Repeat("%01", 2*maxTextBytes) + " HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " + strings.Repeat("é", maxTextBytes) + "\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
		"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: https://b\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
		"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	cfg, err := loadConfig(getenv(nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		var log logBuffer
		w := httptest.NewRecorder()
		newServer(cfg, log.logger()).ServeHTTP(w, r)

		switch w.Code {
		case 200, 400, 403, 404, 405, 413, 426:
		case 501: // an otherwise good handshake, which the recorder cannot be taken over for
			if r.URL.Path != "/ws" {
				t.Errorf("status %d", w.Code)
			}
		default:
			t.Errorf("status %d", w.Code)
		}
		if w.Header().Get("Content-Type") == "application/json" {
			if !json.Valid(w.Body.Bytes()) {
				t.Errorf("answer %q is not JSON", w.Body)
			}
		} else if r.URL.Path != "/ws" {
			t.Errorf("answer of type %q", w.Header().Get("Content-Type"))
		}

		lines := log.lines(t, "request")
		if len(lines) != 1 || strings.Count(log.String(), "\n") != 1 {
			t.Fatalf("log %q, want one line", log.String())
		}
		// Up to six bytes of JSON for one that needs escaping, in each of the three texts that a client decides on.
		if most := 3*6*maxTextBytes + 256; len(log.String()) > most {
			t.Errorf("log line of %d bytes", len(log.String()))
		}
		if _, found := lines[0]["query"]; found || lines[0]["path"] != clip(r.URL.Path) {
			t.Errorf("path %q in the log, want %q", lines[0]["path"], r.URL.Path)
		}
	})
}

// FuzzSocket sends any bytes for frames. The socket ends when its client has said all, and the room is left empty and
// in order.
func FuzzSocket(f *testing.F) {
	mask := "\x00\x00\x00\x00"
	for _, seed := range []string{
		"\x81\x82" + mask + "hi",
		"\x01\x81" + mask + "h\x80\x81" + mask + "i",
		"\x82\xfe\x00\x02" + mask + "hi\x89\x80" + mask + "\x8a\x80" + mask,
		"\x88\x82" + mask + "\x03\xe8",
		"\x88\x80" + mask,
		"\x81\xff\x40\x00\x00\x00\x00\x00\x00\x00" + mask,
		"\xf1\x80" + mask,
		"\x81\x02hi",
	} {
		f.Add([]byte(seed))
	}
	limits := testLimits()
	limits.closing = 20 * time.Millisecond
	rm := newRoom(limits, nil, discard)
	srv := httptest.NewServer(rm)
	f.Cleanup(srv.Close)
	f.Fuzz(func(t *testing.T, frames []byte) {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := handshake(conn, "/"); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		_, _ = conn.Write(frames)
		_ = conn.(*net.TCPConn).CloseWrite()
		until(t, "the room to be empty", func() bool { return rm.size() == 0 && rm.members() == 0 })
	})
}

// FuzzOrigin looks for an Origin header that opens a socket although it names neither the request's own host,
// which is example.com, nor one that is allowed.
func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{
		"", "null", "https://example.com", "https://chat.example.org", "https://chat.example.org:8443", "https://evil.example",
		"https://evil.example/.example.org", "https://evil.example?.example.org", "https://evil.example#.example.org",
		"https://chat.example.org@evil.example", "https://evil.example\\.example.org", "https://[::1%25.example.org]", "//x.example.org",
	} {
		f.Add(seed)
	}
	authority := regexp.MustCompile(`^[^/]*//(?:[^/?#@]*@)?([^/?#@]*)`)
	rm := newRoom(testLimits(), []string{"*.example.org"}, discard)
	f.Fuzz(func(t *testing.T, origin string) {
		w := call(rm, "GET", "/ws", "Origin: "+origin, "Connection: Upgrade", "Upgrade: websocket",
			"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
		switch w.Code {
		case http.StatusForbidden:
		case http.StatusNotImplemented: // let in, but the recorder cannot be taken over
			var host string
			if parts := authority.FindStringSubmatch(strings.ToLower(origin)); parts != nil {
				host = parts[1]
			}
			if origin != "" && host != "example.com" && !strings.HasSuffix(host, ".example.org") {
				t.Errorf("%q is let in", origin)
			}
		default:
			t.Errorf("%q is answered %d", origin, w.Code)
		}
	})
}

// FuzzConfig looks for an environment that makes loading panic, or put more into its error than a line for each problem.
func FuzzConfig(f *testing.F) {
	f.Add("8080", "5s", "https://*.example.com", "api=https://u:p@example.com/?token=x")
	f.Add("-1", "1h\n", "[", "a=1,a=2,=")
	f.Fuzz(func(t *testing.T, port, delay, origins, checks string) {
		_, err := loadConfig(getenv(map[string]string{
			"PORT": port, "DRAIN_DELAY": delay, "ALLOWED_ORIGINS": origins,
			"CHECK_HTTP_URLS": checks, "CHECK_TCP_ADDRESSES": checks,
		}))
		if err == nil {
			return
		}
		_, problems, _ := strings.Cut(err.Error(), "\n")
		for problem := range strings.SplitSeq(problems, "\n") {
			variable, _, _ := strings.Cut(problem, "=")
			if variable, _, _ = strings.Cut(variable, "+"); !slices.Contains(variables, variable) {
				t.Errorf("problem %q names no variable", problem)
			}
		}
	})
}
