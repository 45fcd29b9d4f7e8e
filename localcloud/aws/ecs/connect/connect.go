// Package connect is the proxy that ECS Service Connect adds to a task: it listens inside the task at the names of other services, and
// takes each request to one of their tasks. It knows the tasks from the store.
package connect

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"sync"
	"time"

	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/cloud"
)

// What the proxies of Service Connect do, if nothing else is configured.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html
const (
	// requestTimeout is how long the answer to a request may take as a whole.
	requestTimeout = 15 * time.Second
	// attempts are how many tasks a request is taken to at most, each time another, while connections fail.
	attempts = 3
	// failuresInARow put a task aside for a while. It is tried then if no other one is left.
	failuresInARow = 5
	aside          = 30 * time.Second
	// connectTimeout is how long a task has to take a connection.
	connectTimeout = time.Second
)

// Dial connects from the task's network interface.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Proxy takes requests of one task to the tasks of one service.
type Proxy struct {
	Store    *cloud.Store
	Scope    cloud.Scope
	Endpoint ecs.Endpoint
	Dial     Dial

	mu     sync.Mutex
	next   int
	health map[string]*health // by address
}

// health is what the proxy remembers of a task.
type health struct {
	failed int // connections in a row
	until  time.Time
}

// Serve answers at a listener until it is closed, and then until the requests under way are done with.
func (p *Proxy) Serve(l net.Listener) (stop func()) {
	transport := &http.Transport{DialContext: p.dial, MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute}
	server := &http.Server{
		ReadHeaderTimeout: requestTimeout,
		Handler: withTimeout(&httputil.ReverseProxy{
			Rewrite:      func(*httputil.ProxyRequest) {}, // each attempt has an address of its own
			Transport:    attempt{p, transport},
			ErrorHandler: answerError,
		}),
	}
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(l) }) // until it is closed
	return func() {
		_ = server.Close() // the task has ended
		served.Wait()
		transport.CloseIdleConnections()
	}
}

// dial is Dial within the time that a connection may take.
func (p *Proxy) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return p.Dial(ctx, network, address)
}

// withTimeout ends requests that take too long.
func withTimeout(h http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		h.ServeHTTP(w, r.WithContext(ctx))
	}
}

var errNoTask = errors.New("no healthy upstream")

// answerError answers as Envoy does.
func answerError(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errNoTask):
		http.Error(w, "no healthy upstream", http.StatusServiceUnavailable)
	case errors.Is(r.Context().Err(), context.DeadlineExceeded):
		http.Error(w, "upstream request timeout", http.StatusGatewayTimeout)
	case r.Context().Err() != nil: // nobody waits
	default:
		reason := "connection termination"
		if isDial(err) {
			reason = "connection timeout"
		}
		http.Error(w, "upstream connect error or disconnect/reset before headers. reset reason: "+reason, http.StatusServiceUnavailable)
	}
}

func isDial(err error) bool {
	failed, ok := errors.AsType[*net.OpError](err)
	return ok && failed.Op == "dial"
}

// attempt takes a request to one task after another, until one takes the connection.
type attempt struct {
	*Proxy
	transport *http.Transport
}

// RoundTrip implements [http.RoundTripper].
func (a attempt) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	tried, err := map[string]bool{}, errNoTask
	for range attempts {
		address, left := a.choose(tried)
		if !left {
			break
		}
		tried[address] = true
		to := r.Clone(r.Context())
		to.URL.Scheme, to.URL.Host, to.Host = "http", address, r.Host
		if r.Body != nil && r.Body != http.NoBody {
			to.Body = io.NopCloser(r.Body) // a connection that fails leaves it for the next
		}
		resp, err = a.transport.RoundTrip(to)
		took := err == nil || !isDial(err)
		a.connected(address, took)
		if took || r.Context().Err() != nil {
			break
		}
	}
	return resp, err
}

// choose returns the address of the next task, round robin, of those that were not tried. One that is put aside comes only after the others.
func (p *Proxy) choose(tried map[string]bool) (address string, left bool) {
	all := p.tasks()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	now := time.Now()
	for _, lastly := range []bool{false, true} {
		for i := range all {
			address := all[(p.next+i)%len(all)]
			if !tried[address] && p.isAside(address, now) == lastly {
				return address, true
			}
		}
	}
	return "", false
}

func (p *Proxy) isAside(address string, now time.Time) bool {
	h := p.health[address]
	return h != nil && now.Before(h.until)
}

// connected remembers whether a task took a connection.
func (p *Proxy) connected(address string, took bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if took {
		delete(p.health, address)
		return
	}
	if p.health == nil {
		p.health = map[string]*health{}
	}
	h := p.health[address]
	if h == nil {
		h = &health{}
		p.health[address] = h
	}
	if h.failed++; h.failed >= failuresInARow {
		h.failed, h.until = 0, time.Now().Add(aside)
	}
}

// tasks returns the addresses of the service's tasks that run, are healthy if they are checked, and are to stay: ECS takes a task out of
// the namespace before it stops it.
func (p *Proxy) tasks() []string {
	var out []string
	service := &cloud.Resource{Key: cloud.Key{Scope: p.Scope, Token: ecs.ServiceToken, ID: p.Endpoint.Service}}
	p.Store.View(func(tx *cloud.Tx) {
		for _, r := range ecs.TasksOf(tx, service) {
			status := cloud.Peek[ecs.TaskStatus](r)
			if status.LastStatus != ecs.TaskRunning || status.DesiredStatus != ecs.TaskRunning || status.Checked && status.HealthStatus != ecs.HealthHealthy {
				continue
			}
			out = append(out, net.JoinHostPort(status.Address, strconv.Itoa(p.Endpoint.ContainerPort)))
		}
	})
	return out
}
