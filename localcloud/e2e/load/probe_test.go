package load

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// example is the host that httptest's certificate is for.
const example = "example.com"

// saying starts a server that answers with a body and counts its connections.
func saying(t *testing.T, status int, body string) (at netip.AddrPort, server *httptest.Server) {
	t.Helper()
	server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != example {
			t.Errorf("asked for %s", r.Host)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.Replace(body, "HEADER", r.Header.Get("X-Canary"), 1)+r.URL.Path[1:])
	}))
	t.Cleanup(server.Close)
	return netip.MustParseAddrPort(server.Listener.Addr().String()), server
}

// until waits for answers.
func until(t *testing.T, p *Probe, wanted func([]Answer) bool) []Answer {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
		if all := p.Answers(); wanted(all) {
			return p.Stop()
		}
	}
	t.Fatalf("not as wanted: %v", p.Stop())
	return nil
}

func TestProbeTellsWhoAnswers(t *testing.T) {
	at, server := saying(t, http.StatusOK, `{"service":"web","version":"HEADER"}`)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	p := StartProbe(t.Context(), ProbeOptions{
		Resolve: func(_ context.Context, host string) (netip.AddrPort, time.Duration, error) {
			if host != example {
				return netip.AddrPort{}, 0, errors.New("no such host")
			}
			return at, time.Hour, nil
		}, Roots: roots, Pause: time.Millisecond, Timeout: 10 * time.Second,
	}, []Request{
		{Host: example, Path: "/", Header: http.Header{"X-Canary": {"v1"}}},
		{Host: example, Path: "/and-more"},
		{Host: "other.example.com", Path: "/"},
	})
	seen := map[int]int{}
	for _, a := range until(t, p, func(all []Answer) bool { return len(all) > 20 }) {
		seen[a.Index]++
		switch a.Index {
		case 0:
			if a.Err != nil || a.Status != 200 || a.Service != "web" || a.Version != "v1" || a.Answered.Before(a.Sent) {
				t.Errorf("who it is: %+v", a)
			}
		case 1: // is no JSON
			if a.Err == nil || !strings.Contains(a.Err.Error(), "200 OK of the load balancer") {
				t.Errorf("what is no service's: %+v", a)
			}
		case 2:
			if a.Err == nil || !strings.Contains(a.Err.Error(), "resolve other.example.com: no such host") || a.Held {
				t.Errorf("without an address: %+v", a)
			}
		}
	}
	for i := range 3 {
		if seen[i] < 2 {
			t.Errorf("request %d was made %d times", i, seen[i])
		}
	}
}

// Half of the requests follow the name server at once, the others when their cached answer has expired.
func TestProbeHoldsAddresses(t *testing.T) {
	oldAt, server := saying(t, http.StatusOK, `{"service":"old","version":"v1"}`)
	newAt, _ := saying(t, http.StatusOK, `{"service":"new","version":"v1"}`)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	var moved atomic.Bool
	for _, ttl := range []time.Duration{time.Hour, 0} {
		moved.Store(false)
		p := StartProbe(t.Context(), ProbeOptions{
			Resolve: func(context.Context, string) (netip.AddrPort, time.Duration, error) {
				if moved.Swap(true) {
					return newAt, ttl, nil
				}
				return oldAt, ttl, nil
			}, Roots: roots, Pause: time.Millisecond, Timeout: 10 * time.Second,
		}, []Request{{Host: example, Path: "/"}})
		for n, a := range until(t, p, func(all []Answer) bool { return len(all) > 6 }) {
			want := "new"
			if n == 0 || a.Held {
				want = "old"
			}
			if a.Err != nil || a.Service != want || a.Held != (ttl > 0 && n%2 == 1) {
				t.Errorf("for %s, request %d: %+v", ttl, n, a)
			}
		}
	}
}
