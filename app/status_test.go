package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fakeCheck is a check made of a function.
type fakeCheck struct {
	name string
	run  func(context.Context) error
}

func (c fakeCheck) Name() string                    { return c.name }
func (c fakeCheck) Check(ctx context.Context) error { return c.run(ctx) }

func testStatus(checks ...Check) *status {
	return &status{checks: checks, timeout: 2 * time.Second, maxAge: 5 * time.Second, version: "1.2.3", log: discard}
}

func TestStatus(t *testing.T) {
	fine := fakeCheck{"fine", func(context.Context) error { return nil }}
	broken := fakeCheck{"broken", func(context.Context) error { return errors.New("dial 10.0.0.9: refused") }}
	stuck := fakeCheck{"stuck", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}

	for name, test := range map[string]struct {
		checks []Check
		code   int
		states string
	}{
		"none":     {nil, 200, ""},
		"all fine": {[]Check{fine, fine}, 200, "fine=ok fine=ok"},
		"one bad":  {[]Check{fine, broken}, 503, "fine=ok broken=failed"},
		"time-out": {[]Check{stuck, fine, stuck}, 503, "stuck=failed fine=ok stuck=failed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				resp := call(testStatus(test.checks...), "GET", "/status")
				body := decode(t, resp)
				if resp.Code != test.code || body["version"] != "1.2.3" {
					t.Errorf("answer %d %v, want %d", resp.Code, body, test.code)
				}
				var states []string
				for _, check := range body["checks"].([]any) {
					check := check.(map[string]any)
					states = append(states, check["name"].(string)+"="+check["status"].(string))
					if len(check) != 3 {
						t.Errorf("check %v shows more than name, status and duration", check)
					}
				}
				if got := strings.Join(states, " "); got != test.states {
					t.Errorf("checks %q, want %q", got, test.states)
				}
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("took %s: the checks do not share one time-out", took)
				}
			})
		})
	}
}

func TestStatusIsRepeatedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		s := testStatus(fakeCheck{"counted", func(context.Context) error { runs++; return nil }})
		for _, step := range []struct {
			pause time.Duration
			runs  int
		}{{0, 1}, {0, 1}, {4999 * time.Millisecond, 1}, {time.Millisecond, 2}, {time.Second, 2}, {time.Hour, 3}} {
			time.Sleep(step.pause) //nolint:forbidigo // on the bubble's clock, which takes no time
			if s.current(t.Context()); runs != step.runs {
				t.Errorf("after a pause of %s the check has run %d times, want %d", step.pause, runs, step.runs)
			}
		}
	})
}

func TestStatusRunsOnceForAllWhoAsk(t *testing.T) {
	var runs atomic.Int32
	release := make(chan struct{})
	s := testStatus(fakeCheck{"slow", func(context.Context) error { runs.Add(1); <-release; return nil }})
	s.maxAge = time.Hour

	var asking sync.WaitGroup
	for range 50 {
		asking.Go(func() {
			if got := s.current(t.Context()); got.Status != "ok" {
				t.Errorf("status %q", got.Status)
			}
		})
	}
	until(t, "the check to run", func() bool { return runs.Load() > 0 })
	close(release)
	asking.Wait()
	if got := runs.Load(); got != 1 {
		t.Errorf("the check ran %d times, want once", got)
	}
}

func TestStatusOutlivesWhoAsked(t *testing.T) {
	s := testStatus(fakeCheck{"slow", func(ctx context.Context) error { return ctx.Err() }})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if got := s.current(gone); got.Status != "ok" {
		t.Errorf("status %q: the check failed because who asked was gone", got.Status)
	}
}

func TestHTTPCheck(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !r.Close {
			t.Error("the check keeps its connection")
		}
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/bad", http.StatusFound)
		case "/bad":
			w.WriteHeader(http.StatusInternalServerError)
		case "/stuck":
			<-r.Context().Done()
		}
	}))
	address := upstream.URL
	defer upstream.Close()
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()

	for _, test := range []struct{ url, want string }{
		{address + "/", ""},
		{address + "/moved", ""},
		{address + "/bad?token=secret", "answered 500"},
		{address + "/stuck?token=secret", "deadline exceeded"},
		{down.URL + "/?token=secret", "refused"},
	} {
		t.Run(test.url, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			if strings.Contains(test.url, "stuck") {
				ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
			}
			defer cancel()
			err := newHTTPCheck("api", test.url).Check(ctx)
			switch {
			case (err == nil) != (test.want == ""), err != nil && !strings.Contains(err.Error(), test.want):
				t.Errorf("error %v, want %q", err, test.want)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Errorf("error %q holds the query", err)
			}
		})
	}
}

func TestTCPCheck(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	check := tcpCheck{"db", listener.Addr().String()}
	if err := check.Check(t.Context()); err != nil {
		t.Errorf("open port: %v", err)
	}
	listener.Close()
	if err := check.Check(t.Context()); err == nil {
		t.Error("closed port: no error")
	}
}
