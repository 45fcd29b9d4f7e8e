// Notes is a service of the kind that people have already: plain net/http, on every address, with a health check of its own. It keeps
// what it is told in memory.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

// notes are what was said, the oldest first.
type notes struct {
	mu   sync.Mutex
	said []string
}

func (n *notes) list(w http.ResponseWriter, _ *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, _ = fmt.Fprintf(w, "%d notes\n%s", len(n.said), strings.Join(n.said, ""))
}

func (n *notes) add(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<10))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said = append(n.said, strings.TrimSpace(string(text))+"\n")
	w.WriteHeader(http.StatusCreated)
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	listen := flag.String("listen", ":"+cmp.Or(os.Getenv("PORT"), "8080"), "address to listen on")
	flag.Parse()
	var n notes
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", n.list)
	mux.HandleFunc("POST /{$}", n.add)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	server := &http.Server{
		Addr: *listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout: 2 * time.Minute, // longer than the load balancer's, or it uses a connection that is being closed
	}

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	stopped := make(chan error, 1)
	context.AfterFunc(stop, func() { stopped <- server.Shutdown(context.Background()) })
	log.Print("listening")
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped // when requests under way have been answered
}
