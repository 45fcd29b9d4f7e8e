package lb

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestHTTP2(t *testing.T) {
	for _, disabled := range []bool{false, true} {
		t.Run(fmt.Sprintf("disabled %v", disabled), func(t *testing.T) {
			r := newRig(t, Config{})
			secure, client := r.secure(forwardTo("blue"), []string{"h.test"})
			r.apply(State{Listeners: []Listener{secure}, DisableHTTP2: disabled, TargetGroups: []TargetGroup{
				blue(backend(t, func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					fmt.Fprint(w, r.Proto, " ", r.Header.Get("X-Forwarded-Proto"), " ", r.Header.Get("X-Forwarded-Port"), " ", string(body))
				})),
			}})
			r.await(Healthy)
			response, err := client.Post("https://h.test/", "text/plain", strings.NewReader("body"))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if body, err := io.ReadAll(response.Body); err != nil || string(body) != "HTTP/1.1 https 443 body" {
				t.Errorf("target saw %q, %v", body, err)
			}
			if want := map[bool]int{false: 2, true: 1}[disabled]; response.ProtoMajor != want {
				t.Errorf("client saw %s, want HTTP/%d", response.Proto, want)
			}
		})
	}
}

func TestCertificateByServerName(t *testing.T) {
	r := newRig(t, Config{})
	secure, client := r.secure(Action{FixedResponse: &FixedResponse{StatusCode: 200}}, []string{"first.test"}, []string{"*.second.test"})
	r.apply(State{Listeners: []Listener{secure}})
	for host, want := range map[string]string{"first.test": "first.test", "a.second.test": "*.second.test"} {
		response, err := fetch(client, "https://"+host)
		if err != nil {
			t.Fatal(err)
		}
		if got := response.tls.PeerCertificates[0].DNSNames[0]; got != want {
			t.Errorf("%s: certificate for %s, want %s", host, got, want)
		}
	}
	client.CloseIdleConnections()
	if _, err := fetch(client, "https://third.test"); err == nil || !strings.Contains(err.Error(), "first.test") {
		t.Errorf("unknown name: %v, want the default certificate to be refused", err)
	}
}

func TestTLSMinimum(t *testing.T) {
	r := newRig(t, Config{})
	secure, client := r.secure(Action{FixedResponse: &FixedResponse{StatusCode: 200}}, []string{"h.test"})
	secure.MinTLS, secure.MaxTLS = tls.VersionTLS12, tls.VersionTLS13
	r.apply(State{Listeners: []Listener{secure}})
	versions := client.Transport.(*http.Transport).TLSClientConfig
	for version, want := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		versions.MaxVersion = version
		_, err := fetch(client, "https://h.test")
		if got := err == nil; got != want {
			t.Errorf("%s: %v, want success %v", tls.VersionName(version), err, want)
		}
		client.CloseIdleConnections()
	}
}

// echo is a WebSocket target that returns what it gets.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
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

// open connects a WebSocket.
func open(ctx context.Context, t *testing.T, url string, client *http.Client) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return conn
}

// talk sends text and expects it back.
func talk(ctx context.Context, conn *websocket.Conn, text string) error {
	if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		return err
	}
	_, got, err := conn.Read(ctx)
	if err == nil && string(got) != text {
		err = fmt.Errorf("echo of %q is %q", text, got)
	}
	return err
}

func TestWebSocket(t *testing.T) {
	r := newRig(t, Config{})
	secure, client := r.secure(forwardTo("blue"), []string{"h.test"})
	r.apply(State{Listeners: []Listener{secure}, TargetGroups: []TargetGroup{blue(backend(t, echo))}})
	r.await(Healthy)
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	conn := open(ctx, t, "wss://h.test/ws", client)
	for i := range 10 {
		if err := talk(ctx, conn, fmt.Sprint("message ", i)); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.Health("blue")[0].InFlight; got != 1 {
		t.Errorf("%d in flight, want the WebSocket", got)
	}
	if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	r.awaitInFlight(0)
}

// awaitInFlight waits until group "blue" has so many requests under way; their number has no notification.
func (r *rig) awaitInFlight(want int) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%d in flight", want), func() bool { return r.Metrics().TargetGroups["blue"].InFlight == want })
}

func TestIdleWebSocketIsClosed(t *testing.T) {
	r := newRig(t, Config{})
	state := simple(backend(t, echo))
	state.IdleTimeout = 200 * time.Millisecond
	r.apply(state)
	r.await(Healthy)
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	conn := open(ctx, t, "ws://"+r.addr(80)+"/ws", nil)
	for range 5 { // longer, in all, than the time-out
		if err := talk(ctx, conn, "still here"); err != nil {
			t.Fatal(err)
		}
		<-time.After(80 * time.Millisecond)
	}
	if _, _, err := conn.Read(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("idle WebSocket: %v, want it closed by the balancer", err)
	}
}

func TestIdleClientIsClosed(t *testing.T) {
	r := newRig(t, Config{})
	state := simple()
	state.IdleTimeout = 50 * time.Millisecond
	r.apply(state)
	silent := dial(t, r.addr(80))
	if err := closedWithin(silent); err != nil {
		t.Errorf("client that says nothing: %v", err)
	}
	between := dial(t, r.addr(80))
	fmt.Fprint(between, "GET / HTTP/1.1\r\nHost: h.test\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(between), nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
	if err := closedWithin(between); err != nil {
		t.Errorf("client between requests: %v", err)
	}
}

func TestFallbackPort(t *testing.T) {
	var asked []string
	r := newRig(t, Config{Listen: func(network, address string) (net.Listener, error) {
		asked = append(asked, address)
		if !strings.HasSuffix(address, ":8080") {
			return nil, &net.OpError{Op: "listen", Net: network, Err: syscall.EACCES}
		}
		return net.Listen(network, "127.0.0.1:0")
	}})
	r.apply(State{Listeners: []Listener{{
		ID: "web", Port: 80, Protocol: HTTP, Default: Action{Redirect: &Redirect{Path: "/p", StatusCode: 302}},
	}}})
	if want := "127.0.0.1:80 127.0.0.1:8080"; strings.Join(asked, " ") != want {
		t.Errorf("tried %v, want %s", asked, want)
	}
	if got := r.Endpoints(); len(got) != 1 || got[0].Port != 80 || got[0].Addr.Port() == 80 || got[0].Listener != "web" {
		t.Errorf("endpoints %v", got)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := fetch(client, r.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	if got := response.header.Get("Location"); got != "http://127.0.0.1:80/p" {
		t.Errorf("redirected to %s, want AWS's port", got)
	}
}

func TestFallbackFromATakenPort(t *testing.T) {
	for _, test := range []struct {
		port int
		free string // the port that can be bound
		want string
	}{
		{443, ":8443", "127.0.0.1:443 127.0.0.1:8443"},
		{443, ":0", "127.0.0.1:443 127.0.0.1:8443 127.0.0.1:0"},
		{60000, ":0", "127.0.0.1:60000 127.0.0.1:0"},
	} {
		var asked []string
		r := newRig(t, Config{Listen: func(network, address string) (net.Listener, error) {
			asked = append(asked, address)
			if !strings.HasSuffix(address, test.free) {
				return nil, &net.OpError{Op: "listen", Net: network, Err: syscall.EADDRINUSE}
			}
			return net.Listen(network, "127.0.0.1:0")
		}})
		r.apply(State{Listeners: []Listener{{
			ID: "web", Port: test.port, Protocol: HTTP, Default: Action{FixedResponse: &FixedResponse{StatusCode: 200}},
		}}})
		if got := strings.Join(asked, " "); got != test.want {
			t.Errorf("tried %s, want %s", got, test.want)
		}
		if code, _ := r.get("http://" + r.addr(test.port)); code != 200 {
			t.Errorf("port %d: status %d", test.port, code)
		}
	}
}

func TestClientWithoutAccess(t *testing.T) {
	const limit = 3
	r := newRig(t, Config{MaxHeld: limit})
	var open atomic.Bool
	state := State{
		Listeners: []Listener{{ID: "web", Port: 80, Protocol: HTTP, Default: Action{FixedResponse: &FixedResponse{StatusCode: 200}}}},
		Access:    func(client netip.Addr, port int) bool { return client.IsLoopback() && port == 80 && open.Load() },
	}
	r.apply(state)

	client := &http.Client{Timeout: 100 * time.Millisecond}
	var timeout net.Error
	if _, err := fetch(client, r.url("/")); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("request: %v, want a time-out", err)
	}
	eventually(t, "client's hanging up is noticed", func() bool { return r.held.len() == 0 })

	var held []net.Conn
	for range limit + 1 {
		held = append(held, dial(t, r.addr(80)))
	}
	if err := closedWithin(held[0]); err != nil {
		t.Errorf("oldest of too many: %v", err)
	}
	if got := r.held.len(); got != limit {
		t.Errorf("%d connections held, want %d", got, limit)
	}
	if got := r.Metrics().Listeners["web"]; got.Dropped != limit+2 || got.ActiveConnections != 0 {
		t.Errorf("metrics %+v", got)
	}

	open.Store(true)
	r.apply(state)
	if err := closedWithin(held[limit]); err != nil {
		t.Errorf("held when access came: %v", err)
	}
	if code, _ := r.get(r.url("/")); code != 200 {
		t.Errorf("%d with access, want 200", code)
	}
}

// TestApplyIsAllOrNothing fails on the second of two new ports.
func TestApplyIsAllOrNothing(t *testing.T) {
	taken := errors.New("address already in use")
	var first net.Listener
	r := newRig(t, Config{Listen: func(network, address string) (net.Listener, error) {
		if strings.HasSuffix(address, ":81") {
			return nil, taken
		}
		var err error
		first, err = net.Listen(network, "127.0.0.1:0")
		return first, err
	}})
	state := simple(backend(t, say("hello")))
	second := state.Listeners[0]
	second.ID, second.Port = "other", 81
	state.Listeners = append(state.Listeners, second)
	if err := r.Apply(state); !errors.Is(err, taken) || !strings.Contains(err.Error(), `"other"`) {
		t.Errorf("error %v, want the cause and the listener's name", err)
	}
	if _, err := first.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("socket of the first listener is open: %v", err)
	}
	if got := r.Endpoints(); len(got) != 0 {
		t.Errorf("endpoints %v, want none", got)
	}
	if got := r.Health("blue"); got != nil {
		t.Errorf("targets %v, want none", got)
	}
	state.TargetGroups[0].Protocol = "UDP"
	if err := r.Apply(state); err == nil || !strings.Contains(err.Error(), `"UDP"`) {
		t.Errorf("invalid state: %v", err)
	}
}

// A balancer that gets another idle time-out answers the requests of connections that have just been opened.
func TestNewIdleTimeoutCutsNobody(t *testing.T) {
	r := newRig(t, Config{})
	state := State{
		Listeners:   []Listener{{ID: "web", Port: 80, Protocol: HTTP, Default: Action{FixedResponse: &FixedResponse{StatusCode: 201}}}},
		IdleTimeout: time.Minute,
	}
	r.apply(state)
	url := r.url("/")
	ctx, stop := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	var answered atomic.Int64
	for range 8 {
		asking.Go(func() {
			for ctx.Err() == nil {
				client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
				if got, err := fetch(client, url); err != nil || got.code != 201 {
					t.Errorf("%+v, %v", got, err)
				}
				answered.Add(1)
			}
		})
	}
	for n := range int64(50) {
		state.IdleTimeout += time.Second
		r.apply(state)
		eventually(t, "more requests", func() bool { return answered.Load() > 20*n })
	}
	stop()
	asking.Wait()
}

func TestListenersComeAndGo(t *testing.T) {
	r := newRig(t, Config{})
	fixed := func(id string, port, code int) Listener {
		return Listener{ID: id, Port: port, Protocol: HTTP, Default: Action{FixedResponse: &FixedResponse{StatusCode: code}}}
	}
	r.apply(State{Listeners: []Listener{fixed("web", 80, 200)}})
	addr := r.addr(80)
	if code, _ := r.get(r.url("/")); code != 200 {
		t.Fatalf("%d, want 200", code)
	}
	r.apply(State{Listeners: []Listener{fixed("web", 80, 201), fixed("admin", 81, 202)}, IdleTimeout: time.Second})
	if r.addr(80) != addr {
		t.Error("listener moved")
	}
	if code, _ := r.get(r.url("/")); code != 201 {
		t.Errorf("%d after the change, want 201", code)
	}
	if code, _ := r.get("http://" + r.addr(81)); code != 202 {
		t.Errorf("%d from the new listener, want 202", code)
	}
	if got := r.Metrics().Listeners["web"].Requests; got != 2 {
		t.Errorf("%d requests counted over the change, want 2", got)
	}
	r.apply(State{Listeners: []Listener{fixed("admin", 81, 202)}})
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("socket of the deleted listener is open")
	}
	if _, ok := r.Metrics().Listeners["web"]; ok {
		t.Error("deleted listener has metrics")
	}
}

func TestClose(t *testing.T) {
	r := newRig(t, Config{})
	arrived, release := make(chan struct{}), make(chan struct{})
	r.apply(simple(backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ws" {
			echo(w, r)
			return
		}
		close(arrived)
		<-release
	})))
	r.await(Healthy)
	addr, url := r.addr(80), r.url("/")
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	socket := open(ctx, t, "ws://"+addr+"/ws", nil)

	answered := make(chan error, 1)
	go func() {
		_, err := fetch(http.DefaultClient, url)
		answered <- err
	}()
	<-arrived
	closed := make(chan error, 1)
	go func() { closed <- r.Close(ctx) }()
	eventually(t, "socket is closed", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	close(release)
	if err := <-answered; err != nil {
		t.Errorf("request under way: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, _, err := socket.Read(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("WebSocket: %v, want it cut", err)
	}
	if err := r.Apply(State{}); !errors.Is(err, ErrClosed) {
		t.Errorf("apply: %v, want ErrClosed", err)
	}
	if got := r.Endpoints(); len(got) != 0 {
		t.Errorf("endpoints %v", got)
	}
}

func TestCloseCutsWhatTakesTooLong(t *testing.T) {
	r := newRig(t, Config{})
	arrived := make(chan struct{})
	r.apply(simple(backend(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})))
	r.await(Healthy)
	go fetch(http.DefaultClient, r.url("/"))
	<-arrived
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := r.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close: %v, want an error that says it cut a request", err)
	}
}

func TestNewRefusesPublicAddress(t *testing.T) {
	if _, err := New(Config{Address: netip.MustParseAddr("0.0.0.0")}); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("error %v, want one that asks for a loopback address", err)
	}
}
