// Faulty is the service in broken versions. The build sets a version's fault, like its version.
//
//	faulty          serve, badly
//	faulty migrate  prepare the database, for an init container
package main

import (
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/coder/websocket"
)

var version, fault = "dev", ""

func main() {
	log.Printf("version %s: %s", version, fault)
	if len(os.Args) > 1 {
		if fault == "fails to migrate" {
			log.Fatal("the database has a table of this name")
		}
		return
	}
	health, answer := http.StatusOK, http.StatusOK
	serve := func() {}
	server := http.Server{Addr: net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT")), ReadHeaderTimeout: time.Minute}
	switch fault {
	case "crashes at start":
		log.Fatal("cannot reach the database")
	case "crashes while starting":
		health = http.StatusServiceUnavailable
		time.AfterFunc(3*time.Second, func() { log.Fatal("the database has not come up") })
	case "crashes while serving":
		serve = sync.OnceFunc(func() { time.AfterFunc(3*time.Second, func() { crash(&server) }) })
	case "never healthy":
		health = http.StatusServiceUnavailable
	case "answers 500":
		answer = http.StatusInternalServerError
	default:
		log.Fatalf("%q is not a fault", fault)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(health) })
	mux.HandleFunc("/ws", listen)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		serve()
		w.WriteHeader(answer)
		_ = json.NewEncoder(w).Encode(map[string]string{"version": version}) // or the client is gone
	})
	server.Handler = mux
	err := server.ListenAndServe()
	if fault == "crashes while serving" {
		select {} // crash ends the process
	}
	log.Fatal(err)
}

// crash ends the process like a panic with a large core dump: all of its connections break, and it accepts no more, some time before
// ECS can know that it has ended.
func crash(server *http.Server) {
	_ = server.Close()
	time.AfterFunc(2*time.Second, func() { log.Fatal("a map has two writers") })
}

// listen listens to a WebSocket until its maximum age, and then tells its client to reconnect: a service with one fault need not have
// others.
func listen(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered with the reason
	}
	defer func() { _ = conn.CloseNow() }()
	age, err := time.ParseDuration(os.Getenv("MAX_SOCKET_AGE"))
	if err == nil {
		timer := time.AfterFunc(age, func() { _ = conn.Close(websocket.StatusGoingAway, "please reconnect") })
		defer timer.Stop()
	}
	for err == nil {
		_, _, err = conn.Read(r.Context())
	}
}
