package lb

import (
	"io"
	"net/http"
	"strings"
)

// once returns the request as one that http.Transport sends at most once. It repeats some after its kept connection broke; ALB answers
// 502 ("Troubleshoot your Application Load Balancers": the target closed the connection while the load balancer had a request
// outstanding). A request is only repeated if it has no body, or a repeatable one, and a method or header that allows it.
func once(r *http.Request) *http.Request {
	if r.Body != nil && r.Body != http.NoBody {
		return r // a client's body is there once
	}
	r = r.WithContext(r.Context())
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		r.Body = nothing{}
		r.TransferEncoding = []string{"identity"} // neither length nor chunks are announced, so there is no body (Request.Write)
	default:
		// They are only found by their canonical names; to HTTP both spellings are the same.
		for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
			if values, ok := r.Header[name]; ok {
				r.Header = r.Header.Clone()
				delete(r.Header, name)
				r.Header[strings.ToLower(name)] = values
			}
		}
	}
	return r
}

// nothing is a body without anything in it.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }
func (nothing) Close() error             { return nil }

// WriteTo spares the buffer that [io.Copy] would make.
func (nothing) WriteTo(io.Writer) (int64, error) { return 0, nil }
