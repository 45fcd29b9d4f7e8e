package lb

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// The status codes that ALB has beyond those of HTTP ("Troubleshoot your Application Load Balancers").
const (
	statusClientClosed   = 460 // the client closed the connection before the answer
	statusXForwardedSize = 463 // more than 30 addresses in X-Forwarded-For
	statusIncompatible   = 464 // a protocol that the target group does not speak
)

// reasons are ALB's phrases where they differ from net/http's.
var reasons = map[int]string{
	http.StatusServiceUnavailable: "Service Temporarily Unavailable",
	http.StatusGatewayTimeout:     "Gateway Time-out",
	http.StatusRequestTimeout:     "Request Time-out",
	http.StatusMethodNotAllowed:   "Not Allowed",
	http.StatusRequestURITooLong:  "Request-URI Too Large",
}

// writePage answers on the balancer's own behalf with ALB's page for the status code.
func writePage(w http.ResponseWriter, code int) {
	reason, ok := reasons[code]
	if !ok {
		reason = http.StatusText(code)
	}
	title := strings.TrimSpace(fmt.Sprintf("%d %s", code, reason))
	write(w, code, "text/html", "<html>\r\n<head><title>"+title+"</title></head>\r\n"+
		"<body>\r\n<center><h1>"+title+"</h1></center>\r\n</body>\r\n</html>\r\n")
}

// writeFixed performs a fixed-response action. ALB adds the character set to text.
func writeFixed(w http.ResponseWriter, f *FixedResponse) {
	contentType := f.ContentType
	if strings.HasPrefix(contentType, "text/") && !strings.Contains(contentType, ";") {
		contentType += "; charset=utf-8"
	}
	write(w, f.StatusCode, contentType, f.Body)
}

func write(w http.ResponseWriter, code int, contentType, body string) {
	header := w.Header()
	header.Set("Server", "awselb/2.0")
	header["Content-Type"] = nil // keeps net/http from guessing one
	if contentType != "" && body != "" {
		header.Set("Content-Type", contentType)
	}
	if code != http.StatusNoContent {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(code)
	if code != http.StatusNoContent {
		_, _ = io.WriteString(w, body) //nolint:gosec // nothing of the request is in it
	}
}
