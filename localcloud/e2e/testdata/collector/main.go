// Collector is an OpenTelemetry collector in small: it takes OTLP as JSON over HTTP, and prints the name of each span and each metric.
//
//	collector              take what comes at port 4318 until SIGTERM
//	collector healthcheck  exit with 0 if it does
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

var version string // set by the linker

func main() {
	run := serve
	if len(os.Args) > 1 && os.Args[1] == "healthcheck" {
		run = check
	}
	if err := run(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// address is the task's own: HOST is given where tasks share the machine's network.
func address() string { return net.JoinHostPort(cmp.Or(os.Getenv("HOST"), "localhost"), "4318") }

func serve() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: address()}
	http.HandleFunc("GET /", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) { take(w, r, "spans", "span") })
	http.HandleFunc("POST /v1/metrics", func(w http.ResponseWriter, r *http.Request) { take(w, r, "metrics", "metric") })
	context.AfterFunc(ctx, func() { _ = server.Shutdown(context.Background()) })
	fmt.Println("collecting", version)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	fmt.Println("collected")
	return nil
}

// take prints the names of all members of the lists.
func take(w http.ResponseWriter, r *http.Request, list, what string) {
	var body any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	walk(body, list, what)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, "{}")
}

func walk(value any, list, what string) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			walk(element, list, what)
		}
	case map[string]any:
		for name, member := range value {
			if elements, ok := member.([]any); ok && name == list {
				for _, element := range elements {
					if object, ok := element.(map[string]any); ok {
						fmt.Println(what, object["name"])
					}
				}
				continue
			}
			walk(member, list, what)
		}
	}
}

func check() error {
	response, err := http.Get("http://" + address())
	if err != nil {
		return err
	}
	return response.Body.Close()
}
