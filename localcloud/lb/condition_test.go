package lb

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestConditions(t *testing.T) {
	host := func(values ...string) Condition { return Condition{Field: HostHeader, Values: values} }
	path := func(values ...string) Condition { return Condition{Field: PathPattern, Values: values} }
	query := func(pairs ...QueryPair) Condition { return Condition{Field: QueryString, Query: pairs} }
	header := func(name string, values ...string) Condition {
		return Condition{Field: HTTPHeader, Header: name, Values: values}
	}
	// Requests come from 192.0.2.1 with "User-Agent: Mozilla/5.0 (Chrome)" and two X-Tier headers, gold and Silver.
	tests := []struct {
		name      string
		condition Condition
		target    string
		want      bool
	}{
		{"host", host("hello.example.com"), "http://hello.example.com/", true},
		{"host, other case", host("Hello.Example.com"), "http://hELLO.example.COM/", true},
		{"host, with port", host("hello.example.com"), "http://hello.example.com:8443/", true},
		{"host, second value", host("a.example.com", "b.example.com"), "http://b.example.com/", true},
		{"host, wildcard", host("*.example.com"), "http://test.example.com/", true},
		{"host, wildcard over dots", host("*.example.com"), "http://a.b.example.com/", true},
		{"host, wildcard needs the dot", host("*.example.com"), "http://example.com/", false},
		{"host, question mark", host("v?.example.com"), "http://v2.example.com/", true},
		{"host, question mark is one", host("v?.example.com"), "http://v10.example.com/", false},
		{"host, dot is no wildcard", host("a.example.com"), "http://axexample.com/", false},
		{"path", path("/img/*"), "http://h.test/img/picture.jpg", true},
		{"path, empty rest", path("/img/*"), "http://h.test/img/", true},
		{"path, without slash", path("/img/*"), "http://h.test/img", false},
		{"path, case counts", path("/img/*"), "http://h.test/IMG/a", false},
		{"path, not the query", path("/img/*"), "http://h.test/?/img/a", false},
		{"path, exact", path("/api"), "http://h.test/api?x=1", true},
		{"path, exact is no prefix", path("/api"), "http://h.test/api/v1", false},
		{"path, as sent", path("/a%2Fb"), "http://h.test/a%2Fb", true},
		{"header, either line", header("x-tier", "silver"), "http://h.test/", true},
		{"header, wildcard", header("User-Agent", "*chrome*"), "http://h.test/", true},
		{"header, other value", header("X-Tier", "bronze"), "http://h.test/", false},
		{"header, absent", header("X-Absent", "*"), "http://h.test/", false},
		{"header, Host", header("Host", "h.*"), "http://h.test/", true},
		{"method", Condition{Field: RequestMethod, Values: []string{"POST", "GET"}}, "http://h.test/", true},
		{"method, case counts", Condition{Field: RequestMethod, Values: []string{"get"}}, "http://h.test/", false},
		{"query", query(QueryPair{"version", "v1"}), "http://h.test/?a=b&version=v1", true},
		{"query, other case", query(QueryPair{"Version", "V1"}), "http://h.test/?version=v1", true},
		{"query, any key", query(QueryPair{"", "example"}), "http://h.test/?some=example", true},
		{"query, second pair", query(QueryPair{"a", "1"}, QueryPair{"b", "*"}), "http://h.test/?b=anything", true},
		{"query, key and value of one parameter", query(QueryPair{"a", "1"}), "http://h.test/?a=2&b=1", false},
		{"query, escaped wildcard", query(QueryPair{"q", `\*`}), "http://h.test/?q=x", false},
		{"query, none", query(QueryPair{"a", "*"}), "http://h.test/", false},
		{"source", Condition{Field: SourceIP, Values: []string{"198.51.100.0/24", "192.0.2.0/24"}}, "http://h.test/", true},
		{"source, other", Condition{Field: SourceIP, Values: []string{"198.51.100.0/24", "2001:db8::/32"}}, "http://h.test/", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			met, err := test.condition.compile()
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodGet, test.target, nil) // its RemoteAddr is 192.0.2.1:1234
			r.Header.Set("User-Agent", "Mozilla/5.0 (Chrome)")
			r.Header.Add("X-Tier", "gold")
			r.Header.Add("X-Tier", "Silver")
			r.Header.Set("X-Forwarded-For", "198.51.100.7") // which source-ip does not look at
			if got := met(r); got != test.want {
				t.Errorf("met: %v, want %v", got, test.want)
			}
		})
	}
}

func TestRulesByPriority(t *testing.T) {
	fixed := func(code int) Action { return Action{FixedResponse: &FixedResponse{StatusCode: code}} }
	b := &Balancer{stats: map[string]*listenerStats{}}
	compiled := b.compile(&State{Listeners: []Listener{{
		ID: "web", Port: 80, Protocol: HTTP, Default: fixed(404),
		Rules: []Rule{
			{Priority: 30, Action: fixed(230), Conditions: []Condition{{Field: HostHeader, Values: []string{"*.test"}}}},
			{Priority: 10, Action: fixed(210), Conditions: []Condition{
				{Field: HostHeader, Values: []string{"a.test"}}, {Field: PathPattern, Values: []string{"/api/*"}},
			}},
			{Priority: 20, Action: fixed(220), Conditions: []Condition{{Field: PathPattern, Values: []string{"/api/*"}}}},
		},
	}}})
	for target, want := range map[string]int{
		"http://a.test/api/x":    210, // both conditions met
		"http://b.test/api/x":    220,
		"http://a.test/":         230,
		"http://example.com/":    404,
		"http://example.com/api": 404,
	} {
		if got := compiled.listeners[80].route(httptest.NewRequest(http.MethodGet, target, nil)).fixed.StatusCode; got != want {
			t.Errorf("%s: %d, want %d", target, got, want)
		}
	}
}
