package config

import (
	"reflect"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/config/configtest"
)

// twoOnOneHost has two services on one host name: web has every path but those of api.
func twoOnOneHost(web, api string) string {
	const member = `"image": "` + configtest.Image + `", "hostnames": ["example.com"]`
	return `{"web": {` + member + `, ` + web + `}, "api": {` + member + `, "paths": ["/api/*"], ` + api + `}}`
}

func TestChecks(t *testing.T) {
	t.Parallel()
	c, err := Read(configtest.Source(twoOnOneHost(
		`"smoke": {"version": "/version", "websocket": "/ws?room=1", "paths": ["/", "/api"]}`,
		`"healthCheck": {"path": "/api/up?full=1", "codes": "200-299"}, "smoke": {"version": "/api/v"}`,
	)))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []pulumi.Map{
		{
			"healthPath": pulumi.String("/api/up?full=1"), "healthCodes": pulumi.String("200-299"), "healthRouted": pulumi.Bool(true),
			"versionPath": pulumi.String("/api/v"), "websocketPath": pulumi.String(""), "paths": pulumi.StringArray{},
		},
		{
			"healthPath": pulumi.String("/healthz"), "healthCodes": pulumi.String("200"), "healthRouted": pulumi.Bool(true),
			"versionPath": pulumi.String("/version"), "websocketPath": pulumi.String("/ws?room=1"), "paths": pulumi.ToStringArray([]string{"/", "/api"}),
		},
	} {
		if got := c.Checks(c.Services[i]); !reflect.DeepEqual(got, want) {
			t.Errorf("of service %s it is %v, want %v", c.Services[i].Name, got, want)
		}
	}
}

// The load balancer checks the health of tasks on any path; others only reach routed paths.
func TestHealthThatIsNotRouted(t *testing.T) {
	t.Parallel()
	for paths, want := range map[string]bool{`["/"]`: false, `["/app/*"]`: false, `["/", "/healthz"]`: true, `["/health*"]`: true} {
		c, err := Read(configtest.Source(configtest.Service(`"paths": ` + paths)))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Checks(c.Services[0])["healthRouted"]; got != pulumi.Bool(want) {
			t.Errorf("with paths %s it is %v, want %t", paths, got, want)
		}
	}
}

func TestRefusedSmoke(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ web, api, want string }{
		{`"smoke": {"version": "version"}`, `"port": 80`, `slipway:services.web.smoke.version: "version": must begin with /`},
		{`"smoke": {"websocket": "/w s"}`, `"port": 80`, `slipway:services.web.smoke.websocket: "/w s": must begin with /`},
		{`"smoke": {"paths": ["/#top"]}`, `"port": 80`, `slipway:services.web.smoke.paths[0]: "/#top": must begin with /`},
		{`"smoke": {"paths": ["/", "/"]}`, `"port": 80`, "is listed more than once"},
		{`"smoke": {"helth": "/"}`, `"port": 80`, "slipway:services.web.smoke.helth: unknown key"},
		{`"smoke": {"version": "/api/version?short=1"}`, `"port": 80`, `slipway:services.web.smoke.version: "/api/version?short=1": is routed to service api`},
		{`"port": 80`, `"smoke": {"websocket": "/ws"}`, `slipway:services.api.smoke.websocket: "/ws": is routed to service web`},
		{`"paths": ["/"]`, `"smoke": {"paths": ["/api/", "/up"]}`, `slipway:services.api.smoke.paths[1]: "/up": is not among the paths that are routed to the service`},
	} {
		_, err := Read(configtest.Source(twoOnOneHost(test.web, test.api)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s and %s: error %v, want %s", test.web, test.api, err, test.want)
		}
		// A service with secrets still shows what the stack's file has in plain text.
		secret := strings.Replace(test.api, `"smoke"`, `"secrets": {"KEY": "swordfish"}, "smoke"`, 1)
		_, err = Read(configtest.Encrypted(configtest.Source(twoOnOneHost(test.web, secret))))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s and %s, with secrets: error %v, want %s", test.web, secret, err, test.want)
		}
	}
}
