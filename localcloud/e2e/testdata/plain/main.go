// Plain is a service that is not app/: a page and a health check at another path, and nothing more.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
)

var version string // set by the linker

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /up", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "up") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "<h1>Plain %s</h1>\n", version) })
	mux.HandleFunc("GET /api/things", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, `["thing"]`) })
	log.Fatal(http.ListenAndServe(net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT")), mux))
}
