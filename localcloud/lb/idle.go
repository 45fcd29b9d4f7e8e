package lb

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// idleConn is a connection to a target over which something must be sent or received within every idle time-out
// ("Application Load Balancers", connection idle time-out). Each read and write starts the time anew, for both
// directions: a WebSocket is not idle while one side talks.
type idleConn struct {
	net.Conn
	idle    func() time.Duration
	onClose func(*idleConn)
	once    sync.Once
}

func (c *idleConn) Read(p []byte) (int, error) {
	c.extend()
	return c.Conn.Read(p)
}

func (c *idleConn) Write(p []byte) (int, error) {
	c.extend()
	return c.Conn.Write(p)
}

// extend has no error to report: a connection that is closed fails the read or write itself.
func (c *idleConn) extend() { _ = c.SetDeadline(time.Now().Add(c.idle() + idleGrace)) }

func (c *idleConn) Close() error {
	c.once.Do(func() { c.onClose(c) })
	return c.Conn.Close()
}

// errTargetIdle is why a request ends whose target did not begin to answer in time.
var errTargetIdle = errors.New("target sent no answer within the idle time-out")

// idleGrace lets the side that is waited for, the target or the client, end a request before its connection to the target ends,
// so that the error names that side.
const idleGrace = 100 * time.Millisecond

// patience ends a request if its target does not begin to answer within the idle time-out.
type patience struct {
	idle time.Duration

	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

func newPatience(idle time.Duration, cancel context.CancelCauseFunc) *patience {
	p := &patience{idle: idle, timer: time.AfterFunc(idle, func() { cancel(errTargetIdle) })}
	p.pause()
	return p
}

// pause stops the time while the client is waited for.
func (p *patience) pause() { p.timer.Stop() }

// resume starts the time anew.
func (p *patience) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.timer.Reset(p.idle)
	}
}

// end stops the time for good.
func (p *patience) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.timer.Stop()
}

// idleBody is a request's body whose client must send something within every idle time-out.
type idleBody struct {
	io.ReadCloser
	control  *http.ResponseController
	idle     time.Duration
	patience *patience // of the exchange, if somebody is to read

	mu       sync.Mutex
	state    bodyState
	finished bool // the handler returned: the connection's deadlines are the server's again
}

type bodyState uint8

const (
	bodyOpen  bodyState = iota
	bodyEnded           // read to its end, or broken
	bodyLate            // the client was too slow
)

func newIdleBody(r *http.Request, control *http.ResponseController, idle time.Duration) *idleBody {
	if r.ProtoMajor == 1 {
		// Without it, net/http would read what is left of the body before it sends an answer, however long a client stalls. All our
		// servers have it.
		_ = control.EnableFullDuplex()
	}
	return &idleBody{ReadCloser: r.Body, control: control, idle: idle}
}

func (b *idleBody) Read(p []byte) (int, error) {
	b.patience.pause() // it is the client who is waited for
	defer b.patience.resume()
	b.setDeadline(time.Now().Add(b.idle), bodyOpen)
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil:
		b.setDeadline(time.Time{}, bodyOpen)
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.setDeadline(time.Now(), bodyLate)
	default:
		b.setDeadline(time.Time{}, bodyEnded)
	}
	return n, err
}

// setDeadline has no error to report: a connection that is gone fails the read itself.
func (b *idleBody) setDeadline(t time.Time, state bodyState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.finished {
		b.state = state
		_ = b.control.SetReadDeadline(t)
	}
}

// finish gives the connection back to the server. What is left of the body, the server reads within the idle time-out, or
// it closes the connection.
func (b *idleBody) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finished = true // a late read by the transport leaves the deadline alone
	if b.state == bodyOpen {
		_ = b.control.SetReadDeadline(time.Now().Add(b.idle))
	}
}

// timedOut tells whether the client was too slow.
func (b *idleBody) timedOut() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state == bodyLate
}

// idleWriter is a response whose client must take something within every idle time-out.
type idleWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	idle    time.Duration
}

func (w *idleWriter) Write(p []byte) (int, error) {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.idle))
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController flush and hijack.
func (w *idleWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
