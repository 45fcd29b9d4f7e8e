package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"slipway/config/configtest"
	"slipway/internal/settings"
)

// refused reads a wrong config. The error must contain a text, be short and show no secret.
func refused(t rapid.TB, s settings.Source, want string) {
	t.Helper()
	_, err := Read(s)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("%v\nwant an error with %q", err, want)
	}
	if strings.Contains(err.Error(), "swordfish") {
		t.Errorf("the error shows a secret: %v", err)
	}
	if len(err.Error()) > 2000 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
	// Each line is about a key, and no name or value added a line.
	_, problems, _ := strings.Cut(err.Error(), "config of stack ")
	for i, line := range strings.Split(strings.TrimSpace(problems), "\n") {
		if i > 0 && !strings.HasPrefix(line, "slipway:") && !strings.HasPrefix(line, "stack: ") || strings.ContainsFunc(line, unicode.IsControl) {
			t.Errorf("the error has line %q", line)
		}
	}
}

// Mistakes and attacks in each of a service's members: the JSON, and the key at which it is refused.
var wrongMembers = []struct{ member, value, at string }{
	// Another type.
	{"image", `null`, "image"},
	{"image", `["ghcr.io/hello:v1"]`, "image"},
	{"hostnames", `{"a.example.com": true}`, "hostnames"},
	{"hostnames", `[["a.example.com"]]`, "hostnames[0]"},
	{"paths", `{"/": true}`, "paths"},
	{"paths", `[null]`, "paths[0]"},
	{"port", `[8080]`, "port"},
	{"port", `true`, "port"},
	{"cpu", `"256"`, "cpu"},
	{"memory", `{}`, "memory"},
	{"architecture", `64`, "architecture"},
	{"instanceCount", `"2"`, "instanceCount"},
	{"instanceCount", `true`, "instanceCount"},
	{"env", `7`, "env"},
	{"env", `{"A": {"B": "c"}}`, "env.A"},
	{"secrets", `["A"]`, "secrets"},
	{"command", `{"0": "serve"}`, "command"},
	{"command", `[["serve"]]`, "command[0]"},
	{"entryPoint", `true`, "entryPoint"},
	{"capacity", `["spot"]`, "capacity"},
	{"capacity", `{"fargate": 1}`, "capacity.fargate"},
	{"healthCheck", `"/healthz"`, "healthCheck"},
	{"healthCheck", `{"interval": "5s"}`, "healthCheck.interval"},
	{"registry", `"me:swordfish"`, "registry"},
	{"deployment", `"rolling"`, "deployment"},
	{"deployment", `{"alarms": "yes"}`, "deployment.alarms"},
	{"build", `"."`, "build"},
	{"build", `{"context": 1}`, "build.context"},
	{"build", `{"context": "/srv/hello"}`, "build.context"},
	{"build", `{"context": "services/../../hello"}`, "build.context"},
	{"build", `{"context": "a hello"}`, "build.context"},
	{"build", `{"dockerfile": ""}`, "build.dockerfile"},
	{"build", `{"dockerfile": "-f"}`, "build.dockerfile"},
	{"build", `{"main": "./cmd/hello"}`, "build.main"},
	{"canary", `["ghcr.io/hello:v2"]`, "canary"},
	{"canary", `{"image": "ghcr.io/hello:v2", "weight": "10%"}`, "canary.weight"},
	{"before", `["migrate"]`, "before"},
	{"before", `{"command": "migrate"}`, "before.command"},
	{"scaling", `3`, "scaling"},
	{"scaling", `{"max": "3"}`, "scaling.max"},
	{"scaling", `{"max": 3, "schedule": []}`, "scaling.schedule"},

	// Out of range, or too large for a computer.
	{"port", `-1`, "port"},
	{"port", `99999999999999999999`, "port"},
	{"port", strings.Repeat("9", 1000), "port"},
	{"cpu", `0`, "cpu"},
	{"cpu", `-256`, "cpu"},
	{"cpu", `256.5`, "cpu"},
	{"memory", `0`, "memory"},
	{"memory", `9007199254740993`, "memory"},
	{"instanceCount", `1e9`, "instanceCount"},
	{"instanceCount", `1.5`, "instanceCount"},
	{"deregistrationDelay", `-1`, "deregistrationDelay"},
	{"stopTimeout", `0`, "stopTimeout"},
	{"capacity", `{"fargate": {"base": 100001, "weight": 1}}`, "capacity.fargate.base"},
	{"capacity", `{"fargateSpot": {"weight": -1}}`, "capacity.fargateSpot.weight"},
	{"healthCheck", `{"interval": 301}`, "healthCheck.interval"},
	{"healthCheck", `{"unhealthyThreshold": 11}`, "healthCheck.unhealthyThreshold"},
	{"healthCheck", `{"gracePeriod": -1}`, "healthCheck.gracePeriod"},
	{"deployment", `{"errorPercent": 100}`, "deployment.errorPercent"},
	{"deployment", `{"minimumHealthyPercent": -1, "maximumPercent": 200}`, "deployment.minimumHealthyPercent"},
	{"canary", `{"image": "ghcr.io/hello:v2", "weight": -1}`, "canary.weight"},
	{"scaling", `{"max": 2, "cpu": 101}`, "scaling.cpu"},

	// Keys that are nearly right, and keys that attempt something.
	{"hostname", `"a.example.com"`, "hostname"},
	{"Port", `8080`, "Port"},
	{"healthcheck", `{}`, "healthcheck"},
	{"environment", `{}`, "environment"},
	{"__proto__", `{}`, "__proto__"},
	{"registry", `{"token": "swordfish"}`, "registry"},
	{"deployment", `{"canary": {}}`, "deployment.canary"},
	{"before", `{"command": ["migrate"], "timeout": 60}`, "before.timeout"},
	{"scaling", `{"max": 2, "memroy": 50}`, "scaling.memroy"},

	// Impossible together.
	{"scaling", `{"min": 3, "max": 2, "cpu": 50}`, "scaling"},
	{"memory", `30720`, "memory"},
	{"healthCheck", `{"interval": 10, "timeout": 10}`, "healthCheck.timeout"},
	{"deployment", `{"minimumHealthyPercent": 100, "maximumPercent": 100}`, "deployment"},

	// Empty where something is needed.
	{"image", `""`, "image"},
	{"hostnames", `[""]`, "hostnames[0]"},
	{"paths", `[""]`, "paths[0]"},
	{"env", `{"": "a"}`, "env"},
	{"scaling", `{"max": 2, "cpu": 50, "schedule": {"night": {}}}`, "scaling.schedule.night"},

	// Injections into other languages: shells, HTTP, JSON, HTML, paths, load balancer patterns.
	{"image", `"ghcr.io/hello:v1; rm -rf /"`, "image"},
	{"image", `"$(id)"`, "image"},
	{"image", `"--privileged"`, "image"},
	{"image", `"https://ghcr.io/hello:v1"`, "image"},
	{"image", `"ghcr.io/../hello:v1"`, "image"},
	{"image", `"ghcr.io/hello:v1\nUSER root"`, "image"},
	{"hostnames", `["a.example.com\r\nX-Evil: 1"]`, "hostnames[0]"},
	{"hostnames", `["https://a.example.com"]`, "hostnames[0]"},
	{"hostnames", `["a.example.com:443"]`, "hostnames[0]"},
	{"hostnames", `["a.example.com/admin"]`, "hostnames[0]"},
	{"hostnames", `["a.example.com."]`, "hostnames[0]"},
	{"hostnames", `["a..example.com"]`, "hostnames[0]"},
	{"hostnames", `["-a.example.com"]`, "hostnames[0]"},
	{"hostnames", `["evilexample.com"]`, "hostnames[0]"},
	{"hostnames", `["a.example.com.evil.example"]`, "hostnames[0]"},
	{"hostnames", `["a*.example.com"]`, "hostnames[0]"},
	{"hostnames", `["*.*.example.com"]`, "hostnames[0]"},
	{"hostnames", `["b\u0430nk.example.com"]`, "hostnames[0]"}, // a Cyrillic a
	{"hostnames", `["127.0.0.1"]`, "hostnames[0]"},
	{"paths", `["/a b"]`, "paths[0]"},
	{"paths", `["/a\u0000"]`, "paths[0]"},
	{"paths", `["/<script>"]`, "paths[0]"},
	{"paths", `["/\u00e4"]`, "paths[0]"},
	{"paths", `["*"]`, "paths[0]"},
	{"env", `{"A;B": "a"}`, "env"},
	{"env", `{"$(id)": "a"}`, "env"},
	{"env", `{"A\u0000": "a"}`, `env["A\x00"]`},
	{"env", `{"\u00c4": "a"}`, "env"},
	{"env", `{"AWS_ACCESS_KEY_ID": "swordfish"}`, "env.AWS_ACCESS_KEY_ID"},
	{"env", `{"AWS_SECRET_ACCESS_KEY": "swordfish"}`, "env.AWS_SECRET_ACCESS_KEY"},
	{"command", `["serve\u0000"]`, "command[0]"},
	{"entryPoint", `["/serve", "\u0000"]`, "entryPoint[1]"},
	{"before", `{"command": ["migrate", "up\u0000"]}`, "before.command[1]"},
	{"healthCheck", `{"path": "/healthz HTTP/1.1\r\nHost: evil"}`, "healthCheck.path"},
	{"canary", `{"image": "ghcr.io/hello:v2", "header": "X-A: a\r\nX-B: b"}`, "canary.header"},
	{"canary", `{"image": "ghcr.io/hello:v2", "header": "Host: evil.example"}`, "canary.header"},
	{"scaling", `{"max": 2, "cpu": 50, "schedule": {"a/../b": {"at": "rate(1 day)", "max": 2}}}`, "scaling.schedule"},

	// Secrets where anyone can read them.
	{"secrets", `{"TOKEN": "swordfish"}`, "secrets.TOKEN"},
	{"registry", `{"username": "me", "password": "swordfish"}`, "registry.password"},
}

func TestWrongMembers(t *testing.T) {
	t.Parallel()
	for _, test := range wrongMembers {
		shown := test.value
		if len(shown) > 60 {
			shown = shown[:60]
		}
		t.Run(test.member+" "+shown, func(t *testing.T) {
			members := map[string]json.RawMessage{"image": json.RawMessage(`"` + configtest.Image + `"`), "hostnames": json.RawMessage(`["hello.example.com"]`)}
			members[test.member] = json.RawMessage(test.value)
			services, err := json.Marshal(map[string]any{"hello": members})
			if err != nil {
				t.Fatal(err)
			}
			refused(t, configtest.Source(string(services)), "slipway:services.hello."+test.at)
		})
	}
}

// Sections and texts outside a service.
func TestWrongSections(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 20_000)
	for _, test := range []struct{ key, value, at string }{
		{"domain", "1", "domain"},
		{"domain", "true", "domain"},
		{"domain", "*.example.com", "domain"},
		{"domain", "example.com/", "domain"},
		{"domain", "example.com\nevil", "domain"},
		{"domain", "https://example.com", "domain"},
		{"domain", "ex\u00e4mple.com", "domain"},
		{"domain", strings.Repeat("a", 1<<20), "domain"},
		{"zoneId", `{"id": "x"}`, "zoneId"},
		{"zoneId", "../zones", "zoneId"},
		{"zoneId", strings.Repeat("A", 32), "zoneId"},
		{"services", "1", "services"},
		{"services", "true", "services"},
		{"services", "null", "services"},
		{"services", `{"hello": []}`, "services.hello"},
		{"services", `{"hello": {}}`, "services.hello.image"},
		{"services", `{"hello": `, "services"},
		{"services", `{'hello': {}}`, "services"},
		{"services", "{" + deep, "services"},
		{"services", deep + strings.Repeat("]", 20_000), "services"},
		{"services", `{"` + strings.Repeat("a", 1<<20) + `": {}}`, "services"},
		{"network", "[]", "network"},
		{"network", "10.0.0.0/16", "network"},
		{"network", `{"cidr": 10}`, "network.cidr"},
		{"network", `{"cidr": "10.0.0.0/16; drop"}`, "network.cidr"},
		{"network", `{"cidr": "fd00::/16"}`, "network.cidr"},
		{"network", `{"cidr": "10.0.0.0/99"}`, "network.cidr"},
		{"network", `{"zones": 4}`, "network.zones"},
		{"network", `{"zones": "2"}`, "network.zones"},
		{"network", `{"zones": 2.5}`, "network.zones"},
		{"network", `{"IPv6": true}`, "network.IPv6"},
		{"dns", `{"proxied": 1}`, "dns.proxied"},
		{"dns", `{"ttl": "60s"}`, "dns.ttl"},
		{"dns", `{"ttl": 86401}`, "dns.ttl"},
		{"dns", `{"TTL": 60}`, "dns.TTL"},
		{"loadBalancer", "7", "loadBalancer"},
		{"loadBalancer", `{"idleTimeout": 4001}`, "loadBalancer.idleTimeout"},
		{"loadBalancer", `{"deletionProtection": "false"}`, "loadBalancer.deletionProtection"},
		{"loadBalancer", `{"sslPolicy": "none"}`, "loadBalancer.sslPolicy"},
		{"loadBalancer", `{"sslPolicy": 13}`, "loadBalancer.sslPolicy"},
		{"logs", `{"retentionDays": -1}`, "logs.retentionDays"},
		{"logs", `{"retentionDays": "forever"}`, "logs.retentionDays"},
		{"logs", `{"retention": 30}`, "logs.retention"},
		{"tags", `["Team"]`, "tags"},
		{"tags", `{"Team": {"a": "b"}}`, "tags.Team"},
		{"tags", `{"": "a"}`, "tags"},
		{"tags", `{"<script>": "a"}`, "tags"},
		{"permissionsBoundary", `{"arn": "x"}`, "permissionsBoundary"},
		{"permissionsBoundary", "*", "permissionsBoundary"},
		{"permissionsBoundary", "arn:aws:iam::123456789012:policy/a\", \"Resource\": \"*", "permissionsBoundary"},
		{"permissionsBoundary", "arn:aws:iam::123456789012:policy/" + strings.Repeat("a/", 1024) + "a", "permissionsBoundary"},
		{"Domain", "example.com", "Domain"},
		{"", "x", ""},
		{"slipway:domain", "example.com", "slipway:domain"},
	} {
		shown := test.value
		if len(shown) > 60 {
			shown = shown[:60]
		}
		t.Run(test.key+" "+shown, func(t *testing.T) {
			refused(t, configtest.Source(configtest.Service(""), test.key, test.value), "slipway:"+test.at)
		})
	}
}

// Names of services become part of nearly every name, path and tag.
func TestWrongServiceNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"a b", "a;b", "$(id)", "../a", "a/b", `a"b`, "a\nb", "a\x00b", "-a", "a-", "1", "h\u00e9llo", "\U0001f680", "<a>", "*", "{{a}}", "a=b",
	} {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			services, err := json.Marshal(map[string]any{name: map[string]any{"image": configtest.Image, "hostnames": []string{"hello.example.com"}}})
			if err != nil {
				t.Fatal(err)
			}
			refused(t, configtest.Source(string(services)), "slipway:services")
		})
	}
}

// A config with one mistake is refused by that mistake's key, with any other settings, and a secret in it does not show.
func TestAnyWrongConfigIsRefused(t *testing.T) {
	t.Parallel()
	right := map[string]string{
		"port": "8081", "cpu": "512", "memory": "1024", "architecture": `"arm64"`, "instanceCount": "2", "paths": `["/a/*"]`,
		"env": `{"A": "a"}`, "command": `["serve"]`, "healthCheck": `{"interval": 10}`, "deployment": `{"alarms": true}`,
		"capacity": `{"fargateSpot": {"weight": 1}}`, "canary": `{"image": "` + configtest.Image + `"}`,
	}
	rapid.Check(t, func(t *rapid.T) {
		members := map[string]json.RawMessage{
			"image": json.RawMessage(`"` + configtest.Image + `"`), "hostnames": json.RawMessage(`["hello.example.com"]`), "secrets": json.RawMessage(`{"TOKEN": "swordfish"}`),
		}
		for _, member := range slices.Sorted(maps.Keys(right)) {
			if rapid.Bool().Draw(t, member) {
				members[member] = json.RawMessage(right[member])
			}
		}
		wrong := rapid.SampledFrom(wrongMembers).Draw(t, "wrong")
		if wrong.member == "secrets" || wrong.member == "registry" { // wrong for not being encrypted
			t.Skip()
		}
		if wrong.member == "memory" || wrong.member == "cpu" {
			delete(members, "cpu")
			delete(members, "memory")
		}
		members[wrong.member] = json.RawMessage(wrong.value)
		services, err := json.Marshal(map[string]any{"hello": members})
		if err != nil {
			t.Fatal(err)
		}
		refused(t, configtest.Encrypted(configtest.Source(string(services))), "slipway:services.hello."+strings.TrimSuffix(wrong.at, "[0]"))
	})
}
