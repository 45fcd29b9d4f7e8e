// Billing answers other services alone: it has no host names, so clients do not reach it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	http.HandleFunc("GET /invoices", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode([]string{"2026-001", "2026-002"}) // the caller may be gone
	})
	if err := serve(); err != nil {
		log.Fatal(err)
	}
}

// serve answers until SIGTERM, goes on for DRAIN_DELAY, because callers do not know yet that the task stops, and then finishes its requests.
func serve() error {
	server := &http.Server{Addr: os.Getenv("HOST") + ":" + os.Getenv("PORT"), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go func() {
		<-stop.Done()
		delay, _ := time.ParseDuration(os.Getenv("DRAIN_DELAY")) // none if it is not set
		time.Sleep(delay)
		ended <- server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}
