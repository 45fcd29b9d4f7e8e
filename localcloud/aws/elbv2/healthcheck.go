package elbv2

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/cloud"
)

// TrafficPort as the port of a health check stands for the port on which the target receives requests.
const TrafficPort = "traffic-port"

// healthCheck is the input of a target group; a field that is nil or empty has its default.
type healthCheck struct {
	Enabled            *bool  `json:"enabled"`
	Protocol           string `json:"protocol"`
	Port               string `json:"port"`
	Path               string `json:"path"`
	Matcher            string `json:"matcher"`
	Interval           *int   `json:"interval"` // seconds
	Timeout            *int   `json:"timeout"`  // seconds
	HealthyThreshold   *int   `json:"healthyThreshold"`
	UnhealthyThreshold *int   `json:"unhealthyThreshold"`
}

// check has the Terraform provider's refusals in a health check.
func (h *healthCheck) check() []cloud.Failure {
	var f []cloud.Failure
	for _, number := range []struct {
		property  string
		value     *int
		low, high int
	}{
		{"interval", h.Interval, 5, 300},
		{"timeout", h.Timeout, 2, 120},
		{"healthyThreshold", h.HealthyThreshold, 2, 10},
		{"unhealthyThreshold", h.UnhealthyThreshold, 2, 10},
	} {
		if number.value != nil {
			f = append(f, check.Between("healthCheck."+number.property, *number.value, number.low, number.high)...)
		}
	}
	f = append(f, check.OneOf("healthCheck.protocol", h.Protocol, "HTTP", "HTTPS")...)
	if h.Path != "" {
		f = append(f, check.Length("healthCheck.path", h.Path, 1, 1024)...)
		if !strings.HasPrefix(h.Path, "/") {
			f = append(f, cloud.Failure{
				Property: "healthCheck.path",
				Reason:   fmt.Sprintf(`expected healthCheck.path to start with "/", got %s`, h.Path),
			})
		} else if _, err := url.ParseRequestURI(h.Path); err != nil {
			// AWS would send any text to the targets, and they could not use it.
			f = append(f, check.NotModelled("healthCheck.path", "a path that no URL can have"))
		}
	}
	if h.Port != "" && h.Port != TrafficPort {
		if n, err := strconv.Atoi(h.Port); err != nil || n < 1 || n > 65535 {
			f = append(f, cloud.Failure{
				Property: "healthCheck.port",
				Reason:   `"healthCheck.port" must be a valid port number (1-65535) or "traffic-port"`,
			})
		}
	}
	return f
}

// complete returns the health check with AWS's and the provider's defaults, or refuses what AWS refuses.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
func (h *healthCheck) complete() (cloud.Map, error) {
	out := cloud.Map{
		"enabled": true, "protocol": "HTTP", "port": TrafficPort, "path": "/", "matcher": "200",
		"interval": 30.0, "timeout": 5.0, "healthyThreshold": 3.0, "unhealthyThreshold": 3.0,
	}
	if h == nil {
		// If the provider gives none, AWS has its own thresholds.
		out["healthyThreshold"], out["unhealthyThreshold"] = 5.0, 2.0
		return out, nil
	}
	given, err := cloud.Encode(h)
	if err != nil {
		return nil, err
	}
	for property, v := range given {
		if v != nil && v != "" {
			out[property] = v
		}
	}
	switch {
	case out["enabled"] == false:
		return nil, cloud.Errorf("ValidationError", "Health check enabled must be true for target groups with target type 'ip'")
	case out["interval"].(float64) <= out["timeout"].(float64):
		return nil, cloud.Errorf("ValidationError", "Health check interval must be greater than the timeout.")
	case !codesWithin(out["matcher"].(string), 200, 499):
		return nil, cloud.Errorf("ValidationError", "Health check matcher HTTP code '%s' must be within '200-499' inclusive", out["matcher"])
	}
	return out, nil
}

// codesWithin reports whether a matcher is a list of status codes and ranges of them, such as "200,300-399", all within the
// given range.
func codesWithin(matcher string, low, high int) bool {
	for part := range strings.SplitSeq(matcher, ",") {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		a, errA := strconv.Atoi(first)
		b, errB := strconv.Atoi(last)
		if errA != nil || errB != nil || a < low || b > high || a > b {
			return false
		}
	}
	return true
}

// HealthCheck is how the targets of a group are checked, defaults filled in.
type HealthCheck struct {
	Protocol           string `json:"protocol"`
	Port               string `json:"port"` // a number, or TrafficPort
	Path               string `json:"path"`
	Matcher            string `json:"matcher"`
	Interval           int    `json:"interval"` // seconds
	Timeout            int    `json:"timeout"`  // seconds
	HealthyThreshold   int    `json:"healthyThreshold"`
	UnhealthyThreshold int    `json:"unhealthyThreshold"`
}

// HealthCheckOf returns the health check of a target group.
func HealthCheckOf(group *cloud.Resource) *HealthCheck {
	return &cloud.OutputsOf[struct {
		HealthCheck HealthCheck `json:"healthCheck"`
	}](group).HealthCheck
}
