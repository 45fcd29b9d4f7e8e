package smoke

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// site is a deployed service with its load balancer. The tests break one thing of it at a time.
type site struct {
	certificate func(*x509.Certificate) // changes the certificate before it is signed
	tlsVersion  uint16                  // the only one spoken, if not 0
	plain       http.HandlerFunc        // answers on port 80
	unknown     http.HandlerFunc        // answers unknown hosts
	service     *http.ServeMux          // answers the known one
}

const host = "hello.slipway.test"

// all has the paths of a good site.
func all() Checks {
	return Checks{HealthPath: "/healthz", HealthRouted: true, VersionPath: "/version", WebSocketPath: "/ws", Paths: []string{"/"}}
}

func goodSite() *site {
	s := &site{
		plain: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "https://"+r.Host+":443"+r.URL.RequestURI())
			w.WriteHeader(http.StatusMovedPermanently)
		},
		unknown: reply(http.StatusNotFound, `{"message": "Not Found"}`),
		service: http.NewServeMux(),
	}
	s.service.HandleFunc("/{$}", reply(http.StatusFound, ""))
	s.service.HandleFunc("/healthz", reply(http.StatusOK, "ok"))
	s.service.HandleFunc("/version", reply(http.StatusOK, `{"version":"v1","hostname":"a"}`))
	s.service.HandleFunc("/ws", room)
	return s
}

// replace gives a path of the service another handler.
func (s *site) replace(path string, handler http.HandlerFunc) {
	mux := http.NewServeMux()
	mux.Handle("/", s.service)
	mux.Handle(path, handler)
	s.service = mux
}

func reply(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// byBalancer is an answer of the load balancer itself.
func byBalancer(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "awselb/2.0")
		w.WriteHeader(status)
	}
}

// room is a WebSocket in which another client sends first, and which then echoes.
func room(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	for {
		kind, said, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		_ = conn.Write(r.Context(), websocket.MessageText, []byte("smoke of somebody else"))
		_ = conn.Write(r.Context(), kind, said)
	}
}

// start serves the site on loopback and returns a transport that reaches it by its name and true ports, and trusts it.
func (s *site) start(t *testing.T) *http.Transport {
	t.Helper()
	authority, certificate := s.certify(t)
	known := s.service
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == host {
			known.ServeHTTP(w, r)
		} else {
			s.unknown(w, r)
		}
	}))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.EnableHTTP2 = true
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: s.tlsVersion, MaxVersion: s.tlsVersion}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(s.plain)
	t.Cleanup(plain.Close)

	roots := x509.NewCertPool()
	roots.AddCert(authority)
	addresses := map[string]string{host + ":443": secure.Listener.Addr().String(), host + ":80": plain.Listener.Addr().String()}
	return &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			actual, known := addresses[address]
			if !known {
				return nil, &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}
			}
			return (&net.Dialer{}).DialContext(ctx, network, actual)
		},
	}
}

// certify makes an authority and a certificate of it for the site.
func (s *site) certify(t *testing.T) (*x509.Certificate, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(template, parent *x509.Certificate) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return certificate
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{"Tests"}, CommonName: "CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	root = sign(root, root)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(100*24*time.Hour + time.Hour),
	}
	if s.certificate != nil {
		s.certificate(leaf)
	}
	leaf = sign(leaf, root)
	return root, tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}
}

// A check ends by itself if nothing answers. It runs alone: on a slow machine the time would be too short for all.
func TestChecksEndInTime(t *testing.T) {
	t.Parallel()
	s := goodSite()
	heard := make(chan struct{})
	s.replace("/healthz", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s.replace("/ws", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		if _, _, err := conn.Read(r.Context()); err == nil {
			close(heard)
			_, _, _ = conn.Read(r.Context()) // until the client goes
		}
	})
	p, err := newProbe(Target{URL: "https://" + host, Checks: all(), Timeout: 100 * time.Millisecond, Transport: s.start(t)})
	if err != nil {
		t.Fatal(err)
	}
	if state, detail := p.repeat(t.Context(), p.health); state != Failed || detail != "no answer in time" {
		t.Errorf("health ended %s (%s)", state, detail)
	}
	p.Timeout = time.Minute
	ctx, cancel := context.WithCancel(t.Context()) // its end is what a deadline's is
	defer cancel()
	go func() {
		defer cancel()
		select {
		case <-heard:
		case <-ctx.Done():
		}
	}()
	if state, detail := p.repeat(ctx, p.webSocket); state != Failed || detail != "/ws does not echo the message in time" {
		t.Errorf("websocket ended %s (%s)", state, detail)
	}
}

func TestChecks(t *testing.T) {
	for name, test := range map[string]struct {
		site   func(*site)
		target func(*Target)
		check  string // the one that does not succeed, or none
		state  State
		detail string
	}{
		"all is well":        {},
		"health and version": {target: func(target *Target) { target.Version = "v1" }},
		"redirect that names no port": {site: func(s *site) {
			s.plain = func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "https://"+r.Host+r.URL.RequestURI())
				w.WriteHeader(http.StatusMovedPermanently)
			}
		}},
		"TLS 1.2": {site: func(s *site) { s.tlsVersion = tls.VersionTLS12 }},
		"TLS 1.1": {
			site:  func(s *site) { s.tlsVersion = tls.VersionTLS11 },
			check: "tls", state: Failed, detail: "tls: protocol version not supported",
		},
		"certificate of an unknown authority": {
			target: func(target *Target) { target.Transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()} },
			check:  "tls", state: Failed, detail: "an authority that this machine does not trust",
		},
		"certificate of another name": {
			site: func(s *site) {
				s.certificate = func(c *x509.Certificate) { c.DNSNames = []string{"other.slipway.test"} }
			},
			check: "tls", state: Failed, detail: "valid for other.slipway.test, not " + host,
		},
		"expired certificate": {
			site:  func(s *site) { s.certificate = func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) } },
			check: "tls", state: Failed, detail: "expired",
		},
		"certificate about to expire": {
			site: func(s *site) {
				s.certificate = func(c *x509.Certificate) { c.NotAfter = time.Now().Add(13*24*time.Hour + time.Hour) }
			},
			check: "tls", state: Failed, detail: "TLS 1.3, by Tests CA, 13 days left: fewer than 14 days",
		},
		"redirect by 302": {
			site:  func(s *site) { s.plain = reply(http.StatusFound, "") },
			check: "redirect", state: Failed, detail: "302 Found, not 301",
		},
		"redirect that loses the query": {
			site: func(s *site) {
				s.plain = func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Location", "https://"+r.Host+r.URL.Path)
					w.WriteHeader(http.StatusMovedPermanently)
				}
			},
			check: "redirect", state: Failed, detail: `/redirect?a=1&b=%2F to "https://` + host + `/smoke/redirect"`,
		},
		"plain HTTP without a redirect": {
			site:  func(s *site) { s.plain = reply(http.StatusOK, "hello") },
			check: "redirect", state: Failed, detail: "200 OK, not 301",
		},
		"unknown hosts reach the service": {
			site:  func(s *site) { s.unknown = reply(http.StatusOK, "hello") },
			check: "404", state: Failed, detail: "200 OK, not 404",
		},
		"404 of somebody else": {
			site:  func(s *site) { s.unknown = reply(http.StatusNotFound, "404 page not found") },
			check: "404", state: Failed, detail: `without {"message": "Not Found"}`,
		},
		"Cloudflare": {
			site: func(s *site) {
				s.unknown = func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Server", "cloudflare")
					w.WriteHeader(http.StatusForbidden)
				}
			},
			check: "404", state: Skipped, detail: "Cloudflare's proxy",
		},
		"unhealthy": {
			site:  func(s *site) { s.replace("/healthz", reply(http.StatusServiceUnavailable, "")) },
			check: "health", state: Failed, detail: "/healthz answers 503 Service Unavailable, not 200",
		},
		"health leads elsewhere": {
			site:  func(s *site) { s.replace("/healthz", http.RedirectHandler("/", http.StatusFound).ServeHTTP) },
			check: "health", state: Failed, detail: "302",
		},
		"another health path": {
			site:   func(s *site) { s.replace("/up", reply(http.StatusInternalServerError, "")) },
			target: func(target *Target) { target.HealthPath = "/up" },
			check:  "health", state: Failed, detail: "/up answers 500",
		},
		"another code of health": {
			site:   func(s *site) { s.replace("/healthz", reply(http.StatusNoContent, "")) },
			target: func(target *Target) { target.HealthCodes = "200-299" },
		},
		"not one of the codes of health": {
			site:   func(s *site) { s.replace("/healthz", reply(http.StatusNoContent, "")) },
			target: func(target *Target) { target.HealthCodes = "200,202" },
			check:  "health", state: Failed, detail: "/healthz answers 204 No Content, not 200,202",
		},
		"no healthy task": {
			site:  func(s *site) { s.replace("/healthz", byBalancer(http.StatusServiceUnavailable)) },
			check: "health", state: Failed, detail: "/healthz answers 503 Service Unavailable, by the load balancer itself: the service has no healthy task",
		},
		"health is not routed": {
			site:   func(s *site) { s.replace("/healthz", byBalancer(http.StatusNotFound)) },
			target: func(target *Target) { target.HealthRouted = false },
		},
		"health is not known": {target: func(target *Target) { target.HealthPath = "" }},
		"health is not routed, and the service has errors": {
			site:   func(s *site) { s.replace("/app/", reply(http.StatusInternalServerError, "")) },
			target: func(target *Target) { target.HealthRouted, target.URL = false, "https://"+host+"/app/" },
			check:  "health", state: Failed, detail: "/app/ answers 500",
		},
		"health is not routed, and the service does not know its own root": {
			site:   func(s *site) { s.replace("/app/", http.NotFound) },
			target: func(target *Target) { target.HealthRouted, target.URL = false, "https://"+host+"/app/" },
		},
		"no route to the service": {
			site:   func(s *site) { s.replace("/app/", byBalancer(http.StatusNotFound)) },
			target: func(target *Target) { target.HealthRouted, target.URL = false, "https://"+host+"/app/" },
			check:  "health", state: Failed, detail: "/app/ answers 404 Not Found, by the load balancer itself: no rule sends this to a service",
		},
		"a path with an error": {
			site:  func(s *site) { s.replace("/{$}", http.NotFound) },
			check: "path", state: Failed, detail: "/ answers 404 Not Found",
		},
		"another version": {
			target: func(target *Target) { target.Version = "v2" },
			check:  "version", state: Failed, detail: `/version says "v1", not "v2"`,
		},
		"another digest": {
			target: func(target *Target) { target.Image, target.Version = "sha256:aa", "sha256:bb" },
			check:  "version", state: Failed, detail: "the service runs the image sha256:aa, not sha256:bb",
		},
		"the digest":                 {target: func(target *Target) { target.Image, target.Version = "sha256:aa", "sha256:aa" }},
		"the digest, and no version": {target: func(target *Target) { target.Image, target.Version, target.VersionPath = "sha256:aa", "sha256:aa", "" }},
		"no version is told":         {target: func(target *Target) { target.Image, target.VersionPath = "sha256:aa", "" }},
		"another digest, and no version": {
			target: func(target *Target) { target.Image, target.Version, target.VersionPath = "sha256:aa", "sha256:bb", "" },
			check:  "version", state: Failed, detail: "the service runs the image sha256:aa, not sha256:bb",
		},
		"a version of a service that tells none": {
			target: func(target *Target) { target.Image, target.Version, target.VersionPath = "sha256:aa", "v1", "" },
			check:  "version", state: Skipped, detail: `the service does not say its version, so "v1" cannot be checked; its image is sha256:aa`,
		},
		"a version for the terminal": {
			site:  func(s *site) { s.replace("/version", reply(http.StatusOK, `{"version":"\u001b[2J"}`)) },
			check: "version", state: Failed, detail: "characters that cannot be printed",
		},
		"version of another shape": {
			site:  func(s *site) { s.replace("/version", reply(http.StatusOK, "v1")) },
			check: "version", state: Failed, detail: "JSON object with a version",
		},
		"no version": {
			site:  func(s *site) { s.replace("/version", http.NotFound) },
			check: "version", state: Failed, detail: "404",
		},
		"no room": {
			site:  func(s *site) { s.replace("/ws", http.NotFound) },
			check: "websocket", state: Failed, detail: "/ws answers 404 Not Found, not 101",
		},
		"no address": {
			target: func(target *Target) { target.URL = "https://gone.slipway.test" },
			check:  "tls", state: Failed, detail: "there is no address for gone.slipway.test",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := goodSite()
			if test.site != nil {
				test.site(s)
			}
			target := Target{URL: "https://" + host, Checks: all(), Timeout: time.Minute, Transport: s.start(t)}
			if test.target != nil {
				test.target(&target)
			}
			report, err := Run(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Results) != 7 {
				t.Errorf("%d checks ran: %v", len(report.Results), report.Results)
			}
			for _, result := range report.Results {
				switch {
				case result.Name == test.check:
					if result.State != test.state || !strings.Contains(result.Detail, test.detail) {
						t.Errorf("%s ended %s (%s), want %s (%s)", result.Name, result.State, result.Detail, test.state, test.detail)
					}
				case test.check == "" && result.State != OK:
					t.Errorf("%s ended %s: %s", result.Name, result.State, result.Detail)
				// One check finds a fault, unless no connection is possible at all.
				case test.check != "tls" && result.State != OK:
					t.Errorf("%s ended %s as well: %s", result.Name, result.State, result.Detail)
				}
			}
			if failed := test.state == Failed; (report.Err() != nil) != failed {
				t.Errorf("the report's error is %v", report.Err())
			}
		})
	}
}

func TestRunReportsTheVersion(t *testing.T) {
	transport := goodSite().start(t)
	for path, want := range map[string]string{"/version": "v1", "": "sha256:aa"} {
		report, err := Run(t.Context(), Target{
			URL: "https://" + host, Checks: Checks{VersionPath: path}, Image: "sha256:aa", Transport: transport,
		})
		if err != nil || report.Err() != nil || report.Version != want {
			t.Errorf("version %q (%v, %v), want %s", report.Version, err, report.Err(), want)
		}
	}
}

// A path that a service does not have is not checked.
func TestPlainServer(t *testing.T) {
	s := goodSite()
	s.service = http.NewServeMux()
	var asked sync.Map
	s.service.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.Path, true)
		reply(http.StatusOK, "<h1>hello")(w, r)
	})
	report, err := Run(t.Context(), Target{URL: "https://" + host, Transport: s.start(t)})
	if err = errors.Join(err, report.Err()); err != nil || report.Version != "" {
		t.Errorf("it is %+v: %v", report, err)
	}
	var names []string
	for _, result := range report.Results {
		names = append(names, result.Name)
	}
	if got := strings.Join(names, " "); got != "tls redirect 404 health" {
		t.Errorf("checked %s", got)
	}
	asked.Range(func(path, _ any) bool {
		if path != "/" {
			t.Errorf("asked for %s", path)
		}
		return true
	})
}

func TestMatchesCodes(t *testing.T) {
	for _, test := range []struct {
		codes       string
		status      int
		want, fails bool
	}{
		{"", 200, true, false},
		{"", 204, false, false},
		{"200", 200, true, false},
		{"200,204", 204, true, false},
		{"200, 204", 204, true, false},
		{"200-299", 200, true, false},
		{"200-299", 299, true, false},
		{"200-299", 300, false, false},
		{"200,301-302", 302, true, false},
		{"200,301-302", 300, false, false},
		{"2xx", 200, false, true},
		{"200-", 200, false, true},
		{"200,", 200, false, true},
	} {
		got, err := MatchesCodes(test.codes, test.status)
		if got != test.want || (err != nil) != test.fails {
			t.Errorf("%d in %q is %t, %v", test.status, test.codes, got, err)
		}
	}
}

// The checks wait for a rollout that is not over yet.
func TestRunWaits(t *testing.T) {
	s := goodSite()
	var asked atomic.Int32
	s.replace("/version", func(w http.ResponseWriter, r *http.Request) {
		version := `{"version":"v1"}`
		if asked.Add(1) > 2 {
			version = `{"version":"v2"}`
		}
		reply(http.StatusOK, version)(w, r)
	})
	target := Target{URL: "https://" + host, Checks: all(), Version: "v2", Wait: time.Minute, Transport: s.start(t)}
	report, err := Run(t.Context(), target)
	if err = errors.Join(err, report.Err()); err != nil {
		t.Error(err)
	}
	if n := asked.Load(); n != 3 {
		t.Errorf("the version was asked for %d times, and not until it was right", n)
	}
	// The others are not repeated, and do not wait.
	for _, result := range report.Results {
		if result.Name != "version" && result.Duration > 2*pause {
			t.Errorf("%s took %s", result.Name, result.Duration)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	s := goodSite()
	ctx, cancel := context.WithCancel(t.Context())
	s.replace("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	start := time.Now()
	report, err := Run(ctx, Target{URL: "https://" + host, Checks: all(), Wait: time.Hour, Transport: s.start(t)})
	if err != nil || report.Err() == nil {
		t.Errorf("%v, %v", report, err)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %s", took)
	}
}

// Every request goes through the transport, also the WebSocket and that for an unknown host.
func TestRunThroughAProxy(t *testing.T) {
	transport := goodSite().start(t)
	var tunnels, requests atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			requests.Add(1)
			direct := transport.Clone()
			direct.Proxy = nil
			defer direct.CloseIdleConnections()
			response, err := direct.RoundTrip(r)
			if err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			defer response.Body.Close()
			w.Header().Set("Location", response.Header.Get("Location"))
			w.WriteHeader(response.StatusCode)
			return
		}
		tunnels.Add(1)
		upstream, err := transport.DialContext(r.Context(), "tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer upstream.Close()
		client, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer client.Close()
		_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(upstream, buffered)
			_ = upstream.Close()
		}()
		_, _ = io.Copy(client, upstream)
	}))
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxied := transport.Clone()
	proxied.DialContext = nil
	proxied.Proxy = http.ProxyURL(address)
	report, err := Run(t.Context(), Target{URL: "https://" + host, Checks: all(), Transport: proxied})
	if err = errors.Join(err, report.Err()); err != nil {
		t.Error(err)
	}
	if tunnels.Load() != 6 || requests.Load() != 1 {
		t.Errorf("the proxy saw %d tunnels and %d requests", tunnels.Load(), requests.Load())
	}
}

func TestRunRefusesURLs(t *testing.T) {
	for _, target := range []Target{
		{URL: "http://" + host},
		{URL: host},
		{URL: ""},
		{URL: "https://user:password@" + host},
		{URL: "https://" + host + "?a=b"},
		{URL: "https://" + host + "/%zz"},
		{URL: "https://" + host, Checks: Checks{HealthPath: "healthz"}},
		{URL: "https://" + host, Checks: Checks{Paths: []string{"/", "up"}}},
		{URL: "https://" + host, Checks: Checks{HealthCodes: "all"}},
	} {
		_, err := Run(t.Context(), target)
		if err == nil {
			t.Errorf("%+v was checked", target)
		} else if strings.Contains(err.Error(), "password") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}

// A name that DNS does not know belongs to the local cloud if it ends in .test or the engine attaches to its providers.
func TestAdvice(t *testing.T) {
	for _, test := range []struct {
		host, providers string
		missing, want   bool
	}{
		{"hello.slipway.test", "", true, true},
		{"hello.example.com", "aws:1,cloudflare:2", true, true},
		{"hello.example.com", "", true, false},
		{"hello.slipway.test", "", false, false},
	} {
		t.Setenv("PULUMI_DEBUG_PROVIDERS", test.providers)
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: test.host, IsNotFound: test.missing}
		}}
		report, err := Run(t.Context(), Target{URL: "https://" + test.host, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := report.Write(&out); err != nil {
			t.Fatal(err)
		}
		if said := strings.Count(out.String(), "localcloud env -clients") == 1; said != test.want {
			t.Errorf("%+v:\n%s", test, out.String())
		}
	}
}

func TestWrite(t *testing.T) {
	report := Report{URL: "https://hello.slipway.test", Results: []Result{
		{Name: "tls", State: OK, Detail: "TLS 1.3", Duration: 12_345_678},
		{Name: "health", State: Failed, Detail: "/healthz answers 503", Duration: 61_234 * time.Millisecond},
	}}
	var out bytes.Buffer
	if err := report.Write(&out); err != nil {
		t.Fatal(err)
	}
	const want = `https://hello.slipway.test
  ok    tls     12ms    TLS 1.3
  FAIL  health  1m1.2s  /healthz answers 503
`
	if out.String() != want {
		t.Errorf("wrote\n%s", out.String())
	}
}

// A worker takes no requests: only its image is checked.
func TestWorker(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		version, detail string
		state           State
	}{
		"any":               {"", "the service does not say its version; its image is sha256:aa", OK},
		"its digest":        {"sha256:aa", "the service does not say its version; its image is sha256:aa", OK},
		"another digest":    {"sha256:bb", "the service runs the image sha256:aa, not sha256:bb", Failed},
		"a version by name": {"v1", `the service does not say its version, so "v1" cannot be checked; its image is sha256:aa`, Skipped},
	} {
		report, err := Run(t.Context(), Target{Worker: "mailer", Image: "sha256:aa", Version: test.version, Checks: Checks{VersionPath: "/version"}})
		if err != nil || report.URL != "worker mailer" || len(report.Results) != 1 || report.Version == "" && test.state == OK {
			t.Fatalf("%s: %+v, %v", name, report, err)
		}
		if got := report.Results[0]; got.State != test.state || got.Detail != test.detail {
			t.Errorf("%s: %+v, want %s %q", name, got, test.state, test.detail)
		}
		if failed := report.Err() != nil; failed != (test.state == Failed) {
			t.Errorf("%s: %v", name, report.Err())
		}
	}
}
