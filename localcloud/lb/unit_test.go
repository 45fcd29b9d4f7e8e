package lb

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRedirectLocation(t *testing.T) {
	const request = "http://Hello.example.com:8080/a%20b/c?x=1&y=#{host}"
	tests := map[string]struct {
		redirect Redirect
		target   string
		want     string
	}{
		"to HTTPS":          {Redirect{Protocol: "HTTPS", Port: "443"}, "http://h.test/", "https://h.test:443/"},
		"keeps the rest":    {Redirect{Protocol: "HTTPS", Port: "443", Host: "#{host}", Path: "/#{path}", Query: "#{query}"}, request, "https://Hello.example.com:443/a%20b/c?x=1&y=#{host}"},
		"listener's port":   {Redirect{Host: "other.test"}, "http://h.test:8080/p", "http://other.test:80/p"},
		"keyword in a part": {Redirect{Host: "www.#{host}", Path: "/#{host}/#{port}/#{path}", Query: "from=#{protocol}&#{query}"}, "http://h.test/p?q=1", "http://www.h.test:80/h.test/80/p?from=http&q=1"},
		"fixed path":        {Redirect{Path: "/maintenance"}, "http://h.test/p?q=1", "http://h.test:80/maintenance?q=1"},
		"no query":          {Redirect{Port: "81"}, "http://h.test/p?", "http://h.test:81/p"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.redirect.location(httptest.NewRequest(http.MethodGet, test.target, nil), HTTP, 80); got != test.want {
				t.Errorf("location %s, want %s", got, test.want)
			}
		})
	}
}

// TestSharesAreExact: over one run of as many requests as the weights sum up to, each group gets its weight.
func TestSharesAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.IntRange(0, 12), 1, 5).Draw(t, "weights")
		groups := map[string]*group{}
		var shares []WeightedTargetGroup
		total := 0
		for i, weight := range weights {
			id := string(rune('a' + i))
			groups[id] = &group{}
			shares = append(shares, WeightedTargetGroup{id, weight})
			total += weight
		}
		s := newSplitter(shares, groups)
		if total == 0 {
			if s.pick() != nil {
				t.Fatal("a group without weight was picked")
			}
			return
		}
		for range 3 {
			got := map[*group]int{}
			for range total {
				got[s.pick()]++
			}
			for i, share := range shares {
				if n := got[groups[share.TargetGroup]]; n != weights[i] {
					t.Fatalf("group %d with weight %d of %d got %d", i, weights[i], total, n)
				}
			}
		}
	})
}

func TestSixAndSixAlternate(t *testing.T) {
	blue, green := &group{}, &group{}
	s := newSplitter([]WeightedTargetGroup{{"blue", 6}, {"green", 6}}, map[string]*group{"blue": blue, "green": green})
	for i := range 12 {
		if got, want := s.pick() == blue, i%2 == 0; got != want {
			t.Fatalf("request %d: blue %v, want %v", i, got, want)
		}
	}
}

func TestTally(t *testing.T) {
	check := HealthCheck{}.withDefaults()
	check.HealthyThreshold, check.UnhealthyThreshold = 3, 2
	type result struct {
		reason Reason
		code   int
	}
	good, slow, refused, missing := result{}, result{Timeout, 0}, result{FailedHealthChecks, 0}, result{ResponseCodeMismatch, 404}
	tests := map[string]struct {
		results     []result
		state       HealthState
		reason      Reason
		description string
	}{
		"new":                              {nil, Initial, RegistrationInProgress, "Target registration is in progress"},
		"one success is enough":            {[]result{good}, Healthy, "", ""},
		"first failure":                    {[]result{refused}, Initial, InitialHealthChecking, "Initial health checks in progress"},
		"success after a failure":          {[]result{refused, good}, Healthy, "", ""},
		"never came up":                    {[]result{refused, refused}, Unhealthy, FailedHealthChecks, "Health checks failed"},
		"one failure is forgiven":          {[]result{good, slow}, Healthy, "", ""},
		"failures must follow one another": {[]result{good, slow, good, slow}, Healthy, "", ""},
		"threshold reached":                {[]result{good, slow, slow}, Unhealthy, Timeout, "Request timed out"},
		"wrong code":                       {[]result{good, slow, missing}, Unhealthy, ResponseCodeMismatch, "Health checks failed with these codes: [404]"},
		"reason follows the last failure":  {[]result{slow, slow, missing}, Unhealthy, ResponseCodeMismatch, "Health checks failed with these codes: [404]"},
		"not yet back":                     {[]result{slow, slow, good, good}, Unhealthy, Timeout, "Request timed out"},
		"back":                             {[]result{slow, slow, good, good, good}, Healthy, "", ""},
		"relapse starts anew":              {[]result{slow, slow, good, good, slow, good, good}, Unhealthy, Timeout, "Request timed out"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var h tally
			h.set(Initial, RegistrationInProgress)
			for _, r := range test.results {
				h.observe(r.reason, r.code, check)
			}
			if h.State != test.state || h.Reason != test.reason || h.Description != test.description {
				t.Errorf("%s %q %q, want %s %q %q", h.State, h.Reason, h.Description, test.state, test.reason, test.description)
			}
		})
	}
}

func TestMatcher(t *testing.T) {
	tests := []struct {
		text string
		good []int
		bad  []int
	}{
		{"200", []int{200}, []int{199, 201, 404}},
		{"200-299", []int{200, 250, 299}, []int{300}},
		{"200,202", []int{200, 202}, []int{201}},
		{"200-204, 301", []int{204, 301}, []int{205, 302}},
	}
	for _, test := range tests {
		m, err := parseMatcher(test.text)
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
		}
		for _, code := range test.good {
			if !m.matches(code) {
				t.Errorf("%q does not match %d", test.text, code)
			}
		}
		for _, code := range test.bad {
			if m.matches(code) {
				t.Errorf("%q matches %d", test.text, code)
			}
		}
	}
	for _, text := range []string{"", "ok", "200-", "-200", "299-200", "199", "500", "200,,201"} {
		if _, err := parseMatcher(text); err == nil {
			t.Errorf("%q was taken for a matcher", text)
		}
	}
}

func TestTraceID(t *testing.T) {
	now := time.Unix(0x67891234, 0)
	const id = `1-67891234-[0-9a-f]{24}`
	tests := map[string]struct{ received, want string }{
		"none":             {"", "Root=" + id},
		"root":             {"Root=1-67891233-abcdef012345678912345678", "Self=" + id + ";Root=1-67891233-abcdef012345678912345678"},
		"custom field":     {"Root=1-2-3;CalledFrom=app", "Self=" + id + ";Root=1-2-3;CalledFrom=app"},
		"earlier self":     {"Self=1-2-4; Root=1-2-3", "Self=" + id + ";Root=1-2-3"},
		"custom, no root":  {"CalledFrom=app", "Root=" + id + ";CalledFrom=app"},
		"not a field list": {"nonsense", "Root=" + id},
	}
	for name, test := range tests {
		if got := traceID(test.received, now); !regexp.MustCompile("^" + test.want + "$").MatchString(got) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestRefusedRequests(t *testing.T) {
	long := strings.Repeat("x", 17<<10)
	addresses := func(n int) string { return strings.TrimSuffix(strings.Repeat("192.0.2.1, ", n), ", ") }
	tests := map[string]struct {
		method, target string
		header         http.Header
		want           int
	}{
		"usual":             {"GET", "/", http.Header{"X-Forwarded-For": {addresses(30)}, "X-A": {long[:15<<10]}}, 0},
		"trace":             {"TRACE", "/", nil, 405},
		"long line":         {"GET", "/?" + long, nil, 414},
		"long header":       {"GET", "/", http.Header{"X-A": {long}}, 400},
		"many headers":      {"GET", "/", http.Header{"X-A": {long[:15<<10], long[:15<<10], long[:15<<10], long[:15<<10], long[:15<<10]}}, 400},
		"many proxies":      {"GET", "/", http.Header{"X-Forwarded-For": {addresses(31)}}, 463},
		"proxies over two":  {"GET", "/", http.Header{"X-Forwarded-For": {addresses(15), addresses(16)}}, 463},
		"sum over the line": {"GET", "/", http.Header{"X-A": {long[:16000], long[:16000], long[:16000], long[:16000]}}, 0},
	}
	for name, test := range tests {
		r := httptest.NewRequest(test.method, test.target, nil)
		r.Header = test.header
		if got := refuse(r); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// TestPagesHaveALBsLength compares with what real load balancers were seen to send as Content-Length.
func TestPagesHaveALBsLength(t *testing.T) {
	for code, want := range map[int]string{503: "162", 502: "122"} {
		w := httptest.NewRecorder()
		writePage(w, code)
		if got := w.Header().Get("Content-Length"); got != want {
			t.Errorf("page %d has %s bytes, want %s:\n%s", code, got, want, w.Body)
		}
	}
}

func TestStatesThatAreRefused(t *testing.T) {
	ok := Action{FixedResponse: &FixedResponse{StatusCode: 404}}
	group := TargetGroup{ID: "blue", Protocol: HTTP}
	web := func(change func(*Listener)) State {
		l := Listener{ID: "web", Port: 80, Protocol: HTTP, Default: ok}
		change(&l)
		return State{Listeners: []Listener{l}, TargetGroups: []TargetGroup{group}}
	}
	action := func(a Action) State { return web(func(l *Listener) { l.Default = a }) }
	check := func(h HealthCheck) State {
		return State{TargetGroups: []TargetGroup{{ID: "blue", Protocol: HTTP, HealthCheck: h}}}
	}
	tests := map[string]struct {
		state State
		want  string
	}{
		"port":           {web(func(l *Listener) { l.Port = 0 }), `listener "web": port 0`},
		"protocol":       {web(func(l *Listener) { l.Protocol = "TCP" }), `protocol "TCP"`},
		"no certificate": {web(func(l *Listener) { l.Protocol = HTTPS }), "needs a certificate"},
		"same port":      {State{Listeners: []Listener{{ID: "a", Port: 1, Protocol: HTTP, Default: ok}, {ID: "b", Port: 1, Protocol: HTTP, Default: ok}}}, "port 1 has a listener already"},
		"same listener":  {State{Listeners: []Listener{{ID: "a", Port: 1, Protocol: HTTP, Default: ok}, {ID: "a", Port: 2, Protocol: HTTP, Default: ok}}}, `listener "a" is there twice`},
		"same group":     {State{TargetGroups: []TargetGroup{group, group}}, `target group "blue" is there twice`},
		"no action":      {action(Action{}), "exactly one of"},
		"two actions":    {action(Action{Redirect: &Redirect{StatusCode: 301}, FixedResponse: ok.FixedResponse}), "exactly one of"},
		"unknown group":  {action(Action{Forward: []WeightedTargetGroup{{"green", 1}}}), `forward to "green": no such target group`},
		"weight":         {action(Action{Forward: []WeightedTargetGroup{{"blue", 1000}}}), "weight 1000: want 0-999"},
		"redirect code":  {action(Action{Redirect: &Redirect{StatusCode: 307}}), "want 301 or 302"},
		"redirect path":  {action(Action{Redirect: &Redirect{StatusCode: 301, Path: "x"}}), "leading slash"},
		"fixed code":     {action(Action{FixedResponse: &FixedResponse{StatusCode: 302}}), "want 2xx, 4xx or 5xx"},
		"priority":       {web(func(l *Listener) { l.Rules = []Rule{{Priority: 50001, Action: ok}} }), "priority 50001: want 1-50000"},
		"priority twice": {web(func(l *Listener) { l.Rules = []Rule{{Priority: 1, Action: ok}, {Priority: 1, Action: ok}} }), "priority 1 is in use"},
		"condition": {web(func(l *Listener) {
			l.Rules = []Rule{{Priority: 1, Action: ok, Conditions: []Condition{{Field: "cookie", Values: []string{"a"}}}}}
		}), `"cookie" is unknown`},
		"empty condition": {web(func(l *Listener) {
			l.Rules = []Rule{{Priority: 1, Action: ok, Conditions: []Condition{{Field: HostHeader}}}}
		}), "has no values"},
		"source": {web(func(l *Listener) {
			l.Rules = []Rule{{Priority: 1, Action: ok, Conditions: []Condition{{Field: SourceIP, Values: []string{"10"}}}}}
		}), "condition source-ip"},
		"nameless header": {web(func(l *Listener) {
			l.Rules = []Rule{{Priority: 1, Action: ok, Conditions: []Condition{{Field: HTTPHeader, Values: []string{"a"}}}}}
		}), "names no header"},
		"group protocol":   {State{TargetGroups: []TargetGroup{{ID: "blue"}}}, `protocol ""`},
		"delay":            {State{TargetGroups: []TargetGroup{{ID: "blue", Protocol: HTTP, DeregistrationDelay: -1}}}, "is negative"},
		"target":           {State{TargetGroups: []TargetGroup{{ID: "blue", Protocol: HTTP, Targets: []netip.AddrPort{{}}}}}, "want an address and a port"},
		"check protocol":   {check(HealthCheck{Protocol: "GRPC"}), `health check protocol "GRPC"`},
		"check path":       {check(HealthCheck{Path: "healthz"}), `health check path "healthz"`},
		"check port":       {check(HealthCheck{Port: 65536}), "health check port 65536"},
		"check time-out":   {check(HealthCheck{Interval: time.Second}), "no more than the interval"},
		"check thresholds": {check(HealthCheck{HealthyThreshold: -1}), "thresholds"},
		"check matcher":    {check(HealthCheck{Matcher: "500"}), `matcher "500"`},
		"idle time-out":    {State{IdleTimeout: -1}, "idle time-out"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if err := test.state.check(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
		})
	}
}
