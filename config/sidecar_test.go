package config

import (
	"reflect"
	"testing"

	"slipway/config/configtest"
	"slipway/spec"
)

func TestSidecars(t *testing.T) {
	t.Parallel()
	c, err := Read(configtest.Encrypted(configtest.Source(configtest.Service(`"sidecars": {"otel": {
		"image": "` + configtest.Image + `", "entryPoint": ["/collect"], "command": ["--config", "env:CONFIG"], "env": {"CONFIG": "a"},
		"secrets": {"KEY": "swordfish"}, "secretsFrom": {"FLAG": "arn:aws:ssm:eu-central-1:123456789012:parameter/flag"},
		"essential": false, "cpu": 32, "memory": 128, "tmp": {"/tmp": 16}, "user": "10001", "healthCheck": {"command": ["/check"], "retries": 1}
	}, "proxy": {"image": "` + configtest.Image + `"}}`))))
	if err != nil {
		t.Fatal(err)
	}
	s := c.Services[0]
	image, err := spec.ParseImage(configtest.Image)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Sidecars["otel"], (spec.Sidecar{
		Image: image, EntryPoint: []string{"/collect"}, Command: []string{"--config", "env:CONFIG"}, Environment: map[string]string{"CONFIG": "a"},
		SecretsFrom: map[string]spec.SecretReference{"FLAG": "arn:aws:ssm:eu-central-1:123456789012:parameter/flag"},
		User:        "10001", Optional: true, CPU: 32, Memory: 128, Tmp: map[string]int{"/tmp": 16},
		HealthCheck: &spec.ContainerHealthCheck{Command: []string{"/check"}, Interval: 10, Timeout: 5, Retries: 1},
	}); !reflect.DeepEqual(got, want) {
		t.Errorf("the sidecar is %+v, want %+v", got, want)
	}
	if proxy := s.Sidecars["proxy"]; len(s.Sidecars) != 2 || proxy.Optional || proxy.HealthCheck != nil {
		t.Errorf("the other one is %+v", proxy)
	}
	if len(s.SidecarSecrets) != 1 || s.SidecarSecrets["otel"]["KEY"].reveal() != "swordfish" {
		t.Errorf("the secrets are %v", s.SidecarSecrets)
	}
}

func TestSidecarsAreRefused(t *testing.T) {
	t.Parallel()
	const (
		image = `"image": "` + configtest.Image + `"`
		plain = "slipway:services.hello.sidecars.otel.secrets.KEY: is in plain text; run `pulumi config set --secret --path"
	)
	for members, want := range map[string]string{
		`"otel": {}`: "slipway:services.hello.sidecars.otel.image: is missing; it is a container image's reference with its digest",
		`"otel": {` + image + `, "healthCheck": {"retries": 1}}`:            "slipway:services.hello.sidecars.otel.healthCheck.command: is missing; it is a list",
		`"otel": {` + image + `, "secrets": {"KEY": ""}}`:                   "slipway:services.hello.sidecars.otel.secrets.KEY: is empty",
		`"otel": {` + image + `, "secrets": {"KEY": "swordfish"}}`:          plain,
		`"otel": {` + image + `, "memory": 512}`:                            "slipway:services.hello.sidecars: hold 512 MiB, with tmp, and the task has 512",
		`"before": {` + image + `}`:                                         "slipway:services.hello.sidecars.before: is the name of one of the service's own containers",
		`"otel": {` + image + `, "user": "root"}`:                           `slipway:services.hello.sidecars.otel.user: "root": must be the id of a user`,
		`"otel": {` + image + `, "env": {"A": "a"}, "secrets": {"A": "a"}}`: "slipway:services.hello.sidecars.otel.secrets.A: is in env too",
		`"otel": {` + image + `, "essential": "no"}`:                        "slipway:services.hello.sidecars.otel.essential: is ",
		`"otel": {` + image + `, "hostnames": ["a.example.com"]}`:           "slipway:services.hello.sidecars.otel.hostnames: unknown key",
	} {
		source := configtest.Source(configtest.Service(`"sidecars": {` + members + `}`))
		if want != plain {
			source = configtest.Encrypted(source)
		}
		refused(t, source, want)
	}
}
