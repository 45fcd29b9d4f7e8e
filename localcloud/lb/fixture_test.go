package lb

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"slipway/localcloud/ca"
)

// patient is how long a test waits for something that should happen at once.
const patient = 20 * time.Second

// rig is a balancer whose listeners are on free ports of 127.0.0.1, not on their own ports.
type rig struct {
	*Balancer
	t *testing.T
}

func newRig(t *testing.T, config Config) *rig {
	t.Helper()
	config.Address = netip.MustParseAddr("127.0.0.1")
	if config.Listen == nil {
		config.Listen = func(network, _ string) (net.Listener, error) { return net.Listen(network, "127.0.0.1:0") }
	}
	b, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patient)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return &rig{Balancer: b, t: t}
}

func (r *rig) apply(state State) {
	r.t.Helper()
	if err := r.Apply(state); err != nil {
		r.t.Fatal(err)
	}
}

// addr is where the listener on port really listens.
func (r *rig) addr(port int) string {
	r.t.Helper()
	for _, endpoint := range r.Endpoints() {
		if endpoint.Port == port {
			return endpoint.Addr.String()
		}
	}
	r.t.Fatalf("no listener on port %d", port)
	return ""
}

// url is a URL on the HTTP listener on port 80.
func (r *rig) url(path string) string {
	r.t.Helper()
	return "http://" + r.addr(80) + path
}

// await waits until every target of group "blue" is in the state.
func (r *rig) await(state HealthState) {
	r.t.Helper()
	r.awaitWhere(fmt.Sprintf("all %s", state), func(health []TargetHealth) bool {
		return len(health) > 0 && !slices.ContainsFunc(health, func(h TargetHealth) bool { return h.State != state })
	})
}

func (r *rig) awaitWhere(what string, ok func([]TargetHealth) bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patient)
	defer cancel()
	if err := r.Await(ctx, "blue", ok); err != nil {
		r.t.Fatalf("%s: %v", what, err)
	}
}

// get returns status code and body.
func (r *rig) get(url string) (int, string) {
	r.t.Helper()
	got, err := fetch(http.DefaultClient, url)
	if err != nil {
		r.t.Fatal(err)
	}
	return got.code, got.body
}

// answer is a response, read to its end.
type answer struct {
	code   int
	header http.Header
	body   string
	tls    *tls.ConnectionState
}

func fetch(client *http.Client, url string) (answer, error) {
	response, err := client.Get(url)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body), response.TLS}, err
}

// backend starts a target that answers /healthz with 200 and everything else by handler.
func backend(t testing.TB, handler http.HandlerFunc) netip.AddrPort {
	t.Helper()
	addr, _ := stoppable(t, handler)
	return addr
}

func stoppable(t testing.TB, handler http.HandlerFunc) (addr netip.AddrPort, stop func()) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			return
		}
		handler(w, r)
	}))
	stop = sync.OnceFunc(server.Close)
	t.Cleanup(stop)
	return netip.MustParseAddrPort(server.Listener.Addr().String()), stop
}

// say answers with text.
func say(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

// raw starts a target that speaks no HTTP but passes its health checks: it reads a request and leaves the rest to answer.
func raw(t testing.TB, answer func(net.Conn)) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { listener.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				request := make([]byte, 64<<10)
				n, err := conn.Read(request)
				if err != nil {
					return
				}
				if string(request[:n])[:len("GET /healthz")] == "GET /healthz" {
					io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					return
				}
				answer(conn)
			})
		}
	})
	return netip.MustParseAddrPort(listener.Addr().String())
}

// unusedAddr is an address where nothing listens.
func unusedAddr(t testing.TB) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return netip.MustParseAddrPort(listener.Addr().String())
}

// quick is a health check for tests.
var quick = HealthCheck{
	Path: "/healthz", Interval: 100 * time.Millisecond, Timeout: 100 * time.Millisecond,
	HealthyThreshold: 2, UnhealthyThreshold: 2,
}

func blue(targets ...netip.AddrPort) TargetGroup {
	return TargetGroup{ID: "blue", Protocol: HTTP, HealthCheck: quick, Targets: targets}
}

func forwardTo(groups ...string) Action {
	var action Action
	for _, group := range groups {
		action.Forward = append(action.Forward, WeightedTargetGroup{group, 1})
	}
	return action
}

// simple is a state with one HTTP listener that forwards all to the group "blue".
func simple(targets ...netip.AddrPort) State {
	return State{
		Listeners:    []Listener{{ID: "web", Port: 80, Protocol: HTTP, Default: forwardTo("blue")}},
		TargetGroups: []TargetGroup{blue(targets...)},
	}
}

// secure is an HTTPS listener on 443 with certificates for each set of names, and a client that trusts them. The client
// connects to the balancer whatever the URL's host is.
func (r *rig) secure(action Action, names ...[]string) (Listener, *http.Client) {
	r.t.Helper()
	authority, err := ca.Open(r.t.TempDir())
	if err != nil {
		r.t.Fatal(err)
	}
	listener := Listener{ID: "secure", Port: 443, Protocol: HTTPS, Default: action}
	for _, set := range names {
		cert, err := authority.Issue(set)
		if err != nil {
			r.t.Fatal(err)
		}
		listener.Certificates = append(listener.Certificates, cert)
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: authority.Pool(), MinVersion: tls.VersionTLS10},
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, r.addr(443))
		},
	}
	r.t.Cleanup(transport.CloseIdleConnections)
	return listener, &http.Client{Transport: transport}
}

// eventually polls for a condition without a notification.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("%s: did not happen within %s", what, patient)
		}
	}
}

// closedWithin tells whether the peer closes the connection before the test runs out of patience, sending nothing.
func closedWithin(conn net.Conn) error {
	conn.SetReadDeadline(time.Now().Add(patient))
	n, err := conn.Read(make([]byte, 1))
	var netErr net.Error
	switch {
	case n != 0:
		return errors.New("peer sent something")
	case errors.As(err, &netErr) && netErr.Timeout():
		return errors.New("peer kept the connection open")
	}
	return nil
}
