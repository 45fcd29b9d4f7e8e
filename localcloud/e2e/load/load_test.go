package load

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// service is one whose behaviour a test changes while it is under load.
type service struct {
	version, status atomic.Value // string, int
	mute            atomic.Bool  // answers as a load balancer without targets does

	mu      sync.Mutex
	sockets []*websocket.Conn
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.mute.Load():
		http.Error(w, "no targets", http.StatusServiceUnavailable)
	case r.URL.Path == "/ws":
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.sockets = append(s.sockets, conn)
		s.mu.Unlock()
		for err == nil {
			_, _, err = conn.Read(context.WithoutCancel(r.Context()))
		}
	default:
		w.WriteHeader(s.status.Load().(int))
		_ = json.NewEncoder(w).Encode(map[string]string{"version": s.version.Load().(string)})
	}
}

// end ends as many open sockets, by f, once they are all there: a client knows of its own before the service does.
func (s *service) end(t *testing.T, l *Load, sockets int, f func(*websocket.Conn)) {
	t.Helper()
	eventually(t, l, func(Result) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.sockets) == sockets
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.sockets {
		f(conn)
	}
	s.sockets = nil
}

// newLoad puts a service under load, and ends it with the test.
func newLoad(t *testing.T) (*service, *Load) {
	t.Helper()
	s := &service{}
	s.version.Store("v1")
	s.status.Store(http.StatusOK)
	server := httptest.NewUnstartedServer(s)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	l := Start(t.Context(), Options{URL: server.URL, Roots: roots, Rate: 200, Sockets: 3, Timeout: 5 * time.Second})
	t.Cleanup(func() { l.Stop() })
	return s, l
}

// eventually waits until the result is as wanted.
func eventually(t *testing.T, l *Load, wanted func(Result) bool) Result {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
		if r := l.Result(); wanted(r) {
			return r
		}
	}
	t.Fatalf("not as wanted: %s %v", l.Result(), l.Result().Failures)
	return Result{}
}

func TestVersionsAreSeenInOrder(t *testing.T) {
	s, l := newLoad(t)
	eventually(t, l, func(r Result) bool { return r.Requests > 10 && r.Opened == 3 })
	start := time.Now()
	s.version.Store("v2")
	eventually(t, l, func(r Result) bool { _, alone := r.Alone("v2", start); return alone && r.Requests > 30 })
	r := l.Stop()
	if len(r.Versions) != 2 || r.Versions[0].Name != "v1" || r.Versions[1].Name != "v2" {
		t.Errorf("versions %v", r.Versions)
	}
	if _, alone := r.Alone("v1", start); alone {
		t.Error("v1 counts as alone")
	}
	if r.Failed != 0 || r.Lost != 0 || r.Answered500 != 0 || r.Told != 0 {
		t.Errorf("nothing failed, and the result says: %s %v", r, r.Failures)
	}
}

func TestFailuresAreCounted(t *testing.T) {
	s, l := newLoad(t)
	eventually(t, l, func(r Result) bool { return r.Opened == 3 && len(r.Versions) == 1 }) // v1 is the first to answer
	s.status.Store(http.StatusInternalServerError)
	eventually(t, l, func(r Result) bool { return r.Answered500 > 0 && r.Failed == 0 })
	s.status.Store(http.StatusOK)
	s.version.Store("v2")
	eventually(t, l, func(r Result) bool { return len(r.Versions) == 2 && r.Versions[1].Answers > 10 })
	s.mute.Store(true)
	r := eventually(t, l, func(r Result) bool { return r.Failed > 2 })
	if r.Refused[http.StatusServiceUnavailable] != r.Failed || len(r.Refused) != 1 {
		t.Errorf("%d failed, and without the service were answered: %v", r.Failed, r.Refused)
	}
	if v := r.Versions[0]; v.Answered500 != r.Answered500 || v.Answered500 > v.Answers {
		t.Errorf("%d were answered 500, and by %+v", r.Answered500, v)
	}
	if !slices.ContainsFunc(r.Failures, func(f string) bool { return len(f) > 0 }) {
		t.Error("no reason is kept")
	}
}

func TestSocketsComeBack(t *testing.T) {
	s, l := newLoad(t)
	s.end(t, l, 3, func(c *websocket.Conn) { go func() { _ = c.Close(websocket.StatusGoingAway, "bye") }() })
	eventually(t, l, func(r Result) bool { return r.Told == 3 && r.Reconnected == 3 && r.Lost == 0 })
	s.end(t, l, 3, func(c *websocket.Conn) { _ = c.CloseNow() })
	eventually(t, l, func(r Result) bool { return r.Told == 3 && r.Reconnected == 6 && r.Lost == 3 })
	// Clients that were told to reconnect do so, however the load ends.
	s.end(t, l, 3, func(c *websocket.Conn) { _ = c.Close(websocket.StatusGoingAway, "bye") })
	if r := l.Stop(); r.Reconnected != r.Told+r.Lost {
		t.Errorf("%d were told, %d were lost, and %d came back", r.Told, r.Lost, r.Reconnected)
	}
}
