package daemon

import (
	"net"
	"net/http"
	"net/netip"
)

// localOnly refuses requests that are not from and to this machine. The daemon listens only on loopback. But a page's own name can
// resolve to a loopback address, and the browser then lets the page through (DNS rebinding). Such a request has the page's name.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopback(r.RemoteAddr) || !loopback(r.Host) {
			http.Error(w, "this is for the machine's own users, by its loopback address", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopback reports whether a host, with or without a port, is this machine.
func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
