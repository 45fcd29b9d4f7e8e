package stack

import (
	"strings"
	"testing"

	"slipway/internal/smoke"
	"slipway/spec"
)

// Anyone who may write a stack's state chooses its outputs, and with them the hosts that an operator's machine calls.
func TestDomains(t *testing.T) {
	domains := Domains{"example.com", "slipway.test"}
	for _, url := range []string{
		"https://example.com/", "https://hello.example.com", "https://hello-pr-7.dev.example.com/api/", "https://HELLO.slipway.test:443/",
	} {
		if err := domains.Check(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for url, want := range map[string]string{
		"http://hello.example.com/":                  "must be https://host",
		"http://127.0.0.1:9000/x":                    "must be https://host",
		"https://127.0.0.1/":                         "not in the configured example.com, slipway.test",
		"https://169.254.169.254/latest/meta-data/":  "not in the configured",
		"https://[::1]/":                             "not in the configured",
		"https://localhost/":                         "not in the configured",
		"https://example.com.evil.test/":             "not in the configured",
		"https://evilexample.com/":                   "not in the configured",
		"https://hello.example.com:8443/":            "must be https://host",
		"https://me:password@hello.example.com/":     "must be https://host",
		"https://hello.example.com/?to=evil":         "must be https://host",
		"https://hello.example.com/#x":               "must be https://host",
		"file:///etc/passwd":                         "must be https://host",
		"//hello.example.com/":                       "must be https://host",
		"https://hello.example.com/%zz":              "cannot be read",
		"https://hello.example.com\r\nevent: x":      "cannot be read",
		"https://example.com\u202e.evil.test/":       "not in the configured",
		"gopher://hello.example.com/":                "must be https://host",
		"https://evil.test\\@hello.example.com/path": "cannot be read",
	} {
		err := domains.Check(url)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "password") {
			t.Errorf("%q: error %v, want one that says %s", url, err, want)
		}
	}
	if err := (Domains{}).Check("https://hello.example.com/"); err == nil || !strings.Contains(err.Error(), "names the domain") {
		t.Errorf("without a domain: %v", err)
	}
}

func TestOfPullRequest(t *testing.T) {
	for name, want := range map[string]bool{
		"pr-7": true, "acme/slipway/pr-7": true, "pr-evil": true, "dev": false, "prod": false, "prod-eu": false, "my-pr-7": false, "pr": false,
	} {
		if got := OfPullRequest(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestTarget(t *testing.T) {
	image := spec.Image{Registry: "r.test", Repository: "hello", Digest: digestAA}
	checks := smoke.Checks{HealthPath: "/up", HealthRouted: true, VersionPath: "/v"}
	outputs := Outputs{
		URLs:    map[string]string{"hello": "https://hello.example.com/", "old": "https://old.example.com/", "evil": "https://evil.test/"},
		Checks:  map[string]smoke.Checks{"hello": checks},
		Images:  map[string]spec.Image{"hello": image, "new": image, "tagged": {Registry: "ghcr.io", Repository: "mailer", Tag: "1"}},
		Domains: Domains{"example.com"},
	}
	got, err := outputs.Target("hello")
	if err != nil || got.URL != "https://hello.example.com/" || got.HealthPath != "/up" || got.VersionPath != "/v" || got.Image != digestAA {
		t.Errorf("it is %+v, %v", got, err)
	}
	// A service of an older program, whose outputs have no checks, must only answer.
	if got, err := outputs.Target("old"); err != nil || got.URL != "https://old.example.com/" || got.HealthPath != "" || got.VersionPath != "" {
		t.Errorf("of an old stack it is %+v, %v", got, err)
	}
	if got, err := outputs.Target("new"); err != nil || got.URL != "" || got.Worker != "new" || got.Image != digestAA {
		t.Errorf("of a worker it is %+v, %v", got, err)
	}
	if got, err := outputs.Target("tagged"); err != nil || got.URL != "" || got.Worker != "tagged" || got.Image != "" {
		t.Errorf("of a worker that is deployed by a tag it is %+v, %v", got, err)
	}
	if got, err := outputs.Target("planned"); err != nil || got.URL != "" || got.Worker != "" {
		t.Errorf("of a service that is not deployed it is %+v, %v", got, err)
	}
	if got := strings.Join(outputs.Deployed(), " "); got != "evil hello new old tagged" {
		t.Errorf("deployed are %s", got)
	}
	if got, err := outputs.Target("evil"); err == nil || got.URL != "" || !strings.Contains(err.Error(), "service evil is not asked") {
		t.Errorf("of a foreign URL it is %+v, %v", got, err)
	}
}
