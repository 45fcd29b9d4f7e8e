package config

import (
	"strings"
	"testing"

	"slipway/config/configtest"
)

// two returns services web, which takes requests, and billing, which is a worker, each with more members.
func two(web, billing string) string {
	with := func(members, more string) string {
		if more != "" {
			return members + ", " + more
		}
		return members
	}
	image := `"image": "` + configtest.Image + `"`
	return `{"web": {` + with(image+`, "hostnames": ["web.example.com"]`, web) + `}, "billing": {` + with(image, billing) + `}}`
}

func TestCalls(t *testing.T) {
	t.Parallel()
	c, err := Read(configtest.Source(two(`"calls": ["billing"]`, `"port": 9000`)))
	if err != nil {
		t.Fatal(err)
	}
	order, err := c.InOrder()
	if err != nil || len(order) != 2 || order[0].Name != "billing" || order[1].Name != "web" {
		t.Errorf("the order is %+v, %v", order, err)
	}
	if !c.HasCalls() || !c.Called("billing") || c.Called("web") {
		t.Error("web calls billing, and nobody calls web")
	}
	billing := order[0]
	settings := billing.Settings(60)
	// It is told its port, and keeps serving until those who call it know that it stops.
	if billing.HTTP != nil || billing.CallPort() != 9000 || settings["PORT"] != "9000" || settings["DRAIN_DELAY"] != "5s" || settings["SHUTDOWN_TIMEOUT"] != "24s" {
		t.Errorf("the worker is %+v, with %v", billing, settings)
	}
	if warnings := strings.Join(c.Warnings(), "\n"); strings.Count(warnings, "shares its 256 CPU units with Service Connect's proxy") != 2 {
		t.Errorf("the warnings are %s", warnings)
	}
	big, err := Read(configtest.Source(two(`"calls": ["billing"], "cpu": 512, "memory": 1024`, `"port": 9000, "cpu": 512, "memory": 1024`)))
	if err != nil || len(big.Warnings()) > 0 {
		t.Errorf("of big services: %v, %v", big.Warnings(), err)
	}
}

func TestCallsAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ web, billing, want string }{
		"nobody":           {`"calls": ["biling"]`, "", "services.web.calls[0]: no service of the stack has the name biling"},
		"itself":           {`"calls": ["web"]`, "", "services.web.calls[0]: is the service itself"},
		"no port":          {`"calls": ["billing"]`, "", "services.web.calls[0]: billing is a worker without a port; set services.billing.port to"},
		"no name":          {`"calls": ["Billing"]`, "", `services.web.calls[0]: "Billing": a service's name is lower-case letters`},
		"each other":       {`"calls": ["billing"]`, `"port": 9000, "calls": ["web"]`, "services: the calls go round in a circle, billing → web → billing: "},
		"a useless port":   {"", `"port": 9000`, "services.billing.port: is of use to a worker only if another service calls it"},
		"a short stop":     {`"calls": ["billing"]`, `"port": 9000, "stopTimeout": 9`, "services.billing.stopTimeout: is 9: the container keeps serving for 5 seconds"},
		"the URL":          {`"calls": ["billing"], "env": {"BILLING_URL": "a"}`, `"port": 9000`, "services.web.env.BILLING_URL: is set to the URL of service billing"},
		"a variable of it": {`"calls": ["billing"]`, `"port": 9000, "env": {"PORT": "1"}`, "services.billing.env.PORT: is set from the port"},
	} {
		_, err := Read(configtest.Source(two(test.web, test.billing)))
		if err == nil || !strings.Contains(err.Error(), "slipway:"+test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
