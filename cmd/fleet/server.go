package main

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

//go:embed assets
var assets embed.FS

// templates are the page and, by name, the fragments of it that change.
var templates = template.Must(template.New("").Funcs(template.FuncMap{
	// A pip is 6 wide, with a gap of 3 between two.
	"pipX":      func(i int) int { return 9 * i },
	"pipsWidth": func(n int) int { return 9*n - 3 },
}).ParseFS(assets, "assets/page.html"))

const (
	// maxStreams is how many pages may be open at once.
	maxStreams = 32
	// settle is how long changes are collected before they are sent.
	settle = 100 * time.Millisecond
	// heartbeat is how often the server sends something without a change, to notice a page that is gone.
	heartbeat = 15 * time.Second
)

// server serves the page.
type server struct {
	project  string
	host     string // to listen on, from the user
	observer *observer
	streams  chan struct{} // holds one for each open stream
	mux      *http.ServeMux
}

// newServer returns a server for a project's page on an address.
func newServer(project, listen string, observer *observer) *server {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		host = ""
	}
	s := &server{project: project, host: host, observer: observer, streams: make(chan struct{}, maxStreams), mux: http.NewServeMux()}
	s.mux.HandleFunc("GET /{$}", s.servePage)
	s.mux.HandleFunc("GET /events", s.serveEvents)
	for _, name := range []string{"fleet.css", "fleet.js", "icon.svg"} {
		s.mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, assets, "assets/"+name)
		})
	}
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	// Everything comes from this server, nothing is inline, and no other page may embed or read it.
	header.Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'; img-src 'self'; script-src 'self'; style-src 'self'; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	if !s.answersTo(r.Host) {
		http.Error(w, fmt.Sprintf("This server does not go by the name %q: open it by its address, or by the name given to -listen.", r.Host),
			http.StatusMisdirectedRequest)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// answersTo reports whether a Host header names this server. In DNS rebinding, another site's name resolves to this address, and the
// header has that name.
func (s *server) answersTo(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return strings.EqualFold(host, "localhost") || s.host != "" && strings.EqualFold(host, s.host)
}

func (s *server) servePage(w http.ResponseWriter, _ *http.Request) {
	now := time.Now()
	board, _ := s.observer.board(now)
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, "page", newView(s.project, board, now)); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes())
}

// fragments are the templates that are sent again when they change. Each is one element, with its name as its id.
var fragments = []string{"summary", "fleet"}

// dataLines begins every line of an event as one of data. Each of these ends a line there ("Parsing an event stream" in the HTML
// standard), and messages and versions contain texts from others.
var dataLines = strings.NewReplacer("\r\n", "\ndata: ", "\r", "\ndata: ", "\n", "\ndata: ")

// serveEvents sends all fragments first, and then those that have changed.
func (s *server) serveEvents(w http.ResponseWriter, r *http.Request) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		http.Error(w, "Too many pages are open.", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	stream := http.NewResponseController(w)
	sent := map[string]string{}
	spoke := time.Now()
	for {
		now := time.Now()
		board, changed := s.observer.board(now)
		view := newView(s.project, board, now)
		var out bytes.Buffer
		for _, name := range fragments {
			var fragment bytes.Buffer
			if err := templates.ExecuteTemplate(&fragment, name, view); err != nil {
				return
			}
			if html := fragment.String(); sent[name] != html {
				sent[name] = html
				fmt.Fprintf(&out, "event: fragment\ndata: %s\n\n", dataLines.Replace(strings.TrimSpace(html)))
			}
		}
		if now.Sub(spoke) > heartbeat {
			out.WriteString(":\n\n")
		}
		if out.Len() > 0 {
			spoke = now
			_ = stream.SetWriteDeadline(now.Add(heartbeat)) // a page that does not read is gone
			if _, err := w.Write(out.Bytes()); err != nil {
				return
			}
			if err := stream.Flush(); err != nil {
				return
			}
		}
		// Each second, because the page says how long ago things were.
		select {
		case <-time.After(time.Second):
		case <-changed:
			select {
			case <-time.After(settle):
			case <-r.Context().Done():
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}
