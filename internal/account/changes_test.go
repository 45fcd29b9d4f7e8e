package account

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"slipway/config"
	"slipway/config/configtest"
	"slipway/internal/standing"
	"slipway/spec"
)

// changeOf returns the change from the existing stack to the config.
func changeOf(t *testing.T, services string, last lastUpdate, listener standing.Listener, more ...string) change {
	t.Helper()
	c, err := config.Read(configtest.Source(services, more...))
	if err != nil {
		t.Fatal(err)
	}
	return change{Config: c, last: last, standing: listener}
}

func TestChangesThatTakeTwoUpdates(t *testing.T) {
	t.Parallel()
	rule := func(hostname string) standing.Listener {
		return standing.Listener{Rules: []standing.Rule{{Priority: 2, Hostname: hostname, Path: "/*"}}}
	}
	serves := func(service string, tasks int) standing.Listener {
		return standing.Listener{Rules: []standing.Rule{{Hostname: "a.example.com", Path: "/*", Service: service, Targets: tasks}}}
	}
	const image = `"image": "` + configtest.Image + `", "hostnames"`
	for name, test := range map[string]struct {
		services string
		listener standing.Listener
		want     string
	}{
		"nothing stands": {`{"web": {` + image + `: ["*.example.com"]}}`, standing.Listener{}, ""},
		"a service after a canary": {
			`{"web": {` + image + `: ["a.example.com"]}, "web-canary": {` + image + `: ["b.example.com"]}}`, rule("web.canary.invalid"),
			"services.web-canary: has the name of the canary of service web, which still runs; first remove that canary and run `pulumi up`",
		},
		"a canary after a service": {
			`{"web": {` + image + `: ["a.example.com"], "canary": {"image": "` + configtest.Image + `"}}}`, rule("0123abcd.web-canary.service.invalid"),
			"services.web.canary: has the name of service web-canary, which still runs; first remove that service and run `pulumi up`",
		},
		"a canary that stays": {
			`{"web": {` + image + `: ["a.example.com"], "canary": {"image": "` + configtest.Image + `"}}}`, rule("web.canary.invalid"), "",
		},
		"a route that moves to a service without tasks": {
			`{"web": {` + image + `: ["a.example.com"], "instanceCount": 0}}`, serves("api", 3),
			"services.web.instanceCount: is 0, and a.example.com/* would lead to it, which service api serves now: its requests would fail; " +
				"give the service a task, or leave the route where it is",
		},
		"a service whose owner takes its tasks away": {`{"web": {` + image + `: ["a.example.com"], "instanceCount": 0}}`, serves("web", 3), ""},
		"a route that nobody serves moves":           {`{"web": {` + image + `: ["a.example.com"], "instanceCount": 0}}`, serves("api", 0), ""},
		"a route that moves to a service that begins with as many tasks": {
			`{"web": {` + image + `: ["a.example.com"], "scaling": {"min": 0, "max": 2, "cpu": 50}}}`, serves("api", 3), "",
		},
		"a route that moves to a service that has scaled to no task": {
			`{"web": {` + image + `: ["a.example.com"], "scaling": {"min": 0, "max": 2, "cpu": 50}}}`,
			standing.Listener{Rules: append(serves("api", 3).Rules, standing.Rule{Hostname: "web.service.invalid", Path: "/*", Service: "web"})},
			"services.web.scaling.min: is 0, and a.example.com/* would lead to it, which service api serves now: its requests would fail; " +
				"give the service a task, or leave the route where it is",
		},
	} {
		got := ""
		if err := changeOf(t, test.services, lastUpdate{}, test.listener).check(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// A name keeps its record if DNS would not find the wildcard for it.
func TestNamesLeftToAWildcard(t *testing.T) {
	t.Parallel()
	const wildcard = `{"web": {"image": "` + configtest.Image + `", "hostnames": ["*.example.com"]}}`
	stays, moved := []standing.Balancer{{Tagged: true}}, []standing.Balancer{{}}
	rules := []standing.Rule{{Hostname: "a.example.com", Path: "/*"}, {Hostname: "web.service.invalid", Path: "/*"}}
	for name, test := range map[string]struct {
		services string
		listener standing.Listener
		want     []string
	}{
		"nothing stands":                 {wildcard, standing.Listener{}, nil},
		"the wildcard comes now":         {wildcard, standing.Listener{Balancers: stays, Certificates: [][]string{{"a.example.com"}}}, []string{"a.example.com"}},
		"issued together":                {wildcard, standing.Listener{Balancers: stays, Certificates: [][]string{{"*.example.com", "a.example.com"}}}, []string{"a.example.com"}},
		"in a certificate of its own":    {wildcard, standing.Listener{Balancers: stays, Certificates: [][]string{{"*.example.com"}, {"a.example.com"}}}, []string{"a.example.com"}},
		"not in a certificate":           {wildcard, standing.Listener{Balancers: stays, Rules: rules, Certificates: [][]string{{"*.example.com"}}}, nil},
		"while the load balancer moves":  {wildcard, standing.Listener{Balancers: moved, Rules: rules, Certificates: [][]string{{"*.example.com"}}}, []string{"a.example.com"}},
		"another wildcard is not a name": {wildcard, standing.Listener{Balancers: stays, Certificates: [][]string{{"*.dev.example.com"}}}, nil},
		"a name that stays": {
			`{"web": {"image": "` + configtest.Image + `", "hostnames": ["*.example.com", "a.example.com"]}}`,
			standing.Listener{Balancers: stays, Certificates: [][]string{{"a.example.com"}}},
			nil,
		},
		"left to nobody": {
			`{"web": {"image": "` + configtest.Image + `", "hostnames": ["b.example.com"]}}`, standing.Listener{Balancers: stays, Certificates: [][]string{{"a.example.com"}}}, nil,
		},
	} {
		if got := changeOf(t, test.services, lastUpdate{}, test.listener).leftNames(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v keep their records, want %v", name, got, test.want)
		}
	}
}

// A move of the records to another load balancer waits until no resolver remembers the old one. The wait is bounded and announced.
func TestMovesWait(t *testing.T) {
	t.Parallel()
	const services = `{"web": {"image": "` + configtest.Image + `", "hostnames": ["a.example.com"]}}`
	network := &lastNetwork{CIDR: "10.0.0.0/16", IPv6: true}
	stays := []standing.Balancer{{Tagged: true}}
	const refused = "dns.ttl: another network, region or stack name moves the records to another load balancer, and the old one must serve for another 24h0m0s, " +
		"because resolvers remember a record for so long; an update waits at most 30m0s. First put network, region and name back, set dns.ttl to 60 and run " +
		"`pulumi up`; make the change 24h0m0s later"
	for name, test := range map[string]struct {
		last           lastUpdate
		balancers      []standing.Balancer
		dns            string
		refuses, warns string
	}{
		"nothing stands":             {lastUpdate{}, nil, `{"ttl": 86400}`, "", ""},
		"nothing moves":              {lastUpdate{Network: network}, stays, `{"ttl": 86400}`, "", ""},
		"an older program":           {lastUpdate{}, stays, `{"ttl": 86400}`, "", ""},
		"another name":               {lastUpdate{}, []standing.Balancer{{}}, `{"ttl": 86400}`, refused, "24h0m0s"},
		"another CIDR":               {lastUpdate{Network: &lastNetwork{CIDR: "10.9.0.0/16", IPv6: true}}, stays, `{"ttl": 86400}`, refused, "24h0m0s"},
		"another ipv6":               {lastUpdate{Network: &lastNetwork{CIDR: "10.0.0.0/16", IPv6: false}}, stays, `{"ttl": 86400}`, refused, "24h0m0s"},
		"lowered in the same update": {lastUpdate{TTL: 86_400}, []standing.Balancer{{}}, `{"ttl": 60}`, refused, "24h0m0s"},
		"raised in the same update":  {lastUpdate{TTL: 60}, []standing.Balancer{{}}, `{"ttl": 86400}`, "", ""},
		"no more proxied":            {lastUpdate{TTL: 600}, []standing.Balancer{{}}, `{"proxied": true}`, "", "10m0s"},
		"a quarter of an hour":       {lastUpdate{}, []standing.Balancer{{}}, `{"ttl": 900}`, "", "run `pulumi up`; make the change 15m0s later"},
		"a minute":                   {lastUpdate{}, []standing.Balancer{{}}, `{"ttl": 60}`, "", ""},
		"proxied":                    {lastUpdate{}, []standing.Balancer{{}}, `{"proxied": true}`, "", ""},
		"a network that is gone":     {lastUpdate{Network: &lastNetwork{CIDR: "10.9.0.0/16", IPv6: true}}, nil, `{"ttl": 86400}`, "", ""},
		"goes on after an interrupt": {lastUpdate{}, []standing.Balancer{{}, {Tagged: true}}, `{"ttl": 900}`, "", "15m0s"},
	} {
		c := changeOf(t, services, test.last, standing.Listener{Balancers: test.balancers}, "dns", test.dns)
		got := ""
		if err := c.check(); err != nil {
			got = err.Error()
		}
		warned := strings.Join(c.warnings(nil), "\n")
		if got != test.refuses || (warned == "") != (test.warns == "") || !strings.Contains(warned, test.warns) {
			t.Errorf("%s: %q, want %q; warned %q, want %q", name, got, test.refuses, warned, test.warns)
		}
	}
}

func TestRouteLostWithAnotherImage(t *testing.T) {
	t.Parallel()
	const other = `"image": "` + configtest.Image + `", "hostnames": ["a.example.com"]`
	c := changeOf(t, `{"web": {`+other+`}, "api": {`+other+`, "paths": ["/api/*"]}}`, lastUpdate{Images: map[string]string{"web": "web:1", "api": "api:1"}},
		standing.Listener{Rules: []standing.Rule{
			{Hostname: "a.example.com", Path: "/*", Service: "web"}, {Hostname: "a.example.com", Path: "/api/*", Service: "web"}, {Hostname: "b.example.com", Path: "/*", Service: "web"},
		}})
	image, err := spec.ParseImage(configtest.Image)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"service web gets another image and loses a.example.com/api/* to service api: its new version answers that route until api is healthy. " +
		"If it cannot, move the route first, run `pulumi up`, and then change the image"}
	if got := c.warnings(map[spec.Image]spec.Image{image: image}); !slices.Equal(got, want) {
		t.Errorf("warned %q, want %q", got, want)
	}
	c.last.Images["web"] = image.String()
	if got := c.warnings(map[spec.Image]spec.Image{image: image}); got != nil {
		t.Errorf("of the same image: warned %q", got)
	}
}

func TestRulesAtOnce(t *testing.T) {
	t.Parallel()
	hostnames := func(n int) string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf(`"h%d.example.com"`, i)
		}
		return `{"web": {"image": "` + configtest.Image + `", "hostnames": [` + strings.Join(names, ",") + `], "canary": {"image": "` + configtest.Image + `"}}}`
	}
	rules := func(from, to int) []standing.Rule {
		var rules []standing.Rule
		for i := from; i < to; i++ {
			rules = append(rules, standing.Rule{Hostname: fmt.Sprintf("h%d.example.com", i), Path: "/*"})
		}
		return rules
	}
	on := func(balancer int, rules []standing.Rule) []standing.Rule {
		for i := range rules {
			rules[i].Balancer = balancer
		}
		return rules
	}
	two, renamed := []standing.Balancer{{Tagged: true}, {Tagged: true}}, []standing.Balancer{{}, {Tagged: true}}
	for name, test := range map[string]struct {
		services   string
		listener   standing.Listener
		quota      int // 0: not looked up
		stay, come int
		want       string
	}{
		"nothing stands":   {hostnames(10), standing.Listener{}, 0, 0, 22, ""},
		"too many":         {hostnames(60), standing.Listener{}, 100, 0, 122, "have 122 rules at once, 0 existing ones and 122 added before any is deleted; the account's quota is 100. "},
		"a raised quota":   {hostnames(60), standing.Listener{}, 200, 0, 122, ""},
		"all stand":        {hostnames(2), standing.Listener{Rules: append(rules(0, 120), standing.Rule{Hostname: "h0.example.com", Path: "/*", Header: true}, standing.Rule{Hostname: "h1.example.com", Path: "/*", Header: true}, standing.Rule{Hostname: "web.service.invalid", Path: "/*"}, standing.Rule{Hostname: "web.canary.invalid", Path: "/*"})}, 0, 124, 0, ""},
		"others go":        {hostnames(45), standing.Listener{Rules: rules(100, 120)}, 100, 20, 92, "have 112 rules at once, 20 existing ones and 92 added"},
		"another balancer": {hostnames(45), standing.Listener{Balancers: []standing.Balancer{{}}, Rules: rules(100, 120)}, 0, 0, 92, ""},
		"two balancers":    {hostnames(24), standing.Listener{Balancers: two, Rules: slices.Concat(on(0, rules(0, 60)), on(1, rules(0, 55)))}, 0, 60, 26, ""},
		"a renamed stack's": { // an interrupted update has begun to fill it
			hostnames(45),
			standing.Listener{Balancers: renamed, Rules: slices.Concat(on(0, rules(0, 90)), on(1, rules(100, 120)))},
			100, 20, 92,
			"have 112 rules at once, 20 existing ones and 92 added",
		},
		"one gets too many": {
			hostnames(45),
			standing.Listener{Balancers: two, Rules: slices.Concat(on(0, rules(0, 20)), on(1, rules(100, 120)))},
			100, 20, 92,
			"have 112 rules at once, 20 existing ones and 92 added",
		},
		"one of two has all": {
			hostnames(1),
			standing.Listener{Balancers: two, Rules: slices.Concat(on(0, append(rules(0, 120), standing.Rule{Hostname: "h0.example.com", Path: "/*", Header: true},
				standing.Rule{Hostname: "web.service.invalid", Path: "/*"}, standing.Rule{Hostname: "web.canary.invalid", Path: "/*"})), on(1, rules(0, 99)))},
			100, 99, 3,
			"have 102 rules at once, 99 existing ones and 3 added",
		},
	} {
		c := changeOf(t, test.services, lastUpdate{}, test.listener)
		if stay, come := c.rulesAtOnce(); stay != test.stay || come != test.come {
			t.Errorf("%s: %d stay and %d come, want %d and %d", name, stay, come, test.stay, test.come)
		}
		asked := 0
		got := ""
		if err := c.checkRules(func() (int, error) { asked++; return test.quota, nil }); err != nil {
			got = err.Error()
		}
		if (asked > 0) != (test.quota > 0) || (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: asked for the quota %d times, %q, want %q", name, asked, got, test.want)
		}
	}

	// Another network: the interrupted update has begun to fill the new load balancer, which counts.
	moving := lastUpdate{LoadBalancer: "old", Network: &lastNetwork{CIDR: "10.9.0.0/16", IPv6: true}}
	balancers := []standing.Balancer{{DNSName: "old", Tagged: true}, {DNSName: "new", Tagged: true}}
	c := changeOf(t, hostnames(1), moving, standing.Listener{Balancers: balancers, Rules: slices.Concat(on(0, rules(0, 90)), on(1, rules(100, 160)))})
	if stay, come := c.rulesAtOnce(); stay != 60 || come != 4 {
		t.Errorf("in another network %d stay and %d come, want 60 and 4", stay, come)
	}
	c = changeOf(t, hostnames(1), moving, standing.Listener{Balancers: balancers[:1], Rules: rules(0, 90)})
	if stay, come := c.rulesAtOnce(); stay != 0 || come != 4 {
		t.Errorf("before that %d stay and %d come, want 0 and 4", stay, come)
	}
}

// A schedule can have raised the count above that of a replaced service.
func TestFewerTasksThanServe(t *testing.T) {
	t.Parallel()
	const services = `{"web": {"image": "` + configtest.Image + `", "hostnames": ["a.example.com"], "scaling": {"max": 5, "cpu": 50}}}`
	const want = "service web is replaced, and begins with 5 tasks (scaling.max); 15 serve its requests now, perhaps by a schedule. If that is too few for " +
		"the load, raise scaling.max for this update"
	attachment := standing.Rule{Hostname: "web.service.invalid", Path: "/*", Service: "web"}
	serves := func(tasks int, more ...standing.Rule) []standing.Rule {
		return append(more, standing.Rule{Hostname: "a.example.com", Path: "/*", Service: "web", Targets: tasks})
	}
	for name, test := range map[string]struct {
		balancers []standing.Balancer
		rules     []standing.Rule
		want      string
	}{
		"it stays":              {[]standing.Balancer{{Tagged: true}}, serves(15, attachment), ""},
		"it moves":              {[]standing.Balancer{{}}, serves(15, attachment), want},
		"another health check":  {[]standing.Balancer{{Tagged: true}}, serves(15), want},
		"no more than the most": {[]standing.Balancer{{Tagged: true}}, serves(5), ""},
	} {
		c := changeOf(t, services, lastUpdate{}, standing.Listener{Balancers: test.balancers, Rules: test.rules})
		if got := strings.Join(c.warnings(nil), "\n"); got != test.want {
			t.Errorf("%s: warned %q, want %q", name, got, test.want)
		}
	}
}

// Services that call each other do not move between families of addresses: for a while some would not reach others.
func TestCallsStayInOneFamily(t *testing.T) {
	t.Parallel()
	const image = `"image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/hello@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "hostnames"`
	services := func(calls string) string {
		return `{"web": {` + image + `: ["a.example.com"]` + calls + `}, "api": {` + image + `: ["b.example.com"]}}`
	}
	called := map[string][]string{"web": {"api"}}
	last := func(calls map[string][]string, egress spec.Egress) lastUpdate {
		return lastUpdate{Calls: calls, Network: &lastNetwork{CIDR: "10.0.0.0/16", IPv6: true, Egress: egress}}
	}
	for name, test := range map[string]struct {
		services string
		last     lastUpdate
		refused  bool
	}{
		"calls before and after":     {services(`, "calls": ["api"]`), last(called, spec.EgressPublic), true},
		"of an older program":        {services(`, "calls": ["api"]`), last(called, ""), true},
		"calls from now on":          {services(`, "calls": ["api"]`), last(nil, spec.EgressPublic), false},
		"calls until now":            {services(""), last(called, spec.EgressPublic), false},
		"the same addresses":         {services(`, "calls": ["api"]`), last(called, spec.EgressIPv6), false},
		"another network altogether": {services(`, "calls": ["api"]`), lastUpdate{Calls: called, Network: &lastNetwork{CIDR: "10.9.0.0/16", IPv6: true}}, false},
	} {
		err := changeOf(t, test.services, test.last, standing.Listener{}, "network", `{"egress": "ipv6"}`).check()
		if refused := err != nil && strings.Contains(err.Error(), "network.egress: services call each other"); refused != test.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A called service that starts anew would have its name twice.
func TestCalledServiceStaysWhereItIs(t *testing.T) {
	t.Parallel()
	const image = `"image": "` + configtest.Image + `", "hostnames"`
	services := func(calls string) string {
		return `{"web": {` + image + `: ["a.example.com"]` + calls + `}, "api": {` + image + `: ["b.example.com"], "healthCheck": {"path": "/other"}}}`
	}
	attached := func(path string) standing.Listener {
		check := spec.DefaultHealthCheck
		check.Path = path
		return standing.Listener{
			Balancers: []standing.Balancer{{Tagged: true}}, Rules: []standing.Rule{{Hostname: spec.AttachmentRoute("api", check, false).Hostname, Service: "api"}},
		}
	}
	called := lastUpdate{Calls: map[string][]string{"web": {"api"}}}
	for name, test := range map[string]struct {
		calls    string
		last     lastUpdate
		listener standing.Listener
		refused  bool
	}{
		"another health check": {`, "calls": ["api"]`, called, attached("/healthz"), true},
		"the same one":         {`, "calls": ["api"]`, called, attached("/other"), false},
		"called no more":       {"", called, attached("/healthz"), false},
		"called from now on":   {`, "calls": ["api"]`, lastUpdate{}, attached("/healthz"), false},
		"in another network": {
			`, "calls": ["api"]`, lastUpdate{Calls: called.Calls, Network: &lastNetwork{CIDR: "10.9.0.0/16"}}, attached("/healthz"), false,
		},
	} {
		err := changeOf(t, services(test.calls), test.last, test.listener).check()
		if refused := err != nil && strings.Contains(err.Error(), "services.api: other services call it, and another health check starts it anew"); refused != test.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}
