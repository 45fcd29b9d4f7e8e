package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// message is what one client said.
type message struct {
	kind websocket.MessageType
	data []byte // shared by all queues, so never written to
}

// client is one socket in a room. Its handler reads, a second goroutine writes; the room talks to the latter only through the queue.
type client struct {
	conn      *websocket.Conn
	deadlines *http.ResponseController
	limits    roomLimits
	queue     chan message

	closed chan struct{} // when the client is out of the room

	// Why the socket is closed: set before queue is closed, read after.
	code   websocket.StatusCode
	reason string
}

func newClient(conn *websocket.Conn, deadlines *http.ResponseController, limits roomLimits) *client {
	return &client{conn: conn, deadlines: deadlines, limits: limits, queue: make(chan message, limits.queue), closed: make(chan struct{})}
}

// close makes the writer send what is queued and then a close frame. It does not block. The code that takes the client out of the room
// calls it once, and nothing is queued after that.
func (c *client) close(code websocket.StatusCode, reason string) {
	c.code, c.reason = code, reason
	c.expire(c.limits.closing)
	close(c.closed)
	close(c.queue)
}

// discard drops the queue, so its memory does not wait for a slow client.
func (c *client) discard() {
	for {
		select {
		case <-c.queue:
		default:
			return
		}
	}
}

// expire ends the connection after d, independently of its peer and the goroutines that use it. The deadlines are the TCP connection's
// own, because websocket.Conn has no timeout for the rest of a message that it discards before it closes.
func (c *client) expire(d time.Duration) {
	deadline := time.Now().Add(d)
	_ = c.deadlines.SetReadDeadline(deadline) // fails only on a closed connection
	_ = c.deadlines.SetWriteDeadline(deadline)
}

// read passes on the client's messages until the socket fails or is closed, or say returns false. While say waits, unread input holds
// the sender back.
func (c *client) read(ctx context.Context, say func(message) bool) error {
	for {
		kind, data, err := c.conn.Read(ctx)
		if err != nil {
			return err
		}
		if !say(message{kind, data}) {
			return nil
		}
	}
}

// write sends the queue, and pings, until the queue is closed.
func (c *client) write() {
	ticker := time.NewTicker(c.limits.ping)
	defer ticker.Stop()
	var pings sync.WaitGroup
	defer pings.Wait()
	for {
		select {
		case m, more := <-c.queue:
			if !more {
				_ = c.conn.Close(c.code, c.reason) // an error is the peer's: it is gone, or does not answer
				return
			}
			if err := c.send(m); err != nil {
				c.expire(0) // has the reader end, and take the client out of the room
				return
			}
		case <-ticker.C:
			// In parallel to the writing, because Ping returns only with the pong.
			pings.Go(func() {
				if err := c.ping(); err != nil {
					c.expire(0)
				}
			})
		}
	}
}

func (c *client) send(m message) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.limits.write)
	defer cancel()
	return c.conn.Write(ctx, m.kind, m.data)
}

func (c *client) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), c.limits.ping)
	defer cancel()
	return c.conn.Ping(ctx)
}
