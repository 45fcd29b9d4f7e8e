package lb

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Limits of a request's header, from "Troubleshoot your Application Load Balancers", HTTP 400 and HTTP 463.
const (
	maxRequestLine  = 16 << 10
	maxHeaderLine   = 16 << 10
	maxHeader       = 64 << 10
	maxForwardedFor = 30
)

// maxResponseHeader is the limit of a response's whole header ("Quotas for your Application Load Balancers", HTTP headers).
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
const maxResponseHeader = 32 << 10

// refuse returns the status code that ALB answers a request with before it looks at any rule, or 0.
func refuse(r *http.Request) int {
	switch r.Method {
	case http.MethodTrace:
		return http.StatusMethodNotAllowed
	case http.MethodConnect:
		return http.StatusBadRequest
	}
	if len(r.Method)+len(r.RequestURI)+len(" HTTP/1.1 ") > maxRequestLine {
		return http.StatusRequestURITooLong
	}
	total := len(r.RequestURI)
	for name, values := range r.Header {
		for _, value := range values {
			line := len(name) + len(": ") + len(value)
			if line > maxHeaderLine {
				return http.StatusBadRequest
			}
			total += line
		}
	}
	if total > maxHeader {
		return http.StatusBadRequest
	}
	if forwarded := r.Header.Values("X-Forwarded-For"); strings.Count(strings.Join(forwarded, ","), ",") >= maxForwardedFor {
		return statusXForwardedSize
	}
	return 0
}

// incompatible reports whether the request's protocol is not supported by a target group of HTTP/1.1: gRPC, which is HTTP/2 with a
// content type of its own ("Troubleshoot your Application Load Balancers", HTTP 464).
func incompatible(r *http.Request) bool {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	media = strings.ToLower(strings.TrimSpace(media))
	return r.ProtoMajor == 2 && (media == "application/grpc" || strings.HasPrefix(media, "application/grpc+"))
}

// validName is what routing.http.drop_invalid_header_fields.enabled lets through ("Application Load Balancers", load
// balancer attributes).
var validName = regexp.MustCompile(`^[-A-Za-z0-9]+$`)

func dropInvalid(header http.Header) {
	for name := range header {
		if !validName.MatchString(name) {
			delete(header, name)
		}
	}
}

// forwarding sets on out what ALB tells a target about the request in ("HTTP headers and Application Load Balancers",
// "Request tracing for your Application Load Balancer"). Everything else the client sent goes through unchanged.
func forwarding(out, in *http.Request, l *listener) {
	// ReverseProxy takes these away, as a front door should that trusts no proxy before it; ALB does not.
	for _, name := range []string{"Forwarded", "X-Forwarded-Host"} {
		if values, ok := in.Header[name]; ok {
			out.Header[name] = values
		}
	}
	chain := slices.Concat(in.Header.Values("X-Forwarded-For"), []string{clientAddr(in).String()})
	out.Header.Set("X-Forwarded-For", strings.Join(chain, ", "))
	out.Header.Set("X-Forwarded-Proto", strings.ToLower(string(l.Protocol)))
	out.Header.Set("X-Forwarded-Port", fmt.Sprint(l.Port))
	out.Header.Set("X-Amzn-Trace-Id", traceID(in.Header.Get("X-Amzn-Trace-Id"), time.Now()))
}

// traceID starts a trace, or adds this balancer's Self field to one that a client has begun.
func traceID(received string, now time.Time) string {
	id := fmt.Sprintf("1-%08x-%016x%08x", now.Unix(), rand.Uint64(), rand.Uint32()) //nolint:gosec // an id to tell requests apart
	var kept []string
	rooted := false
	for field := range strings.SplitSeq(received, ";") {
		name, _, ok := strings.Cut(strings.TrimSpace(field), "=")
		if !ok || name == "Self" {
			continue
		}
		rooted = rooted || name == "Root"
		kept = append(kept, strings.TrimSpace(field))
	}
	own := "Root="
	if rooted {
		own = "Self="
	}
	return strings.Join(append([]string{own + id}, kept...), ";")
}
