package config

import (
	"slices"
	"strings"
	"testing"

	"slipway/config/configtest"
	"slipway/internal/settings"
)

// platformSource is the config of a platform.
func platformSource(others ...string) settings.Source {
	s := configtest.Source("", append([]string{"loadBalancer", `{"hostnames": ["*.example.com", "example.com"]}`}, others...)...)
	delete(s.Values, "slipway:services")
	return s
}

func TestPlatform(t *testing.T) {
	t.Parallel()
	c, err := Read(platformSource())
	if err != nil {
		t.Fatal(err)
	}
	if names := []string{"*.example.com", "example.com"}; !c.IsPlatform() || !c.HasLoadBalancer() || c.TakesRequests() || !slices.Equal(c.CertificateNames(), names) {
		t.Errorf("is a platform: %v; has a load balancer: %v; names: %v", c.IsPlatform(), c.HasLoadBalancer(), c.CertificateNames())
	}
	guest, err := Read(configtest.Source(configtest.Service(""), "platform", "acme/slipway/platform"))
	if err != nil {
		t.Fatal(err)
	}
	if guest.IsPlatform() || guest.Platform != "acme/slipway/platform" || !strings.HasPrefix(guest.Sharer, "dev-") {
		t.Errorf("platform %q, sharer %q", guest.Platform, guest.Sharer)
	}
	if got := guest.Attachments(guest.Services[0])[0].Hostname; got != "hello.service."+guest.Sharer+".shared.invalid" {
		t.Errorf("attached by %s", got)
	}
}

func TestWrongPlatforms(t *testing.T) {
	t.Parallel()
	const foreign = "belongs to the platform, on which this stack's services stand; set it in that stack"
	service := configtest.Service("")
	for want, source := range map[string]settings.Source{
		"is this stack; a platform is another one":     configtest.Source(service, "platform", "dev"),
		"must be the name of a stack of this project":  configtest.Source(service, "platform", "slipway/dev"),
		"slipway:network.cidr: " + foreign:             configtest.Source(service, "platform", "p", "network", `{"cidr": "10.0.0.0/16"}`),
		"slipway:cluster.insights: " + foreign:         configtest.Source(service, "platform", "p", "cluster", `{"insights": true}`),
		"slipway:loadBalancer.hostnames: " + foreign:   configtest.Source(service, "platform", "p", "loadBalancer", `{"hostnames": ["example.com"]}`),
		"slipway:loadBalancer.idleTimeout: " + foreign: configtest.Source(service, "platform", "p", "loadBalancer", `{"idleTimeout": 90}`),
		"slipway:loadBalancer.hostnames: make the stack a platform for others, which has no services and jobs": configtest.Source(service,
			"loadBalancer", `{"hostnames": ["example.com"]}`),
		"slipway:loadBalancer.hostnames[0]": platformSource("loadBalancer", `{"hostnames": ["example.org"]}`),
		"slipway:domain: is missing":        platformSource("domain", ""),
	} {
		refused(t, source, want)
	}
}

// Without host names for its certificate, a stack without services is a mistake and no platform.
func TestAStackWithoutServicesIsNoPlatform(t *testing.T) {
	t.Parallel()
	refused(t, platformSource("loadBalancer", `{}`), "slipway:services: is missing")
}
