package lb

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"
)

// exchange is one request on its way through the balancer.
type exchange struct {
	listener *listener
	idle     time.Duration
	control  *http.ResponseController
	body     *idleBody // nil if the request has none

	// for a request that is forwarded
	target   *target
	patience *patience
	sent     time.Time // when it left for the target
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *exchange { return r.Context().Value(exchangeKey{}).(*exchange) }

// serve performs the action that the listener's rules choose.
func (b *Balancer) serve(w http.ResponseWriter, r *http.Request, t *table, l *listener) {
	l.stats.requests.Add(1)
	if code := refuse(r); code != 0 {
		l.fail(w, code)
		return
	}
	if t.DropInvalidHeaders {
		dropInvalid(r.Header)
	}
	x := &exchange{listener: l, idle: t.IdleTimeout, control: http.NewResponseController(w)}
	if r.ContentLength != 0 {
		x.body = newIdleBody(r, x.control, x.idle)
		defer x.body.finish()
		r.Body = x.body
	}
	switch action := l.route(r); {
	case action.redirect != nil:
		l.stats.redirects.Add(1)
		w.Header().Set("Location", action.redirect.location(r, l.Protocol, l.Port))
		writePage(w, action.redirect.StatusCode)
	case action.fixed != nil:
		l.stats.fixed.Add(1)
		writeFixed(w, action.fixed)
	default:
		b.forward(w, r, x, action.forward)
	}
}

// forward passes the request to a target of one of the groups. For a group without a target, it answers 503.
func (b *Balancer) forward(w http.ResponseWriter, r *http.Request, x *exchange, groups *splitter) {
	if incompatible(r) { // every target group here speaks HTTP/1.1
		x.listener.fail(w, statusIncompatible)
		return
	}
	group := groups.pick()
	if group == nil {
		x.listener.fail(w, http.StatusServiceUnavailable)
		return
	}
	x.target = group.acquire()
	if x.target == nil {
		x.listener.fail(w, http.StatusServiceUnavailable)
		return
	}
	defer group.release(x.target)

	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	x.patience = newPatience(x.idle, cancel)
	defer x.patience.end()
	if x.body != nil {
		x.body.patience = x.patience
	}
	r = r.WithContext(context.WithValue(ctx, exchangeKey{}, x))
	b.proxy.ServeHTTP(&idleWriter{ResponseWriter: w, control: x.control, idle: x.idle}, r)
}

// fail answers an error of the balancer's own.
func (l *listener) fail(w http.ResponseWriter, code int) {
	l.stats.failed(code)
	writePage(w, code)
}

// newProxy makes the one proxy that all requests share; what differs between them is in their exchange.
func (b *Balancer) newProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: targetTransport{},
		// A client sees every byte that a target has sent so far.
		FlushInterval: -1,
		BufferPool:    &buffers{},
		ErrorLog:      log.New(io.Discard, "", 0), // a response cut short is the target's or the client's doing
		Rewrite: func(p *httputil.ProxyRequest) {
			x := exchangeOf(p.In)
			p.Out.URL.Scheme = scheme(x.target.group.protocol)
			p.Out.URL.Host = x.target.addr.String()
			p.Out.URL.RawQuery = p.In.URL.RawQuery // as sent, even if net/url cannot read it
			forwarding(p.Out, p.In, x.listener)
		},
		ModifyResponse: func(response *http.Response) error {
			x := exchangeOf(response.Request)
			x.target.group.stats.responded(response.StatusCode, time.Since(x.sent))
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			x := exchangeOf(r)
			code := x.explain(r, err)
			b.config.Log.Debug("forward request",
				"listener", x.listener.ID, "target", x.target.addr.String(), "status", code, "error", err)
			if code == statusClientClosed {
				x.listener.stats.failed(code) // there is nobody to answer
				return
			}
			if code == http.StatusRequestTimeout {
				w.Header().Set("Connection", "close")
			}
			x.listener.fail(w, code)
		},
	}
}

// explain finds the status code for a request that got no answer from its target ("Troubleshoot your Application Load
// Balancers").
func (x *exchange) explain(r *http.Request, err error) int {
	switch {
	case x.body != nil && x.body.timedOut():
		return http.StatusRequestTimeout
	case isTimeout(err) || errors.Is(context.Cause(r.Context()), errTargetIdle):
		return http.StatusGatewayTimeout
	case r.Context().Err() != nil:
		return statusClientClosed
	}
	// Refused or reset, closed before an answer, malformed, or the deregistration delay ended.
	return http.StatusBadGateway
}

// targetTransport sends a request by the transport of the target that was chosen for it.
type targetTransport struct{}

func (targetTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	x := exchangeOf(r)
	x.sent = time.Now()
	x.patience.resume()
	defer x.patience.end()
	return x.target.transport.RoundTrip(once(r))
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

// buffers lends ReverseProxy what it copies bodies with.
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

func (b *buffers) Get() []byte {
	if buffer, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return buffer[:]
	}
	return new([bufferSize]byte)[:]
}

func (b *buffers) Put(buffer []byte) { b.pool.Put((*[bufferSize]byte)(buffer)) }
