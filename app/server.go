package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// maxHeaderBytes is what an Application Load Balancer lets through as a request's header ("HTTP headers" in its quotas).
	maxHeaderBytes = 64 << 10
	// maxBodyBytes bounds a request's body, which only POST /work uses.
	maxBodyBytes = 64 << 10
	// healthRoute is what the load balancer asks.
	healthRoute = "/healthz"
	// workRoute is the one that takes a body, and is there only with a queue.
	workRoute = "/work"
)

// server is the service as an http.Handler.
type server struct {
	handler  http.Handler            // routes, with the access log and the guard before them
	routes   map[string]http.Handler // by path
	greeting string                  // unless the settings have one
	settings *settings               // from parameters that are watched
	version  versionInfo
	room     *room
	draining atomic.Bool

	telemetry *telemetry // nil: none
}

func newServer(cfg config, log *slog.Logger) *server {
	s := &server{
		greeting: cfg.greeting,
		settings: newSettings(cfg.watch),
		version:  currentVersion(hostname()),
		room:     newRoom(cfg.room, cfg.allowedOrigins, log),
	}

	s.telemetry = newTelemetry(cfg.telemetry, s.version, log)

	s.routes = map[string]http.Handler{
		"/":         http.HandlerFunc(s.serveGreeting),
		healthRoute: http.HandlerFunc(s.serveHealth),
		"/version":  http.HandlerFunc(s.serveVersion),
		"/ws":       s.room,
		"/status": &status{
			checks: cfg.checks, timeout: cfg.checkTimeout, maxAge: cfg.checkMaxAge, version: s.version.Version, log: log,
		},
	}
	if q := newQueue(cfg, log); q != nil {
		s.routes[workRoute] = http.HandlerFunc(q.serveWork)
	}
	s.handler = accessLog(log, s.observe, s.guard(http.HandlerFunc(s.route)))
	return s
}

// hostname is the name of the machine that this runs on.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// observe records a request that is over.
func (s *server) observe(r *http.Request, status int, start, end time.Time) (trace string) {
	route := r.URL.Path
	if _, found := s.routes[route]; !found {
		route = ""
	}
	return s.telemetry.request(r, route, status, start, end)
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.handler.ServeHTTP(w, r)
}

// drain makes /healthz fail and asks every client to use another connection for its next request, and so another task.
func (s *server) drain() {
	s.draining.Store(true)
}

// guard applies what holds for every request.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
		// Not http.Server.SetKeepAlivesEnabled(false), which closes idle connections at once, under the nose of a client
		// about to use one.
		if s.draining.Load() {
			header.Set("Connection", "close")
		}
		if r.ContentLength > maxBodyBytes {
			header.Set("Connection", "close")
			writeError(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
		next.ServeHTTP(w, r)
	})
}

// route serves exact paths, read only but for POST /work. An http.ServeMux would redirect unclean paths, answer in plain text and, with a catch-all
// pattern, answer a wrong method with 404.
func (s *server) route(w http.ResponseWriter, r *http.Request) {
	handler, found := s.routes[r.URL.Path]
	switch {
	case !found:
		writeError(w, http.StatusNotFound, "Not Found")
	case r.URL.Path == workRoute && r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST")
		writeError(w, http.StatusMethodNotAllowed, "Method Not Allowed")
	case r.URL.Path == workRoute:
		handler.ServeHTTP(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		writeError(w, http.StatusMethodNotAllowed, "Method Not Allowed")
	default:
		handler.ServeHTTP(w, r)
	}
}

func (s *server) serveGreeting(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		Message      string `json:"message"`
		Version      string `json:"version"`
		Hostname     string `json:"hostname"`
		ForwardedFor string `json:"forwarded_for"`
		Proto        string `json:"proto"`
	}{s.settings.greeting(s.greeting), s.version.Version, s.version.Hostname, forwardedFor(r), proto(r)})
}

func (s *server) serveVersion(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.version)
}

// serveHealth answers the load balancer. It checks only this task: if it checked dependencies, a failure of one would replace every
// task. /status checks those.
func (s *server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	code, state := http.StatusOK, "ok"
	if s.draining.Load() {
		code, state = http.StatusServiceUnavailable, "draining"
	}
	writeJSON(w, code, map[string]string{"status": state})
}

// forwardedFor is the client of the load balancer: only informative, because a client can put anything in front.
func forwardedFor(r *http.Request) string {
	return clip(strings.Join(r.Header.Values("X-Forwarded-For"), ", "))
}

// proto is the protocol the client spoke to the load balancer, or to us if there is none in between.
func proto(r *http.Request) string {
	if forwarded := r.Header.Get("X-Forwarded-Proto"); forwarded != "" {
		return clip(forwarded)
	}
	return "http"
}

// writeError answers in the form of the load balancer's own fixed responses.
func writeError(w http.ResponseWriter, code int, message string) {
	writeJSON(w, code, map[string]string{"message": message})
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // fails only if the client is gone
}
