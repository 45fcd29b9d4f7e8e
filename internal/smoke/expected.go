package smoke

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Checks are the checks of a service from outside, in the stack's output "checks", which main.go writes. Paths are those of the
// service's host. An empty one is not checked.
type Checks struct {
	HealthPath    string   `json:"healthPath"`    // of the load balancer's health check
	HealthCodes   string   `json:"healthCodes"`   // the expected answers, such as 200-299,301; 200 if empty
	HealthRouted  bool     `json:"healthRouted"`  // clients' requests for it reach the service too, not only the load balancer's
	VersionPath   string   `json:"versionPath"`   // answers a JSON object with a version
	WebSocketPath string   `json:"websocketPath"` // echoes each message
	Paths         []string `json:"paths"`         // answer without an error
}

// Check returns an error if the checks cannot be made: anyone who may write a stack's state chooses them. A path without a leading
// slash would change the host's name, and the request would go elsewhere.
func (c Checks) Check() error {
	for _, path := range append([]string{c.HealthPath, c.VersionPath, c.WebSocketPath}, c.Paths...) {
		if path != "" && !strings.HasPrefix(path, "/") {
			return fmt.Errorf("the path %q must begin with /", path)
		}
	}
	_, err := MatchesCodes(c.HealthCodes, http.StatusOK)
	return err
}

// AskHealth returns the path of the health check and the test of its answer's status. If clients cannot reach the load balancer's
// health check path, or it is not known, it is the path of the service's URL, with any answer but a server error.
func (c Checks) AskHealth(own string) (path string, passes func(status int) bool) {
	if c.HealthPath == "" || !c.HealthRouted {
		return own, func(status int) bool { return status < http.StatusInternalServerError }
	}
	return c.HealthPath, func(status int) bool {
		ok, err := MatchesCodes(c.HealthCodes, status)
		return ok && err == nil
	}
}

// Passes reports whether the answer of one of Paths is good. A redirect, to a login for example, is.
func Passes(status int) bool { return status < http.StatusBadRequest }

// MatchesCodes reports whether a status is among those of a health check's matcher, such as "200,204" or "200-299" (HttpCode of Matcher
// in the API reference of Elastic Load Balancing).
func MatchesCodes(codes string, status int) (bool, error) {
	if codes == "" {
		return status == http.StatusOK, nil
	}
	matches := false
	for part := range strings.SplitSeq(codes, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		least, err := strconv.Atoi(first)
		most, err2 := strconv.Atoi(last)
		if err := errors.Join(err, err2); err != nil {
			return false, fmt.Errorf("%q are not status codes such as 200,204 or 200-299", codes)
		}
		matches = matches || least <= status && status <= most
	}
	return matches, nil
}

// ByBalancer reports whether an answer comes from the load balancer itself and not from a service: it marks those (the attribute
// routing.http.response.server.enabled in "HTTP header modification for your Application Load Balancer").
func ByBalancer(response *http.Response) bool {
	return strings.HasPrefix(response.Header.Get("Server"), "awselb/")
}
