package load

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const body = `{"version":"v1"}`

// A connection that was kept ends as the second request arrives: net/http sends the request again.
func TestCutConnectionIsAFailure(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) == 2 {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = conn.Close()
			}
			return
		}
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	client := loadOf(t, server, server.URL).client(false)
	defer client.CloseIdleConnections()
	if a, err := version(t.Context(), client, server.URL); err != nil || a.version != "v1" {
		t.Fatalf("the first request: %+v, %v", a, err)
	}
	if _, err := version(t.Context(), client, server.URL); err == nil || !strings.Contains(err.Error(), "sent 2 times") {
		t.Errorf("the second request, whose connection was cut: %v", err)
	}
	if a, err := version(t.Context(), client, server.URL); err != nil || a.version != "v1" {
		t.Errorf("the third request: %+v, %v", a, err)
	}
}

// A server that says goodbye without having looked at the request has it sent again, over another connection.
func TestRefusedStreamIsAFailure(t *testing.T) {
	certified := httptest.NewTLSServer(http.NotFoundHandler())
	defer certified.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: certified.TLS.Certificates, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	defer serving.Wait()
	defer func() { _ = l.Close() }()
	serving.Go(func() {
		for first := true; ; first = false {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer func() { _ = conn.Close() }()
				serveStreams(conn, first)
			})
		}
	})
	url := "https://" + l.Addr().String()
	client := loadOf(t, certified, url).client(true)
	defer client.CloseIdleConnections()
	if _, err := version(t.Context(), client, url); err == nil || !strings.Contains(err.Error(), "sent 2 times") {
		t.Errorf("the first request, which was refused: %v", err)
	}
	if a, err := version(t.Context(), client, url); err != nil || a.version != "v1" {
		t.Errorf("the second request: %+v, %v", a, err)
	}
}

// loadOf returns a load that has not begun, of clients that trust the server.
func loadOf(t *testing.T, server *httptest.Server, url string) *Load {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return &Load{options: Options{URL: url, Roots: roots, Timeout: 20 * time.Second}}
}

// serveStreams answers HTTP/2 requests with the body, or refuses them all.
// https://www.rfc-editor.org/rfc/rfc9113.html#name-frame-definitions
func serveStreams(conn net.Conn, refuse bool) {
	const (
		data, headers, settings, goAway = 0x0, 0x1, 0x4, 0x7
		endStream, endHeaders, ack      = 0x1, 0x4, 0x1
		ok                              = "\x88" // :status 200 in HPACK's static table
	)
	send := func(kind, flags byte, stream uint32, payload string) {
		frame := binary.BigEndian.AppendUint32(nil, uint32(len(payload)))[1:]
		frame = binary.BigEndian.AppendUint32(append(frame, kind, flags), stream)
		_, _ = conn.Write(append(frame, payload...))
	}
	r := bufio.NewReader(conn)
	if _, err := r.Discard(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")); err != nil {
		return
	}
	send(settings, 0, 0, "")
	for {
		var head [9]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return
		}
		length := int(binary.BigEndian.Uint32(head[:]) >> 8)
		kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])
		if _, err := r.Discard(length); err != nil {
			return
		}
		switch {
		case kind == settings && flags&ack == 0:
			send(settings, ack, 0, "")
		case kind == headers && refuse:
			send(goAway, 0, 0, strings.Repeat("\x00", 8)) // the last stream that was looked at is 0, and there is no error
		case kind == headers:
			send(headers, endHeaders, stream, ok)
			send(data, endStream, stream, body)
		}
	}
}
