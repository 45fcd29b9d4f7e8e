package proxy

import (
	"log/slog"
	"net/http"
	"net/http/httputil"
	"time"
)

// maxResponseHeaderBytes bounds a response's header.
const maxResponseHeaderBytes = 1 << 20

// newPlain makes the handler that forwards requests for http:// URLs, including those that become WebSockets.
func (p *proxy) newPlain() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: &http.Transport{
			DialContext: p.dial,
			// A connection that another client left may have an address that the name no longer has, or bypass a security group that
			// has changed since.
			DisableKeepAlives:      true,
			DisableCompression:     true,
			ExpectContinueTimeout:  time.Second,
			MaxResponseHeaderBytes: maxResponseHeaderBytes,
		},
		FlushInterval: -1,
		ErrorLog:      slog.NewLogLogger(p.config.Log.Handler(), slog.LevelDebug),
		Rewrite: func(r *httputil.ProxyRequest) {
			// The request is the client's, as it sent it: also what ReverseProxy takes out for a server that would trust it.
			r.Out.URL.RawQuery = r.In.URL.RawQuery
			for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				if values, ok := r.In.Header[name]; ok {
					r.Out.Header[name] = values
				}
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			p.config.Log.Debug("refuse request", "error", err)
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
}
