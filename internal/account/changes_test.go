package account

import (
	"testing"

	"slipway/config"
	"slipway/config/configtest"
	"slipway/internal/standing"
)

func TestChangesThatTakeTwoUpdates(t *testing.T) {
	rule := func(hostname string) standing.Listener {
		return standing.Listener{Rules: []standing.Rule{{Priority: 2, Hostname: hostname, Path: "/*"}}}
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
		"a name left to a new wildcard": {
			`{"web": {` + image + `: ["*.example.com"]}}`,
			standing.Listener{Certificates: [][]string{{"a.example.com"}}},
			"services: host name a.example.com is left to the wildcard *.example.com, and for a moment neither would be found; " +
				"first add the wildcard and run `pulumi up`, then remove the name",
		},
		"a name left to a wildcard that stands": {
			`{"web": {` + image + `: ["*.example.com"]}}`, standing.Listener{Certificates: [][]string{{"a.example.com"}, {"*.example.com"}}}, "",
		},
		"a name left to nobody": {`{"web": {` + image + `: ["b.example.com"]}}`, standing.Listener{Certificates: [][]string{{"a.example.com"}}}, ""},
	} {
		c, err := config.Read(configtest.Source(test.services))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := ""
		if err := checkChange(c, test.listener); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
