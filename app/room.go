package main

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// roomLimits bounds a room's use of memory and time for its clients, and their messages.
type roomLimits struct {
	sockets      int           // open at once; more are answered 503
	messageBytes int           // in one message; the sender of more is closed with 1009
	queue        int           // messages waiting for one client; with more, it is closed with 1008
	burst        int           // messages that may be sent at once; less than queue, so no burst of any number of clients fills one
	interval     time.Duration // between messages after a burst; TCP holds the senders back
	age          time.Duration // of a socket, at which its client is told to reconnect; 0 for none
	ping         time.Duration // between pings; who has not answered one by the next is gone
	write        time.Duration // for writing one message
	closing      time.Duration // from the decision to close a socket to its end, with any peer
}

// room is a WebSocket handler that sends each client's messages to all of them, the sender included. They send in turn, at one pace for
// all together: a client that takes a message in each interval is never dropped, whichever others send.
//
// All queues share the messages, and hold only the last roomLimits.queue of them. So together they take queue × messageBytes (2 MiB by
// default) for any number of clients, plus the message on its way to each.
type room struct {
	limits  roomLimits
	origins []string // patterns of allowed Origin headers, in addition to the request's own host
	log     *slog.Logger

	handlers sync.WaitGroup // one for each socket counted in open

	turn  chan struct{} // holds one while a client speaks; those who wait for that get it in order
	speed pace          // of whose turn it is

	mu      sync.Mutex
	closed  bool
	open    int // sockets let in, those still in their handshake included
	clients map[*client]struct{}
}

func newRoom(limits roomLimits, origins []string, log *slog.Logger) *room {
	return &room{
		limits: limits, origins: origins, log: log, clients: map[*client]struct{}{},
		turn: make(chan struct{}, 1), speed: pace{burst: limits.burst, interval: limits.interval},
	}
}

// ServeHTTP lets one client in and returns when its socket is closed.
func (rm *room) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if refusal := rm.enter(); refusal != "" {
		writeError(w, http.StatusServiceUnavailable, refusal)
		return
	}
	defer rm.leave()

	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: rm.origins})
	if err != nil {
		return // Accept has answered with the reason
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(int64(rm.limits.messageBytes))

	c := newClient(conn, http.NewResponseController(w), rm.limits)
	rm.join(c)
	defer rm.retire(c)()
	var writing sync.WaitGroup
	writing.Go(c.write)
	err = c.read(r.Context(), func(m message) bool { return rm.say(c, m) })
	code, reason := closeStatus(err)
	rm.remove(c, code, reason)
	writing.Wait()

	if c.code == websocket.StatusPolicyViolation {
		rm.log.Warn("socket dropped", "reason", c.reason, "forwarded_for", forwardedFor(r))
	}
}

// enter counts a socket in, or says why not.
func (rm *room) enter() (refusal string) {
	rm.mu.Lock()
	defer rm.mu.Unlock()
	switch {
	case rm.closed:
		return "shutting down"
	case rm.open >= rm.limits.sockets:
		return "too many sockets"
	}
	rm.open++
	rm.handlers.Add(1)
	return ""
}

func (rm *room) leave() {
	rm.mu.Lock()
	defer rm.mu.Unlock()
	rm.open--
	rm.handlers.Done()
}

// join adds a client. If the room was closed during the handshake, it tells the client.
func (rm *room) join(c *client) {
	rm.mu.Lock()
	defer rm.mu.Unlock()
	rm.clients[c] = struct{}{}
	if rm.closed {
		rm.evict(c, websocket.StatusGoingAway, goingAway)
	}
}

// retire tells the client to reconnect when its socket reaches the maximum age; the returned function cancels that.
//
// A load balancer cuts the sockets of a target at the end of its deregistration delay, and only then does ECS send SIGTERM ("Optimize
// load balancer connection draining parameters" in the Amazon ECS developer guide): the service does not know of it in time. If the
// maximum age is below that delay, each socket is closed properly first.
func (rm *room) retire(c *client) (cancel func()) {
	if rm.limits.age == 0 {
		return func() {}
	}
	// Clients that came together do not leave together.
	age := rm.limits.age - time.Duration(rand.Int64N(int64(rm.limits.age)/5+1)) //nolint:gosec // guessing it gains nothing
	timer := time.AfterFunc(age, func() { rm.remove(c, websocket.StatusGoingAway, goingAway) })
	return func() { timer.Stop() }
}

// remove takes a client out of the room, if it is still in, and has its socket closed.
func (rm *room) remove(c *client, code websocket.StatusCode, reason string) {
	rm.mu.Lock()
	defer rm.mu.Unlock()
	if _, in := rm.clients[c]; in {
		rm.evict(c, code, reason)
	}
}

// evict is remove for a client known to be in; rm.mu is held.
func (rm *room) evict(c *client, code websocket.StatusCode, reason string) {
	delete(rm.clients, c)
	c.close(code, reason)
}

// say broadcasts a message when it is the client's turn. It reports whether the client may continue.
func (rm *room) say(from *client, m message) bool {
	select {
	case rm.turn <- struct{}{}:
		defer func() { <-rm.turn }()
	case <-from.closed:
		return false
	}
	// At most one interval. A client that leaves meanwhile waits too, or the next would wait for two.
	<-time.After(rm.speed.wait(time.Now()))
	return rm.broadcast(from, m)
}

// broadcast queues a message for every client and drops those whose queue is full. It reports whether the sender may continue.
func (rm *room) broadcast(from *client, m message) bool {
	rm.mu.Lock()
	defer rm.mu.Unlock()
	if _, in := rm.clients[from]; !in {
		return false
	}
	for c := range rm.clients {
		select {
		case c.queue <- m:
		default:
			c.discard()
			rm.evict(c, websocket.StatusPolicyViolation, "too slow to keep up with the messages")
		}
	}
	return true
}

// size is the number of open sockets.
func (rm *room) size() int {
	rm.mu.Lock()
	defer rm.mu.Unlock()
	return rm.open
}

const goingAway = "the service is going away, please reconnect"

// shutdown refuses new sockets, closes all others with 1001 after their queues, and waits for their end or the context's.
func (rm *room) shutdown(ctx context.Context) error {
	rm.mu.Lock()
	rm.closed = true
	for c := range rm.clients {
		rm.evict(c, websocket.StatusGoingAway, goingAway)
	}
	rm.mu.Unlock()

	gone := make(chan struct{})
	go func() {
		rm.handlers.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// closeStatus is the status for a client whose socket could not be read any further.
func closeStatus(err error) (code websocket.StatusCode, reason string) {
	switch {
	case errors.Is(err, websocket.ErrMessageTooBig):
		return websocket.StatusMessageTooBig, "message too big"
	case websocket.CloseStatus(err) != -1:
		return websocket.StatusNormalClosure, ""
	default:
		return websocket.StatusProtocolError, "protocol error"
	}
}
