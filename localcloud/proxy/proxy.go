// Package proxy is a forward proxy on loopback. Clients that know nothing of the local cloud's DNS and of the ports that its
// load balancers got, such as curl and browsers, reach its hosts through it by their names and ports, and no other host.
//
// To the host the proxy is the client: it opens a connection for each tunnel and each plain request, and adds nothing to them.
package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// maxHeaderBytes bounds a request's header. It is more than a load balancer takes, so the load balancer can answer.
	maxHeaderBytes = 256 << 10

	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	connectTimeout    = 10 * time.Second
	defaultGrace      = 2 * time.Second
)

// Config configures a proxy.
type Config struct {
	// Resolve returns the real loopback address and port for a port of a host. The client sees its error, which must be one sentence.
	Resolve func(ctx context.Context, host string, port uint16) (netip.AddrPort, error)
	// Grace is how long tunnels and requests under way have to end when the proxy stops. Default 2 s.
	Grace time.Duration
	// Log receives refusals at debug level. Default: none.
	Log *slog.Logger
}

// Serve answers on the listener, which must be one of a loopback address, until the context ends. Running tunnels and requests then
// have the time of grace to end, and are cut after it. When Serve returns, nothing of the proxy is left. It returns an error only if
// the listener fails.
func Serve(ctx context.Context, l net.Listener, config Config) error {
	if at, err := netip.ParseAddrPort(l.Addr().String()); err != nil || !at.Addr().IsLoopback() {
		return fmt.Errorf("serve proxy on %s: not a loopback address", l.Addr())
	}
	config.Grace = cmp.Or(config.Grace, defaultGrace)
	config.Log = cmp.Or(config.Log, slog.New(slog.DiscardHandler))
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	p := &proxy{config: config, base: base}
	p.plain = p.newPlain()
	server := &http.Server{
		Handler:           p,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(config.Log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	var err error
	select {
	case err = <-failed:
		err = fmt.Errorf("serve proxy on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}

	grace, cancel := context.WithTimeout(base, config.Grace)
	defer cancel()
	_ = server.Shutdown(grace) // an error says that the time of grace is over, and grace says so too
	ended := p.end()
	select {
	case <-ended:
	case <-grace.Done():
	}
	cut()
	_ = server.Close()
	<-ended
	return err
}

// proxy is the handler of all requests.
type proxy struct {
	config Config
	base   context.Context // ends running tunnels and requests
	plain  *httputil.ReverseProxy

	mu     sync.Mutex
	closed bool
	served sync.WaitGroup // http.Server forgets a connection that became a tunnel or a WebSocket
}

// end lets no more requests begin and returns a channel that is closed when all that began have ended.
func (p *proxy) end() <-chan struct{} {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		p.served.Wait()
		close(ended)
	}()
	return ended
}

func (p *proxy) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.served.Add(1)
	}
	return !p.closed
}

// ServeHTTP answers the two kinds of requests that proxies get (RFC 9112, section 3.2).
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.begin() {
		http.Error(w, "the proxy is stopping", http.StatusServiceUnavailable)
		return
	}
	defer p.served.Done()
	switch {
	case r.Method == http.MethodConnect && r.URL.Host != "":
		p.tunnel(w, r)
	case r.URL.Scheme == "http" && r.URL.Host != "":
		p.plain.ServeHTTP(w, r)
	default:
		http.Error(w, "this is a proxy: it takes CONNECT, and requests for a whole http:// URL", http.StatusBadRequest)
	}
}

// dial connects to a host and port.
func (p *proxy) dial(ctx context.Context, _, address string) (net.Conn, error) {
	at, err := p.resolve(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	conn, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(ctx, "tcp", at.String())
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return conn, nil
}

func (p *proxy) resolve(ctx context.Context, address string) (netip.AddrPort, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return netip.AddrPort{}, errors.New("want a host and a port")
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return netip.AddrPort{}, errors.New("want a port from 1 to 65535")
	}
	at, err := p.config.Resolve(ctx, strings.TrimSuffix(host, "."), uint16(port))
	if err == nil && !at.Addr().IsLoopback() {
		err = fmt.Errorf("%s is not a loopback address", at)
	}
	return at, err
}
