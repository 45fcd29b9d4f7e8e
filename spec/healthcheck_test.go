package spec

import (
	"fmt"
	"strings"
	"testing"
)

// What is not given has its default, field by field.
func TestHealthCheckDefaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ given, want HealthCheck }{
		{HealthCheck{}, HealthCheck{"/healthz", "200", 5, 2, 2, 2, 10}},
		{HealthCheck{Path: "/x"}, HealthCheck{"/x", "200", 5, 2, 2, 2, 10}},
		{HealthCheck{Codes: "204", Interval: 30, GracePeriod: NoGracePeriod}, HealthCheck{"/healthz", "204", 30, 2, 2, 2, 0}},
		{HealthCheck{"/x", "200-299", 10, 3, 4, 5, 6}, HealthCheck{"/x", "200-299", 10, 3, 4, 5, 6}},
	} {
		got := test.given.WithDefaults()
		if got != test.want {
			t.Errorf("%+v is %+v, want %+v", test.given, got, test.want)
		}
		if err := got.Problems().Err(); err != nil {
			t.Errorf("%+v: %v", test.given, err)
		}
	}
}

func TestHealthCheckBounds(t *testing.T) {
	t.Parallel()
	const path = "must begin with / and be at most 1024 printable characters without spaces"
	const codes = `must be status codes from 200 to 499, as in "200", "200,204" or "200-299"`
	for _, test := range []struct {
		given HealthCheck
		want  string
	}{
		{HealthCheck{Path: "x"}, `path: "x": ` + path},
		{HealthCheck{Path: "/" + strings.Repeat("a", 1024)}, `path: "/` + strings.Repeat("a", 1024) + `": ` + path},
		{HealthCheck{Codes: "199"}, `codes: "199": ` + codes},
		{HealthCheck{Codes: "500"}, `codes: "500": ` + codes},
		{HealthCheck{Codes: "200-500"}, `codes: "200-500": ` + codes},
		{HealthCheck{Codes: "299-200"}, `codes: "299-200": ` + codes},
		{HealthCheck{Codes: "200, 204"}, `codes: "200, 204": ` + codes},
		{HealthCheck{Codes: "200,"}, `codes: "200,": ` + codes},
		{HealthCheck{Codes: "2xx"}, `codes: "2xx": ` + codes},
		{HealthCheck{Interval: 4}, "interval: 4: must be from 5 to 300"},
		{HealthCheck{Interval: 301}, "interval: 301: must be from 5 to 300"},
		{HealthCheck{Timeout: 1}, "timeout: 1: must be from 2 to 120"},
		{HealthCheck{Timeout: 5}, "timeout: is 5 seconds: must be shorter than the interval of 5 seconds"},
		{HealthCheck{HealthyThreshold: 1}, "healthyThreshold: 1: must be from 2 to 10"},
		{HealthCheck{UnhealthyThreshold: 11}, "unhealthyThreshold: 11: must be from 2 to 10"},
		{HealthCheck{GracePeriod: -2}, "gracePeriod: -2: must be from 0 to 86400"},
		{HealthCheck{Interval: 4, Timeout: 1}, "interval: 4: must be from 5 to 300\ntimeout: 1: must be from 2 to 120"},
		{
			HealthCheck{Interval: 300}, "2 failures every 300 seconds take 602 seconds to notice a task that hangs, and its requests would be dropped until then; have at most 300",
		},
	} {
		if got := fmt.Sprint(test.given.WithDefaults().Problems().Err()); got != test.want {
			t.Errorf("%+v: %s\nwant %s", test.given, got, test.want)
		}
	}
	for _, codes := range []string{"200", "204", "200,204", "200-299", "200-299,404", "499"} {
		if err := CheckHealthCodes(codes); err != nil {
			t.Errorf("%s: %v", codes, err)
		}
	}
}
