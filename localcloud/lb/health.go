package lb

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// HealthState is a target's state, as DescribeTargetHealth names it.
type HealthState string

// The states of "Health checks for Application Load Balancer target groups".
const (
	Initial   HealthState = "initial"
	Healthy   HealthState = "healthy"
	Unhealthy HealthState = "unhealthy"
	Draining  HealthState = "draining"
	Unused    HealthState = "unused"
)

// Reason is a reason code of DescribeTargetHealth.
type Reason string

// The reason codes that a balancer gives.
const (
	RegistrationInProgress   Reason = "Elb.RegistrationInProgress"
	InitialHealthChecking    Reason = "Elb.InitialHealthChecking"
	FailedHealthChecks       Reason = "Target.FailedHealthChecks"
	Timeout                  Reason = "Target.Timeout"
	ResponseCodeMismatch     Reason = "Target.ResponseCodeMismatch"
	DeregistrationInProgress Reason = "Target.DeregistrationInProgress"
	TargetNotInUse           Reason = "Target.NotInUse"
)

// descriptions are AWS's, from the page's table of reason codes. ResponseCodeMismatch is followed by the code.
var descriptions = map[Reason]string{
	RegistrationInProgress:   "Target registration is in progress",
	InitialHealthChecking:    "Initial health checks in progress",
	FailedHealthChecks:       "Health checks failed",
	Timeout:                  "Request timed out",
	ResponseCodeMismatch:     "Health checks failed with these codes: ",
	DeregistrationInProgress: "Target deregistration is in progress",
	TargetNotInUse:           "Target group is not configured to receive traffic from the load balancer",
}

// TargetHealth is a target with its state. A healthy one has neither reason nor description.
type TargetHealth struct {
	Target      netip.AddrPort
	State       HealthState
	Reason      Reason
	Description string
	InFlight    int // requests and WebSockets
}

// tally turns the results of health checks into a state.
type tally struct {
	TargetHealth
	successes, failures int // consecutive
}

// set enters a state from outside of the health checks.
func (t *tally) set(state HealthState, reason Reason) {
	t.State, t.Reason, t.Description = state, reason, descriptions[reason]
	t.successes, t.failures = 0, 0
}

// observe takes in the result of a check: no reason is a success, code is the mismatching status code if there is one. A
// target's first success suffices; after that the thresholds count.
func (t *tally) observe(reason Reason, code int, check HealthCheck) {
	if reason == "" {
		t.successes, t.failures = t.successes+1, 0
		if t.State == Initial || t.State == Unhealthy && t.successes >= check.HealthyThreshold {
			t.State, t.Reason, t.Description = Healthy, "", ""
		}
		return
	}
	t.successes, t.failures = 0, t.failures+1
	switch {
	case t.State == Unhealthy || t.failures >= check.UnhealthyThreshold:
		t.State, t.Reason, t.Description = Unhealthy, reason, descriptions[reason]
		if reason == ResponseCodeMismatch {
			t.Description += fmt.Sprintf("[%d]", code)
		}
	case t.State == Initial:
		t.Reason, t.Description = InitialHealthChecking, descriptions[InitialHealthChecking]
	}
}

// watch checks the target after some time and from then on at every interval, whatever the checks take, until ctx is done.
func (t *target) watch(ctx context.Context, check HealthCheck, after time.Duration) {
	first := time.NewTimer(after)
	defer first.Stop()
	select {
	case <-first.C:
	case <-ctx.Done():
		return
	}
	ticker := time.NewTicker(check.Interval)
	defer ticker.Stop()
	for {
		reason, code := t.group.b.probe(ctx, t.addr, check)
		if !t.record(ctx, reason, code, check) {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// record enters the result, unless the checks were stopped while it was being found.
func (t *target) record(ctx context.Context, reason Reason, code int, check HealthCheck) bool {
	t.group.mu.Lock()
	if ctx.Err() != nil {
		t.group.mu.Unlock()
		return false
	}
	before := t.health.TargetHealth
	t.health.observe(reason, code, check)
	after := t.health.TargetHealth
	t.group.reroute()
	t.group.mu.Unlock()

	if before != after {
		t.group.b.config.Log.Debug("target health changed", "target", t.addr.String(),
			"state", string(after.State), "reason", string(after.Reason), "description", after.Description)
		t.group.b.changes.notify()
	}
	return true
}

// newProbeTransport makes the transport of all health checks. A check's connection is closed after it.
func (b *Balancer) newProbeTransport() *http.Transport {
	return &http.Transport{
		DialContext:       b.dial,
		TLSClientConfig:   unverified,
		DisableKeepAlives: true,
	}
}

// probe performs one health check and tells what is wrong, with the status code if that is it.
func (b *Balancer) probe(ctx context.Context, target netip.AddrPort, check HealthCheck) (Reason, int) {
	if check.Port != 0 {
		target = netip.AddrPortFrom(target.Addr(), uint16(check.Port)) //nolint:gosec // checked to be a port
	}
	ctx, cancel := context.WithTimeout(ctx, check.Timeout)
	defer cancel()
	url := scheme(check.Protocol) + "://" + target.String() + check.Path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return FailedHealthChecks, 0
	}
	request.Header.Set("User-Agent", "ELB-HealthChecker/2.0")
	request.Header.Set("Accept-Encoding", "identity")
	response, err := b.probes.RoundTrip(request) // a client would follow redirects
	switch {
	case isTimeout(err):
		return Timeout, 0
	case err != nil:
		return FailedHealthChecks, 0
	}
	_ = response.Body.Close()
	if expected, err := parseMatcher(check.Matcher); err != nil || !expected.matches(response.StatusCode) {
		return ResponseCodeMismatch, response.StatusCode
	}
	return "", 0
}

// String shows the target as a line of a log or an error message.
func (h TargetHealth) String() string {
	text := h.Target.String() + " " + string(h.State)
	if h.Description != "" {
		text += " (" + h.Description + ")"
	}
	if h.InFlight > 0 {
		text += ", in flight: " + strconv.Itoa(h.InFlight)
	}
	return text
}
