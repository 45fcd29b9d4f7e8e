package lb

import (
	"container/list"
	"io"
	"net"
	"net/netip"
	"sync"
)

// holdingPen keeps the connections of clients that a security group shuts out. AWS drops their packets, so that they hang
// until they give up. Here the kernel has completed the handshake, but nothing is ever answered.
type holdingPen struct {
	mu     sync.Mutex
	max    int
	conns  *list.List // of *heldConn, oldest first
	closed bool
	wg     sync.WaitGroup
}

type heldConn struct {
	net.Conn
	client netip.Addr
	port   int
}

func newHoldingPen(limit int) *holdingPen { return &holdingPen{max: limit, conns: list.New()} }

// hold keeps the connection until the client gives up. If there are too many, the one held longest is closed.
func (h *holdingPen) hold(conn net.Conn, client netip.Addr, port int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = conn.Close()
		return
	}
	if h.conns.Len() == h.max {
		_ = h.conns.Front().Value.(*heldConn).Close() // its goroutine takes it out of the list
		h.conns.Remove(h.conns.Front())
	}
	element := h.conns.PushBack(&heldConn{Conn: conn, client: client, port: port})
	h.wg.Go(func() {
		_, _ = io.Copy(io.Discard, conn) // ends when either side closes
		_ = conn.Close()
		h.mu.Lock()
		defer h.mu.Unlock()
		h.conns.Remove(element) // does nothing if it was removed before
	})
}

// release closes the connections of clients that have access by now, so that they come back at once.
func (h *holdingPen) release(admits func(client netip.Addr, port int) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for element := h.conns.Front(); element != nil; element = element.Next() {
		if held := element.Value.(*heldConn); admits(held.client, held.port) {
			_ = held.Close()
		}
	}
}

func (h *holdingPen) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conns.Len()
}

func (h *holdingPen) close() {
	h.mu.Lock()
	h.closed = true
	for element := h.conns.Front(); element != nil; element = element.Next() {
		_ = element.Value.(*heldConn).Close()
	}
	h.mu.Unlock()
	h.wg.Wait()
}
