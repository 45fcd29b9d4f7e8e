package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// patience is how long anything may take that happens at once.
const patience = 10 * time.Second

// hosts are the proxy's names: addresses by host and port.
type hosts map[string]string

func (h hosts) resolve(_ context.Context, host string, port uint16) (netip.AddrPort, error) {
	at, ok := h[fmt.Sprintf("%s:%d", host, port)]
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("there is no %q here", host)
	}
	return netip.MustParseAddrPort(at), nil
}

// serve runs a proxy and returns its address, and a function that stops it and waits until nothing of it is left.
func serve(t *testing.T, h hosts, grace time.Duration) (address string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, Config{Resolve: h.resolve, Grace: grace}) }()
	stop = func() {
		t.Helper()
		cancel()
		select {
		case err, ok := <-ended:
			if err != nil {
				t.Error(err)
			}
			if ok {
				close(ended)
			}
		case <-time.After(patience):
			t.Error("the proxy does not end")
		}
	}
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

// client returns a client that reaches everything through the proxy and follows redirects.
func client(t *testing.T, proxy string, trusted *x509.Certificate) *http.Client {
	t.Helper()
	transport := &http.Transport{
		Proxy:             http.ProxyURL(&url.URL{Scheme: "http", Host: proxy}),
		ForceAttemptHTTP2: true,
	}
	if trusted != nil {
		pool := x509.NewCertPool()
		pool.AddCert(trusted)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

func get(t *testing.T, c *http.Client, u string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get(u)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// echo echoes the messages of a WebSocket.
func echo(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		for {
			kind, message, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			if err := conn.Write(r.Context(), kind, message); err != nil {
				return
			}
		}
	}
}

// site is a host with a plain and an encrypted port, as load balancers have them: the plain one redirects all but WebSockets.
func site(t *testing.T) (hosts, *x509.Certificate) {
	t.Helper()
	encrypted := http.NewServeMux()
	encrypted.HandleFunc("/ws", echo(t))
	encrypted.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s", r.Proto, r.Host, r.RequestURI)
	})
	secure := httptest.NewUnstartedServer(encrypted)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)

	redirecting := http.NewServeMux()
	redirecting.HandleFunc("/ws", echo(t))
	redirecting.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+r.Host+":443"+r.RequestURI, http.StatusMovedPermanently)
	})
	plain := httptest.NewServer(redirecting)
	t.Cleanup(plain.Close)
	// The certificate of httptest is one for example.com.
	return hosts{
		"example.com:443": secure.Listener.Addr().String(),
		"example.com:80":  plain.Listener.Addr().String(),
	}, secure.Certificate()
}

func TestByName(t *testing.T) {
	h, trusted := site(t)
	proxy, _ := serve(t, h, 0)
	c := client(t, proxy, trusted)
	for u, want := range map[string]string{
		"https://example.com/a?b=c":     "HTTP/2.0 example.com /a?b=c",
		"https://example.com:443/":      "HTTP/2.0 example.com:443 /",
		"https://example.com./":         "HTTP/2.0 example.com. /",
		"http://example.com/a?b=c;d&%2": "HTTP/2.0 example.com:443 /a?b=c;d&%2",
	} {
		if resp, body := get(t, c, u); resp.StatusCode != http.StatusOK || body != want {
			t.Errorf("%s answers %s %q, want %q", u, resp.Status, body, want)
		}
	}
}

func TestWebSocket(t *testing.T) {
	h, trusted := site(t)
	proxy, _ := serve(t, h, 0)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, u := range []string{"wss://example.com/ws", "ws://example.com/ws"} {
		conn, _, err := websocket.Dial(ctx, u, &websocket.DialOptions{HTTPClient: client(t, proxy, trusted)})
		if err != nil {
			t.Errorf("%s: %v", u, err)
			continue
		}
		if err := conn.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
			t.Error(err)
		}
		if _, message, err := conn.Read(ctx); err != nil || string(message) != "hello" {
			t.Errorf("%s answers %q, %v", u, message, err)
		}
		if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Errorf("%s: close: %v", u, err)
		}
	}
}

func TestPlainRequestIsTheClients(t *testing.T) {
	got := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader(read(r.Body)))
		got <- r
	}))
	defer server.Close()
	proxy, _ := serve(t, hosts{"example.com:8080": server.Listener.Addr().String()}, 0)
	status, _ := exchange(t, proxy, "POST http://example.com:8080/%2F/x?a=1;b=%zz HTTP/1.1\r\n"+
		"Host: other.example.com\r\nX-Forwarded-For: 192.0.2.1\r\nX-Own: 1\r\nX-Hop: 1\r\nConnection: X-Hop\r\n"+
		"Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nContent-Length: 4\r\n\r\nbody")
	if status != "200 OK" {
		t.Fatalf("answered %s", status)
	}
	r := <-got
	if r.Host != "example.com:8080" || r.RequestURI != "/%2F/x?a=1;b=%zz" || r.Method != http.MethodPost || read(r.Body) != "body" {
		t.Errorf("%s %s to %s arrived", r.Method, r.RequestURI, r.Host)
	}
	want := http.Header{"X-Forwarded-For": {"192.0.2.1"}, "X-Own": {"1"}, "Content-Length": {"4"}, "Connection": {"close"}}
	if fmt.Sprint(r.Header) != fmt.Sprint(want) {
		t.Errorf("header %v arrived, want %v", r.Header, want)
	}
}

func read(r io.Reader) string {
	text, err := io.ReadAll(r)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// dial opens a connection with a deadline.
func dial(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// exchange sends a request as it stands and returns the answer's status and body.
func exchange(t *testing.T, proxy, request string) (status, body string) {
	t.Helper()
	conn := dial(t, proxy)
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.Status, read(resp.Body)
}

func TestRefused(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	proxy, _ := serve(t, hosts{"closed.test:443": closed.Addr().String(), "outside.test:443": "192.0.2.1:443", "outside.test:80": "192.0.2.1:80"}, 0)
	const other = "this is a proxy: it takes CONNECT, and requests for a whole http:// URL"
	for name, test := range map[string]struct{ line, header, status, body string }{
		"foreign tunnel":        {"CONNECT foreign.test:443", "", "502", `connect to foreign.test:443: there is no "foreign.test" here`},
		"foreign request":       {"GET http://foreign.test/", "", "502", `connect to foreign.test:80: there is no "foreign.test" here`},
		"unknown port":          {"CONNECT closed.test:444", "", "502", `connect to closed.test:444: there is no "closed.test" here`},
		"nobody there":          {"CONNECT closed.test:443", "", "502", "refused"},
		"tunnel off loopback":   {"CONNECT outside.test:443", "", "502", "192.0.2.1:443 is not a loopback address"},
		"request off loopback":  {"GET http://outside.test/", "", "502", "192.0.2.1:80 is not a loopback address"},
		"tunnel without port":   {"CONNECT closed.test", "", "502", "connect to closed.test: want a host and a port"},
		"tunnel to port 0":      {"CONNECT closed.test:0", "", "502", "connect to closed.test:0: want a port from 1 to 65535"},
		"tunnel to a high port": {"CONNECT closed.test:65536", "", "502", "want a port from 1 to 65535"},
		"tunnel to a path":      {"CONNECT /path", "", "400", other},
		"no proxy request":      {"GET /", "", "400", other},
		"encrypted in plain":    {"GET https://closed.test/", "", "400", other},
		"other scheme":          {"GET ftp://closed.test/", "", "400", other},
		"huge header":           {"GET http://foreign.test/", "X-Huge: " + strings.Repeat("x", 2*maxHeaderBytes) + "\r\n", "431", ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := exchange(t, proxy, test.line+" HTTP/1.1\r\nHost: ignored.test\r\n"+test.header+"\r\n")
			if !strings.HasPrefix(status, test.status+" ") || !strings.Contains(body, test.body) || strings.Count(body, "\n") > 1 {
				t.Errorf("answered %s\n%s\nwant %s\n%s", status, body, test.status, test.body)
			}
		})
	}
}

// net/http only returns the reason phrase of a proxy's refusal, so it must have the reason.
func TestClientLearnsWhy(t *testing.T) {
	proxy, _ := serve(t, hosts{}, 0)
	_, err := client(t, proxy, nil).Get("https://foreign.test/")
	if err == nil || !strings.HasSuffix(err.Error(), `connect to foreign.test:443: there is no "foreign.test" here`) {
		t.Errorf("the client learns %v", err)
	}
}

func TestListenerOffLoopback(t *testing.T) {
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := Serve(t.Context(), l, Config{}); err == nil || !strings.Contains(err.Error(), "not a loopback address") {
		t.Errorf("serving on every address: %v", err)
	}
}

func TestListenerFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := Serve(t.Context(), l, Config{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("serving on a closed socket: %v", err)
	}
}
