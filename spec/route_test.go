package spec

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestCheckPath(t *testing.T) {
	t.Parallel()
	for _, valid := range []string{"/", "/*", "/api/*", "/img/*.jpg", "/a_b-c.d$~\"'@:+&", "/v?/*", "/?", "/" + strings.Repeat("a", 127)} {
		if err := CheckPath(valid); err != nil {
			t.Errorf("CheckPath(%q): %v", valid, err)
		}
	}
	const characters = `a path is letters, digits and any of _ - . $ / ~ " ' @ : + & with ? for any one character and one * for any characters; other characters cannot be written, not even as %20`
	const query = "has a query or a fragment, which a path pattern cannot match: ? stands for any one character"
	for path, want := range map[string]string{
		"":                                `a path begins with / → "/"`,
		"api":                             `a path begins with / → "/api"`,
		"*":                               `a path begins with / → "/*"`,
		"ä":                               `a path begins with / → ""`,
		"https://a.example.com/api/*?a=b": `is a URL, and a path begins with / → "/api/*"`,
		"/" + strings.Repeat("a", 128):    `a path has at most 128 characters, this one has 129`,
		"/search?q=*":                     query + ` → "/search"`,
		"/a#b":                            query + ` → "/a"`,
		"/api/(v1|v2)":                    `is a regular expression, and a path pattern is not: give each path by itself, with * for any characters and ? for one → ""`,
		"/users/{id}":                     `has a placeholder, and a path pattern does not: write * for any characters or ? for one → ""`,
		"/a b":                            characters,
		"/a%20b":                          characters,
		"/ä":                              characters,
		"/a\n":                            characters,
		"/*/a/*":                          "a path has at most one *",
	} {
		if got := shown(CheckPath(path)); got != want {
			t.Errorf("CheckPath(%q): %s\nwant %s", path, got, want)
		}
	}
}

// shown returns an error with what it says to write instead of the value.
func shown(err error) string {
	var other interface{ Instead() string }
	if errors.As(err, &other) {
		return fmt.Sprintf("%v → %q", err, other.Instead())
	}
	return fmt.Sprint(err)
}

func TestCheckHostname(t *testing.T) {
	t.Parallel()
	for _, valid := range []string{"example.com", "a.example.com", "a-1.b.example.com", "*.example.com", "*.b.a.example.com", "xn--bcher-kva.example.com"} {
		if err := CheckHostname(valid, "example.com"); err != nil {
			t.Errorf("CheckHostname(%q): %v", valid, err)
		}
	}
	const star = "has a *, which stands only for the whole first label, as in *.example.com"
	for name, want := range map[string]string{
		"":                                       `has a single label; a domain has at least two, as in example.com → ""`,
		"localhost":                              `is a single label, not a name in the zone → "localhost.example.com"`,
		"Hello.example.com":                      `has capital letters → "hello.example.com"`,
		"*.Hello.example.com":                    `has capital letters → "*.hello.example.com"`,
		"hello.example.com.":                     `has a dot at its end → "hello.example.com"`,
		"https://hello.example.com":              `has a scheme → "hello.example.com"`,
		"hello.example.com:443":                  `has a port → "hello.example.com"`,
		"hello.example.com/api":                  `has a path → "hello.example.com"`,
		"HTTPS://Hello.example.com.:443/?a":      `has a scheme, has a port, has a path, has a dot at its end and has capital letters → "hello.example.com"`,
		"bücher.example.com":                     `has letters of another script, which DNS writes as xn--… → "xn--bcher-kva.example.com"`,
		"b\u0430nk.example.com":                  `has letters of another script, which DNS writes as xn--… → "xn--bnk-6cd.example.com"`,
		"tenant-*.example.com":                   star + ` → ""`,
		"a.*.example.com":                        star + ` → ""`,
		"*.*.example.com":                        star + ` → ""`,
		"-a.example.com":                         `has a label that begins or ends with a hyphen → ""`,
		"a_b.example.com":                        `has an underscore, which is not allowed in a host name → ""`,
		"a b.example.com":                        `has characters that are not allowed in a host name → ""`,
		"a..example.com":                         `has a dot with nothing before it → ""`,
		strings.Repeat("a", 64) + ".example.com": `has a label of more than 63 characters → ""`,
		"a.example.org":                          "is not in the zone example.com",
		"aexample.com":                           "is not in the zone example.com",
		"com.example":                            "is not in the zone example.com",
		"127.0.0.1":                              "is not in the zone example.com",
		"*.c.b.a.example.com":                    "a wildcard can stand at most 2 labels below the zone example.com",
		strings.Repeat("a.", 60) + "example.com": `has 131 characters; a load balancer's rules take 128 at most → ""`,
	} {
		if got := shown(CheckHostname(name, "example.com")); got != want {
			t.Errorf("CheckHostname(%q): %s\nwant %s", name, got, want)
		}
	}
}

// If two paths match the same request and are equally long, either could come first.
func TestCheckOrder(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool // an error
	}{
		{"/v?", "/v1", true},
		{"/v?", "/?1", true},
		{"/v?/*", "/v1/*", true},
		{"/a?*", "/*ab", true},
		{"/v?", "/w1", false},
		{"/v?", "/v?", false},
		{"/v?", "/v10", false},
		{"/v?", "/v*", false},
		{"/v?", "/*", false},
		{"/a*b", "/ab*", true},
		{"/img/*.png", "/img/logo*", true},
		{"/img/*.png", "/img/*.gif", false},
		{"/a*b", "/abc*", false},
	} {
		for _, pair := range [][2]string{{test.a, test.b}, {test.b, test.a}} {
			err := CheckOrder(Route{"one", "a", pair[0]}, Route{"two", "a", pair[1]})
			if (err != nil) != test.want {
				t.Errorf("%v: %v", pair, err)
			}
			if err := CheckOrder(Route{"one", "a", pair[0]}, Route{"two", "b", pair[1]}); err != nil {
				t.Errorf("%v on two host names: %v", pair, err)
			}
			if err := CheckOrder(Route{"one", "a", pair[0]}, Route{"one", "a", pair[1]}); err != nil {
				t.Errorf("%v of one service: %v", pair, err)
			}
		}
	}
}

func TestCheckWildcards(t *testing.T) {
	t.Parallel()
	always := CanaryHeader{"X-Canary", "always"}
	for _, test := range []struct {
		hostname, path string
		header         CanaryHeader
		want           bool // an error
	}{
		{"a.example.com", "/??????", CanaryHeader{}, false},
		{"a.example.com", "/??????*", CanaryHeader{}, true},
		{"*.example.com", "/?????", always, false},
		{"*.example.com", "/?????*", always, true},
		{"*.example.com", "/*", CanaryHeader{"X-Canary", "?????"}, false},
		{"*.example.com", "/*", CanaryHeader{"X-Canary", "?????*"}, true},
	} {
		if err := CheckWildcards(Route{"one", test.hostname, test.path}, test.header); (err != nil) != test.want {
			t.Errorf("%s%s, %s: %v", test.hostname, test.path, test.header.Value, err)
		}
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"/*": "https://a.example.com/", "/api/*": "https://a.example.com/api/", "/login": "https://a.example.com/login", "/v?/*": "https://a.example.com/v"} {
		if got := (Route{Hostname: "a.example.com", Path: path}).URL(); got != want {
			t.Errorf("URL of %s is %s, want %s", path, got, want)
		}
	}
}
