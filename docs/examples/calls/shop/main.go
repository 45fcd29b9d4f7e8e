// Shop answers clients, and asks billing for a part of the answer.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// patience is how long the shop waits for billing. Its own clients do not wait for longer.
const patience = 2 * time.Second

func main() {
	http.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {}) // the shop works without billing
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		invoices, err := invoices(r.Context())
		if err != nil {
			log.Print(err)
			fmt.Fprintln(w, "Your invoices are not there at the moment.")
			return
		}
		fmt.Fprintln(w, "Your invoices:", strings.Join(invoices, ", "))
	})
	if err := serve(); err != nil {
		log.Fatal(err)
	}
}

// invoices asks billing, whose URL is in the environment because the shop's `calls` name it.
func invoices(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("BILLING_URL")+"/invoices", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask billing: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask billing: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask billing: it answers %s", resp.Status)
	}
	var invoices []string
	if err := json.NewDecoder(resp.Body).Decode(&invoices); err != nil {
		return nil, fmt.Errorf("read billing's answer: %w", err)
	}
	return invoices, nil
}

// serve answers until SIGTERM, goes on for DRAIN_DELAY, because the load balancer does not know yet that the task stops, and then
// finishes its requests.
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
