package account

import (
	"testing"

	"slipway/config/configtest"
	"slipway/internal/standing"
)

func TestTasksThatServeAService(t *testing.T) {
	t.Parallel()
	const services = `{"site": {"image": "` + configtest.Image + `", "hostnames": ["a.example.com", "b.example.com"], "scaling": {"max": 30, "cpu": 50}}}`
	rule := func(hostname, service string, tasks int) standing.Rule {
		return standing.Rule{Hostname: hostname, Path: "/*", Service: service, Targets: tasks}
	}
	for name, test := range map[string]struct {
		rules []standing.Rule
		want  int
	}{
		"nothing stands":             {nil, 0},
		"one service has all routes": {[]standing.Rule{rule("a.example.com", "web", 10), rule("b.example.com", "web", 10)}, 10},
		"a canary serves a route":    {[]standing.Rule{rule("a.example.com", "web", 10), rule("b.example.com", "web", 12)}, 12},
		"two load balancers":         {[]standing.Rule{rule("a.example.com", "web", 10), rule("a.example.com", "web", 2)}, 10},
		"two services become one":    {[]standing.Rule{rule("a.example.com", "web", 10), rule("b.example.com", "api", 10)}, 20},
		"another service's route":    {[]standing.Rule{rule("a.example.com", "web", 10), rule("c.example.com", "api", 10)}, 10},
	} {
		c := changeOf(t, services, lastUpdate{}, standing.Listener{Rules: test.rules})
		if got := (Existing{Serving: servingBy(test.rules)}).Tasks(c.Services[0]); got != test.want {
			t.Errorf("%s: %d tasks serve, want %d", name, got, test.want)
		}
	}
}
