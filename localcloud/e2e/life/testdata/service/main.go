// Service stands in for the real one where many stacks live and die: it ends at SIGTERM, and drains nothing.
package main

import (
	"log"
	"net"
	"net/http"
	"os"
)

var version string

func main() {
	log.Fatal(http.ListenAndServe(net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT")), http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Version", version) },
	)))
}
