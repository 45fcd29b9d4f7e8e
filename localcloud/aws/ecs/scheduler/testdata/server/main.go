// Server is a test's task: it prints its environment.
//
//	server          serve until SIGTERM
//	server prepare  do what comes before that, which fails for the version that is told so
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	if len(os.Args) > 1 {
		fmt.Println("version", os.Getenv("VERSION"), "is prepared")
		if os.Getenv("FAIL") != "" {
			return errors.New("and fails at it")
		}
		return nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s %s", os.Getenv("VERSION"), os.Getenv("KEY"))
	})
	server := &http.Server{Addr: net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT")), ReadHeaderTimeout: time.Second}
	drain, _ := time.ParseDuration(os.Getenv("DRAIN")) // none, if it is not set
	stopped := context.AfterFunc(ctx, func() {
		<-time.After(drain)
		_ = server.Shutdown(context.Background())
	})
	defer stopped()
	fmt.Println("version", os.Getenv("VERSION"), "listens")
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	fmt.Println("version", os.Getenv("VERSION"), "stops")
	return nil
}
