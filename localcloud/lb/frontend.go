package lb

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// maxHeaderBytes is what net/http reads of a request's header. It is above ALB's limit, so that ALB's answer can be given.
	maxHeaderBytes = 2 * maxHeader

	// maxStreams is ALB's: 128 requests in parallel over one HTTP/2 connection ("Listeners for your Application Load
	// Balancers").
	maxStreams = 128

	// acceptPause keeps a lack of file descriptors from turning into a busy loop.
	acceptPause = 10 * time.Millisecond
)

// frontend is the socket of one port with the HTTP server behind it. It stays while its port has a listener, whichever
// listener that is.
type frontend struct {
	b      *Balancer
	port   int // the listener's own
	socket net.Listener
	inside []net.Listener // of the same port

	mu      sync.Mutex
	current *server
	retired []*server     // serve their connections, and get no more
	idle    time.Duration // what current was made with
}

// server is an HTTP server together with the queue that it accepts from.
type server struct {
	*http.Server
	queue *queue
}

func newFrontend(b *Balancer, port int, socket net.Listener) *frontend {
	return &frontend{b: b, port: port, socket: socket}
}

// serve makes new connections subject to the idle time-out. http.Server's own cannot change while it serves, so another
// takes over, and the one before keeps the connections that it has until they end: a server that shuts down drops the requests
// that have just arrived.
func (f *frontend) serve(idle time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current != nil && f.idle == idle {
		return
	}
	if old := f.current; old != nil {
		_ = old.queue.Close() // has no error
		f.retired = append(f.retired, old)
	}
	f.current = &server{
		queue: newQueue(f.socket.Addr()),
		Server: &http.Server{
			Handler:           http.HandlerFunc(f.handle),
			ReadHeaderTimeout: idle,
			IdleTimeout:       idle,
			MaxHeaderBytes:    maxHeaderBytes,
			HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
			ErrorLog:          slog.NewLogLogger(f.b.config.Log.Handler(), slog.LevelDebug),
		},
	}
	f.idle = idle
	s := f.current
	f.b.wg.Go(func() { _ = s.Serve(s.queue) }) // returns when the server retires or is shut down, with nothing else to say
}

// finish lets the server's requests end, until ctx is done.
func (s *server) finish(ctx context.Context) error {
	err := s.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.Close())
	}
	return err
}

// close stops accepting and lets the requests under way end, until ctx is done.
func (f *frontend) close(ctx context.Context) error {
	f.closeSockets()
	f.mu.Lock()
	servers := append([]*server{f.current}, f.retired...)
	f.retired = nil
	f.mu.Unlock()
	var finishing sync.WaitGroup
	errs := make([]error, len(servers))
	for i, s := range servers {
		finishing.Go(func() { errs[i] = s.finish(ctx) })
	}
	finishing.Wait()
	return errors.Join(errs...)
}

// closeSockets ends acceptAll.
func (f *frontend) closeSockets() {
	for _, socket := range append(f.inside, f.socket) {
		_ = socket.Close() // an error means that it is closed
	}
}

func (f *frontend) acceptAll(socket net.Listener) {
	for {
		conn, err := socket.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			f.b.config.Log.Warn("accept connection", "address", socket.Addr().String(), "error", err)
			select {
			case <-time.After(acceptPause):
			case <-f.b.ctx.Done():
				return
			}
		default:
			f.admit(conn)
		}
	}
}

// admit hands the connection to the server, or holds it for lack of access.
func (f *frontend) admit(conn net.Conn) {
	table := f.b.table.Load()
	l := table.listeners[f.port]
	if l == nil {
		_ = conn.Close() // the listener went away this very moment
		return
	}
	if client := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap(); !table.admits(client, f.port) {
		l.stats.dropped.Add(1)
		f.b.held.hold(conn, client, f.port)
		return
	}
	conn = l.stats.track(conn)
	if l.tls != nil {
		conn = tls.Server(conn, l.tls)
	}
	for {
		f.mu.Lock()
		s := f.current
		f.mu.Unlock()
		if s.queue.put(conn) {
			return
		}
		f.mu.Lock()
		replaced := f.current != s
		f.mu.Unlock()
		if !replaced {
			_ = conn.Close()
			return
		}
	}
}

// handle serves a request by the listener that the port has now.
func (f *frontend) handle(w http.ResponseWriter, r *http.Request) {
	table := f.b.table.Load()
	l := table.listeners[f.port]
	if l == nil {
		w.Header().Set("Connection", "close")
		writePage(w, http.StatusServiceUnavailable)
		return
	}
	f.b.serve(w, r, table, l)
}

// queue is a net.Listener that connections are put into.
type queue struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newQueue(addr net.Addr) *queue {
	return &queue{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

// put waits until the connection is accepted; false means that the queue was closed.
func (q *queue) put(conn net.Conn) bool {
	select {
	case q.conns <- conn:
		return true
	case <-q.done:
		return false
	}
}

func (q *queue) Accept() (net.Conn, error) {
	select {
	case conn := <-q.conns:
		return conn, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

func (q *queue) Close() error {
	q.once.Do(func() { close(q.done) })
	return nil
}

func (q *queue) Addr() net.Addr { return q.addr }
