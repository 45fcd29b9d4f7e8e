package lb

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestForwardedRequest(t *testing.T) {
	r := newRig(t, Config{})
	received := make(chan *http.Request, 1)
	r.apply(simple(backend(t, func(w http.ResponseWriter, r *http.Request) {
		received <- r
		w.Header().Set("Server", "app")
		w.WriteHeader(http.StatusTeapot)
	})))
	r.await(Healthy)

	request, err := http.NewRequest(http.MethodGet, r.url("/a%2Fb?x=1;y=%zz"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "hello.example.com:8080"
	request.Header.Set("X-Forwarded-For", "198.51.100.1")
	request.Header.Set("X-Forwarded-Proto", "gopher")
	request.Header.Set("X-Forwarded-Host", "front.example.com")
	request.Header.Set("Accept-Encoding", "br")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusTeapot || response.Header.Get("Server") != "app" {
		t.Errorf("response %d from %q, want the target's", response.StatusCode, response.Header.Get("Server"))
	}

	got := <-received
	if got.RequestURI != "/a%2Fb?x=1;y=%zz" || got.Host != "hello.example.com:8080" || got.Proto != "HTTP/1.1" {
		t.Errorf("target was asked %s for %s by %s", got.Host, got.RequestURI, got.Proto)
	}
	if got.ContentLength != 0 || len(got.TransferEncoding) != 0 || got.Header.Get("Content-Length") != "" {
		t.Errorf("target was sent a body, of length %d, %v", got.ContentLength, got.TransferEncoding)
	}
	for name, want := range map[string]string{
		"X-Forwarded-For":   `198\.51\.100\.1, 127\.0\.0\.1`,
		"X-Forwarded-Proto": "http",
		"X-Forwarded-Port":  "80",
		"X-Forwarded-Host":  `front\.example\.com`,
		"X-Amzn-Trace-Id":   "Root=1-[0-9a-f]{8}-[0-9a-f]{24}",
		"Accept-Encoding":   "br",
	} {
		if value := got.Header.Get(name); !regexp.MustCompile("^" + want + "$").MatchString(value) {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
}

func TestInvalidHeaders(t *testing.T) {
	for _, drop := range []bool{false, true} {
		r := newRig(t, Config{})
		state := simple(backend(t, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Header.Get("X_under"), r.Header.Get("X-Dash"))
		}))
		state.DropInvalidHeaders = drop
		r.apply(state)
		r.await(Healthy)
		request, err := http.NewRequest(http.MethodGet, r.url("/"), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header["X_under"] = []string{"under"}
		request.Header.Set("X-Dash", "dash")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if want := map[bool]string{false: "underdash", true: "dash"}[drop]; string(body) != want {
			t.Errorf("drop %v: target saw %q, want %q", drop, body, want)
		}
	}
}

// TestRoutes is the reference set-up: HTTP redirects, the default answer is a 404 in JSON, host and path rules forward.
func TestRoutes(t *testing.T) {
	r := newRig(t, Config{})
	notFound := Action{FixedResponse: &FixedResponse{StatusCode: 404, ContentType: "application/json", Body: `{"message": "Not Found"}`}}
	secure, client := r.secure(notFound, []string{"*.example.com"})
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	secure.Rules = []Rule{
		{Priority: 20, Conditions: []Condition{{Field: HostHeader, Values: []string{"hello.example.com"}}}, Action: forwardTo("blue")},
		{Priority: 10, Conditions: []Condition{
			{Field: HostHeader, Values: []string{"hello.example.com"}}, {Field: PathPattern, Values: []string{"/api", "/api/*"}},
		}, Action: forwardTo("green")},
	}
	green := blue(backend(t, say("green")))
	green.ID = "green"
	r.apply(State{
		Listeners: []Listener{
			{ID: "web", Port: 80, Protocol: HTTP, Default: Action{Redirect: &Redirect{Protocol: "HTTPS", Port: "443", StatusCode: 301}}},
			secure,
		},
		TargetGroups: []TargetGroup{blue(backend(t, say("blue"))), green},
	})
	r.await(Healthy)
	eventually(t, "green is healthy", func() bool { return r.Health("green")[0].State == Healthy })

	for path, want := range map[string]string{"/": "blue", "/api": "green", "/api/v1": "green", "/apian": "blue"} {
		if got, err := fetch(client, "https://hello.example.com"+path); err != nil || got.body != want {
			t.Errorf("%s: %q, %v; want %q", path, got.body, err, want)
		}
	}
	got, err := fetch(client, "https://other.example.com/")
	if err != nil {
		t.Fatal(err)
	}
	if got.code != http.StatusNotFound || got.body != `{"message": "Not Found"}` ||
		got.header.Get("Content-Type") != "application/json" || got.header.Get("Server") != "awselb/2.0" {
		t.Errorf("unknown host: %+v", got)
	}
	request, err := http.NewRequest(http.MethodGet, r.url("/p?q=1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "hello.example.com:8080"
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if got := response.Header.Get("Location"); response.StatusCode != http.StatusMovedPermanently || got != "https://hello.example.com:443/p?q=1" {
		t.Errorf("redirect: %d to %q", response.StatusCode, got)
	}
}

func TestWeightedForward(t *testing.T) {
	r := newRig(t, Config{})
	state := simple(backend(t, say("blue")))
	green := blue(backend(t, say("green")))
	green.ID = "green"
	state.TargetGroups = append(state.TargetGroups, green)
	state.Listeners[0].Default = Action{Forward: []WeightedTargetGroup{{"blue", 3}, {"green", 1}}}
	r.apply(state)
	r.await(Healthy)
	eventually(t, "green is healthy", func() bool { return r.Health("green")[0].State == Healthy })
	got := map[string]int{}
	for range 40 {
		_, body := r.get(r.url("/"))
		got[body]++
	}
	if got["blue"] != 30 || got["green"] != 10 {
		t.Errorf("40 requests went %v, want 30 to blue and 10 to green", got)
	}
}

// TestCanary is a canary's set-up: two rules share one host name out, one of them among both groups and the other, for requests with a
// header, to only the second. A group keeps its share with or without healthy targets: ALB fails over to another target of the group
// ("Target group health"), and without any it answers 503 ("Troubleshoot your Application Load Balancers").
func TestCanary(t *testing.T) {
	r := newRig(t, Config{})
	state := simple(backend(t, say("main")))
	healthy, sick := backend(t, say("canary")), failing(t, say("canary"))
	always := Condition{Field: HTTPHeader, Header: "X-Canary", Values: []string{"always"}}
	everybody := Condition{Field: PathPattern, Values: []string{"/*"}}
	state.Listeners[0].Default = Action{FixedResponse: &FixedResponse{StatusCode: 404, ContentType: "text/plain"}}
	state.Listeners[0].Rules = []Rule{
		{Priority: 1, Conditions: []Condition{everybody, always}, Action: forwardTo("green")},
		{Priority: 2, Conditions: []Condition{everybody}, Action: Action{Forward: []WeightedTargetGroup{{"blue", 90}, {"green", 10}}}},
	}
	for _, test := range []struct {
		name           string
		targets        []netip.AddrPort
		state          HealthState // of the target
		shared, always string      // the answers to the canary's share and to the header
	}{
		{"no target", nil, "", "503", "503"},
		{"healthy", []netip.AddrPort{healthy}, Healthy, "canary", "canary"},
		{"unhealthy, which fails open", []netip.AddrPort{sick}, Unhealthy, "canary", "canary"},
	} {
		t.Run(test.name, func(t *testing.T) {
			green := blue(test.targets...)
			green.ID = "green"
			state.TargetGroups = []TargetGroup{state.TargetGroups[0], green}
			r.apply(state)
			r.await(Healthy)
			eventually(t, "green is "+string(test.state), func() bool {
				return !slices.ContainsFunc(r.Health("green"), func(h TargetHealth) bool { return h.State != test.state && h.State != Draining })
			})
			ask := func(header string) string {
				request, err := http.NewRequest(http.MethodGet, r.url("/"), nil)
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("X-Canary", header)
				response, err := http.DefaultTransport.RoundTrip(request)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				body, err := io.ReadAll(response.Body)
				if err != nil {
					t.Fatal(err)
				}
				if response.StatusCode != http.StatusOK {
					return strconv.Itoa(response.StatusCode)
				}
				return string(body)
			}
			got := map[string]int{}
			for range 100 {
				got[ask("never")]++
			}
			if got["main"] != 90 || got[test.shared] != 10 {
				t.Errorf("100 requests went %v, want 90 main and 10 %s", got, test.shared)
			}
			for range 10 {
				if got := ask("Always"); got != test.always {
					t.Errorf("with the header: %q, want %q", got, test.always)
				}
			}
		})
	}
}

// failing starts a target that answers by handler, but fails its health checks.
func failing(t *testing.T, handler http.HandlerFunc) netip.AddrPort {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().(*net.TCPAddr).AddrPort()
}

func TestRoundRobin(t *testing.T) {
	r := newRig(t, Config{})
	r.apply(simple(backend(t, say("a")), backend(t, say("b")), backend(t, say("c"))))
	r.await(Healthy)
	got := map[string]int{}
	for range 12 {
		_, body := r.get(r.url("/"))
		got[body]++
	}
	if got["a"] != 4 || got["b"] != 4 || got["c"] != 4 {
		t.Errorf("12 requests went %v, want 4 to each", got)
	}
}

func TestBadGateway(t *testing.T) {
	tests := map[string]func(net.Conn){
		"closed":    func(net.Conn) {},
		"reset":     func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) },
		"malformed": func(c net.Conn) { io.WriteString(c, "220 ready\r\n") },
		"bad header": func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n")
		},
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{})
			r.apply(simple(raw(t, answer)))
			r.await(Healthy)
			if code, body := r.get(r.url("/")); code != 502 || !strings.Contains(body, "502 Bad Gateway") {
				t.Errorf("%d %q, want ALB's 502", code, body)
			}
		})
	}
}

// A connection that was kept alive may end as the next request arrives. It is not known whether the target has begun to act on it, so
// it is not sent again.
func TestRequestIsSentOnce(t *testing.T) {
	for _, tt := range []struct {
		method string
		header http.Header
	}{
		{http.MethodGet, nil},
		{http.MethodHead, nil},
		{http.MethodOptions, nil},
		{http.MethodDelete, nil},
		{http.MethodPost, http.Header{"Idempotency-Key": {"1"}}},
		{http.MethodPut, http.Header{"X-Idempotency-Key": {"1"}}},
	} {
		t.Run(tt.method, func(t *testing.T) {
			var received, cut atomic.Int32
			r := newRig(t, Config{})
			r.apply(simple(raw(t, func(conn net.Conn) {
				received.Add(1)
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				if _, err := conn.Read(make([]byte, 64<<10)); err == nil {
					received.Add(1)
					cut.Add(1)
				}
			})))
			r.await(Healthy)
			client := &http.Transport{DisableKeepAlives: true}
			sent, code := 0, 0
			// A request may find the connection of the one before it not yet kept, and get another one.
			eventually(t, "a connection is used again", func() bool {
				request, err := http.NewRequest(tt.method, r.url("/"), nil)
				if err != nil {
					t.Fatal(err)
				}
				maps.Copy(request.Header, tt.header)
				response, err := client.RoundTrip(request)
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				sent, code = sent+1, response.StatusCode
				return cut.Load() > 0
			})
			if code != http.StatusBadGateway {
				t.Errorf("the client got %d, want 502", code)
			}
			if n := int(received.Load()); n != sent {
				t.Errorf("the target received %d requests, and the client sent %d", n, sent)
			}
		})
	}
}

// TestRefusedConnection also shows that a balancer without any healthy target fails open.
func TestRefusedConnection(t *testing.T) {
	r := newRig(t, Config{})
	r.apply(simple(unusedAddr(t)))
	r.await(Unhealthy)
	if code, _ := r.get(r.url("/")); code != 502 {
		t.Errorf("%d, want 502", code)
	}
	if got := r.Metrics().TargetGroups["blue"].ConnectionErrors; got != 1 {
		t.Errorf("%d connection errors, want 1", got)
	}
}

func TestNoTargets(t *testing.T) {
	r := newRig(t, Config{})
	r.apply(simple())
	if code, body := r.get(r.url("/")); code != 503 || !strings.Contains(body, "503 Service Temporarily Unavailable") {
		t.Errorf("%d %q, want ALB's 503", code, body)
	}
	state := simple(backend(t, say("")))
	state.Listeners[0].Default.Forward[0].Weight = 0
	r.apply(state)
	r.await(Healthy)
	if code, _ := r.get(r.url("/")); code != 503 {
		t.Errorf("%d with weight 0, want 503", code)
	}
}

func TestUnreachableTarget(t *testing.T) {
	r := newRig(t, Config{ConnectTimeout: 50 * time.Millisecond})
	var shut atomic.Bool
	state := simple(backend(t, say("hello")))
	state.Reach = func(netip.AddrPort) bool { return !shut.Load() }
	r.apply(state)
	r.await(Healthy)
	if code, _ := r.get(r.url("/")); code != 200 {
		t.Fatalf("%d while the target is in reach, want 200", code)
	}
	shut.Store(true)
	r.apply(state) // forgets the connection that is open
	if code, _ := r.get(r.url("/")); code != 504 {
		t.Errorf("%d, want 504", code)
	}
	r.awaitWhere("time-outs", func(h []TargetHealth) bool { return h[0].State == Unhealthy && h[0].Reason == Timeout })
	shut.Store(false)
	r.await(Healthy)
	if code, _ := r.get(r.url("/")); code != 200 {
		t.Errorf("%d after the target came in reach again, want 200", code)
	}
}

// TestSlowTarget makes sure that the request is sent once, though it went over a connection in use before.
func TestSlowTarget(t *testing.T) {
	r := newRig(t, Config{})
	var slow atomic.Int32
	release := make(chan struct{})
	state := simple(backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			slow.Add(1)
			<-release
		}
	}))
	defer close(release) // before the target's server waits for its handlers
	state.IdleTimeout = 100 * time.Millisecond
	r.apply(state)
	r.await(Healthy)
	if code, _ := r.get(r.url("/")); code != 200 {
		t.Fatalf("%d, want 200", code)
	}
	if code, body := r.get(r.url("/slow")); code != 504 || !strings.Contains(body, "504 Gateway Time-out") {
		t.Errorf("%d %q, want ALB's 504", code, body)
	}
	if got := slow.Load(); got != 1 {
		t.Errorf("target received the request %d times", got)
	}
}

// TestSlowButTalking: each byte restarts the idle timeout.
func TestSlowButTalking(t *testing.T) {
	r := newRig(t, Config{})
	const parts = 6
	state := simple(backend(t, func(w http.ResponseWriter, r *http.Request) {
		for range parts {
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			<-time.After(100 * time.Millisecond)
		}
	}))
	state.IdleTimeout = 300 * time.Millisecond
	r.apply(state)
	r.await(Healthy)
	if code, body := r.get(r.url("/")); code != 200 || body != strings.Repeat("x", parts) {
		t.Errorf("%d %q, want all %d parts", code, body, parts)
	}
}

// TestStalledResponse: once the status is sent, cutting the response is all a balancer can do.
func TestStalledResponse(t *testing.T) {
	r := newRig(t, Config{})
	ended := make(chan struct{})
	state := simple(raw(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
		closedWithin(c)
		close(ended)
	}))
	state.IdleTimeout = 100 * time.Millisecond
	r.apply(state)
	r.await(Healthy)
	if got, err := fetch(http.DefaultClient, r.url("/")); err == nil || got.body != "half" {
		t.Errorf("%d %q, %v; want an error after half of the body", got.code, got.body, err)
	}
	<-ended
}

func TestSlowClient(t *testing.T) {
	r := newRig(t, Config{})
	state := simple(backend(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	state.IdleTimeout = 100 * time.Millisecond
	r.apply(state)
	r.await(Healthy)
	conn := dial(t, r.addr(80))
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: h.test\r\nContent-Length: 10\r\n\r\nhalf")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusRequestTimeout {
		t.Errorf("%d, want 408", response.StatusCode)
	}
}

func TestClientThatGivesUp(t *testing.T) {
	r := newRig(t, Config{})
	arrived := make(chan struct{})
	r.apply(simple(backend(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done() // the balancer hangs up in its turn
	})))
	r.await(Healthy)
	conn := dial(t, r.addr(80))
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: h.test\r\n\r\n")
	<-arrived
	conn.Close()
	eventually(t, "460 is counted", func() bool { return r.Metrics().Listeners["web"].ELB4xx == 1 })
}

func TestMalformedRequests(t *testing.T) {
	r := newRig(t, Config{})
	r.apply(simple(backend(t, say("hello"))))
	r.await(Healthy)
	long := strings.Repeat("x", 20<<10)
	tests := map[string]struct {
		request string
		want    int
	}{
		"no host":         {"GET / HTTP/1.1\r\n\r\n", 400},
		"no HTTP":         {"HELO h.test\r\n\r\n", 400},
		"long header":     {"GET / HTTP/1.1\r\nHost: h.test\r\nX-Long: " + long + "\r\n\r\n", 400},
		"long line":       {"GET /" + long + " HTTP/1.1\r\nHost: h.test\r\n\r\n", 414},
		"trace":           {"TRACE / HTTP/1.1\r\nHost: h.test\r\n\r\n", 405},
		"other encoding":  {"POST / HTTP/1.1\r\nHost: h.test\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
		"endless headers": {"GET / HTTP/1.1\r\nHost: h.test\r\nX-Long: " + strings.Repeat("x", 256<<10), 431},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, r.addr(80))
			go io.WriteString(conn, test.request) // the balancer may not read all of it
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != test.want {
				t.Errorf("%d, want %d", response.StatusCode, test.want)
			}
		})
	}
}

func TestLargeBodies(t *testing.T) {
	r := newRig(t, Config{})
	r.apply(simple(backend(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })))
	r.await(Healthy)
	sent := strings.Repeat("0123456789abcdef", 1<<16)
	response, err := http.Post(r.url("/"), "text/plain", strings.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err != nil || string(got) != sent {
		t.Errorf("%d of %d bytes came back: %v", len(got), len(sent), err)
	}
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestAnswerDoesNotWaitForTheBody: a client that stalls while it sends gets an answer that needs no body, and its connection is closed.
func TestAnswerDoesNotWaitForTheBody(t *testing.T) {
	r := newRig(t, Config{})
	state := simple()
	state.IdleTimeout = 100 * time.Millisecond
	r.apply(state)
	conn := dial(t, r.addr(80))
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: h.test\r\nContent-Length: 10\r\n\r\nhalf")
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%d, want 503", response.StatusCode)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Error(err)
	}
	if err := closedWithin(conn); err != nil {
		t.Error(err)
	}
}

func TestLongResponseHeader(t *testing.T) {
	r := newRig(t, Config{})
	r.apply(simple(backend(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		for i := range n {
			w.Header().Set(fmt.Sprint("X-Long-", i), strings.Repeat("x", 1000))
		}
		_, _ = io.WriteString(w, strings.Repeat("y", 100<<10)) // the limit is only for the header
	})))
	r.await(Healthy)
	for n, want := range map[int]int{1: 200, 31: 200, 33: 502, 100: 502} {
		code, body := r.get(r.url(fmt.Sprint("/?n=", n)))
		if code != want || want == 502 && !strings.Contains(body, "502 Bad Gateway") {
			t.Errorf("%d KB of header: %d, want %d", n, code, want)
		}
	}
}

func TestGRPCToHTTP1(t *testing.T) {
	r := newRig(t, Config{})
	var received atomic.Int64
	state := simple(backend(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/call" {
			received.Add(1)
		}
	}))
	secure, client := r.secure(forwardTo("blue"), []string{"h.test"})
	state.Listeners = []Listener{secure}
	r.apply(state)
	r.await(Healthy)
	for contentType, want := range map[string]int{
		"application/grpc": 464, "application/grpc+proto": 464, "Application/GRPC; charset=utf-8": 464, "application/grpc-web": 200, "application/json": 200,
	} {
		response, err := client.Post("https://h.test/call", contentType, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want || response.ProtoMajor != 2 {
			t.Errorf("%s: %d over %s, want %d", contentType, response.StatusCode, response.Proto, want)
		}
	}
	if n := received.Load(); n != 2 {
		t.Errorf("the target received %d calls, want 2", n)
	}
	if n := r.Metrics().Listeners["secure"].ELB4xx; n != 3 {
		t.Errorf("%d answers of the balancer's own, want 3", n)
	}
}
