package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// testLimits are patient, so that only a test that shortens one sees it at work.
func testLimits() roomLimits {
	return roomLimits{
		sockets: 100, messageBytes: 32 << 10, queue: 64, burst: 32, interval: time.Millisecond,
		ping: patience, write: patience, closing: patience,
	}
}

// openRoom serves a room, behind the access log as in the app, until the test ends.
func openRoom(t *testing.T, limits roomLimits, origins ...string) (rm *room, url string) {
	t.Helper()
	rm = newRoom(limits, origins, discard)
	srv := httptest.NewServer(accessLog(discard, nil, rm))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := rm.shutdown(ctx); err != nil {
			t.Errorf("shut down the room: %v", err)
		}
		srv.Close()
	})
	return rm, srv.URL
}

// members is the number of clients that get what is said.
func (rm *room) members() int {
	rm.mu.Lock()
	defer rm.mu.Unlock()
	return len(rm.clients)
}

// socket is a WebSocket client whose calls give up when the test runs out of patience.
type socket struct {
	*websocket.Conn
	ctx context.Context
}

func dial(t *testing.T, url string, header http.Header) (*socket, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	conn, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: header, HTTPClient: &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true},
	}})
	t.Cleanup(cancel)
	if err != nil {
		if resp != nil {
			err = fmt.Errorf("%d: %w", resp.StatusCode, err)
		}
		return nil, err
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &socket{conn, ctx}, nil
}

func join(t *testing.T, url string) *socket {
	t.Helper()
	s, err := dial(t, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *socket) say(t *testing.T, text string) {
	t.Helper()
	if err := s.Write(s.ctx, websocket.MessageText, []byte(text)); err != nil {
		t.Fatalf("say: %v", err)
	}
}

func (s *socket) hear(t *testing.T, want string) {
	t.Helper()
	kind, data, err := s.Read(s.ctx)
	if err != nil || kind != websocket.MessageText || string(data) != want {
		t.Fatalf("heard %s %.40q, %v; want %.40q", kind, data, err, want)
	}
}

// end reads to the end of the socket and returns the close code, with the number of messages before it.
func (s *socket) end() (code websocket.StatusCode, heard int) {
	for ; ; heard++ {
		if _, _, err := s.Read(s.ctx); err != nil {
			return websocket.CloseStatus(err), heard
		}
	}
}

func TestRoomBroadcasts(t *testing.T) {
	rm, url := openRoom(t, testLimits())
	first, second := join(t, url), join(t, url)
	until(t, "both to be in", func() bool { return rm.members() == 2 })

	first.say(t, "one")
	first.hear(t, "one")
	second.hear(t, "one")
	second.say(t, "two")
	second.hear(t, "two")
	first.hear(t, "two")

	if err := first.Write(first.ctx, websocket.MessageBinary, []byte{0, 255}); err != nil {
		t.Fatal(err)
	}
	if kind, data, err := second.Read(second.ctx); kind != websocket.MessageBinary || !bytes.Equal(data, []byte{0, 255}) {
		t.Errorf("heard %s %x, %v", kind, data, err)
	}

	if err := second.Close(websocket.StatusNormalClosure, "bye"); err != nil {
		t.Errorf("leave: %v", err)
	}
	until(t, "one to be left", func() bool { return rm.size() == 1 })
	first.say(t, "alone")
}

func TestRoomKeepsOrder(t *testing.T) {
	limits := testLimits()
	limits.queue, limits.interval = 256, 4*time.Millisecond // a second's worth: a busy machine may stall the client for a while
	_, url := openRoom(t, limits)
	s := join(t, url)
	go func() {
		for i := range 500 { // far more than a queue holds: the pace keeps the sender's own from overflowing
			if s.Write(s.ctx, websocket.MessageText, fmt.Append(nil, i)) != nil {
				return
			}
		}
	}()
	for i := range 500 {
		s.hear(t, strconv.Itoa(i))
	}
}

func TestRoomChecksOrigin(t *testing.T) {
	_, url := openRoom(t, testLimits(), "*.example.com", "https://app.example.org")
	own := strings.Replace(url, "http://", "https://", 1)
	for origin, welcome := range map[string]bool{
		"":                                      true, // not a browser
		own:                                     true,
		"https://chat.example.com":              true,
		"https://app.example.org":               true,
		"http://app.example.org":                false,
		"https://example.com":                   false,
		"https://chat.example.com.evil.example": false,
		"https://evil.example/.example.com":     false,
		"null":                                  false,
		"https://%":                             false,
	} {
		_, err := dial(t, url, http.Header{"Origin": {origin}})
		if (err == nil) != welcome {
			t.Errorf("origin %q: %v, want it let in: %v", origin, err, welcome)
		}
		if err != nil && !strings.Contains(err.Error(), "403") {
			t.Errorf("origin %q: %v, want a 403", origin, err)
		}
	}
}

func TestRoomRefusesPlainRequests(t *testing.T) {
	rm, url := openRoom(t, testLimits())
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("status %d, want 426", resp.StatusCode)
	}
	if rm.size() != 0 {
		t.Error("the refused request still counts as a socket")
	}
}

func TestRoomIsFull(t *testing.T) {
	limits := testLimits()
	limits.sockets = 2
	rm, url := openRoom(t, limits)
	join(t, url)
	leaver := join(t, url)
	if _, err := dial(t, url, nil); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("third socket: %v, want a 503", err)
	}
	_ = leaver.CloseNow()
	until(t, "a place to be free", func() bool { return rm.size() == 1 })
	join(t, url)
}

func TestRoomRefusesBigMessages(t *testing.T) {
	rm, url := openRoom(t, testLimits())
	s, other := join(t, url), join(t, url)
	until(t, "both to be in", func() bool { return rm.members() == 2 })

	s.SetReadLimit(-1)
	largest := strings.Repeat("x", 32<<10)
	s.say(t, largest)
	s.hear(t, largest)

	_ = s.Write(s.ctx, websocket.MessageText, make([]byte, 8<<20)) // cut short by the other end
	if code, heard := s.end(); code != websocket.StatusMessageTooBig || heard != 0 {
		t.Errorf("closed with %d after %d messages, want %d after none", code, heard, websocket.StatusMessageTooBig)
	}
	other.SetReadLimit(-1)
	other.hear(t, largest)
	until(t, "the sender to be gone", func() bool { return rm.size() == 1 })
	other.say(t, "still here")
	other.hear(t, "still here")
}

// rawSocket does the handshake and leaves the connection to the test, which can then behave as no library would.
func rawSocket(t *testing.T, url string) *net.TCPConn {
	t.Helper()
	address, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := handshake(conn, "/"+path); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// handshake asks for a WebSocket and reads the answer.
func handshake(conn net.Conn, path string) error {
	_ = conn.SetDeadline(time.Now().Add(patience))
	defer conn.SetDeadline(time.Time{})
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", path); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("handshake answered %s", resp.Status)
	}
	return resp.Body.Close()
}

// flood has a healthy client say messages, hearing each before it says the next, until a condition holds.
func flood(t *testing.T, s *socket, enough func() bool) {
	t.Helper()
	s.SetReadLimit(-1)
	text := strings.Repeat("x", 32<<10)
	for deadline := time.Now().Add(patience); !enough(); {
		if time.Now().After(deadline) {
			t.Fatal("the slow client was never dropped")
		}
		s.say(t, text)
		s.hear(t, text)
	}
}

func TestRoomDropsSlowClients(t *testing.T) {
	limits := testLimits()
	limits.interval = 0 // no pace
	rm, url := openRoom(t, limits)
	healthy, slow := join(t, url), join(t, url)
	until(t, "both to be in", func() bool { return rm.members() == 2 })

	flood(t, healthy, func() bool { return rm.members() == 1 })

	// Once it reads again it gets what was already sent, and then the reason.
	slow.SetReadLimit(-1)
	if code, _ := slow.end(); code != websocket.StatusPolicyViolation {
		t.Errorf("closed with %d, want %d", code, websocket.StatusPolicyViolation)
	}
	healthy.say(t, "still here")
	healthy.hear(t, "still here")
}

func TestRoomCutsOffStuckClients(t *testing.T) {
	limits := testLimits()
	limits.interval, limits.closing = 0, 10*time.Millisecond
	rm, url := openRoom(t, limits)
	healthy := join(t, url)
	rawSocket(t, url) // never reads
	until(t, "both to be in", func() bool { return rm.members() == 2 })

	flood(t, healthy, func() bool { return rm.members() == 1 })
	until(t, "the stuck socket to be closed", func() bool { return rm.size() == 1 })
}

// What the room keeps for clients that do not read does not grow with their number, even if they come and are dropped
// one after the other, each with a backlog of its own.
func TestRoomFloodTakesBoundedMemory(t *testing.T) {
	const waves, wave = 6, 4
	limits := testLimits()
	limits.interval = 0
	rm, url := openRoom(t, limits)
	healthy := join(t, url)
	before := memory()
	var conns []net.Conn
	for range waves {
		for range wave {
			conns = append(conns, rawSocket(t, url)) // never reads
		}
		until(t, "all to be in", func() bool { return rm.members() == 1+wave })
		flood(t, healthy, func() bool { return rm.members() == 1 })
	}
	if sockets := rm.size(); sockets != 1+len(conns) {
		t.Fatalf("%d sockets, want those that were dropped not to be closed yet", sockets)
	}
	most := int64((limits.queue + len(conns) + 20) * limits.messageBytes)
	if grown := memory() - before; grown > most {
		t.Errorf("the room took %d KiB for what it said, want at most %d", grown>>10, most>>10)
	}
	for _, conn := range conns {
		_ = conn.Close()
	}
	until(t, "the dropped to be gone", func() bool { return rm.size() == 1 })
}

func TestRoomIgnoresTheDropped(t *testing.T) {
	rm, url := openRoom(t, testLimits())
	s := join(t, url)
	until(t, "it to be in", func() bool { return rm.members() == 1 })
	dropped := &client{}
	if rm.broadcast(dropped, message{websocket.MessageText, []byte("ghost")}) {
		t.Error("a client that is not in the room may go on talking")
	}
	s.say(t, "heard")
	s.hear(t, "heard")
}

// With any number of clients that speak at once, no more than a burst waits for one that listens, and the rest comes at the room's
// pace. A client that leaves while it waits for its turn takes no one's time.
func TestRoomSpeaksInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := testLimits()
		limits.interval = time.Second
		rm := newRoom(limits, nil, discard)
		newMember := func() *client {
			c := newClient(nil, http.NewResponseController(httptest.NewRecorder()), limits)
			rm.join(c)
			return c
		}
		listener := newMember()
		var speakers []*client
		var speaking sync.WaitGroup
		for range 5 {
			speaker := newMember()
			speakers = append(speakers, speaker)
			speaking.Go(func() {
				for rm.say(speaker, message{}) {
					speaker.discard()
				}
			})
		}
		synctest.Wait()
		if n := len(listener.queue); n != limits.burst {
			t.Errorf("at once %d messages wait for a client, want %d", n, limits.burst)
		}
		<-time.After(10*limits.interval + limits.interval/2)
		synctest.Wait()
		if n := len(listener.queue); n != limits.burst+10 || rm.members() != 6 {
			t.Errorf("10 intervals later there are %d for it, and %d members; want %d and 6", n, rm.members(), limits.burst+10)
		}
		for _, speaker := range speakers {
			rm.remove(speaker, websocket.StatusGoingAway, goingAway)
		}
		speaking.Wait()
		listener.discard()
		began := time.Now()
		if !rm.say(listener, message{}) || time.Since(began) > limits.interval {
			t.Errorf("after the others have left, a client waits for its turn for %s", time.Since(began))
		}
	})
}

// Who is in the handshake while the room is shut down is told, too.
func TestRoomJoinedWhenClosed(t *testing.T) {
	rm := newRoom(testLimits(), nil, discard)
	if refusal := rm.enter(); refusal != "" {
		t.Fatal(refusal)
	}
	closed := make(chan error, 1)
	go func() { closed <- rm.shutdown(t.Context()) }()
	until(t, "the room to be closed", func() bool {
		if rm.enter() != "" {
			return true
		}
		rm.leave()
		return false
	})
	late := newClient(nil, http.NewResponseController(httptest.NewRecorder()), rm.limits)
	rm.join(late)
	if _, more := <-late.queue; more || late.code != websocket.StatusGoingAway || rm.members() != 0 {
		t.Errorf("closed with %d, %d in the room; want %d, none", late.code, rm.members(), websocket.StatusGoingAway)
	}
	rm.leave()
	if err := <-closed; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

// A client that announces an endless message and trickles it must not hold its socket open beyond the time to close.
func TestRoomCutsOffEndlessMessages(t *testing.T) {
	limits := testLimits()
	limits.closing, limits.messageBytes = 50*time.Millisecond, 1024
	rm, url := openRoom(t, limits)
	conn := rawSocket(t, url)
	// Final text frame, masked with zeros, of 2^62 bytes.
	frame := []byte{0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if _, err := conn.Write(append(frame, make([]byte, 2048)...)); err != nil {
		t.Fatal(err)
	}
	until(t, "the socket to be closed", func() bool {
		_, _ = conn.Write([]byte{0})
		return rm.size() == 0
	})
}

func TestRoomPings(t *testing.T) {
	limits := testLimits()
	limits.ping, limits.closing = 20*time.Millisecond, 10*time.Millisecond
	rm, url := openRoom(t, limits)
	alive := join(t, url)
	go func() { _, _, _ = alive.Read(alive.ctx) }() // answers pings
	rawSocket(t, url)                               // does not
	until(t, "both to be in", func() bool { return rm.size() == 2 })
	until(t, "the dead one to be gone", func() bool { return rm.size() == 1 })
	if err := alive.Ping(alive.ctx); err != nil {
		t.Errorf("the client that answers pings: %v", err)
	}
}

func TestRoomShutdown(t *testing.T) {
	rm, url := openRoom(t, testLimits())
	var sockets []*socket
	for range 20 {
		sockets = append(sockets, join(t, url))
	}
	until(t, "all to be in", func() bool { return rm.members() == len(sockets) })
	sockets[0].say(t, "last words")
	sockets[0].hear(t, "last words")

	closed := make(chan error, 1)
	go func() { closed <- rm.shutdown(t.Context()) }()
	for i, s := range sockets {
		if i > 0 {
			s.hear(t, "last words")
		}
		if code, heard := s.end(); code != websocket.StatusGoingAway || heard != 0 {
			t.Errorf("socket %d closed with %d after %d more messages, want %d after none", i, code, heard, websocket.StatusGoingAway)
		}
	}
	if err := <-closed; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if _, err := dial(t, url, nil); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("socket after shutdown: %v, want a 503", err)
	}
}

func TestOldSocketsAreToldToReconnect(t *testing.T) {
	limits := testLimits()
	limits.age = 200 * time.Millisecond
	rm, url := openRoom(t, limits)
	for range 2 {
		opened := time.Now()
		code, heard := join(t, url).end()
		if age := time.Since(opened); code != websocket.StatusGoingAway || heard != 0 || age < limits.age*4/5 {
			t.Errorf("closed with %d after %s and %d messages, want %d at an age of %s", code, age, heard, websocket.StatusGoingAway, limits.age)
		}
	}
	until(t, "the room to be empty", func() bool { return rm.size() == 0 })
}

func TestRoomShutdownDoesNotWaitForTheStuck(t *testing.T) {
	limits := testLimits()
	limits.closing = 200 * time.Millisecond
	rm, url := openRoom(t, limits)
	rawSocket(t, url) // does not answer the close frame
	until(t, "it to be in", func() bool { return rm.members() == 1 })

	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := rm.shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown: %v, want the context's error", err)
	}
	until(t, "the stuck socket to be closed", func() bool { return rm.size() == 0 })
}

// Frames that no client library sends end the socket that they came from and nothing else.
func TestRoomSurvivesBrokenFrames(t *testing.T) {
	limits := testLimits()
	limits.closing = 10 * time.Millisecond
	rm, url := openRoom(t, limits)
	healthy := join(t, url)
	for name, frame := range map[string][]byte{
		"unmasked":               {0x81, 0x01, 'x'},
		"reserved bits":          {0xf1, 0x80, 0, 0, 0, 0},
		"unknown opcode":         {0x83, 0x80, 0, 0, 0, 0},
		"stray continuation":     {0x80, 0x80, 0, 0, 0, 0},
		"fragmented ping":        {0x09, 0x80, 0, 0, 0, 0},
		"long ping":              {0x89, 0xfe, 0x01, 0x00, 0, 0, 0, 0},
		"negative length":        {0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"close with half a code": {0x88, 0x81, 0, 0, 0, 0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			conn := rawSocket(t, url)
			if _, err := conn.Write(frame); err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the socket stays open")
			}
			until(t, "the socket to be gone", func() bool { return rm.size() == 1 })
		})
	}
	healthy.say(t, "still here")
	healthy.hear(t, "still here")
}
