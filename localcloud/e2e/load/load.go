// Package load keeps a service under constant load, and reports what its clients saw: requests over HTTP/1.1 and HTTP/2, and WebSockets
// that stay open. Rate and number are bounded, so the load measures dropped requests and not the speed of the machine.
package load

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Options say whom to load, and how much.
type Options struct {
	// URL is the service's, without a path.
	URL string
	// Proxy is the forward proxy to reach it by; nil for none.
	Proxy *url.URL
	// Roots are the authorities to trust; nil for the system's.
	Roots *x509.CertPool
	// Rate is how many requests a second to make, half of them over HTTP/1.1 and half over HTTP/2.
	Rate int
	// Sockets is how many WebSockets to hold open.
	Sockets int
	// Timeout bounds a request, and how long a client tries to open a WebSocket before it counts as lost.
	Timeout time.Duration
}

// Load is a load that runs.
type Load struct {
	options Options
	started time.Time
	record  recorder
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// Start puts the service under load until Stop.
func Start(ctx context.Context, o Options) *Load {
	ctx, cancel := context.WithCancel(ctx)
	l := &Load{options: o, started: time.Now(), cancel: cancel}
	for _, http2 := range []bool{false, true} {
		l.running.Go(func() { l.request(ctx, http2) })
	}
	for range o.Sockets {
		l.running.Go(func() { l.hold(ctx) })
	}
	return l
}

// Stop ends the load once running requests are answered, and returns what its clients saw.
func (l *Load) Stop() Result {
	l.cancel()
	l.running.Wait()
	return l.Result()
}

// Result returns what the clients have seen so far.
func (l *Load) Result() Result { return l.record.result() }

// client returns an HTTP client of its own, which keeps its connections alive.
func (l *Load) client(http2 bool) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	return &http.Client{
		Timeout: l.options.Timeout,
		Transport: &http.Transport{
			Proxy:               http.ProxyURL(l.options.Proxy),
			TLSClientConfig:     &tls.Config{RootCAs: l.options.Roots, MinVersion: tls.VersionTLS12},
			Protocols:           protocols,
			MaxIdleConnsPerHost: maxConnections,
			MaxConnsPerHost:     maxConnections,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// maxConnections bounds the connections of one client.
const maxConnections = 64
