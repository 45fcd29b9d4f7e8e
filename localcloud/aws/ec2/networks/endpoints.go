package networks

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"slipway/localcloud/vnet"
)

// TaskEndpoint is the address at which a task finds its metadata and the credentials of its role. It is the same for every task.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
var TaskEndpoint = netip.MustParseAddr("169.254.170.2")

// linkLocal are the addresses that no route table is about, TaskEndpoint's among them (RFC 3927).
var linkLocal = netip.MustParsePrefix("169.254.0.0/16")

// endpoints answer the tasks of a network at TaskEndpoint, each by a handler of its own. It is one host for all of them: a task sends from
// its own address alone, so that the address says which task asks.
type endpoints struct {
	server *http.Server
	served sync.WaitGroup

	mu sync.RWMutex
	of map[netip.Addr]http.Handler
}

// serveEndpoints puts the endpoints into a network.
func serveEndpoints(n *vnet.Network) (*endpoints, error) {
	h, err := n.AttachHost(vnet.InterfaceConfig{Name: endpointsName, Addresses: []netip.Addr{TaskEndpoint}})
	if err != nil {
		return nil, err
	}
	const port = 80
	l, err := h.Listen(netip.AddrPortFrom(TaskEndpoint, port))
	if err != nil {
		return nil, err
	}
	e := &endpoints{of: map[netip.Addr]http.Handler{}}
	e.server = &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	e.served.Go(func() { _ = e.server.Serve(l) }) // until it is closed
	return e, nil
}

// set lets a handler answer the task with the address; nil is for nobody.
func (e *endpoints) set(task netip.Addr, h http.Handler) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if h == nil {
		delete(e.of, task)
		return
	}
	e.of[task] = h
}

// ServeHTTP implements [http.Handler].
func (e *endpoints) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	e.mu.RLock()
	h := e.of[from.Addr()]
	e.mu.RUnlock()
	if err != nil || h == nil {
		http.NotFound(w, r)
		return
	}
	h.ServeHTTP(w, r)
}

// close ends what still answers. The network has ended by then.
func (e *endpoints) close() {
	if e == nil {
		return
	}
	_ = e.server.Close() // its sockets are gone
	e.served.Wait()
}
