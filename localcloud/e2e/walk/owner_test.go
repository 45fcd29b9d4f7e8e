package walk

import (
	"maps"
	"slices"
	"testing"
)

// configOf returns a configuration of services, each with its host names and its paths.
func configOf(services map[string][2][]string) Config {
	c := Config{Region: "eu-central-1", CIDR: "10.0.0.0/16", Egress: egressPublic, Zones: 2, IdleTimeout: 60, TTL: leastTTL, Tag: "one", Services: map[string]Service{}}
	for name, routes := range services {
		s := NewService("v1", routes[0]...)
		s.Paths = routes[1]
		c.Services[name] = s
	}
	return c
}

type routes = map[string][2][]string

func TestOwner(t *testing.T) {
	t.Parallel()
	c := configOf(routes{
		"web":  {{"a.slipway.test", "b.slipway.test"}, nil},
		"api":  {{"a.slipway.test"}, {"/api/*", "/login"}},
		"v1":   {{"a.slipway.test", "c.slipway.test"}, {"/api/v1/*"}},
		"me":   {{"a.slipway.test"}, {"/api/v1/me"}},
		"any":  {{"any.slipway.test", "*.slipway.test"}, nil},
		"dev":  {{"dev.slipway.test", "*.dev.slipway.test"}, {"/*"}},
		"wide": {{"wide.slipway.test", "*.dev.slipway.test", "*.slipway.test"}, {"/login"}},
	})
	if problems := c.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, tt := range []struct{ host, path, want string }{
		{"a.slipway.test", "/", "web"},
		{"b.slipway.test", "/api/x", "web"},
		{"a.slipway.test", "/api/x", "api"},
		{"a.slipway.test", "/api/", "api"},
		{"a.slipway.test", "/api", "web"},
		{"a.slipway.test", "/login", "api"},
		{"a.slipway.test", "/login/", "web"},
		{"a.slipway.test", "/api/v1/x", "v1"},
		{"a.slipway.test", "/api/v1/me", "me"},
		{"a.slipway.test", "/api/v1/men", "v1"},
		{"c.slipway.test", "/api/v1/x", "v1"},
		// The host name decides first: the wildcard's service has the other paths of c, since no service has all of them.
		{"c.slipway.test", "/", "any"},
		{"c.slipway.test", "/login", "wide"},
		{"d.slipway.test", "/", "any"},
		{"d.slipway.test", "/login", "wide"},
		{"x.dev.slipway.test", "/", "dev"},
		{"x.dev.slipway.test", "/login", "wide"},
		{"dev.slipway.test", "/login", "dev"},
		// A certificate's wildcard is one label.
		{"y.x.dev.slipway.test", "/", ""},
		{"slipway.test", "/", ""},
		{"example.com", "/", ""},
	} {
		if got, found := c.Owner(tt.host, tt.path); got.Service != tt.want || found != (tt.want != "") {
			t.Errorf("%s%s belongs to %q, want %q", tt.host, tt.path, got.Service, tt.want)
		}
	}
}

func TestOwnerOfPatterns(t *testing.T) {
	t.Parallel()
	c := configOf(routes{
		"web":   {{"a.slipway.test"}, nil},
		"all":   {{"a.slipway.test"}, {"/v?/*", "/item-?"}},
		"one":   {{"a.slipway.test"}, {"/v1/me", "/item-*"}},
		"files": {{"a.slipway.test"}, {"/*.xhtml", "/a*z"}},
	})
	if problems := c.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
	for path, want := range map[string]string{
		"/v1/x": "all", "/v22/x": "web", "/v/x": "web", "/v2/": "all", "/v1/me": "one", "/v2/me": "all", "/item-7": "all", "/item-77": "one", "/item-": "one",
		"/x/y.xhtml": "files", "/.xhtml": "files", "/xhtml": "web", "/az": "files", "/abcz": "files", "/a": "web", "/azb": "web",
		// Of two patterns the longer one, and one without "*" before one with it.
		"/v1/x.xhtml": "files", "/item-7.xhtml": "files", "/item-z": "all",
	} {
		if got, _ := c.Owner("a.slipway.test", path); got.Service != want {
			t.Errorf("%s belongs to %q, want %q", path, got.Service, want)
		}
	}
}

func TestUnordered(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"/v?/*", "/v1/*", true},
		{"/v?/*", "/w1/*", false},
		{"/v?/*", "/v1/x*", false}, // the longer one
		{"/v?", "/v1", true},
		{"/v?/*", "/v1/x", false}, // the one without "*"
		{"/img/*.png", "/img/logo*", true},
		{"/img/*.png", "/img/*.gif", false},
		{"/a*z", "/ab*", true},
		{"/a*z", "/*bz", true},
		{"/a*z", "/*ab", false},
	} {
		c := configOf(routes{"a": {{"a.slipway.test"}, {tt.a}}, "b": {{"a.slipway.test"}, {tt.b}}})
		if got := len(c.unordered()) > 0; got != tt.want {
			t.Errorf("%s and %s: %v", tt.a, tt.b, got)
		}
		elsewhere := configOf(routes{"a": {{"a.slipway.test"}, {tt.a}}, "b": {{"b.slipway.test"}, {tt.b}}})
		same := configOf(routes{"a": {{"a.slipway.test"}, {tt.a, tt.b}}})
		if len(elsewhere.unordered())+len(same.unordered()) > 0 {
			t.Errorf("%s and %s, on two host names or of one service, are in no order", tt.a, tt.b)
		}
	}
}

func TestForbids(t *testing.T) {
	t.Parallel()
	plain := configOf(routes{"web": {{"a.slipway.test"}, nil}})
	canary := plain.clone()
	s := canary.Services["web"]
	s.Canary = &Canary{"v2", 10}
	canary.Services["web"] = s
	calling := plain.clone()
	caller := calling.Services["web"]
	caller.Calls, calling.Worker, calling.IPv6 = true, "v1", true
	calling.Services["web"] = caller
	ipv6 := calling.clone()
	ipv6.Egress = egressIPv6
	behindNAT := calling.clone()
	behindNAT.Egress = egressNAT
	silent := ipv6.clone()
	silent.Worker = ""
	like := configOf(routes{"web": {{"a.slipway.test"}, nil}, "web-canary": {{"b.slipway.test"}, nil}})
	for name, tt := range map[string]struct {
		before, after Config
		want          bool
	}{
		"a canary comes":                                    {plain, canary, false},
		"a service comes":                                   {plain, like, false},
		"a canary goes and a service comes":                 {canary, like, true},
		"a service goes and a canary comes":                 {like, canary, true},
		"the canary is the same":                            {canary, canary, false},
		"a service goes":                                    {like, plain, false},
		"the service called like it is renamed":             {like, configOf(routes{"web": {{"a.slipway.test"}, nil}, "api": {{"b.slipway.test"}, nil}}), false},
		"services that call each other lose IPv4 addresses": {calling, ipv6, true},
		"services that call each other get IPv4 addresses":  {ipv6, behindNAT, true},
		"services that call each other keep both":           {calling, behindNAT, false},
		"services no longer call each other":                {calling, silent, false},
	} {
		if got := len(tt.before.Forbids(tt.after)) > 0; got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTasks(t *testing.T) {
	t.Parallel()
	c := configOf(routes{"web": {{"a.slipway.test"}, nil}, "api": {{"b.slipway.test"}, nil}})
	web, api := c.Services["web"], c.Services["api"]
	web.Count, web.Canary = 3, &Canary{"v2", 50}
	api.Scaling, api.Canary = &Scaling{1, 4, fewRequests}, &Canary{"v2", 10}
	c.Services["web"], c.Services["api"] = web, api
	want := map[string]Range{"web": {3, 3}, "web-canary": {2, 2}, "api": {1, 4}, "api-canary": {1, 1}}
	if got := c.Tasks(); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	fixed := c.clone()
	api.Scaling = nil
	fixed.Services["api"] = api
	if !(Step{Before: []Config{c}, Config: fixed}).Refreshes() || (Step{Before: []Config{fixed}, Config: c}).Refreshes() {
		t.Error("the end of scaling is to be refreshed, and nothing else")
	}
}

func TestTooFew(t *testing.T) {
	t.Parallel()
	of := func(count int, scaling *Scaling) Config {
		c := configOf(routes{"web": {{"a.slipway.test"}, nil}})
		s := c.Services["web"]
		s.Count, s.Scaling = count, scaling
		c.Services["web"] = s
		return c
	}
	busy, idle := &Scaling{1, 4, fewRequests}, &Scaling{1, 4, manyRequests}
	for name, tt := range map[string]struct {
		before, after Config
		first, fewest int
		want          bool
	}{
		"as many":                        {of(2, nil), of(2, nil), 2, 2, false},
		"one stops before another runs":  {of(2, nil), of(2, nil), 2, 1, true},
		"fewer":                          {of(3, nil), of(1, nil), 3, 1, false},
		"more":                           {of(1, nil), of(3, nil), 1, 1, false},
		"none":                           {of(1, nil), of(3, nil), 1, 0, true},
		"scaled out and begins at least": {of(0, busy), of(0, busy), 4, 1, true},
		"scaled out and stays":           {of(0, busy), of(0, busy), 4, 4, false},
		"scaled out to fewer":            {of(0, busy), of(0, &Scaling{1, 2, fewRequests}), 4, 2, false},
		"has no reason to stay":          {of(0, busy), of(0, idle), 4, 1, false},
		"scaled out and to be fixed":     {of(0, busy), of(2, nil), 4, 1, false},
	} {
		got := Step{Before: []Config{tt.before}, Config: tt.after}.TooFew(map[string]int{"web": tt.first}, map[string]int{"web": tt.fewest})
		if (len(got) > 0) != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	gone := Step{Before: []Config{of(1, nil)}, Config: configOf(routes{"api": {{"a.slipway.test"}, nil}})}
	if got := gone.TooFew(map[string]int{"web": 1}, map[string]int{"web": 0}); len(got) > 0 {
		t.Errorf("one that goes: %v", got)
	}
}

func TestOwnersVersions(t *testing.T) {
	t.Parallel()
	c := configOf(routes{"web": {{"a.slipway.test"}, nil}})
	for _, tt := range []struct {
		canary *Canary
		want   Owner
	}{
		{nil, Owner{Service: "web", Version: "v1"}},
		{&Canary{"v2", 0}, Owner{Service: "web", Version: "v1", Canary: "v2"}},
		{&Canary{"v2", 1}, Owner{Service: "web", Version: "v1", Canary: "v2", Weighted: true}},
	} {
		s := c.Services["web"]
		s.Canary = tt.canary
		c.Services["web"] = s
		if got, _ := c.Owner("a.slipway.test", "/"); got != tt.want {
			t.Errorf("canary %v: %+v, want %+v", tt.canary, got, tt.want)
		}
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	before := configOf(routes{
		"web": {{"a.slipway.test", "b.slipway.test"}, nil}, "api": {{"a.slipway.test"}, {"/api/*", "/login"}}, "gone": {{"c.slipway.test"}, nil},
	})
	after := configOf(routes{
		"web": {{"a.slipway.test", "b.slipway.test"}, nil}, "new": {{"a.slipway.test"}, {"/api/*"}}, "more": {{"d.slipway.test", "*.slipway.test"}, {"/login"}},
	})
	got := Targets(before, after)
	for _, want := range []Target{
		{Host: "a.slipway.test", Path: "/api/some"},
		{Host: "a.slipway.test", Path: "/login"},
		{Host: "a.slipway.test", Path: "/"},
		{Host: "b.slipway.test", Path: "/"},
		{Host: "c.slipway.test", Path: "/login"},
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not among %v", want.URL(), got)
		}
	}
	for _, target := range got {
		if target.Canary || target.Host == "d.slipway.test" || target.Host == "any.slipway.test" || target.Host == "c.slipway.test" && target.Path != "/login" {
			t.Errorf("%s has no owner before, or none after", target.URL())
		}
	}
	if len(got) > mostTargets {
		t.Errorf("%d targets", len(got))
	}
}

// Every host name is requested, with any number of them.
func TestEveryHostIsATarget(t *testing.T) {
	t.Parallel()
	w := New(Options{Seed: 3, Steps: 200, Most: 3, Kinds: Kinds()})
	for _, s := range w.Steps {
		asked := map[string]bool{}
		for _, target := range s.Targets() {
			asked[target.Host] = true
		}
		for _, host := range s.After().hostnames() {
			owned := isPlain(host)
			for _, c := range s.Before {
				owned = owned && slices.Contains(c.hostnames(), host)
			}
			_, root := ownersOf(append(slices.Clone(s.Before), s.After()), host, "/")
			if owned && root && !asked[host] {
				t.Errorf("step %s: %s is asked for by nobody", s, host)
			}
		}
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"the same route twice": func(c *Config) { c.Services["docs"] = c.Services["web"] },
		"no service":           func(c *Config) { c.Services = nil },
		"four zones":           func(c *Config) { c.Zones = 4 },
		"no addresses":         func(c *Config) { c.Egress, c.IPv6 = egressIPv6, false },
		"commands over IPv6":   func(c *Config) { c.Egress, c.IPv6 = egressIPv6, true; set(func(s *Service) { s.Exec = true })(c) },
		"a long name":          func(c *Config) { c.Services["a-name-of-nineteen-c"] = c.Services["api"]; delete(c.Services, "api") },
		"a canary's name":      func(c *Config) { c.Services["web-canary"] = c.Services["api"]; delete(c.Services, "api") },
		"no host name":         set(func(s *Service) { s.Hostnames = nil }),
		"paths in no order": func(c *Config) {
			c.Services["web"], c.Services["api"] = with(c, "web", "/v?/*"), with(c, "api", "/v1/*")
		},
		"seven wildcards":            set(func(s *Service) { s.Hostnames, s.Paths = []string{"*.slipway.test"}, []string{"/?????*"} }),
		"a short time-to-live":       func(c *Config) { c.TTL = 59 },
		"none to scale":              set(func(s *Service) { s.Scaling = &Scaling{0, 1, fewRequests} }),
		"fewer at most than least":   set(func(s *Service) { s.Scaling = &Scaling{2, 1, fewRequests} }),
		"nothing to scale by":        set(func(s *Service) { s.Scaling = &Scaling{1, 2, 0} }),
		"an error for healthy":       set(func(s *Service) { s.Health.Codes = "500" }),
		"another zone":               set(func(s *Service) { s.Hostnames = []string{"a.example.com"} }),
		"an upper-case host name":    set(func(s *Service) { s.Hostnames = []string{"A.slipway.test"} }),
		"a host name twice":          set(func(s *Service) { s.Hostnames = []string{"z.slipway.test", "z.slipway.test"} }),
		"a path twice":               set(func(s *Service) { s.Paths = []string{"/a", "/a"} }),
		"a path without its slash":   set(func(s *Service) { s.Paths = []string{"a"} }),
		"two stars":                  set(func(s *Service) { s.Paths = []string{"/a*/*"} }),
		"a port of root's":           set(func(s *Service) { s.Port = 80 }),
		"too much memory":            set(func(s *Service) { s.Memory = 4096 }),
		"no tasks":                   set(func(s *Service) { s.Count = 0 }),
		"no delay":                   set(func(s *Service) { s.Delay = 0 }),
		"a short delay for sockets":  set(func(s *Service) { s.Drain, s.Delay = "websocket", 5 }),
		"too often a health check":   set(func(s *Service) { s.Health.Interval = 4 }),
		"a health check at no path":  set(func(s *Service) { s.Health.Path = "healthz" }),
		"too much for a canary":      set(func(s *Service) { s.Canary = &Canary{"v1", 101} }),
		"a hundred rules and one":    set(func(s *Service) { s.Hostnames, s.Paths = plainHosts, []string{"/1", "/2", "/3", "/4", "/5", "/6"} }),
		"too many names for a test":  set(func(s *Service) { s.Hostnames = append(slices.Clone(plainHosts), letters()...) }),
		"a path of another alphabet": set(func(s *Service) { s.Paths = []string{"/a b"} }),
	} {
		c := configOf(routes{"web": {{"a.slipway.test"}, nil}, "api": {{"a.slipway.test"}, {"/api/*"}}})
		s := c.Services["web"]
		s.Canary = &Canary{"v2", 10}
		c.Services["web"] = s
		if problems := c.Problems(); len(problems) > 0 {
			t.Fatal(problems)
		}
		if change(&c); len(c.Problems()) == 0 {
			t.Errorf("%s is no problem", name)
		}
	}
}

// with returns a service with other paths.
func with(c *Config, name string, paths ...string) Service {
	s := c.Services[name]
	s.Paths = paths
	return s
}

// set changes one service of a configuration.
func set(change func(*Service)) func(*Config) {
	return func(c *Config) {
		s := c.Services["api"]
		change(&s)
		c.Services["api"] = s
	}
}

func letters() []string {
	var hosts []string
	for letter := 'q'; letter <= 'z'; letter++ {
		hosts = append(hosts, string(letter)+"."+Zone)
	}
	return hosts
}
