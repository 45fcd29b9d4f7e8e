package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"slipway/config/configtest"
	"slipway/internal/settings"
	"slipway/spec"
)

// A kind is the type of a setting's value.
type kind string

const (
	aText      kind = "a string"
	anInt      kind = "a number"
	aBool      kind = "true or false"
	theTexts   kind = "a list of strings"
	theNamed   kind = "an object of strings" // with any names
	anObject   kind = "an object"
	theObjects kind = "a list of objects"
)

// A setting is a key of the config.
type setting struct {
	path string
	kind kind
	// right is a valid text, as the value or as an element.
	right string
	// least and most are the bounds of a number.
	least, most int
	// bytes says that any text without NUL is valid. tooBig is where a text that is too long is reported, if not at the key.
	bytes  bool
	tooBig string
	// worker says that only a worker has the setting.
	worker bool
}

// allSettings has all keys of the config, which TestAllSettingsAreListed checks.
var allSettings = []setting{
	{path: "domain", kind: aText, right: "example.com"},
	{path: "zoneId", kind: aText, right: "0123456789abcdef0123456789abcdef"},
	{path: "permissionsBoundary", kind: aText, right: "arn:aws:iam::123456789012:policy/slipway-boundary"},
	{path: "tags", kind: theNamed, right: "web"},
	{path: "services", kind: anObject},
	{path: "jobs", kind: anObject},
	{path: "network", kind: anObject},
	{path: "network.cidr", kind: aText, right: "10.0.0.0/16"},
	{path: "network.zones", kind: anInt, least: 2, most: 3},
	{path: "network.ipv6", kind: aBool},
	{path: "network.flowLogs", kind: anObject},
	{path: "network.flowLogs.retentionDays", kind: anInt, least: 1, most: 3653},
	{path: "network.egress", kind: aText, right: "nat"},
	{path: "network.vpcId", kind: aText, right: "vpc-0123456789abcdef0"},
	{path: "network.subnetIds", kind: anObject},
	{path: "network.subnetIds.public", kind: theTexts, right: "subnet-0123456789abcdef0"},
	{path: "network.subnetIds.tasks", kind: theTexts, right: "subnet-0123456789abcdef0"},
	{path: "network.subnetTags", kind: anObject},
	{path: "network.subnetTags.public", kind: theNamed, right: "private"},
	{path: "network.subnetTags.tasks", kind: theNamed, right: "private"},
	{path: "platform", kind: aText, right: "platform"},
	{path: "cluster", kind: anObject},
	{path: "cluster.name", kind: aText, right: "main"},
	{path: "cluster.insights", kind: aBool},
	{path: "dns", kind: anObject},
	{path: "dns.proxied", kind: aBool},
	{path: "dns.ttl", kind: anInt, least: 60, most: 86_400},
	{path: "loadBalancer", kind: anObject},
	{path: "loadBalancer.arn", kind: aText, right: "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/web/0123456789abcdef"},
	{path: "loadBalancer.certificateArn", kind: aText, right: "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"},
	{path: "loadBalancer.idleTimeout", kind: anInt, least: 1, most: 4000},
	{path: "loadBalancer.deletionProtection", kind: aBool},
	{path: "loadBalancer.sslPolicy", kind: aText, right: spec.DefaultSSLPolicy},
	{path: "loadBalancer.hostnames", kind: theTexts, right: "*.example.com"},
	{path: "logs", kind: anObject},
	{path: "logs.retentionDays", kind: anInt, least: 1, most: 3653},

	{path: "services.hello", kind: anObject},
	{path: "services.hello.image", kind: aText, right: configtest.Image},
	{path: "services.hello.hostnames", kind: theTexts, right: "hello.example.com"},
	{path: "services.hello.paths", kind: theTexts, right: "/a/*"},
	{path: "services.hello.port", kind: anInt, least: 1, most: 65_535},
	{path: "services.hello.cpu", kind: anInt, least: spec.MinFargateCPU, most: spec.MaxFargateCPU},
	{path: "services.hello.memory", kind: anInt, least: spec.MinFargateMemory, most: spec.MaxFargateMemory},
	{path: "services.hello.architecture", kind: aText, right: "arm64"},
	{path: "services.hello.instanceCount", kind: anInt, least: 0, most: 5000},
	{path: "services.hello.entryPoint", kind: theTexts, right: "/serve", bytes: true, tooBig: "services.hello"},
	{path: "services.hello.command", kind: theTexts, right: "serve", bytes: true, tooBig: "services.hello"},
	{path: "services.hello.env", kind: theNamed, right: "a", bytes: true, tooBig: "services.hello"},
	{path: "services.hello.secrets", kind: theNamed, right: "a", bytes: true, tooBig: "services.hello.secrets"},
	{path: "services.hello.secretsFrom", kind: theNamed, right: "arn:aws:ssm:eu-central-1:123456789012:parameter/flag"},
	{path: "services.hello.policies", kind: theTexts, right: "arn:aws:iam::123456789012:policy/read-orders"},
	{path: "services.hello.allow", kind: theObjects},
	{path: "services.hello.reaches", kind: theObjects},
	{path: "services.hello.calls", kind: theTexts, right: "hello-again"},
	{path: "services.hello.watch", kind: anObject},
	{path: "services.hello.watch./app", kind: anInt, least: spec.MinWatchInterval, most: spec.MaxWatchInterval},
	{path: "services.hello.tmp", kind: anObject},
	{path: "services.hello.tmp./tmp", kind: anInt, least: 1, most: spec.MaxFargateMemory},
	{path: "services.hello.storage", kind: anInt, least: spec.MinStorage, most: spec.MaxStorage},
	{path: "services.hello.volumes", kind: anObject},
	{path: "services.hello.volumes./data", kind: anObject},
	{path: "services.hello.volumes./data.fileSystemId", kind: aText, right: "fs-0123456789abcdef0"},
	{path: "services.hello.volumes./data.accessPointId", kind: aText, right: "fsap-0123456789abcdef0"},
	{path: "services.hello.ulimits", kind: anObject},
	{path: "services.hello.ulimits.nofile", kind: anInt, least: 1, most: spec.MaxOpenFiles},
	{path: "services.hello.deregistrationDelay", kind: anInt, least: 1, most: 3600},
	{path: "services.hello.stopTimeout", kind: anInt, least: 1, most: 120},
	{path: "services.hello.capacity", kind: anObject},
	{path: "services.hello.capacity.fargate", kind: anObject},
	{path: "services.hello.capacity.fargate.base", kind: anInt, least: 0, most: spec.MaxCapacityBase},
	{path: "services.hello.capacity.fargate.weight", kind: anInt, least: 0, most: spec.MaxCapacityWeight},
	{path: "services.hello.capacity.fargateSpot", kind: anObject},
	{path: "services.hello.capacity.fargateSpot.base", kind: anInt, least: 0, most: spec.MaxCapacityBase},
	{path: "services.hello.capacity.fargateSpot.weight", kind: anInt, least: 0, most: spec.MaxCapacityWeight},
	{path: "services.hello.healthCheck", kind: anObject},
	{path: "services.hello.healthCheck.path", kind: aText, right: "/healthz"},
	{path: "services.hello.healthCheck.codes", kind: aText, right: "200"},
	{path: "services.hello.healthCheck.interval", kind: anInt, least: 5, most: 300},
	{path: "services.hello.healthCheck.timeout", kind: anInt, least: 2, most: 120},
	{path: "services.hello.healthCheck.healthyThreshold", kind: anInt, least: 2, most: 10},
	{path: "services.hello.healthCheck.unhealthyThreshold", kind: anInt, least: 2, most: 10},
	{path: "services.hello.healthCheck.gracePeriod", kind: anInt, least: 0, most: spec.MaxGracePeriod},
	{path: "services.hello.healthCheck.command", kind: theTexts, right: "/app", bytes: true, tooBig: "services.hello", worker: true},
	{path: "services.hello.healthCheck.retries", kind: anInt, least: 1, most: 10, worker: true},
	{path: "services.hello.healthCheck.startPeriod", kind: anInt, least: 0, most: 300, worker: true},
	{path: "services.hello.registry", kind: anObject},
	{path: "services.hello.registry.username", kind: aText, right: "me", tooBig: "services.hello.registry"},
	{path: "services.hello.registry.password", kind: aText, right: "a", tooBig: "services.hello.registry"},
	{path: "services.hello.deployment", kind: anObject},
	{path: "services.hello.deployment.strategy", kind: aText, right: "rolling"},
	{path: "services.hello.deployment.minimumHealthyPercent", kind: anInt, least: 0, most: 100},
	{path: "services.hello.deployment.maximumPercent", kind: anInt, least: 100, most: spec.MaxMaximumPercent},
	{path: "services.hello.deployment.alarms", kind: aBool},
	{path: "services.hello.deployment.errorPercent", kind: anInt, least: 1, most: 99},
	{path: "services.hello.deployment.drain", kind: aText, right: "websocket"},
	{path: "services.hello.build", kind: anObject},
	{path: "services.hello.build.context", kind: aText, right: "services/hello"},
	{path: "services.hello.build.dockerfile", kind: aText, right: "Dockerfile"},
	{path: "services.hello.before", kind: anObject},
	{path: "services.hello.before.command", kind: theTexts, right: "migrate", bytes: true, tooBig: "services.hello"},
	{path: "services.hello.before.job", kind: aText, right: "migrate"},
	{path: "services.hello.before.image", kind: aText, right: configtest.Image},
	{path: "services.hello.exec", kind: aBool},
	{path: "services.hello.execInProduction", kind: aBool},
	{path: "services.hello.sidecars", kind: anObject},
	{path: "services.hello.sidecars.otel", kind: anObject},
	{path: "services.hello.sidecars.otel.image", kind: aText, right: configtest.Image},
	{path: "services.hello.sidecars.otel.entryPoint", kind: theTexts, right: "/collect", bytes: true, tooBig: "services.hello"},
	{path: "services.hello.sidecars.otel.command", kind: theTexts, right: "--config", bytes: true, tooBig: "services.hello"},
	{path: "services.hello.sidecars.otel.env", kind: theNamed, right: "a", bytes: true, tooBig: "services.hello"},
	{path: "services.hello.sidecars.otel.secrets", kind: theNamed, right: "a", bytes: true, tooBig: "services.hello.sidecars.otel.secrets"},
	{path: "services.hello.sidecars.otel.secretsFrom", kind: theNamed, right: "arn:aws:ssm:eu-central-1:123456789012:parameter/flag"},
	{path: "services.hello.sidecars.otel.user", kind: aText, right: "10001:10001"},
	{path: "services.hello.sidecars.otel.essential", kind: aBool},
	{path: "services.hello.sidecars.otel.cpu", kind: anInt, least: spec.MinSidecarCPU, most: spec.MaxSidecarCPU},
	{path: "services.hello.sidecars.otel.memory", kind: anInt, least: spec.MinSidecarMemory, most: spec.MaxSidecarMemory},
	{path: "services.hello.sidecars.otel.tmp", kind: anObject},
	{path: "services.hello.sidecars.otel.tmp./tmp", kind: anInt, least: 1, most: spec.MaxFargateMemory},
	{path: "services.hello.sidecars.otel.healthCheck", kind: anObject},
	{path: "services.hello.sidecars.otel.healthCheck.command", kind: theTexts, right: "/app", bytes: true, tooBig: "services.hello"},
	{path: "services.hello.sidecars.otel.healthCheck.interval", kind: anInt, least: 5, most: 300},
	{path: "services.hello.sidecars.otel.healthCheck.timeout", kind: anInt, least: 2, most: 60},
	{path: "services.hello.sidecars.otel.healthCheck.retries", kind: anInt, least: 1, most: 10},
	{path: "services.hello.sidecars.otel.healthCheck.startPeriod", kind: anInt, least: 0, most: 300},
	{path: "services.hello.canary", kind: anObject},
	{path: "services.hello.canary.image", kind: aText, right: configtest.Image},
	{path: "services.hello.canary.weight", kind: anInt, least: 0, most: 100},
	{path: "services.hello.canary.header", kind: aText, right: "X-Canary: always"},
	{path: "services.hello.smoke", kind: anObject},
	{path: "services.hello.smoke.version", kind: aText, right: "/version"},
	{path: "services.hello.smoke.websocket", kind: aText, right: "/ws"},
	{path: "services.hello.smoke.paths", kind: theTexts, right: "/"},
	{path: "services.hello.scaling", kind: anObject},
	{path: "services.hello.scaling.min", kind: anInt, least: 0, most: 5000},
	{path: "services.hello.scaling.max", kind: anInt, least: 1, most: 5000},
	{path: "services.hello.scaling.cpu", kind: anInt, least: 1, most: 100},
	{path: "services.hello.scaling.memory", kind: anInt, least: 1, most: 100},
	{path: "services.hello.scaling.requests", kind: anInt, least: 1, most: spec.MaxRequestsPerTask},
	{path: "services.hello.scaling.queue", kind: anObject},
	{path: "services.hello.scaling.queue.arn", kind: aText, right: "arn:aws:sqs:eu-central-1:123456789012:orders"},
	{path: "services.hello.scaling.queue.messagesPerTask", kind: anInt, least: 1, most: spec.MaxMessagesPerTask},
	{path: "services.hello.scaling.schedule", kind: anObject},
	{path: "services.hello.scaling.schedule.night", kind: anObject},
	{path: "services.hello.scaling.schedule.night.at", kind: aText, right: "rate(1 day)"},
	{path: "services.hello.scaling.schedule.night.timeZone", kind: aText, right: "Europe/Berlin"},
	{path: "services.hello.scaling.schedule.night.min", kind: anInt, least: 0, most: 5000},
	{path: "services.hello.scaling.schedule.night.max", kind: anInt, least: 0, most: 5000},

	{path: "jobs.purge", kind: anObject},
	{path: "jobs.purge.service", kind: aText, right: "hello"},
	{path: "jobs.purge.image", kind: aText, right: configtest.Image},
	{path: "jobs.purge.schedule", kind: aText, right: "rate(1 day)"},
	{path: "jobs.purge.timeZone", kind: aText, right: "Europe/Berlin"},
	{path: "jobs.purge.timeout", kind: anInt, least: 1, most: spec.MaxJobTimeout},
	{path: "jobs.purge.retries", kind: anInt, least: 0, most: spec.MaxJobRetries},
	{path: "jobs.purge.overlap", kind: aBool},
	{path: "jobs.purge.spot", kind: aBool},
	{path: "jobs.purge.command", kind: theTexts, right: "purge", bytes: true, tooBig: "jobs.purge"},
	{path: "jobs.purge.entryPoint", kind: theTexts, right: "/app", bytes: true, tooBig: "jobs.purge"},
	{path: "jobs.purge.cpu", kind: anInt, least: spec.MinFargateCPU, most: spec.MaxFargateCPU},
	{path: "jobs.purge.memory", kind: anInt, least: spec.MinFargateMemory, most: spec.MaxFargateMemory},
	{path: "jobs.purge.architecture", kind: aText, right: "arm64"},
	{path: "jobs.purge.env", kind: theNamed, right: "a", bytes: true, tooBig: "jobs.purge"},
	{path: "jobs.purge.secrets", kind: theNamed, right: "a", bytes: true, tooBig: "jobs.purge.secrets"},
	{path: "jobs.purge.secretsFrom", kind: theNamed, right: "arn:aws:ssm:eu-central-1:123456789012:parameter/flag"},
	{path: "jobs.purge.policies", kind: theTexts, right: "arn:aws:iam::123456789012:policy/read-orders"},
	{path: "jobs.purge.allow", kind: theObjects},
	{path: "jobs.purge.reaches", kind: theObjects},
	{path: "jobs.purge.tmp", kind: anObject},
	{path: "jobs.purge.tmp./tmp", kind: anInt, least: 1, most: spec.MaxFargateMemory},
	{path: "jobs.purge.storage", kind: anInt, least: spec.MinStorage, most: spec.MaxStorage},
	{path: "jobs.purge.volumes", kind: anObject},
	{path: "jobs.purge.volumes./data", kind: anObject},
	{path: "jobs.purge.volumes./data.fileSystemId", kind: aText, right: "fs-0123456789abcdef0"},
	{path: "jobs.purge.volumes./data.accessPointId", kind: aText, right: "fsap-0123456789abcdef0"},
	{path: "jobs.purge.ulimits", kind: anObject},
	{path: "jobs.purge.ulimits.nofile", kind: anInt, least: 1, most: spec.MaxOpenFiles},
	{path: "jobs.purge.registry", kind: anObject},
	{path: "jobs.purge.registry.username", kind: aText, right: "me", tooBig: "jobs.purge.registry"},
	{path: "jobs.purge.registry.password", kind: aText, right: "a", tooBig: "jobs.purge.registry"},
	{path: "jobs.purge.stopTimeout", kind: anInt, least: 1, most: 120},
}

// named has the objects whose members can have any name that a pattern matches.
var named = map[string]*regexp.Regexp{
	"tags":                                     regexp.MustCompile(`^[^\pC<>!?"'\\]{1,128}$`),
	"services":                                 regexp.MustCompile(`^[a-z][a-z0-9-]*$`),
	"services.hello.env":                       regexp.MustCompile(`^[A-Za-z_][\w.-]*$`),
	"services.hello.secrets":                   regexp.MustCompile(`^[A-Za-z_][\w.-]*$`),
	"services.hello.secretsFrom":               regexp.MustCompile(`^[A-Za-z_][\w.-]*$`),
	"services.hello.watch":                     regexp.MustCompile(`^/[A-Za-z0-9]+$`),
	"services.hello.tmp":                       regexp.MustCompile(`^/[A-Za-z0-9]+$`),
	"services.hello.volumes":                   regexp.MustCompile(`^/[A-Za-z0-9]+$`),
	"services.hello.sidecars":                  regexp.MustCompile(`^[a-z][a-z0-9-]*$`),
	"services.hello.sidecars.otel.env":         regexp.MustCompile(`^[A-Za-z_][\w.-]*$`),
	"services.hello.sidecars.otel.secrets":     regexp.MustCompile(`^[A-Za-z_][\w.-]*$`),
	"services.hello.sidecars.otel.secretsFrom": regexp.MustCompile(`^[A-Za-z_][\w.-]*$`),
	"services.hello.sidecars.otel.tmp":         regexp.MustCompile(`^/[A-Za-z0-9]+$`),
	"services.hello.scaling.schedule":          regexp.MustCompile(`^[a-z][a-z0-9-]*$`),
	"jobs":                                     regexp.MustCompile(`^[a-z][a-z0-9-]*$`),
	"jobs.purge.env":                           regexp.MustCompile(`^[A-Za-z_][\w.-]*$`),
	"jobs.purge.secrets":                       regexp.MustCompile(`^[A-Za-z_][\w.-]*$`),
	"jobs.purge.secretsFrom":                   regexp.MustCompile(`^[A-Za-z_][\w.-]*$`),
	"jobs.purge.tmp":                           regexp.MustCompile(`^/[A-Za-z0-9]+$`),
	"jobs.purge.volumes":                       regexp.MustCompile(`^/[A-Za-z0-9]+$`),
}

// members has the names of an object's members; the root is "".
func members(object string) []string {
	var names []string
	for _, s := range allSettings {
		parent, name, inner := cutLast(s.path)
		if !inner {
			parent, name = "", s.path
		}
		if parent == object {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func cutLast(path string) (parent, name string, found bool) {
	i := strings.LastIndex(path, ".")
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// keyOf returns the key by which a member of an object is reported.
func keyOf(object string, name ...string) string {
	return (&settings.Object{Key: "slipway:" + object}).Path(name...)
}

// configWith returns a config with one wrong value, given as JSON; at the root, as text.
func configWith(object, name, value string) settings.Source {
	const placeholder = "\ufffcvalue" // the value may not be JSON, or may be too deep to encode
	hello := map[string]any{"image": configtest.Image, "hostnames": []any{"hello.example.com"}}
	if slices.ContainsFunc(allSettings, func(s setting) bool { return s.worker && s.path == object+"."+name }) {
		delete(hello, "hostnames")
	}
	root := map[string]any{"services": map[string]any{"hello": hello}}
	if strings.HasPrefix(object, "jobs") {
		root["jobs"] = map[string]any{"purge": map[string]any{"image": configtest.Image}}
	}
	at := root
	if object != "" {
		for _, member := range strings.Split(object, ".") {
			inner, ok := at[member].(map[string]any)
			if !ok {
				inner = map[string]any{}
				at[member] = inner
			}
			at = inner
		}
	}
	at[name] = placeholder
	s := configtest.Source("")
	for name, member := range root {
		if member == placeholder {
			s.Values["slipway:"+name] = value
			continue
		}
		text, err := json.Marshal(member)
		if err != nil {
			panic(err)
		}
		s.Values["slipway:"+name] = strings.Replace(string(text), `"`+placeholder+`"`, value, 1)
	}
	return s
}

// secretive returns the config with secrets everywhere.
func secretive(s settings.Source) settings.Source {
	s.SecretKeys = slices.Collect(maps.Keys(s.Values))
	return s
}

// values draws any JSON, some of it with a secret.
func values(depth int) *rapid.Generator[any] {
	text := rapid.Custom(func(t *rapid.T) any {
		return rapid.String().Draw(t, "text") + rapid.SampledFrom([]string{"", "swordfish"}).Draw(t, "secret")
	})
	scalar := rapid.OneOf(text, rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.Float64Range(-1e9, 1e9), func(f float64) any { return f }), rapid.Map(rapid.Int(), func(n int) any { return n }))
	if depth == 0 {
		return scalar
	}
	inner := values(depth - 1)
	return rapid.OneOf(scalar,
		rapid.Map(rapid.SliceOfN(inner, 0, 3), func(list []any) any { return list }),
		rapid.Map(rapid.MapOfN(rapid.StringMatching(`[a-z]{1,8}`), inner, 0, 3), func(m map[string]any) any { return m }))
}

// has reports whether a value is of the kind.
func (k kind) has(value any) bool {
	switch value.(type) {
	case nil:
		return true // has its default
	case string:
		return k == aText
	case float64, int:
		return k == anInt
	case bool:
		return k == aBool
	case []any:
		return k == theTexts || k == theObjects
	}
	return k == anObject || k == theNamed
}

// A value of another type, or a list of texts with an element of another type.
func TestAnyWrongType(t *testing.T) {
	t.Parallel()
	everySetting(t, func(setting) bool { return true }, func(t *rapid.T, s setting) {
		object, name, _ := cutLast(s.path)
		key := keyOf(s.path)
		value := values(3).Filter(func(v any) bool { return !s.kind.has(v) }).Draw(t, "value")
		if rapid.Bool().Draw(t, "inside") {
			inner := values(3).Filter(func(v any) bool { return v == nil || !aText.has(v) }).Draw(t, "inner")
			switch s.kind {
			case theTexts:
				value, key = []any{s.right, inner}, key+"[1]"
			case theNamed:
				_, isList := inner.([]any)
				_, isObject := inner.(map[string]any)
				if inner == nil || isList || isObject { // numbers and booleans count as texts
					value, key = map[string]any{"A": inner}, key+".A"
				}
			}
		}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if bare, isText := value.(string); object == "" {
			switch {
			case isText && bare != "":
				text = []byte(bare)
			case s.kind == aText && text[0] != '[' && text[0] != '{':
				t.Skip("at the root everything is text")
			}
		}
		c := configWith(object, name, string(text))
		if rapid.Bool().Draw(t, "encrypted") {
			c = secretive(c)
		}
		refused(t, c, "\n"+key+": is ")
	})
}

// A number that is out of range, not whole, or too large for a computer.
func TestAnyNumberOutOfRange(t *testing.T) {
	t.Parallel()
	everySetting(t, func(s setting) bool { return s.kind == anInt }, func(t *rapid.T, s setting) {
		digits := rapid.StringMatching(`[1-9][0-9]{18,900}`)
		value := rapid.OneOf(
			rapid.Map(rapid.IntRange(1, 1<<40), func(n int) string { return strconv.Itoa(s.least - n) }),
			rapid.Map(rapid.IntRange(1, 1<<40), func(n int) string { return strconv.Itoa(s.most + n) }),
			rapid.Map(rapid.IntRange(s.least, s.most), func(n int) string { return strconv.Itoa(n) + ".5" }),
			rapid.Map(rapid.IntRange(10, 1000), func(n int) string { return "1e" + strconv.Itoa(n) }),
			rapid.Map(rapid.IntRange(1, 1000), func(n int) string { return "1e-" + strconv.Itoa(n) }),
			digits, rapid.Map(digits, func(n string) string { return "-" + n }),
		).Draw(t, "value")
		object, name, _ := cutLast(s.path)
		refused(t, configWith(object, name, value), "\n"+keyOf(s.path)+": ")
	})
}

// An unknown member of an object.
func TestAnyUnknownKey(t *testing.T) {
	t.Parallel()
	objects := []string{""}
	for _, s := range allSettings {
		if s.kind == anObject && named[s.path] == nil {
			objects = append(objects, s.path)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		object := rapid.SampledFrom(objects).Draw(t, "object")
		known := members(object)
		name := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z]{1,10}`), rapid.StringN(100, 300, -1),
			rapid.Map(rapid.SampledFrom(known), strings.ToUpper), rapid.Map(rapid.SampledFrom(known), func(s string) string { return s + " " }),
		).Filter(func(name string) bool { return !slices.Contains(known, name) }).Draw(t, "name")
		text, err := json.Marshal(values(2).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		c := configWith(object, name, string(text))
		if rapid.Bool().Draw(t, "encrypted") {
			c = secretive(c)
		}
		refused(t, c, "\n"+keyOf(object, name)+": unknown key")
	})
}

// A wrong name, where names can be chosen.
func TestAnyWrongName(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		object := rapid.SampledFrom(slices.Sorted(maps.Keys(named))).Draw(t, "object")
		name := rapid.OneOf(rapid.String(), rapid.StringN(200, 300, -1), rapid.StringMatching(`[a-z]{1,5}[\x00-\x1f<>!?"]`)).
			Filter(func(name string) bool { return !named[object].MatchString(name) }).Draw(t, "name")
		value := `"swordfish"`
		if s := object; s == "services" || s == "jobs" || strings.HasSuffix(s, ".schedule") || strings.HasSuffix(s, ".sidecars") {
			value = `{}`
		}
		refused(t, secretive(configWith(object, name, value)), "\n"+keyOf(object, name)+": ")
	})
}

// A text with a control character where it is not allowed; NUL is allowed nowhere.
func TestAnyControlCharacter(t *testing.T) {
	t.Parallel()
	everySetting(t, hasTexts, func(t *rapid.T, s setting) {
		control := rune(0)
		if !s.bytes {
			control = rapid.RuneFrom(nil, unicode.Cc).Draw(t, "control")
		}
		text := s.right + rapid.SampledFrom([]string{"", "swordfish"}).Draw(t, "secret")
		i := rapid.IntRange(0, len(text)).Draw(t, "at")
		value, key := s.valued(text[:i] + string(control) + text[i:])
		object, name, _ := cutLast(s.path)
		refused(t, secretive(configWith(object, name, value)), "\n"+key+": ")
	})
}

// A text that is longer than AWS takes, and perhaps secret.
func TestHugeTexts(t *testing.T) {
	t.Parallel()
	for _, s := range allSettings {
		if !hasTexts(s) {
			continue
		}
		for _, repeated := range []string{"a", "swordfish"} {
			t.Run(s.path+" "+repeated, func(t *testing.T) {
				value, key := s.valued(s.right + strings.Repeat(repeated, 70_000))
				if s.tooBig != "" {
					key = keyOf(s.tooBig)
				}
				object, name, _ := cutLast(s.path)
				refused(t, secretive(configWith(object, name, value)), "\n"+key+": ")
			})
		}
	}
}

// Lists in lists, and objects in objects, nested too deep.
func TestAnyDeepNesting(t *testing.T) {
	t.Parallel()
	const most = 10_000 // the depth that encoding/json reads
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(allSettings).Filter(func(s setting) bool { return s.kind != anObject }).Draw(t, "setting")
		open, shut := "[", "]"
		if rapid.Bool().Draw(t, "objects") {
			open, shut = `{"A":`, "}"
		}
		depth := rapid.OneOf(rapid.IntRange(2, 100), rapid.Just(most-100), rapid.IntRange(most+1, 2*most)).Draw(t, "depth")
		key := keyOf(s.path)
		if depth > most {
			root, _, _ := strings.Cut(s.path, ".")
			key = keyOf(root)
		}
		object, name, _ := cutLast(s.path)
		refused(t, configWith(object, name, strings.Repeat(open, depth)+`"swordfish"`+strings.Repeat(shut, depth)), "\n"+key)
	})
}

func hasTexts(s setting) bool { return s.right != "" }

// everySetting checks a property of each setting to which it applies.
func everySetting(t *testing.T, about func(setting) bool, property func(*rapid.T, setting)) {
	t.Helper()
	for _, s := range allSettings {
		if about(s) {
			t.Run(s.path, rapid.MakeCheck(func(t *rapid.T) { property(t, s) }))
		}
	}
}

// valued returns a value of the setting that contains a text, and the text's place in it.
func (s setting) valued(text string) (value, key string) {
	key = keyOf(s.path)
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	value = string(quoted)
	switch {
	case s.kind == theTexts:
		return "[" + value + "]", key + "[0]"
	case s.kind == theNamed:
		return `{"A": ` + value + `}`, key + ".A"
	case !strings.Contains(s.path, "."):
		return text, key
	}
	return value, key
}

// allSettings is complete, so no key of the program is left out.
func TestAllSettingsAreListed(t *testing.T) {
	t.Parallel()
	for _, s := range append([]setting{{kind: anObject}}, allSettings...) {
		if s.kind != anObject || named[s.path] != nil {
			continue
		}
		_, err := Read(configWith(s.path, "bogus", "1"))
		want := fmt.Sprintf("bogus: unknown key; known here are %s", strings.Join(members(s.path), ", "))
		if !slices.ContainsFunc(strings.Split(fmt.Sprint(err), "\n"), func(line string) bool { return strings.HasSuffix(line, want) }) {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}
