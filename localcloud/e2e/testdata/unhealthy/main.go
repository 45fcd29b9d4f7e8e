// Unhealthy is a service that starts and answers, and never gets healthy.
package main

import (
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	log.Print("listening, but not ready")
	log.Fatal(http.ListenAndServe(net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT")), http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	)))
}
