package load

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// ProbeOptions say how URLs are requested.
type ProbeOptions struct {
	// Resolve asks the name server for a host's address, and how long a client may cache it.
	Resolve func(ctx context.Context, host string) (netip.AddrPort, time.Duration, error)
	Roots   *x509.CertPool
	// Pause is between two requests for the same URL.
	Pause time.Duration
	// Timeout bounds a request.
	Timeout time.Duration
}

// Request is a probe's request.
type Request struct {
	Host, Path string
	Header     http.Header
}

// Answer is the result of one request.
type Answer struct {
	// Index is that of the request among those of the probe.
	Index          int
	Sent, Answered time.Time
	Status         int
	Service        string
	Version        string
	// Err says why there is no answer, or none from a service.
	Err error
	// Held says that the client used an address that it had cached.
	Held bool
}

// Probe requests URLs repeatedly, each over a new connection, until it is stopped. Of two requests for a URL one asks the name server
// for the address, and the other uses the cached one while it may.
type Probe struct {
	options ProbeOptions
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	answers []Answer
}

// StartProbe begins to ask.
func StartProbe(ctx context.Context, o ProbeOptions, requests []Request) *Probe {
	ctx, cancel := context.WithCancel(ctx)
	p := &Probe{options: o, cancel: cancel}
	for i, r := range requests {
		p.running.Go(func() { p.ask(ctx, i, r) })
	}
	return p
}

// Stop ends the probe once running requests are answered, and returns all answers in order.
func (p *Probe) Stop() []Answer {
	p.cancel()
	p.running.Wait()
	return p.Answers()
}

// Answers returns the answers so far.
func (p *Probe) Answers() []Answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.answers)
}

// address is a host's address at some time.
type address struct {
	at    netip.AddrPort
	until time.Time
}

func (p *Probe) ask(ctx context.Context, index int, r Request) {
	var held address
	for n := 0; ctx.Err() == nil; n++ {
		a := Answer{Index: index, Sent: time.Now(), Held: n%2 == 1 && time.Now().Before(held.until)}
		// Running requests are answered even after the probe ends.
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.options.Timeout)
		a.Err = p.request(bounded, r, &held, &a)
		cancel()
		a.Answered = time.Now()
		p.mu.Lock()
		p.answers = append(p.answers, a)
		p.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(p.options.Pause):
		}
	}
}

// request makes one request.
func (p *Probe) request(ctx context.Context, r Request, held *address, a *Answer) error {
	at := held.at
	if !a.Held {
		resolved, ttl, err := p.options.Resolve(ctx, r.Host)
		if err != nil {
			return fmt.Errorf("resolve %s: %w", r.Host, err)
		}
		at = resolved
		if now := time.Now(); !now.Before(held.until) {
			*held = address{at: resolved, until: now.Add(ttl)}
		}
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: p.options.Roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, at.String())
		},
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+r.Host+r.Path, nil)
	if err != nil {
		return err
	}
	maps.Copy(req.Header, r.Header)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	a.Status = resp.StatusCode
	var who struct{ Service, Version string }
	if json.Unmarshal(body, &who) != nil || who.Version == "" {
		return errors.New(resp.Status + " of the load balancer") // only a service says who it is
	}
	a.Service, a.Version = who.Service, who.Version
	return nil
}
