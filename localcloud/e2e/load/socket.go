package load

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coder/websocket"
)

const (
	// sayEvery is how often a socket sends a message, which must come back.
	sayEvery = time.Second
	// retryAfter is when a client that could not come back tries again, as a browser's code would.
	retryAfter = 100 * time.Millisecond
)

// hold keeps a WebSocket open, and opens it again when the service tells it to. It always does, so both numbers can be compared when
// the load has ended.
func (l *Load) hold(ctx context.Context) {
	client := l.client(false)
	defer client.CloseIdleConnections()
	url := strings.Replace(l.options.URL, "http", "ws", 1) + "/ws"
	opening := ctx
	for again := false; again || ctx.Err() == nil; again = true {
		conn, err := l.dial(opening, url, &websocket.DialOptions{HTTPClient: client})
		switch {
		case err == nil:
			l.record.opened(again)
		case opening.Err() != nil:
			return
		default:
			l.record.lost(fmt.Errorf("open a WebSocket: %w", err))
			if ctx.Err() != nil {
				return
			}
			continue
		}
		err = talk(ctx, conn)
		_ = conn.CloseNow()
		switch {
		case ctx.Err() != nil:
			return
		case websocket.CloseStatus(err) == websocket.StatusGoingAway:
			l.record.told()
		default:
			l.record.lost(fmt.Errorf("a WebSocket that was not told to go: %w", err))
		}
		opening = context.WithoutCancel(ctx)
	}
}

// dial opens a WebSocket, and tries again for a while if it cannot.
func (l *Load) dial(ctx context.Context, url string, o *websocket.DialOptions) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, l.options.Timeout)
	defer cancel()
	for {
		conn, _, err := websocket.Dial(ctx, url, o) //nolint:bodyclose // says the library: it need not be
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(retryAfter):
		}
	}
}

// talk says something now and then and listens, until the socket ends; it returns why it did.
func talk(ctx context.Context, conn *websocket.Conn) error {
	heard := make(chan error, 1)
	go func() {
		for {
			if _, _, err := conn.Read(ctx); err != nil {
				heard <- err
				return
			}
		}
	}()
	tick := time.NewTicker(sayEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-heard:
			return err
		case <-tick.C:
			if err := conn.Write(ctx, websocket.MessageText, []byte("still there")); err != nil {
				_ = conn.CloseNow() // so that the reader ends, too, which knows whether the service has closed the socket
				return errors.Join(<-heard, err)
			}
		}
	}
}
