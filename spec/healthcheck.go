package spec

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// HealthCheck is how the load balancer finds out whether a task can take requests. [DefaultHealthCheck] has the default of each field.
type HealthCheck struct {
	Path               string
	Codes              string // status codes of a healthy task's answer: "200", "200,204" or "200-299"
	Interval           int    // seconds
	Timeout            int    // seconds
	HealthyThreshold   int    // successes in a row
	UnhealthyThreshold int    // failures in a row
	GracePeriod        int    // seconds after a task's start in which ECS ignores failures; [NoGracePeriod] is none
}

// NoGracePeriod stands for a grace period of 0 seconds, because 0 stands for one that is not given.
const NoGracePeriod = -1

// DefaultHealthCheck has the default of each field of a [HealthCheck]. Nothing changes it.
var DefaultHealthCheck = HealthCheck{
	Path: "/healthz", Codes: "200", Interval: 5, Timeout: 2, HealthyThreshold: 2, UnhealthyThreshold: 2, GracePeriod: 10,
}

// Bounds of a health check. All but the last are those of CreateTargetGroup in Elastic Load Balancing's API reference.
const (
	MinHealthInterval  = 5
	MaxHealthInterval  = 300
	MinHealthTimeout   = 2
	MaxHealthTimeout   = 120
	MinHealthThreshold = 2
	MaxHealthThreshold = 10
	MaxHealthPath      = 1024
	// MaxGracePeriod is a day. CreateService takes 68 years (healthCheckGracePeriodSeconds in the ECS API reference); more than a day
	// is a typing error, and a deployment would wait as long for a version that never gets healthy.
	MaxGracePeriod = 86_400
	// longestHang is how long, in seconds, a task that hangs may get requests before the load balancer notices.
	longestHang = 300
)

// WithDefaults fills in what is not given.
func (h HealthCheck) WithDefaults() HealthCheck {
	usual := DefaultHealthCheck
	h.Path = cmp.Or(h.Path, usual.Path)
	h.Codes = cmp.Or(h.Codes, usual.Codes)
	h.Interval = cmp.Or(h.Interval, usual.Interval)
	h.Timeout = cmp.Or(h.Timeout, usual.Timeout)
	h.HealthyThreshold = cmp.Or(h.HealthyThreshold, usual.HealthyThreshold)
	h.UnhealthyThreshold = cmp.Or(h.UnhealthyThreshold, usual.UnhealthyThreshold)
	h.GracePeriod = orNone(h.GracePeriod, usual.GracePeriod, NoGracePeriod)
	return h
}

// Problems reports everything that Elastic Load Balancing or ECS would refuse, and checks that would notice too late.
func (h HealthCheck) Problems() Problems {
	var found Problems
	found.AddValue(h.Path, CheckHealthPath(h.Path), "path")
	found.AddValue(h.Codes, CheckHealthCodes(h.Codes), "codes")
	found.AddRange(h.Interval, MinHealthInterval, MaxHealthInterval, "interval")
	found.AddRange(h.Timeout, MinHealthTimeout, MaxHealthTimeout, "timeout")
	found.AddRange(h.HealthyThreshold, MinHealthThreshold, MaxHealthThreshold, "healthyThreshold")
	found.AddRange(h.UnhealthyThreshold, MinHealthThreshold, MaxHealthThreshold, "unhealthyThreshold")
	found.AddRange(h.GracePeriod, 0, MaxGracePeriod, "gracePeriod")
	if len(found) == 0 {
		found.Add(h.checkTimeout(), "timeout")
		found.AddContradiction(h.checkHang(), "interval", "unhealthyThreshold", "timeout")
	}
	return found
}

var healthPathPattern = regexp.MustCompile(`^/[!-~]*$`)

// CheckHealthPath reports what is not the path of a health check. The path may have a query.
func CheckHealthPath(path string) error {
	if len(path) > MaxHealthPath || !healthPathPattern.MatchString(path) {
		return fmt.Errorf("must begin with / and be at most %d printable characters without spaces", MaxHealthPath)
	}
	return nil
}

// The status codes that a health check of an Application Load Balancer can expect (Matcher in Elastic Load Balancing's API reference).
const (
	minHealthCode = 200
	maxHealthCode = 499
)

var healthCodesPattern = regexp.MustCompile(`^[0-9]{3}(-[0-9]{3})?(,[0-9]{3}(-[0-9]{3})?)*$`)

// CheckHealthCodes reports what are not the status codes of a health check.
func CheckHealthCodes(codes string) error {
	err := fmt.Errorf(`must be status codes from %d to %d, as in "200", "200,204" or "200-299"`, minHealthCode, maxHealthCode)
	if !healthCodesPattern.MatchString(codes) {
		return err
	}
	for part := range strings.SplitSeq(codes, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		low, lowErr := strconv.Atoi(from)
		high, highErr := strconv.Atoi(to)
		if lowErr != nil || highErr != nil || low < minHealthCode || high > maxHealthCode || low > high {
			return err
		}
	}
	return nil
}

// checkTimeout reports a timeout that is not shorter than the interval.
func (h HealthCheck) checkTimeout() error {
	if h.Timeout >= h.Interval {
		return fmt.Errorf("is %d seconds: must be shorter than the interval of %d seconds", h.Timeout, h.Interval)
	}
	return nil
}

// checkHang reports a health check that notices too late.
func (h HealthCheck) checkHang() error {
	if hang := h.Interval*h.UnhealthyThreshold + h.Timeout; hang > longestHang {
		return fmt.Errorf("%d failures every %d seconds take %d seconds to notice a task that hangs, and its requests would be dropped until then; have at most %d",
			h.UnhealthyThreshold, h.Interval, hang, longestHang)
	}
	return nil
}
