package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// held is a dependency whose answer, and by that an answer of /status, a test holds back.
type held struct {
	url     string
	asked   chan struct{} // closed when the first request is there
	release func()
}

func hold(t *testing.T) *held {
	t.Helper()
	asked, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		once.Do(func() { close(asked) })
		<-release
	}))
	h := &held{url: srv.URL, asked: asked, release: sync.OnceFunc(func() { close(release) })}
	t.Cleanup(func() { h.release(); srv.Close() })
	return h
}

// A shutdown under load, seen from the load balancer: it takes its time to notice the failing health check, sends
// requests until then, and no request, begun before or while draining, fails.
func TestShutdownUnderLoad(t *testing.T) {
	dependency := hold(t)
	drained := make(chan time.Time)
	drain := sync.OnceFunc(func() { close(drained) })
	a := start(t, map[string]string{
		"DRAIN_DELAY": "7s", "CHECK_HTTP_URLS": "slow=" + dependency.url, "CHECK_TIMEOUT": "10s",
	}, func(cfg *config) {
		cfg.after = func(d time.Duration) <-chan time.Time {
			if d != 7*time.Second {
				t.Errorf("drains for %s, want DRAIN_DELAY", d)
			}
			return drained
		}
	})
	defer drain()

	var sockets []*socket
	for range 10 {
		sockets = append(sockets, join(t, "http://"+a.address+"/ws"))
	}
	inFlight := make(chan error, 1)
	go func() {
		status, body, err := a.get("/status")
		if err == nil && status != 200 {
			err = fmt.Errorf("%d %v", status, body)
		}
		inFlight <- err
	}()
	<-dependency.asked

	// Load over keep-alive connections, counted by worker.
	var load sync.WaitGroup
	var unbalanced atomic.Bool // the load balancer has stopped sending
	var answered [8]atomic.Int64
	for worker := range answered {
		load.Go(func() {
			for !unbalanced.Load() {
				status, _, err := a.get("/")
				if err != nil || status != 200 {
					t.Errorf("request: %d, %v", status, err)
					return
				}
				answered[worker].Add(1)
			}
		})
	}
	allAnswer := func(more int64) {
		t.Helper()
		for worker := range answered {
			least := answered[worker].Load() + more
			until(t, "every worker to be answered", func() bool { return answered[worker].Load() >= least })
		}
	}

	allAnswer(20)
	if status, _, err := a.get("/healthz"); status != 200 || err != nil {
		t.Errorf("health before SIGTERM: %d, %v", status, err)
	}
	a.stop()
	until(t, "the health check to fail", func() bool {
		status, _, err := a.get("/healthz")
		return status == 503 && err == nil
	})
	allAnswer(20)
	late := join(t, "http://"+a.address+"/ws") // still welcome
	late.say(t, "hello")
	late.hear(t, "hello")
	unbalanced.Store(true)
	load.Wait()

	drain()
	for _, s := range append(sockets, late) {
		if code, _ := s.end(); code != websocket.StatusGoingAway {
			t.Errorf("socket closed with %d, want %d", code, websocket.StatusGoingAway)
		}
	}
	until(t, "new connections to be refused", func() bool {
		conn, err := net.Dial("tcp", a.address)
		if err == nil {
			conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	dependency.release()
	if err := <-inFlight; err != nil {
		t.Errorf("request in flight: %v", err)
	}
	a.wait(t)

	if got := len(a.log.lines(t, "stopped")); got != 1 {
		t.Errorf("log says %d times that the app stopped", got)
	}
	if got := len(a.log.lines(t, "requests cut off")) + len(a.log.lines(t, "sockets cut off")); got != 0 {
		t.Errorf("something was cut off: %s", a.log)
	}
}

func TestShutdownCutsOffWhatDoesNotEnd(t *testing.T) {
	dependency := hold(t)
	a := start(t, map[string]string{
		"CHECK_HTTP_URLS": "slow=" + dependency.url, "CHECK_TIMEOUT": "10s", "SHUTDOWN_TIMEOUT": "20ms",
	}, func(cfg *config) { cfg.room.closing = 200 * time.Millisecond })
	conn, err := net.Dial("tcp", a.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := handshake(conn, "/ws"); err != nil { // and never answers a close frame
		t.Fatal(err)
	}
	inFlight := make(chan error, 1)
	go func() {
		_, _, err := a.get("/status")
		inFlight <- err
	}()
	<-dependency.asked

	a.stop()
	a.wait(t)
	if <-inFlight == nil {
		t.Error("the request in flight was answered")
	}
	for _, message := range []string{"requests cut off", "sockets cut off", "stopped"} {
		if len(a.log.lines(t, message)) != 1 {
			t.Errorf("no %q in the log: %s", message, a.log)
		}
	}
}

func TestServeFails(t *testing.T) {
	cfg, err := loadConfig(getenv(nil))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := serve(t.Context(), listener, cfg, discard); !errors.Is(err, net.ErrClosed) {
		t.Errorf("serve on a closed listener: %v", err)
	}
}

func TestHealthcheck(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"draining": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"moved":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(handler)
			defer srv.Close()
			address := srv.Listener.Addr().(*net.TCPAddr)
			if healthcheck(t.Context(), config{host: "127.0.0.1", port: address.Port}) == nil {
				t.Error("no error")
			}
		})
	}
}

func TestLocalAddress(t *testing.T) {
	for host, want := range map[string]string{
		"":          "127.0.0.1:8080",
		"0.0.0.0":   "127.0.0.1:8080",
		"::":        "127.0.0.1:8080",
		"::1":       "[::1]:8080",
		"127.0.0.9": "127.0.0.9:8080",
		"app.local": "app.local:8080",
	} {
		if got := (config{host: host, port: 8080}).localAddress(); got != want {
			t.Errorf("HOST=%q is reached at %q, want %q", host, got, want)
		}
	}
}
