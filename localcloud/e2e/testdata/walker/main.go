// Walker is a service that says in each answer who it is. It is healthy at one path and with one status code, which its configuration
// names, and with no other. Two of its versions do not work: "sick" never gets healthy, and "exits" ends at once.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var version string

func main() {
	if version == "exits" {
		fmt.Println("this version does not work")
		os.Exit(3)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT")), Handler: http.HandlerFunc(serve), ReadHeaderTimeout: time.Minute}
	ended := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(ended)
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(grace) // the rest is cut
	})
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	<-ended
}

// healthPaths are the health paths of all configurations.
var healthPaths = []string{"/healthz", "/ready", "/internal/health"}

// healthAnswer is the status code of a healthy task's answer.
var healthAnswer, _ = strconv.Atoi(os.Getenv("HEALTH_ANSWER"))

func serve(w http.ResponseWriter, r *http.Request) {
	for _, path := range healthPaths {
		if r.URL.Path != path {
			continue
		}
		switch {
		case version == "sick":
			w.WriteHeader(http.StatusServiceUnavailable)
		case path != os.Getenv("HEALTH"):
			w.WriteHeader(http.StatusNotFound)
		default:
			w.WriteHeader(healthAnswer)
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"service": os.Getenv("SERVICE"), "version": strings.TrimSpace(version)})
}
