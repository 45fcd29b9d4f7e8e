// Asker is a service that asks another one: GET /ask answers with what $BILLING_URL answers. As a command, "get URL" asks once, and "load URL" until its input ends.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

var version string // set by the linker

// patience is how long an answer may take.
const patience = 5 * time.Second

func main() {
	run := serve
	if len(os.Args) == 3 {
		run = map[string]func() error{
			"get":  func() error { return get(context.Background(), os.Args[2], os.Stdout) },
			"load": func() error { return load(os.Args[2]) },
		}[os.Args[1]]
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// get writes what the URL answers. It keeps no connection, so that each question chooses a task anew.
func get(ctx context.Context, url string, to io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", url, resp.Status, said)
	}
	_, err = to.Write(said)
	return err
}

// load asks again and again, until the standard input ends, and fails if a question did.
func load(url string) error {
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		ended <- err
	}()
	var failed []error
	for asked := 0; ; asked++ {
		select {
		case err := <-ended:
			fmt.Printf("asked %d times\n", asked)
			return errors.Join(append(failed, err)...)
		case <-time.After(5 * time.Millisecond):
			if err := get(context.Background(), url, io.Discard); err != nil {
				failed = append(failed, err)
			}
		}
	}
}

func serve() error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		name, _ := os.Hostname()
		fmt.Fprintf(w, "version=%s host=%s\n", version, name)
	})
	mux.HandleFunc("GET /ask", func(w http.ResponseWriter, r *http.Request) {
		if err := get(r.Context(), os.Getenv("BILLING_URL"), w); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
	server := &http.Server{Addr: net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT")), Handler: mux}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		<-stop.Done()
		delay, _ := time.ParseDuration(os.Getenv("DRAIN_DELAY"))
		time.Sleep(delay) // those who ask do not know yet that it stops
		ended <- server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}
