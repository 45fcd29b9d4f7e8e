// Package smoke checks a deployed service from outside, as its users do.
package smoke

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Target is a service and the expected results.
type Target struct {
	// URL is https://host, or https://host/path if the service only has that path. A worker has none: only its image is
	// checked.
	URL    string
	Worker string // its name
	Checks
	// Version is the version that the service must answer with; as sha256:…, the digest of the image that it must run. Empty accepts
	// any.
	Version string
	Image   string // the digest of the service's image, if it is known

	Expiry  time.Duration // how long the certificate must still be valid; default 14 days
	Wait    time.Duration // how long a failing check is retried; default: not at all
	Timeout time.Duration // of one attempt; default 10 seconds

	// Transport makes the connections; default: a copy of [http.DefaultTransport], which trusts the system's roots and uses the
	// environment's proxy. Each check uses its own connections.
	Transport *http.Transport
}

// Defaults of a [Target].
const (
	Expiry  = 14 * 24 * time.Hour
	timeout = 10 * time.Second
)

// pause is the time between two attempts at a check.
const pause = 500 * time.Millisecond

// State is how a check ended.
type State string

// States of a check.
const (
	OK      State = "ok"
	Failed  State = "FAIL"
	Skipped State = "skip"
)

// Result is how one check ended.
type Result struct {
	Name     string
	State    State
	Detail   string // the finding, or why the check failed or was skipped
	Duration time.Duration
}

// Report is the outcome of all checks of a service.
type Report struct {
	URL     string
	Version string // the service's answer, or else the digest of its image; empty if neither is known
	Results []Result
	Advice  string // what to do about failed checks; empty if that is not known
}

// Err returns nil if no check failed, and otherwise an error with the failed ones.
func (r Report) Err() error {
	var failed []string
	for _, result := range r.Results {
		if result.State == Failed {
			failed = append(failed, result.Name)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("smoke test of %s failed: %s", r.URL, strings.Join(failed, ", "))
}

// Run runs all checks of the service at once. A failing check is retried until Wait is over or ctx ends. The error is about a URL that
// cannot be checked; the report has the service's problems.
func Run(ctx context.Context, target Target) (Report, error) {
	if target.URL == "" && target.Worker != "" {
		return runWorker(target), nil
	}
	p, err := newProbe(target)
	if err != nil {
		return Report{}, err
	}
	checks := p.checks()
	report := Report{URL: target.URL, Results: make([]Result, len(checks))}
	var running sync.WaitGroup
	for i, check := range checks {
		running.Go(func() {
			start := time.Now()
			state, detail := p.repeat(ctx, check.run)
			report.Results[i] = Result{Name: check.name, State: state, Detail: detail, Duration: time.Since(start)}
		})
	}
	running.Wait()
	report.Version = p.found
	report.Advice = p.advise(report.Results)
	return report, nil
}

// runWorker checks which image a worker runs. The deployment waits for its tasks to be healthy.
func runWorker(target Target) Report {
	target.VersionPath = ""
	p := &probe{Target: target}
	result := Result{Name: "version", State: OK}
	var skipped skip
	detail, err := p.version(context.Background(), nil) // makes no request
	switch result.Detail = detail; {
	case errors.As(err, &skipped):
		result.State, result.Detail = Skipped, skipped.Error()
	case err != nil:
		result.State, result.Detail = Failed, err.Error()
	}
	return Report{URL: "worker " + target.Worker, Version: p.found, Results: []Result{result}}
}

// check is one that a probe makes.
type check struct {
	name string
	run  func(context.Context, *http.Client) (string, error)
}

// checks returns the load balancer's checks and those that the service has.
func (p *probe) checks() []check {
	checks := []check{{"tls", p.tls}, {"redirect", p.redirect}, {"404", p.notFound}, {"health", p.health}}
	if p.VersionPath != "" || p.Version != "" || p.Image != "" {
		checks = append(checks, check{"version", p.version})
	}
	if p.WebSocketPath != "" {
		checks = append(checks, check{"websocket", p.webSocket})
	}
	for _, path := range p.Paths {
		checks = append(checks, check{"path", func(ctx context.Context, client *http.Client) (string, error) {
			return p.path(ctx, client, path)
		}})
	}
	return checks
}

// advise says how to reach a service of the local cloud by name. RFC 2606 reserves .test, and only a local cloud makes the engine
// attach to its providers.
func (p *probe) advise(results []Result) string {
	unknown := slices.ContainsFunc(results, func(r Result) bool {
		return r.State == Failed && r.Detail == noAddress+p.url.Hostname()
	})
	if unknown && (strings.HasSuffix(p.url.Hostname(), ".test") || os.Getenv("PULUMI_DEBUG_PROVIDERS") != "") {
		return "names of the local cloud can be resolved after `eval \"$(bin/localcloud env -clients)\"`"
	}
	return ""
}

// probe is a target with its defaults, about to be checked.
type probe struct {
	Target
	url   *url.URL
	found string // the version, from its check
}

func newProbe(target Target) (*probe, error) {
	u, err := url.Parse(target.URL)
	if err != nil {
		return nil, fmt.Errorf("smoke test: %w", err)
	}
	if u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("smoke test: the URL must be https://host or https://host/path, not %s", u.Redacted())
	}
	if err := target.Checks.Check(); err != nil {
		return nil, fmt.Errorf("smoke test: %w", err)
	}
	p := &probe{Target: target, url: u}
	defaultTo(&p.Expiry, Expiry)
	defaultTo(&p.Timeout, timeout)
	if p.Transport == nil {
		transport, ok := http.DefaultTransport.(*http.Transport)
		if !ok {
			return nil, errors.New("smoke test: http.DefaultTransport was replaced: give a Transport")
		}
		p.Transport = transport
	}
	return p, nil
}

func defaultTo[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// skip is the error of a check that does not apply.
type skip string

func (s skip) Error() string { return string(s) }

// repeat runs a check until it succeeds or the time is up.
func (p *probe) repeat(ctx context.Context, check func(context.Context, *http.Client) (string, error)) (State, string) {
	ctx, cancel := context.WithTimeout(ctx, p.Wait+p.Timeout)
	defer cancel()
	for end := time.Now().Add(p.Wait); ; {
		detail, err := p.attempt(ctx, check)
		var skipped skip
		switch {
		case err == nil:
			return OK, detail
		case errors.As(err, &skipped):
			return Skipped, skipped.Error()
		}
		if time.Now().Add(pause).After(end) || !wait(ctx, pause) {
			return Failed, explain(err)
		}
	}
}

// wait returns true after a while, or false when ctx ends before that.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// attempt runs a check once, on new connections.
func (p *probe) attempt(ctx context.Context, check func(context.Context, *http.Client) (string, error)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	transport := p.Transport.Clone()
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport: transport,
		// A redirect is an answer like any other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return check(ctx, client)
}

// explain says what went wrong in plain words.
func explain(err error) string {
	var request *url.Error
	if errors.As(err, &request) {
		if request.Timeout() {
			return "no answer in time"
		}
		err = request.Err
	}
	var authority x509.UnknownAuthorityError
	var dns *net.DNSError
	switch {
	case errors.As(err, &authority):
		return "the certificate is from an authority that this machine does not trust"
	case errors.As(err, &dns) && dns.IsNotFound:
		return noAddress + dns.Name
	}
	return err.Error()
}

// noAddress, followed by a host name, is the detail of a check whose host DNS does not know.
const noAddress = "there is no address for "
