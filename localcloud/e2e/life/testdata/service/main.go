// Service replaces the real one in tests of many stacks: it ends at SIGTERM, and drains nothing.
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
