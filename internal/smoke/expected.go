package smoke

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Checks are what a service can be asked from outside, as the stack's output "checks" tells it: main.go writes it. Paths are
// those of the service's host. What is empty is not asked.
type Checks struct {
	HealthPath    string   `json:"healthPath"`    // of the load balancer's health check
	HealthCodes   string   `json:"healthCodes"`   // that it is to be answered with, such as 200-299,301; 200 if empty
	HealthRouted  bool     `json:"healthRouted"`  // requests for it get to the service, and not the load balancer's alone
	VersionPath   string   `json:"versionPath"`   // answers a JSON object with a version
	WebSocketPath string   `json:"websocketPath"` // sends back what it is told
	Paths         []string `json:"paths"`         // answer without an error
}

// Check returns an error if the checks cannot be made: whoever may write a stack's state chooses them. What does not begin with a
// slash would end the host's name in another way, and be asked of somebody else.
func (c Checks) Check() error {
	for _, path := range append([]string{c.HealthPath, c.VersionPath, c.WebSocketPath}, c.Paths...) {
		if path != "" && !strings.HasPrefix(path, "/") {
			return fmt.Errorf("the path %q must begin with /", path)
		}
	}
	_, err := MatchesCodes(c.HealthCodes, http.StatusOK)
	return err
}

// AskHealth returns the path that tells how the service is and the test of its answer's status. Where the path of the load
// balancer's health check does not get to the service from outside, or is not known, that is the path of the service's URL, which
// is answered by anything but an error of the server.
func (c Checks) AskHealth(own string) (path string, passes func(status int) bool) {
	if c.HealthPath == "" || !c.HealthRouted {
		return own, func(status int) bool { return status < http.StatusInternalServerError }
	}
	return c.HealthPath, func(status int) bool {
		ok, err := MatchesCodes(c.HealthCodes, status)
		return ok && err == nil
	}
}

// Passes says whether the answer of one of Paths is a good one. A redirect, to a login for example, is.
func Passes(status int) bool { return status < http.StatusBadRequest }

// MatchesCodes says whether a status is among those of a health check's matcher, such as "200,204" or "200-299" (HttpCode of
// Matcher in the API reference of Elastic Load Balancing).
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

// ByBalancer says whether an answer is the load balancer's own, and not a service's: it signs those (the attribute
// routing.http.response.server.enabled in "HTTP header modification for your Application Load Balancer").
func ByBalancer(response *http.Response) bool {
	return strings.HasPrefix(response.Header.Get("Server"), "awselb/")
}
