package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for an event: only a failing test ever takes it.
const patience = time.Minute

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !condition() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("waited %s for: %s", patience, what)
		}
	}
}

// getenv makes a lookup function of a map.
func getenv(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// logBuffer keeps a test's log.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// lines decodes the log lines with the given message.
func (b *logBuffer) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for text := range strings.Lines(b.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("log line %q: %v", text, err)
		}
		if line["msg"] == message {
			found = append(found, line)
		}
	}
	return found
}

func (b *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, nil))
}

var discard = slog.New(slog.DiscardHandler)

// app is a served app with a client of its own.
type app struct {
	address string // host:port
	client  *http.Client
	log     *logBuffer
	stop    context.CancelFunc // what SIGTERM does
	done    chan error         // what serve returned
}

// start serves on a free loopback port until the test ends. Without a DRAIN_DELAY there is none.
func start(t *testing.T, env map[string]string, changes ...func(*config)) *app {
	t.Helper()
	return startOn(t, listenOnLoopback(t), env, changes...)
}

func listenOnLoopback(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// startOn is start for any listener.
func startOn(t *testing.T, listener net.Listener, env map[string]string, changes ...func(*config)) *app {
	t.Helper()
	cfg, err := loadConfig(func(name string) string {
		if value, ok := env[name]; ok || name != "DRAIN_DELAY" {
			return value
		}
		return "0s"
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		change(&cfg)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	if memory, ok := listener.(*memoryListener); ok {
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return memory.dial() }
	}
	ctx, stop := context.WithCancel(context.Background())
	a := &app{
		address: listener.Addr().String(),
		client:  &http.Client{Transport: transport, Timeout: patience},
		log:     &logBuffer{},
		stop:    stop,
		done:    make(chan error, 1),
	}
	go func() { a.done <- serve(ctx, listener, cfg, a.log.logger()) }()
	t.Cleanup(func() {
		a.client.CloseIdleConnections()
		a.stop()
		a.wait(t)
	})
	return a
}

// wait waits for serve to return without an error.
func (a *app) wait(t *testing.T) {
	t.Helper()
	select {
	case err := <-a.done:
		if err != nil {
			t.Errorf("serve: %v", err)
		}
		a.done <- nil // for the next to wait
	case <-time.After(patience):
		t.Error("serve did not return")
	}
}

// get requests a path and decodes the JSON answer.
func (a *app) get(path string) (status int, body map[string]any, err error) {
	resp, err := a.client.Get("http://" + a.address + path)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, err
	}
	err = json.Unmarshal(data, &body)
	return resp.StatusCode, body, err
}

// memoryListener accepts connections that are no files, so that no limit of the system is on their number.
type memoryListener struct {
	dialed chan net.Conn
	closed chan struct{}
	close  func()
}

func listenInMemory() *memoryListener {
	closed := make(chan struct{})
	return &memoryListener{make(chan net.Conn), closed, sync.OnceFunc(func() { close(closed) })}
}

func (l *memoryListener) dial() (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.dialed <- there:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.dialed:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.close()
	return nil
}

// Addr is one that nothing listens on.
func (*memoryListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
