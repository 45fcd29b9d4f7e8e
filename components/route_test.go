package components

import (
	"strings"
	"testing"
)

func TestCheckPath(t *testing.T) {
	for _, valid := range []string{"/", "/*", "/api/*", "/img/*.jpg", "/a_b-c.d$~\"'@:+&", "/" + strings.Repeat("a", 127)} {
		if err := CheckPath(valid); err != nil {
			t.Errorf("CheckPath(%q): %v", valid, err)
		}
	}
	for path, want := range map[string]string{
		"":                             "begins with /",
		"api":                          "begins with /",
		"*":                            "begins with /",
		"/" + strings.Repeat("a", 128): "at most 128",
		"/a?b":                         "letters, digits",
		"/a b":                         "letters, digits",
		"/a%20b":                       "letters, digits",
		"/ä":                           "letters, digits",
		"/a\n":                         "letters, digits",
		"/*/a/*":                       "at most one *",
	} {
		if err := CheckPath(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckPath(%q): %v, want an error with %q", path, err, want)
		}
	}
}

func TestCheckHostname(t *testing.T) {
	for _, valid := range []string{"example.com", "a.example.com", "a-1.b.example.com", "*.example.com", "*.b.a.example.com"} {
		if err := CheckHostname(valid, "example.com"); err != nil {
			t.Errorf("CheckHostname(%q): %v", valid, err)
		}
	}
	for name, want := range map[string]string{
		"":                                       "two labels",
		"localhost":                              "two labels",
		"Hello.example.com":                      "lower-case",
		"-a.example.com":                         "label",
		"a_b.example.com":                        "label",
		"a..example.com":                         "label",
		"a.example.com.":                         "label",
		"a.*.example.com":                        "label",
		"*a.example.com":                         "label",
		"a.example.com/api":                      "label",
		strings.Repeat("a", 64) + ".example.com": "label",
		"a.example.org":                          "not in the zone",
		"aexample.com":                           "not in the zone",
		"com.example":                            "not in the zone",
		"*.c.b.a.example.com":                    "at most 2 labels",
		strings.Repeat("a.", 60) + "example.com": "at most 128",
	} {
		if err := CheckHostname(name, "example.com"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckHostname(%q): %v, want an error with %q", name, err, want)
		}
	}
}

func TestURL(t *testing.T) {
	for path, want := range map[string]string{"/*": "https://a.example.com/", "/api/*": "https://a.example.com/api/", "/login": "https://a.example.com/login"} {
		if got := (Route{Hostname: "a.example.com", Path: path}).URL(); got != want {
			t.Errorf("URL of %s is %s, want %s", path, got, want)
		}
	}
}
