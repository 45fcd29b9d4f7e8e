package lb

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// moody is a target whose health checks answer the code it is set to; 0 makes them hang.
type moody struct {
	addr netip.AddrPort
	code atomic.Int32
	seen chan http.Header // of one health check, when somebody waits for it
}

func newMoody(t *testing.T, code int) *moody {
	m := &moody{seen: make(chan http.Header)}
	m.code.Store(int32(code))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			io.WriteString(w, "hello")
			return
		}
		select {
		case m.seen <- r.Header:
		default:
		}
		code := m.code.Load()
		if code == 0 {
			<-r.Context().Done()
			return
		}
		w.WriteHeader(int(code))
	}))
	t.Cleanup(server.Close)
	m.addr = netip.MustParseAddrPort(server.Listener.Addr().String())
	return m
}

func TestHealthOfOneTarget(t *testing.T) {
	r := newRig(t, Config{})
	m := newMoody(t, 200)
	r.apply(simple(m.addr))
	r.await(Healthy)
	if h := r.Health("blue")[0]; h.Target != m.addr || h.Reason != "" || h.Description != "" {
		t.Errorf("healthy target: %+v, want no reason", h)
	}
	if agent := (<-m.seen).Get("User-Agent"); agent != "ELB-HealthChecker/2.0" {
		t.Errorf("health check by %q", agent)
	}
	m.code.Store(404)
	r.awaitWhere("mismatch", func(h []TargetHealth) bool {
		return h[0].State == Unhealthy && h[0].Reason == ResponseCodeMismatch &&
			h[0].Description == "Health checks failed with these codes: [404]"
	})
	m.code.Store(0)
	r.awaitWhere("time-out", func(h []TargetHealth) bool {
		return h[0].State == Unhealthy && h[0].Reason == Timeout && h[0].Description == "Request timed out"
	})
	m.code.Store(301) // is not followed
	r.awaitWhere("redirect", func(h []TargetHealth) bool { return strings.HasSuffix(h[0].Description, "[301]") })
	m.code.Store(200)
	r.await(Healthy)
}

func TestRegistrationTakesItsTime(t *testing.T) {
	const registration = 50 * time.Millisecond
	r := newRig(t, Config{Registration: registration})
	m := newMoody(t, 200)
	began := time.Now()
	r.apply(simple(m.addr))
	<-m.seen
	if took := time.Since(began); took < registration {
		t.Errorf("the first health check came after %s, want %s at least", took, registration)
	}
	r.await(Healthy)
}

func TestMatcherAndPortOfHealthCheck(t *testing.T) {
	r := newRig(t, Config{})
	m := newMoody(t, 204)
	state := simple(backend(t, say("hello")))
	state.TargetGroups[0].HealthCheck.Port = int(m.addr.Port())
	state.TargetGroups[0].HealthCheck.Matcher = "200,202-204"
	r.apply(state)
	r.await(Healthy)
	state.TargetGroups[0].HealthCheck.Matcher = "200"
	r.apply(state)
	r.await(Unhealthy)
}

func TestInitialTargetReceivesNothing(t *testing.T) {
	r := newRig(t, Config{})
	state := simple(newMoody(t, 500).addr)
	state.TargetGroups[0].HealthCheck.UnhealthyThreshold = 1 << 30
	r.apply(state)
	r.awaitWhere("first check failed", func(h []TargetHealth) bool { return h[0].Reason == InitialHealthChecking })
	if code, _ := r.get(r.url("/")); code != 503 {
		t.Errorf("%d, want 503", code)
	}
	state.TargetGroups[0].HealthCheck.UnhealthyThreshold = 1
	r.apply(state)
	r.await(Unhealthy)
	if code, body := r.get(r.url("/")); code != 200 || body != "hello" {
		t.Errorf("%d %q with nothing but unhealthy targets, want the target's answer", code, body)
	}
}

func TestUnhealthyTargetReceivesNothingBesideAHealthyOne(t *testing.T) {
	r := newRig(t, Config{})
	m := newMoody(t, 500)
	r.apply(simple(m.addr, backend(t, say("good"))))
	r.awaitWhere("one of each", func(h []TargetHealth) bool {
		return len(h) == 2 && (h[0].State == Healthy && h[1].State == Unhealthy || h[0].State == Unhealthy && h[1].State == Healthy)
	})
	for range 4 {
		if _, body := r.get(r.url("/")); body != "good" {
			t.Errorf("answer %q, want the healthy target's", body)
		}
	}
	if got := r.Metrics().TargetGroups["blue"]; got.HealthyHosts != 1 || got.UnhealthyHosts != 1 {
		t.Errorf("metrics %+v", got)
	}
}

func TestUnusedGroup(t *testing.T) {
	r := newRig(t, Config{})
	state := simple(backend(t, say("hello")))
	unused := State{TargetGroups: state.TargetGroups}
	r.apply(unused)
	r.await(Unused)
	if h := r.Health("blue")[0]; h.Reason != TargetNotInUse {
		t.Errorf("reason %s, want %s", h.Reason, TargetNotInUse)
	}
	r.apply(state)
	r.await(Healthy)
	r.apply(unused)
	r.await(Unused)
}

func TestDrainingFinishesRequestsUnderWay(t *testing.T) {
	r := newRig(t, Config{})
	arrived, release := make(chan struct{}), make(chan struct{})
	old := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		io.WriteString(w, "old")
	})
	r.apply(simple(old))
	r.await(Healthy)
	url := r.url("/")
	result := make(chan string, 1)
	go func() {
		got, err := fetch(http.DefaultClient, url)
		result <- fmt.Sprint(got.code, got.body, err)
	}()
	<-arrived

	state := simple(backend(t, say("new")))
	state.TargetGroups[0].DeregistrationDelay = time.Minute
	r.apply(state)
	r.awaitWhere("old drains, new is healthy", func(h []TargetHealth) bool {
		states := map[bool]HealthState{}
		for _, target := range h {
			states[target.Target == old] = target.State
		}
		return states[true] == Draining && states[false] == Healthy
	})
	for _, h := range r.Health("blue") {
		if h.Target == old && (h.Reason != DeregistrationInProgress || h.Description == "" || h.InFlight != 1) {
			t.Errorf("draining target: %+v", h)
		}
	}
	for range 4 {
		if _, body := r.get(url); body != "new" {
			t.Errorf("answer %q while the old target drains, want the new one's", body)
		}
	}
	close(release)
	if got, want := <-result, fmt.Sprint(http.StatusOK, "old", nil); got != want {
		t.Errorf("request under way ended with %q, want %q", got, want)
	}
}

// TestEndOfDraining: requests are answered 502 and WebSockets are cut ("Troubleshoot your Application Load Balancers").
func TestEndOfDraining(t *testing.T) {
	r := newRig(t, Config{})
	arrived := make(chan struct{})
	target := backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ws" {
			echo(w, r)
			return
		}
		close(arrived)
		<-r.Context().Done()
	})
	r.apply(simple(target))
	r.await(Healthy)
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	socket := open(ctx, t, "ws://"+r.addr(80)+"/ws", nil)
	url := r.url("/")
	code := make(chan int, 1)
	go func() {
		got, err := fetch(http.DefaultClient, url)
		if err != nil {
			t.Error(err)
		}
		code <- got.code
	}()
	<-arrived

	state := simple()
	state.TargetGroups[0].DeregistrationDelay = 500 * time.Millisecond
	r.apply(state)
	r.await(Draining)
	if err := talk(ctx, socket, "while it drains"); err != nil {
		t.Errorf("WebSocket while its target drains: %v", err)
	}
	if got, _ := r.get(url); got != 503 {
		t.Errorf("%d for a new request, want 503", got)
	}
	r.awaitWhere("gone", func(h []TargetHealth) bool { return len(h) == 0 })
	if got := <-code; got != 502 {
		t.Errorf("request that outlasted the delay: %d, want 502", got)
	}
	if _, _, err := socket.Read(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("WebSocket that outlasted the delay: %v, want it cut", err)
	}
}

func TestTargetThatComesBack(t *testing.T) {
	r := newRig(t, Config{})
	target := backend(t, say("hello"))
	with, without := simple(target), simple()
	without.TargetGroups[0].DeregistrationDelay = time.Hour
	r.apply(with)
	r.await(Healthy)
	r.apply(without)
	r.await(Draining)
	r.apply(with)
	r.await(Healthy)
	group := r.groups["blue"]
	late := group.targets[0]
	group.expire(late, late.drains) // the timer's call, had it been on its way already
	if code, _ := r.get(r.url("/")); code != 200 {
		t.Errorf("%d, want 200", code)
	}
}

func TestRemovedGroupDrains(t *testing.T) {
	r := newRig(t, Config{})
	state := simple(backend(t, say("hello")))
	state.TargetGroups[0].DeregistrationDelay = 300 * time.Millisecond
	r.apply(state)
	r.await(Healthy)
	r.apply(State{})
	r.await(Draining)
	r.awaitWhere("forgotten", func(h []TargetHealth) bool { return h == nil })
	r.apply(state)
	r.await(Healthy)
}

func TestGroupKeepsItsProtocol(t *testing.T) {
	r := newRig(t, Config{})
	state := simple()
	r.apply(state)
	changed := simple()
	changed.TargetGroups[0].Protocol = HTTPS
	if err := r.Apply(changed); err == nil || !strings.Contains(err.Error(), "cannot be changed") {
		t.Errorf("error %v, want a refusal", err)
	}
}

func TestTargetsOverTLS(t *testing.T) {
	r := newRig(t, Config{})
	server := httptest.NewTLSServer(say("hello over TLS"))
	defer server.Close()
	state := simple(netip.MustParseAddrPort(server.Listener.Addr().String()))
	state.TargetGroups[0].Protocol = HTTPS
	state.TargetGroups[0].HealthCheck.Protocol = HTTPS
	r.apply(state)
	r.await(Healthy)
	if code, body := r.get(r.url("/")); code != 200 || body != "hello over TLS" {
		t.Errorf("%d %q", code, body)
	}
}

// TestNothingIsDropped replaces the targets again and again under load, the way a rolling deployment does: the new one is
// registered, the old one is deregistered once the new one is healthy, and stopped the moment its last request has ended.
func TestNothingIsDropped(t *testing.T) {
	r := newRig(t, Config{})
	handler := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
		io.WriteString(w, "ok")
	}
	target, stop := stoppable(t, handler)
	state := func(targets ...netip.AddrPort) State {
		s := simple(targets...)
		s.TargetGroups[0].DeregistrationDelay = time.Minute
		return s
	}
	r.apply(state(target))
	r.await(Healthy)
	url := r.url("/")

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	var requests atomic.Int64
	for i := range 8 {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for n := 0; ctx.Err() == nil; n++ {
				sent := fmt.Sprintf("%d/%d ", i, n)
				request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(sent)) // which nothing repeats
				if err != nil {
					t.Error(err)
					return
				}
				response, err := client.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || response.StatusCode != http.StatusOK || string(body) != sent+"ok" {
					t.Errorf("%d %q, %v", response.StatusCode, body, err)
					return
				}
				requests.Add(1)
			}
		})
	}
	for range 10 {
		before := requests.Load()
		next, stopNext := stoppable(t, handler)
		r.apply(state(target, next))
		r.awaitWhere("new one is healthy", func(all []TargetHealth) bool {
			return slices.ContainsFunc(all, func(h TargetHealth) bool { return h.Target == next && h.State == Healthy })
		})
		eventually(t, "load goes on", func() bool { return t.Failed() || requests.Load() > before+100 })
		r.apply(state(next))
		eventually(t, "old one is out of work", func() bool {
			return slices.ContainsFunc(r.Health("blue"), func(h TargetHealth) bool {
				return h.Target == target && h.State == Draining && h.InFlight == 0
			})
		})
		stop()
		target, stop = next, stopNext
	}
	cancel()
	wg.Wait()
	if got := r.Metrics(); got.Listeners["web"].ELB5xx != 0 || got.TargetGroups["blue"].Target2xx != uint64(requests.Load()) {
		t.Errorf("%d requests, metrics %+v", requests.Load(), got)
	}
}

func TestMetrics(t *testing.T) {
	r := newRig(t, Config{})
	state := simple(backend(t, func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscan(r.URL.Query().Get("code"), &code)
		w.WriteHeader(code)
	}))
	state.Listeners[0].Rules = []Rule{
		{Priority: 1, Conditions: []Condition{{Field: PathPattern, Values: []string{"/fixed"}}}, Action: Action{FixedResponse: &FixedResponse{StatusCode: 500}}},
		{Priority: 2, Conditions: []Condition{{Field: PathPattern, Values: []string{"/empty"}}}, Action: forwardTo("empty")},
	}
	state.TargetGroups = append(state.TargetGroups, TargetGroup{ID: "empty", Protocol: HTTP})
	r.apply(state)
	r.await(Healthy)
	for _, path := range []string{"/?code=200", "/?code=204", "/?code=302", "/?code=404", "/?code=500", "/?code=503", "/fixed", "/empty"} {
		response, err := http.DefaultTransport.RoundTrip(httptest.NewRequest(http.MethodGet, r.url(path), nil))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	got := r.Metrics()
	listener := got.Listeners["web"]
	if listener.ActiveConnections < 1 || listener.NewConnections < 1 {
		t.Errorf("connections: %+v", listener)
	}
	listener.ActiveConnections, listener.NewConnections = 0, 0
	if want := (ListenerMetrics{Requests: 8, FixedResponses: 1, ELB5xx: 1, ELB503: 1}); listener != want {
		t.Errorf("listener %+v, want %+v", listener, want)
	}
	group := got.TargetGroups["blue"]
	if group.ResponseTime <= 0 {
		t.Errorf("response time %s", group.ResponseTime)
	}
	group.ResponseTime = 0
	want := TargetGroupMetrics{Requests: 6, Target2xx: 2, Target3xx: 1, Target4xx: 1, Target5xx: 2, Responses: 6, HealthyHosts: 1}
	if group != want {
		t.Errorf("target group %+v, want %+v", group, want)
	}
}
