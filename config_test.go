package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"slipway/components"
	"slipway/components/mocks"
	"slipway/internal/settings"
)

const testImage = "ghcr.io/hello@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// source returns the config of a stack "dev" from services as JSON and other keys as text, as the engine hands them over.
func source(services string, others ...string) settings.Source {
	s := settings.Source{Project: "slipway", Stack: "dev", Values: map[string]string{
		"aws:region":       "eu-central-1",
		"slipway:domain":   "example.com",
		"slipway:services": services,
	}}
	for i := 0; i < len(others); i += 2 {
		s.Values["slipway:"+others[i]] = others[i+1]
	}
	return s
}

// service returns services with one named hello, which has an image, a host name and more members.
func service(members string) string {
	if members != "" {
		members = ", " + members
	}
	return `{"hello": {"image": "` + testImage + `", "hostnames": ["hello.example.com"]` + members + `}}`
}

// encrypted returns the config with the services' secrets and registry passwords encrypted in the stack's file.
func encrypted(s settings.Source) settings.Source {
	s.SecretKeys = []string{"slipway:services"}
	s.File = fileOf(s, func(path []string) bool {
		return len(path) > 3 && path[0] == "services" && (path[2] == "secrets" || path[2] == "registry" && path[3] == "password")
	})
	return s
}

// encryptedAt returns the config with the texts at paths encrypted in the stack's file.
func encryptedAt(s settings.Source, paths ...string) settings.Source {
	s.SecretKeys = []string{"slipway:services"}
	s.File = fileOf(s, func(path []string) bool { return slices.Contains(paths, strings.Join(path, ".")) })
	return s
}

// fileOf returns the file of a stack in which the texts that are secret are encrypted.
func fileOf(s settings.Source, secret func(path []string) bool) *settings.File {
	config := &yaml.Node{Kind: yaml.MappingNode}
	for key, text := range s.Values {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil || !strings.ContainsAny(text[:1], "[{") {
			value = text
		}
		_, name, _ := strings.Cut(key, ":")
		config.Content = append(config.Content, textNode(key), nodeOf([]string{name}, value, secret))
	}
	return settings.NewFile("Pulumi."+s.Stack+".yaml", config)
}

func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// nodeOf returns a value as it would be written.
func nodeOf(path []string, value any, secret func(path []string) bool) *yaml.Node {
	switch value := value.(type) {
	case map[string]any:
		node := &yaml.Node{Kind: yaml.MappingNode}
		for name, member := range value {
			node.Content = append(node.Content, textNode(name), nodeOf(append(slices.Clone(path), name), member, secret))
		}
		return node
	case []any:
		node := &yaml.Node{Kind: yaml.SequenceNode}
		for i, element := range value {
			node.Content = append(node.Content, nodeOf(append(slices.Clone(path), fmt.Sprint(i)), element, secret))
		}
		return node
	case string:
		if secret(path) {
			return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{textNode("secure"), textNode("v1:ciphertext")}}
		}
		return textNode(value)
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: value.String()}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(value)}
}

func TestDefaults(t *testing.T) {
	c, err := readConfig(source(service("")))
	if err != nil {
		t.Fatal(err)
	}
	image, err := components.ParseImage(testImage)
	if err != nil {
		t.Fatal(err)
	}
	want := config{
		domain:       "example.com",
		network:      networkConfig{cidr: "10.0.0.0/16", zones: 2, ipv6: true},
		dns:          dnsConfig{ttl: 60},
		loadBalancer: loadBalancerConfig{idleTimeout: 60, sslPolicy: "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"},
		logRetention: 30,
		tags:         components.Tags{},
		services: []serviceConfig{{
			name:          "hello",
			image:         image,
			hostnames:     []string{"hello.example.com"},
			paths:         []string{"/*"},
			port:          8080,
			cpu:           256,
			memory:        512,
			architecture:  "amd64",
			instanceCount: 1,
			capacity:      components.Capacity{Fargate: components.Share{Weight: 1}},
			environment:   map[string]string{},
			secrets:       map[string]secret{},
			healthCheck:   components.HealthCheck{Path: "/healthz", Codes: "200", Interval: 5, Timeout: 2, HealthyThreshold: 2, UnhealthyThreshold: 2, GracePeriod: 10},
			drain:         components.DefaultDrain,
			deployment:    components.Deployment{ErrorPercent: 5},
		}},
	}
	if got, want := fmt.Sprintf("%+v", *c), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("config is %s\nwant %s", got, want)
	}
	if len(c.routes()) != 1 || c.services[0].url() != "https://hello.example.com/" {
		t.Errorf("routes %v, URL %s", c.routes(), c.services[0].url())
	}
}

func TestEverythingGiven(t *testing.T) {
	c, err := readConfig(encrypted(source(`{
		"web": {
			"image": "ghcr.io/web:v1", "hostnames": ["*.example.com", "www.example.com"], "paths": ["/web/*", "/"], "port": 3000,
			"cpu": 1024, "memory": 2048, "architecture": "arm64", "instanceCount": 4,
			"capacity": {"fargate": {"base": 1}, "fargateSpot": {"weight": 3}},
			"env": {"A": "a", "N": 10000000000000001, "F": "1.50", "B": true}, "secrets": {"TOKEN": "swordfish"},
			"entryPoint": ["/web"], "command": ["-v"], "registry": {"username": "me", "password": "swordfish"},
			"healthCheck": {"path": "/up?full=1", "interval": 30, "timeout": 5, "healthyThreshold": 3, "unhealthyThreshold": 4, "gracePeriod": 0, "codes": "200,204"},
			"deregistrationDelay": 120, "stopTimeout": 120,
			"deployment": {"minimumHealthyPercent": 50, "maximumPercent": 200, "alarms": true, "errorPercent": 2, "drain": "websocket"},
			"canary": {"image": "ghcr.io/web:v2", "weight": 10, "header": "X-Version: next"},
			"build": {"context": "services/web", "dockerfile": "docker/Dockerfile.prod"},
			"before": {"command": ["migrate", "up"], "image": "ghcr.io/migrate:v1"}
		},
		"worker": {
			"image": "ghcr.io/worker:v1", "hostnames": ["worker.example.com"],
			"scaling": {"min": 2, "max": 6, "cpu": 60, "memory": 70, "requests": 1000, "schedule": {
				"night": {"at": "cron(0 22 * * ? *)", "timeZone": "Europe/Berlin", "min": 1, "max": 2}
			}}
		},
		"api": {"image": "`+testImage+`", "hostnames": ["www.example.com"], "paths": ["/api/*"]}
	}`,
		"zoneId", "0123456789abcdef0123456789abcdef",
		"network", `{"cidr": "10.1.0.0/20", "zones": 3, "ipv6": false}`,
		"dns", `{"proxied": true}`,
		"loadBalancer", `{"idleTimeout": 4000, "deletionProtection": true, "sslPolicy": "ELBSecurityPolicy-TLS13-1-3-2021-06"}`,
		"logs", `{"retentionDays": 7}`,
		"tags", `{"Team": "web", "Cost": 7}`,
		"permissionsBoundary", "arn:aws:iam::123456789012:policy/slipway-boundary",
	)))
	if err != nil {
		t.Fatal(err)
	}
	web, worker := c.services[1], c.services[2]
	routes, attachments, err := c.prioritize(nil)
	if err != nil {
		t.Fatal(err)
	}
	for what, equal := range map[string]bool{
		"sorted services": c.services[0].name == "api" && web.name == "web",
		"zone":            c.zoneID == "0123456789abcdef0123456789abcdef",
		"network":         c.network == networkConfig{cidr: "10.1.0.0/20", zones: 3},
		"dns":             c.dns.proxied,
		"load balancer":   c.loadBalancer == loadBalancerConfig{idleTimeout: 4000, deletionProtection: true, sslPolicy: "ELBSecurityPolicy-TLS13-1-3-2021-06"},
		"logs":            c.logRetention == 7,
		"boundary":        c.permissionsBoundary == "arn:aws:iam::123456789012:policy/slipway-boundary",
		"tags":            maps.Equal(c.tags, components.Tags{"Team": "web", "Cost": "7"}),
		"size":            web.cpu == 1024 && web.memory == 2048 && web.architecture == "arm64" && web.instanceCount == 4 && web.port == 3000,
		"capacity":        web.capacity == components.Capacity{Fargate: components.Share{Base: 1}, FargateSpot: components.Share{Weight: 3}},
		"env":             maps.Equal(web.environment, map[string]string{"A": "a", "N": "10000000000000001", "F": "1.50", "B": "true"}),
		"secrets":         web.secrets["TOKEN"].reveal() == "swordfish",
		"registry":        web.registry.username == "me" && web.registry.password.reveal() == "swordfish",
		"health check":    web.healthCheck == components.HealthCheck{Path: "/up?full=1", Codes: "200,204", Interval: 30, Timeout: 5, HealthyThreshold: 3, UnhealthyThreshold: 4, GracePeriod: components.NoGracePeriod},
		"times":           web.drain == components.NewDrain("websocket", 120, 120),
		"commands":        web.entryPoint[0] == "/web" && web.command[0] == "-v",
		"deployment":      web.deployment == components.Deployment{MinimumHealthyPercent: 50, MaximumPercent: 200, Alarms: true, ErrorPercent: 2},
		"canary": web.canary.Image.String() == "ghcr.io/web:v2" && web.canary.Weight == 10 && web.canary.Header == components.CanaryHeader{Name: "X-Version", Value: "next"} &&
			attachments[components.CanaryRoute("web", web.healthCheck)] > 0,
		"before": slices.Equal(web.before.Command, []string{"migrate", "up"}) && web.before.Image.String() == "ghcr.io/migrate:v1",
		"scaling": worker.instanceCount == 2 && worker.scaling.Min == 2 && worker.scaling.Max == 6 && worker.scaling.CPU == 60 && worker.scaling.Memory == 70 &&
			worker.scaling.Requests == 1000 && worker.scaling.Schedule["night"] == components.ScheduledScaling{At: "cron(0 22 * * ? *)", TimeZone: "Europe/Berlin", Min: 1, Max: 2},
		"routes":     len(routes) == 6 && len(attachments) == 4,
		"rules":      c.rules() == 6+4+4,
		"URL":        web.url() == "https://www.example.com/web/",
		"host names": fmt.Sprint(c.hostnames()) == "[*.example.com worker.example.com www.example.com]",
	} {
		if !equal {
			t.Errorf("%s: %+v", what, *c)
		}
	}
	if shown := fmt.Sprintf("%v %+v %#v", *c, c.services, *web.registry); strings.Contains(shown, "swordfish") {
		t.Errorf("a secret shows: %s", shown)
	}
}

// Each of these configs is refused, by key.
func TestRefusedConfigs(t *testing.T) {
	long := strings.Repeat("a", 200)
	const tooBig = "slipway:services.hello: env, secrets, command and entryPoint make a task definition of about "
	for name, test := range map[string]struct {
		source settings.Source
		want   string
	}{
		"no domain":               {source(service(""), "domain", ""), "slipway:domain: is missing"},
		"upper-case domain":       {source(service(""), "domain", "Example.com"), `slipway:domain: "Example.com": has capital letters; write it as "example.com"`},
		"one label":               {source(service(""), "domain", "localhost"), "slipway:domain: "},
		"domain is an object":     {source(service(""), "domain", `{"a": 1}`), "slipway:domain: is an object and must be a string"},
		"zone id":                 {source(service(""), "zoneId", "example.com"), "slipway:zoneId: "},
		"unknown key":             {source(service(""), "servcies", "x"), "slipway:servcies: unknown key; did you mean services?"},
		"a path without --path":   {source(service(""), "logs.retentionDays", "30"), `slipway:["logs.retentionDays"]: unknown key; ` + "`pulumi config set` takes the dots for a path only with --path"},
		"no services":             {source(""), "slipway:services: is missing"},
		"empty services":          {source("{}"), "slipway:services: is missing"},
		"services is text":        {source("hello"), "slipway:services: is a string and must be an object"},
		"services is a list":      {source("[]"), "slipway:services: is a list and must be an object"},
		"services is not JSON":    {source(`{"hello": }`), "slipway:services: is not valid JSON"},
		"something after JSON":    {source(service("") + "}"), "slipway:services: is not valid JSON"},
		"a service is text":       {source(`{"hello": "x"}`), "slipway:services.hello: is a string and must be an object"},
		"a service is null":       {source(`{"hello": null}`), "slipway:services.hello.image: is missing"},
		"service name upper":      {source(strings.Replace(service(""), "hello", "Hello", 1)), "slipway:services.Hello: a service's name"},
		"service name dotted":     {source(strings.Replace(service(""), "hello", "a.b", 1)), `slipway:services["a.b"]: a service's name`},
		"service name empty":      {source(strings.Replace(service(""), "hello", "", 1)), "slipway:services.: a service's name"},
		"service name injection":  {source(strings.Replace(service(""), "hello", `a::b\nc`, 1)), "a service's name"},
		"service name too long":   {source(strings.Replace(service(""), "hello", "a-name-of-21-letters-", 1)), "a service's name"},
		"names too long together": {source(strings.Replace(service(""), "hello", "a-name-of-22-characters", 1)), `slipway:services.a-name-of-22-characters: name "dev-a-name-of-22-characters": is 27 characters long; at most 24`},
		"unknown service key":     {source(service(`"instances": 2`)), "slipway:services.hello.instances: unknown key"},

		"no image":            {source(`{"hello": {"hostnames": ["hello.example.com"]}}`), "slipway:services.hello.image: is missing"},
		"no tag":              {source(strings.Replace(service(""), testImage, "ghcr.io/hello", 1)), "slipway:services.hello.image: \"ghcr.io/hello\": needs a digest"},
		"bad digest":          {source(strings.Replace(service(""), testImage, "hello@sha256:1", 1)), "slipway:services.hello.image: "},
		"image is a number":   {source(strings.Replace(service(""), `"`+testImage+`"`, "1", 1)), "slipway:services.hello.image: is a number and must be a string"},
		"no hostnames":        {source(`{"hello": {"image": "` + testImage + `"}}`), "slipway:services.hello.hostnames: is missing"},
		"empty hostnames":     {source(`{"hello": {"image": "` + testImage + `", "hostnames": []}}`), "slipway:services.hello.hostnames: is missing"},
		"hostnames is text":   {source(strings.Replace(service(""), `["hello.example.com"]`, `"hello.example.com"`, 1)), "slipway:services.hello.hostnames: is a string and must be a list of strings"},
		"hostname is null":    {source(strings.Replace(service(""), `"hello.example.com"`, `null`, 1)), "slipway:services.hello.hostnames[0]: is null and must be a string"},
		"other zone":          {source(strings.Replace(service(""), "hello.example.com", "hello.example.org", 1)), "slipway:services.hello.hostnames[0]: \"hello.example.org\": is not in the zone example.com"},
		"upper-case host":     {source(strings.Replace(service(""), "hello.example.com", "Hello.example.com", 1)), "slipway:services.hello.hostnames[0]: "},
		"long host":           {source(strings.Replace(service(""), "hello.example.com", strings.Repeat("a.", 60)+"example.com", 1)), "slipway:services.hello.hostnames[0]: "},
		"a worker":            {source(`{"hello": {"image": "` + testImage + `"}}`), "slipway:services.hello.hostnames: is missing; it is a list of the names in the zone at which the service is reached. A service that nobody reaches, a worker, is not supported yet"},
		"a URL":               {source(strings.Replace(service(""), "hello.example.com", "https://Hello.example.com:443/", 1)), `slipway:services.hello.hostnames[0]: "https://Hello.example.com:443/": has a scheme, has a port, has a path and has capital letters; write it as "hello.example.com"`},
		"no secret's parts":   {secretive(source(strings.Replace(service(""), "hello.example.com", "Swordfish.example.com", 1))), "slipway:services.hello.hostnames[0]: [secret]: has capital letters\n"},
		"long hosts only":     {source(strings.Replace(service(""), "hello.example.com", strings.Repeat("a", 60)+".example.com", 1)), "slipway:services: one of the host names must have at most 64 characters"},
		"deep wildcard":       {source(strings.Replace(service(""), "hello.example.com", "*.c.b.a.example.com", 1)), "slipway:services.hello.hostnames[0]: "},
		"host twice":          {source(strings.Replace(service(""), `"hello.example.com"`, `"hello.example.com", "hello.example.com"`, 1)), "is listed more than once"},
		"path without slash":  {source(service(`"paths": ["api"]`)), "slipway:services.hello.paths[0]: \"api\": a path begins with /"},
		"path with two stars": {source(service(`"paths": ["/", "/*/a/*"]`)), "slipway:services.hello.paths[1]: "},
		"path with a query":   {source(service(`"paths": ["/a?b=c"]`)), `slipway:services.hello.paths[0]: "/a?b=c": has a query or a fragment, which a path pattern cannot match: ? stands for any one character; write it as "/a"`},
		"paths without order": {
			source(`{"a": {"image": "` + testImage + `", "hostnames": ["a.example.com"], "paths": ["/v?"]}, "b": {"image": "` + testImage + `", "hostnames": ["a.example.com"], "paths": ["/v1"]}}`),
			`slipway:services.b: "a.example.com/v? and /v1": match the same requests and are as long as each other, so that either could come first; make one of them more specific`,
		},
		"too many wildcards": {
			source(service(`"paths": ["/?-??-????"]`)),
			`slipway:services.hello: "hello.example.com/?-??-????": has 7 wildcards, with those of the host name and a canary's header; a rule of the load balancer takes 6`,
		},

		"long path":  {source(service(`"paths": ["/` + long + `"]`)), "slipway:services.hello.paths[0]: "},
		"path twice": {source(service(`"paths": ["/a", "/a"]`)), "is listed more than once"},
		"route twice": {
			source(`{"a": {"image": "` + testImage + `", "hostnames": ["a.example.com"]}, "b": {"image": "` + testImage + `", "hostnames": ["b.example.com", "a.example.com"], "paths": ["/b", "/*"]}}`),
			`slipway:services.b: "a.example.com/*": is among the hostnames and paths of service a already`,
		},

		"port 0":                 {source(service(`"port": 0`)), "slipway:services.hello.port: 0: must be from 1 to 65535"},
		"port 65536":             {source(service(`"port": 65536`)), "slipway:services.hello.port: "},
		"port is text":           {source(service(`"port": "8080"`)), "slipway:services.hello.port: is a string and must be a number"},
		"half a port":            {source(service(`"port": 80.5`)), "slipway:services.hello.port: 80.5: must be a whole number"},
		"huge port":              {source(service(`"port": 1e400`)), "slipway:services.hello.port: "},
		"cpu":                    {source(service(`"cpu": 300`)), "slipway:services.hello.cpu: no Fargate task has 300 CPU units"},
		"memory":                 {source(service(`"memory": 600`)), "slipway:services.hello.memory: no Fargate task of 256 CPU units has 600 MiB"},
		"architecture":           {source(service(`"architecture": "x86"`)), "slipway:services.hello.architecture: \"x86\": must be amd64 or arm64"},
		"negative count":         {source(service(`"instanceCount": -1`)), "slipway:services.hello.instanceCount: -1: must be from 0 to 5000"},
		"count":                  {source(service(`"instanceCount": 5001`)), "slipway:services.hello.instanceCount: "},
		"capacity is text":       {source(service(`"capacity": "spot"`)), "slipway:services.hello.capacity: is a string and must be an object"},
		"unknown provider":       {source(service(`"capacity": {"spot": {"weight": 1}}`)), "slipway:services.hello.capacity.spot: unknown key"},
		"unknown share":          {source(service(`"capacity": {"fargate": {"wieght": 1}}`)), "slipway:services.hello.capacity.fargate.wieght: unknown key"},
		"two bases":              {source(service(`"capacity": {"fargate": {"base": 1, "weight": 1}, "fargateSpot": {"base": 1, "weight": 1}}`)), "slipway:services.hello.capacity: fargate and fargateSpot both have a base"},
		"no weights":             {source(service(`"capacity": {"fargate": {"base": 1}}`)), "slipway:services.hello.capacity: fargate and fargateSpot both have weight 0"},
		"big weight":             {source(service(`"capacity": {"fargate": {"weight": 1001}}`)), "slipway:services.hello.capacity.fargate.weight: 1001: must be from 0 to 1000"},
		"health path":            {source(service(`"healthCheck": {"path": "healthz"}`)), "slipway:services.hello.healthCheck.path: "},
		"health path, long":      {source(service(`"healthCheck": {"path": "/` + strings.Repeat("a", 1024) + `"}`)), "slipway:services.hello.healthCheck.path: "},
		"health codes":           {source(service(`"healthCheck": {"codes": "200-500"}`)), `slipway:services.hello.healthCheck.codes: "200-500": must be status codes from 200 to 499, as in "200", "200,204" or "200-299"`},
		"health code, a number":  {source(service(`"healthCheck": {"codes": 204}`)), "slipway:services.hello.healthCheck.codes: is a number and must be a string: put it in quotation marks"},
		"health interval":        {source(service(`"healthCheck": {"interval": 4}`)), "slipway:services.hello.healthCheck.interval: 4: must be from 5 to 300"},
		"health time-out":        {source(service(`"healthCheck": {"timeout": 5}`)), "slipway:services.hello.healthCheck.timeout: is 5 seconds: must be shorter than the interval of 5 seconds"},
		"health threshold":       {source(service(`"healthCheck": {"healthyThreshold": 1}`)), "slipway:services.hello.healthCheck.healthyThreshold: "},
		"health, found out late": {source(service(`"healthCheck": {"interval": 300, "timeout": 2, "unhealthyThreshold": 2}`)), "slipway:services.hello.healthCheck: 2 failures every 300 seconds take 602 seconds to notice a task that hangs"},
		"idle time-out in env":   {source(service(`"env": {"IDLE_TIMEOUT": "90s"}`)), "slipway:services.hello.env.IDLE_TIMEOUT: is set from the load balancer's idle timeout"},
		"one at a time of 200":   {source(service(`"instanceCount": 200, "deployment": {"strategy": "one-at-a-time"}`)), "slipway:services.hello.deployment: strategy one-at-a-time is for fewer than 200 tasks"},
		"canary header dropped":  {source(service(`"canary": {"image": "r.test/a:1", "header": "X_Canary: always"}`)), "slipway:services.hello.canary.header: \"X_Canary: always\": a header's name is 1 to 40 letters, digits and hyphens: the load balancer drops others"},
		"health unknown":         {source(service(`"healthCheck": {"thresholds": 1}`)), "slipway:services.hello.healthCheck.thresholds: unknown key"},
		"strategy":               {source(service(`"deployment": {"strategy": "slow"}`)), `slipway:services.hello.deployment.strategy: "slow": must be rolling, all-at-once or one-at-a-time`},
		"strategy, percents":     {source(service(`"deployment": {"strategy": "rolling", "minimumHealthyPercent": 50, "maximumPercent": 200}`)), "slipway:services.hello.deployment.strategy: strategy and the percentages exclude each other"},
		"one percentage":         {source(service(`"deployment": {"maximumPercent": 200}`)), "slipway:services.hello.deployment: minimumHealthyPercent and maximumPercent are given together"},
		"no task stays":          {source(service(`"deployment": {"minimumHealthyPercent": 0, "maximumPercent": 200}`)), "slipway:services.hello.deployment: minimumHealthyPercent 0 lets ECS stop every task before a new one serves: requests would be dropped"},
		"no room":                {source(service(`"deployment": {"minimumHealthyPercent": 100, "maximumPercent": 150}`)), "slipway:services.hello.deployment: minimumHealthyPercent 100 keeps 1 of 1 tasks, and maximumPercent 150 leaves no room"},
		"no room for a canary":   {source(service(`"instanceCount": 2, "canary": {"image": "` + testImage + `"}, "deployment": {"minimumHealthyPercent": 100, "maximumPercent": 150}`)), "slipway:services.hello.deployment: for the canary, minimumHealthyPercent 100 keeps 1 of 1"},
		"error percent":          {source(service(`"deployment": {"errorPercent": 0}`)), "slipway:services.hello.deployment.errorPercent: 0: must be from 1 to 99"},
		"deployment unknown":     {source(service(`"deployment": {"circuitBreaker": false}`)), "slipway:services.hello.deployment.circuitBreaker: unknown key"},
		"drain profile":          {source(service(`"deployment": {"drain": "fast"}`)), `slipway:services.hello.deployment.drain: "fast": must be http or websocket`},
		"no deregistration":      {source(service(`"deregistrationDelay": 0`)), "slipway:services.hello.deregistrationDelay: is 0: requests under way would be cut"},
		"sockets are cut":        {source(service(`"deployment": {"drain": "websocket"}, "deregistrationDelay": 5`)), "slipway:services.hello.deregistrationDelay: is 5: the load balancer would cut WebSockets"},
		"killed in draining":     {source(service(`"stopTimeout": 9`)), "slipway:services.hello.stopTimeout: is 9: the container serves on for 5 seconds after SIGTERM"},
		"env of the drain":       {source(service(`"env": {"DRAIN_DELAY": "1s"}`)), "slipway:services.hello.env.DRAIN_DELAY: is set from the drain profile"},
		"canary, no image":       {source(service(`"canary": {"weight": 10}`)), "slipway:services.hello.canary.image: is missing"},
		"canary image":           {source(service(`"canary": {"image": "Hello World"}`)), "slipway:services.hello.canary.image: "},
		"canary weight":          {source(service(`"canary": {"image": "` + testImage + `", "weight": 101}`)), "slipway:services.hello.canary.weight: 101: must be from 0 to 100"},
		"canary header":          {source(service(`"canary": {"image": "` + testImage + `", "header": "X-Canary"}`)), `slipway:services.hello.canary.header: "X-Canary": is not of the form Name: value`},
		"canary header name":     {source(service(`"canary": {"image": "` + testImage + `", "header": "X Canary: 1"}`)), "slipway:services.hello.canary.header: "},
		"canary header Host":     {source(service(`"canary": {"image": "` + testImage + `", "header": "host: a"}`)), "requests are told apart by Host already"},
		"canary header, lines":   {source(service(`"canary": {"image": "` + testImage + `", "header": "X-A: a\nX-B: b"}`)), "a header's value is"},
		"canary unknown":         {source(service(`"canary": {"image": "` + testImage + `", "wieght": 1}`)), "slipway:services.hello.canary.wieght: unknown key"},
		"before, no command":     {source(service(`"before": {"image": "` + testImage + `"}`)), "slipway:services.hello.before.command: is missing"},
		"before, command":        {source(service(`"before": {"command": "migrate"}`)), "slipway:services.hello.before.command: is a string and must be a list of strings"},
		"before, image":          {source(service(`"before": {"command": ["migrate"], "image": ":"}`)), "slipway:services.hello.before.image: "},
		"scaling, no max":        {source(service(`"scaling": {"cpu": 60}`)), "slipway:services.hello.scaling.max: is missing"},
		"scaling, min":           {source(service(`"scaling": {"min": 3, "max": 2, "cpu": 60}`)), "slipway:services.hello.scaling: min is 3 and max 2"},
		"scaling, no target":     {source(service(`"scaling": {"max": 2}`)), "slipway:services.hello.scaling: has none of cpu, memory, requests and schedule"},
		"scaling, one task":      {source(service(`"deployment": {"strategy": "one-at-a-time"}, "scaling": {"max": 2, "cpu": 60}`)), "slipway:services.hello.deployment: strategy one-at-a-time and scaling exclude each other"},
		"scaling, all at once":   {source(service(`"scaling": {"min": 3, "max": 2, "cpu": 0}`)), "slipway:services.hello.scaling: min is 3 and max 2"},
		"schedule, five fields":  {source(service(`"scaling": {"max": 2, "schedule": {"night": {"at": "cron(0 22 * * *)"}}}`)), "slipway:services.hello.scaling.schedule.night.at: \"cron(0 22 * * *)\": must be cron(minute hour"},
		"scaling, CPU":           {source(service(`"scaling": {"max": 2, "cpu": 101}`)), "slipway:services.hello.scaling.cpu: 101: must be from 1 to 100"},
		"scaling and a count":    {source(service(`"instanceCount": 2, "scaling": {"max": 2, "cpu": 60}`)), "slipway:services.hello.instanceCount: instanceCount and scaling exclude each other"},
		"schedule, no time":      {source(service(`"scaling": {"max": 2, "schedule": {"night": {"min": 1}}}`)), "slipway:services.hello.scaling.schedule.night.at: is missing"},
		"schedule, time":         {source(service(`"scaling": {"max": 2, "schedule": {"night": {"at": "22:00"}}}`)), `slipway:services.hello.scaling.schedule.night.at: "22:00": must be cron`},
		"schedule, zone":         {source(service(`"scaling": {"max": 2, "schedule": {"night": {"at": "rate(1 day)", "timeZone": "Mars/Base"}}}`)), `slipway:services.hello.scaling.schedule.night.timeZone: "Mars/Base": must be the name`},
		"schedule, bounds":       {source(service(`"scaling": {"max": 2, "schedule": {"night": {"at": "rate(1 day)", "min": 2, "max": 1}}}`)), "slipway:services.hello.scaling.schedule.night: min is 2 and max 1"},
		"schedule, name":         {source(service(`"scaling": {"max": 2, "schedule": {"At Night": {"at": "rate(1 day)"}}}`)), "slipway:services.hello.scaling.schedule.At Night: a schedule's name is"},
		"schedule, unknown":      {source(service(`"scaling": {"max": 2, "schedule": {"night": {"at": "rate(1 day)", "cpu": 1}}}`)), "slipway:services.hello.scaling.schedule.night.cpu: unknown key"},
		"a canary's long name": {
			source(`{"a-storefront-web": {"image": "` + testImage + `", "hostnames": ["a.example.com"], "canary": {"image": "` + testImage + `"}}}`),
			`slipway:services.a-storefront-web.canary: the canary's name "dev-a-storefront-web-canary": is 27 characters long; at most 24 leave room for Pulumi's suffix in the 32 characters of a load balancer's name`,
		},
		"a canary's namesake": {
			source(`{"web": {"image": "` + testImage + `", "hostnames": ["a.example.com"], "canary": {"image": "` + testImage + `"}},
				"web-canary": {"image": "` + testImage + `", "hostnames": ["b.example.com"]}}`),
			"slipway:services.web.canary: is named as service web-canary would be",
		},
		"stop time-out":        {source(service(`"stopTimeout": 121`)), "slipway:services.hello.stopTimeout: 121: must be from 1 to 120"},
		"deregistration":       {source(service(`"deregistrationDelay": 3601`)), "slipway:services.hello.deregistrationDelay: "},
		"command is text":      {source(service(`"command": "serve"`)), "slipway:services.hello.command: is a string and must be a list of strings"},
		"argument is a number": {source(service(`"entryPoint": [1]`)), "slipway:services.hello.entryPoint[0]: is a number and must be a string: put it in quotation marks"},
		"a variable's digits":  {source(service(`"env": {"VERSION": 1.1}`)), "slipway:services.hello.env.VERSION: is a number with a fraction or an exponent, which Pulumi does not keep as it is written (1.10 becomes 1.1): put it in quotation marks"},
		"a variable's date":    {source(service(`"env": {"SINCE": "2024-01-02 00:00:00 +0000 UTC"}`)), "slipway:services.hello.env.SINCE: is a date that was written without quotation marks"},
		"a tag's digits":       {source(service(""), "tags", `{"Id": 12345678901234567000}`), "slipway:tags.Id: is a number that is too big to keep its digits: put it in quotation marks"},
		"an encrypted variable": {
			encryptedAt(source(service(`"env": {"DB_URL": "swordfish"}, "secrets": {"A": "swordfish"}`)), "services.hello.env.DB_URL", "services.hello.secrets.A"),
			"slipway:services.hello.env.DB_URL: is encrypted, and would be in plain text in the state, in previews and on AWS: only what is in services.NAME.secrets and services.NAME.registry stays secret; move it there, or set it without --secret",
		},
		"an encrypted argument": {encryptedAt(source(service(`"command": ["swordfish"]`)), "services.hello.command.0"), "slipway:services.hello.command[0]: is encrypted, and would be in plain text"},
		"an encrypted domain":   {settings.Source{Project: "slipway", Stack: "dev", Values: source(service("")).Values, SecretKeys: []string{"slipway:domain"}}, "slipway:domain: is encrypted, and would be"},
		"plain beside encrypted": {
			encryptedAt(source(service(`"secrets": {"A": "swordfish", "B": "swordfish"}`)), "services.hello.secrets.A"),
			"slipway:services.hello.secrets.B: is in plain text; run `pulumi config set --secret --path 'slipway:services.hello.secrets.B'`",
		},
		"nobody knows which": {settings.Source{Project: "slipway", Stack: "dev", Values: source(service("")).Values, SecretKeys: []string{"slipway:services"}}, "slipway:services: has encrypted values, and Pulumi does not tell which; the stack's file would, but it was not read. "},

		"env is a list":        {source(service(`"env": ["A=a"]`)), "slipway:services.hello.env: is a list and must be an object"},
		"env value is a list":  {source(service(`"env": {"A": []}`)), "slipway:services.hello.env.A: is a list and must be a string"},
		"env value is null":    {source(service(`"env": {"A": null}`)), "slipway:services.hello.env.A: is null and must be a string"},
		"env name":             {source(service(`"env": {"A B": "a"}`)), "slipway:services.hello.env.A B: a variable's name"},
		"env name injection":   {source(service(`"env": {"A=B\n": "a"}`)), "a variable's name"},
		"env PORT":             {source(service(`"env": {"PORT": 80}`)), "slipway:services.hello.env.PORT: is set from the port"},
		"env NUL":              {source(service(`"env": {"A": "\u0000"}`)), "slipway:services.hello.env.A: contains a NUL"},
		"env too big":          {source(service(`"env": {"A": "` + strings.Repeat("a", 65_000) + `"}`)), tooBig},
		"env too big as JSON":  {source(service(`"env": {"A": "` + strings.Repeat(`\n`, 32_000) + `"}`)), tooBig},
		"many variables":       {source(service(`"env": ` + objectOf(3000, "a"))), tooBig},
		"command too big":      {source(service(`"command": ["` + strings.Repeat("a", 65_000) + `"]`)), tooBig},
		"entry point too big":  {source(service(`"entryPoint": ["` + strings.Repeat("a", 65_000) + `"]`)), tooBig},
		"many secrets":         {encrypted(source(service(`"secrets": ` + objectOf(300, "swordfish")))), tooBig},
		"secret in plain text": {source(service(`"secrets": {"A": "swordfish"}`)), "slipway:services.hello.secrets.A: is in plain text; run `pulumi config set --secret --path 'slipway:services.hello.secrets.A'`"},
		"secrets is text":      {source(service(`"secrets": "swordfish"`)), "slipway:services.hello.secrets: is a string and must be an object"},
		"secret is a list":     {encrypted(source(service(`"secrets": {"A": ["swordfish"]}`))), "slipway:services.hello.secrets.A: is a list and must be a string"},
		"secret name":          {encrypted(source(service(`"secrets": {"1A": "swordfish"}`))), "slipway:services.hello.secrets.1A: a variable's name"},
		"secret PORT":          {encrypted(source(service(`"secrets": {"PORT": "swordfish"}`))), "slipway:services.hello.secrets.PORT: is set from the port"},
		"empty secret":         {encrypted(source(service(`"secrets": {"A": ""}`))), "slipway:services.hello.secrets.A: is empty"},
		"secrets too big":      {encrypted(source(service(`"secrets": {"A": "` + strings.Repeat("swordfish", 8000) + `"}`))), "slipway:services.hello.secrets: have"},
		"secrets too big JSON": {encrypted(source(service(`"secrets": {"A": "` + strings.Repeat(`\n`, 33_000) + `"}`))), "slipway:services.hello.secrets: have 66008 bytes together"},
		"env and secret":       {encrypted(source(service(`"env": {"A": "a"}, "secrets": {"A": "swordfish"}`))), "slipway:services.hello.secrets.A: is in env too"},
		"registry, no user":    {encrypted(source(service(`"registry": {"password": "swordfish"}`))), "slipway:services.hello.registry.username: is missing"},
		"registry, no secret":  {source(service(`"registry": {"username": "me"}`)), "slipway:services.hello.registry.password: is missing; run `pulumi config set --secret"},
		"registry in plain":    {source(service(`"registry": {"username": "me", "password": "swordfish"}`)), "slipway:services.hello.registry.password: is in plain text"},
		"registry, odd type":   {encrypted(source(service(`"registry": {"username": "me", "password": {"swordfish": 1}}`))), "slipway:services.hello.registry.password: is an object and must be a string"},
		"registry for ECR": {
			encrypted(source(strings.Replace(service(`"registry": {"username": "me", "password": "swordfish"}`), "ghcr.io", "123456789012.dkr.ecr.eu-central-1.amazonaws.com", 1))),
			"slipway:services.hello.registry: registry and an image in Amazon ECR exclude each other",
		},

		"cidr":               {source(service(""), "network", `{"cidr": "10.0.0.0"}`), "slipway:network.cidr: \"10.0.0.0\": must be a CIDR block"},
		"public cidr":        {source(service(""), "network", `{"cidr": "8.8.0.0/16"}`), "slipway:network.cidr: "},
		"host bits":          {source(service(""), "network", `{"cidr": "10.0.0.1/16"}`), "slipway:network.cidr: "},
		"cidr too small":     {source(service(""), "network", `{"cidr": "10.0.0.0/26"}`), `slipway:network.cidr: "10.0.0.0/26": has no room for 2 subnets`},
		"one zone":           {source(service(""), "network", `{"zones": 1}`), "slipway:network.zones: 1: must be from 2 to 3"},
		"ipv6 is text":       {source(service(""), "network", `{"ipv6": "yes"}`), "slipway:network.ipv6: is a string and must be true or false"},
		"unknown in network": {source(service(""), "network", `{"nat": true}`), "slipway:network.nat: unknown key"},
		"ttl":                {source(service(""), "dns", `{"ttl": 59}`), "slipway:dns.ttl: 59: must be from 60 to 86400"},
		"ttl and proxied":    {source(service(""), "dns", `{"ttl": 60, "proxied": true}`), "slipway:dns.ttl: ttl and proxied exclude each other"},
		"idle time-out":      {source(service(""), "loadBalancer", `{"idleTimeout": 0}`), "slipway:loadBalancer.idleTimeout: "},
		"old TLS":            {source(service(""), "loadBalancer", `{"sslPolicy": "ELBSecurityPolicy-2016-08"}`), "slipway:loadBalancer.sslPolicy: "},
		"retention":          {source(service(""), "logs", `{"retentionDays": 31}`), "slipway:logs.retentionDays: 31: CloudWatch Logs keeps logs for one of"},
		"own tag":            {source(service(""), "tags", `{"Stack": "x"}`), "slipway:tags.Stack: is set by the program as Stack, and IAM does not tell upper and lower case apart; choose another key"},
		"own tag, lower":     {source(service(""), "tags", `{"project": "x"}`), "slipway:tags.project: is set by the program as Project, and IAM does not tell upper and lower case apart; choose another key"},
		"tags by case":       {source(service(""), "tags", `{"CostCenter": "x", "costcenter": "y"}`), "slipway:tags.costcenter: is the same key as CostCenter to IAM, which does not tell upper and lower case apart; choose another"},
		"reserved tag":       {source(service(""), "tags", `{"AWS:x": "x"}`), "slipway:tags.AWS:x: "},
		"long tag":           {source(service(""), "tags", `{"a": "`+strings.Repeat("a", 257)+`"}`), "slipway:tags.a: "},
		"tag with a control": {source(service(""), "tags", `{"a": "\n"}`), "slipway:tags.a: "},
		"many tags":          {source(service(""), "tags", objectOf(47, "value")), "slipway:tags: there are 47 tags; at most 46"},
		"boundary's name":    {source(service(""), "permissionsBoundary", "slipway-boundary"), `slipway:permissionsBoundary: "slipway-boundary": must be the ARN of a managed policy`},
		"boundary is a role": {source(service(""), "permissionsBoundary", "arn:aws:iam::123456789012:role/slipway"), "slipway:permissionsBoundary: "},
		"stack name":         {settings.Source{Project: "slipway", Stack: "a.b", Values: source(service("")).Values}, `stack: name "a.b": `},
		"long stack name":    {settings.Source{Project: "slipway", Stack: long[:25], Values: source(service("")).Values}, "stack: name "},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, test.source, test.want)
		})
	}
}

// objectOf returns an object of n members with one value, as JSON.
func objectOf(n int, value string) string {
	members := make(map[string]string, n)
	for i := range n {
		members[fmt.Sprintf("key_%d", i)] = value
	}
	text, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// All problems are in one message, a line each.
func TestAllProblemsAtOnce(t *testing.T) {
	_, err := readConfig(source(`{"hello": {"image": "x", "port": 0, "cpu": 1}, "Other": {}}`, "domain", "x", "network", `{"zones": 9}`, "bogus", "1"))
	want := []string{
		"config of stack dev:",
		"slipway:bogus: ", "slipway:domain: ", "slipway:network.zones: ",
		"slipway:services.Other.hostnames: ", "slipway:services.Other.image: ", "slipway:services.Other: ",
		"slipway:services.hello.cpu: ", "slipway:services.hello.hostnames: ", "slipway:services.hello.image: ", "slipway:services.hello.port: ",
	}
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d: %v", len(lines), len(want), err)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("line %d is %q, want %q", i, lines[i], want[i])
		}
	}
}

// A secret whose name is wrong is reported for that alone: the command for a wrong name would be of no use.
func TestWrongNameIsReportedOnce(t *testing.T) {
	_, err := readConfig(source(service(`"secrets": {"1.b": "swordfish"}`)))
	if want := "config of stack dev:\nslipway:services.hello.secrets[\"1.b\"]: a variable's name is letters, digits, underscores, dots and hyphens, beginning with a letter or an underscore"; fmt.Sprint(err) != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// Whatever the config, it is read without a panic, no secret shows, and what passes is within the bounds.
func TestConfigProperties(t *testing.T) {
	scalar := rapid.OneOf(
		rapid.Map(rapid.IntRange(-1, 130), func(n int) any { return n }),
		rapid.SampledFrom([]any{nil, true, "", "a", "/a/*", "hello.example.com", "*.example.com", testImage, 256, 512, 1024, 1.5, "arm64", []any{}, map[string]any{}}),
	)
	value := rapid.OneOf(scalar,
		rapid.Map(rapid.SliceOfN(scalar, 0, 3), func(list []any) any { return list }),
		rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"base", "weight", "fargate", "path", "A", "username", "password"}), scalar, 0, 3), func(m map[string]any) any { return m }),
	)
	key := rapid.SampledFrom([]string{
		"image", "hostnames", "paths", "port", "cpu", "memory", "architecture", "instanceCount", "capacity", "env", "secrets",
		"entryPoint", "command", "registry", "healthCheck", "deregistrationDelay", "stopTimeout", "smoke", "bogus",
	})
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.MapOfN(key, value, 0, 6).Draw(t, "members")
		for required, usual := range map[string]any{"image": testImage, "hostnames": []any{"hello.example.com"}} {
			if _, drawn := members[required]; !drawn {
				members[required] = usual
			}
		}
		members["secrets"] = map[string]any{"TOKEN": "swordfish", "OTHER": value.Draw(t, "secret")}
		services, err := json.Marshal(map[string]any{"hello": members})
		if err != nil {
			t.Fatal(err)
		}
		s := source(string(services))
		if rapid.Bool().Draw(t, "encrypted") {
			s = encrypted(s)
		}
		c, err := readConfig(s)
		if shown := fmt.Sprintf("%v %+v", err, c); strings.Contains(shown, "swordfish") {
			t.Fatalf("a secret shows: %s", shown)
		}
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "slipway:services.hello") && !strings.HasPrefix(line, "config of stack dev") {
					t.Fatalf("no key in %q", line)
				}
			}
			return
		}
		hello := c.services[0]
		if len(s.SecretKeys) == 0 {
			t.Fatal("a secret in plain text passes")
		}
		if err := components.CheckFargateMemory(hello.cpu, hello.memory); err != nil {
			t.Fatal(err)
		}
		if hello.url() == "" || len(c.routes()) != len(hello.hostnames)*len(hello.paths) {
			t.Fatalf("URL %s, routes %v", hello.url(), c.routes())
		}
	})
}

// What is wrong with a value under a key that holds Pulumi secrets is reported without it, wherever it is misplaced.
func TestSecretTextsDoNotShow(t *testing.T) {
	parts := rapid.SliceOfN(rapid.SampledFrom([]string{
		"", "swordfish", "SWORDFISH", "/", "*", "*.", ".", ":", "@", "-", "_", " ", "\n", ".example.com", "ghcr.io/", "sha256:", "1",
	}), 0, 4)
	text := rapid.OneOf(
		rapid.Map(parts, func(parts []string) any { return strings.Join(parts, "") }),
		rapid.SampledFrom([]any{"10.77.0.0/26", "10.77.0.1/16", "8.77.0.0/16"}),
	)
	texts := rapid.Map(rapid.SliceOfN(text, 0, 3), func(list []any) any { return list })
	object := func(members ...string) *rapid.Generator[any] {
		return rapid.Map(rapid.MapOfN(rapid.SampledFrom(members), text, 0, 3), func(m map[string]any) any { return m })
	}
	of := func(generators map[string]*rapid.Generator[any]) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			members := make(map[string]any)
			for member, generator := range generators {
				members[member] = generator.Draw(t, member)
			}
			return members
		})
	}
	service := of(map[string]*rapid.Generator[any]{
		"image": text, "hostnames": texts, "paths": texts, "port": text, "cpu": text, "architecture": text, "capacity": object("fargate", "base"),
		"env": object("A", "B", "PORT", "1"), "secrets": object("A", "B", "PORT", "1"), "entryPoint": texts, "command": texts,
		"registry": object("username", "password"), "healthCheck": object("path", "interval"), "stopTimeout": text,
		"smoke": object("version", "paths"),
	})
	root := of(map[string]*rapid.Generator[any]{
		"zoneId": text, "network": object("cidr", "ipv6", "zones"), "dns": object("ttl", "proxied"), "logs": object("retentionDays"),
		"loadBalancer": object("sslPolicy", "idleTimeout"), "tags": object("A", "Name", "*"),
		"services": of(map[string]*rapid.Generator[any]{"hello": service, "other": service}),
	})
	rapid.Check(t, func(t *rapid.T) {
		s := source("")
		for key, value := range root.Draw(t, "root").(map[string]any) {
			text, isText := value.(string)
			if !isText {
				encoded, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				text = string(encoded)
			}
			s.Values["slipway:"+key] = text
			s.SecretKeys = append(s.SecretKeys, "slipway:"+key)
		}
		_, err := readConfig(s)
		for _, planted := range []string{"swordfish", "SWORDFISH", ".77."} {
			if strings.Contains(fmt.Sprint(err), planted) {
				t.Fatalf("a secret shows: %v", err)
			}
		}
	})
}

// A route that two services share, and one that a service has twice, are right by themselves.
func TestSecretRoutesDoNotShow(t *testing.T) {
	for _, s := range []settings.Source{
		encrypted(source(`{"a": {"image": "` + testImage + `", "hostnames": ["swordfish.example.com"]}, "b": {"image": "` + testImage + `", "hostnames": ["swordfish.example.com"]}}`)),
		secretive(source(service(`"paths": ["/swordfish", "/swordfish"]`))),
	} {
		_, err := readConfig(s)
		if err == nil || strings.Contains(err.Error(), "swordfish") || !strings.Contains(err.Error(), "[secret]: is ") {
			t.Errorf("%v, want an error that does not show the route", err)
		}
	}
}

// Numbers and booleans are settings, and stay visible beside secrets.
func TestNumbersShowBesideSecrets(t *testing.T) {
	_, err := readConfig(encrypted(source(service(`"port": 70000, "secrets": {"A": "swordfish"}`))))
	if want := "slipway:services.hello.port: 70000: must be from 1 to 65535"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want an error with %q", err, want)
	}
}

func TestQuotaWarnings(t *testing.T) {
	hostnames := func(n int) string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf(`"h%d.example.com"`, i)
		}
		return strings.Replace(service(""), `"hello.example.com"`, strings.Join(names, ", "), 1)
	}
	for n, want := range map[int]int{11: 0, 99: 0, 100: 1, 260: 1, 261: 2} {
		c, err := readConfig(source(hostnames(n)))
		if err != nil {
			t.Fatal(err)
		}
		if warnings := c.warnings(); len(warnings) != want {
			t.Errorf("%d host names: %v", n, warnings)
		}
	}
}

func TestSecretDoesNotShow(t *testing.T) {
	s := newSecret("swordfish")
	encoded, err := json.Marshal(map[string]any{"pointer": &s, "value": s})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("message", "secret", s, "pointer", &s)
	for _, shown := range []string{
		string(encoded), log.String(), fmt.Sprintf("%v %+v %#v", &registryConfig{password: s}, registryConfig{password: s}, registryConfig{password: s}), fmt.Sprint(s, &s), fmt.Sprintf("%v %+v %#v %s %q %x %d", s, s, s, s, s, s, s), fmt.Sprintf("%+v", struct{ S secret }{s}),
	} {
		if strings.Contains(shown, "swordfish") || strings.Contains(shown, fmt.Sprintf("%x", "swordfish")) {
			t.Errorf("it shows: %s", shown)
		}
	}
}

// What AWS takes back one day should not be all there is.
func TestSpotWarning(t *testing.T) {
	for members, want := range map[string]int{
		`"capacity": {"fargateSpot": {"weight": 1}}`:                                             1,
		`"capacity": {"fargateSpot": {"weight": 1}}, "scaling": {"min": 1, "max": 9, "cpu": 50}`: 1,
		`"capacity": {"fargateSpot": {"weight": 1}}, "instanceCount": 2`:                         0,
		`"capacity": {"fargate": {"base": 1}, "fargateSpot": {"weight": 1}}`:                     0,
		`"capacity": {"fargateSpot": {"weight": 1}}, "scaling": {"min": 2, "max": 9, "cpu": 50}`: 0,
	} {
		c, err := readConfig(source(service(members)))
		if err != nil {
			t.Fatal(err)
		}
		if warnings := c.warnings(); len(warnings) != want {
			t.Errorf("%s: %v", members, warnings)
		}
	}
}

// A region that is none is refused; none at all is the environment's.
func TestRegions(t *testing.T) {
	for region, want := range map[string]string{
		"eu-central-1": "", "us-gov-west-1": "", "eusc-de-east-1": "", "ap-southeast-7": "",
		"":              "aws:region: is empty; run `pulumi config set aws:region eu-central-1`, or `pulumi config rm aws:region` for the environment's",
		"eu-central-1a": `aws:region: "eu-central-1a": is an availability zone; its region is without the last letter`,
		"eu-central1":   `aws:region: "eu-central1": is not the name of a region, such as eu-central-1`,
		"Frankfurt":     `aws:region: "Frankfurt": is not the name of a region, such as eu-central-1`,
	} {
		s := source(service(""))
		s.Values["aws:region"] = region
		_, err := readConfig(s)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != "config of stack dev:\n"+want) {
			t.Errorf("%q: %v\nwant %s", region, err, want)
		}
	}
	s := source(service(""))
	delete(s.Values, "aws:region")
	if _, err := readConfig(s); err != nil {
		t.Errorf("no region: %v", err)
	}
}

// A service can have wildcards alone, and is then found at a name that one stands for.
func TestWildcardsAlone(t *testing.T) {
	c, err := readConfig(source(strings.Replace(service(`"paths": ["/v?/*"]`), "hello.example.com", "*.tenants.example.com", 1)))
	if err != nil {
		t.Fatal(err)
	}
	hello := c.services[0]
	if got := hello.url(); got != "https://any.tenants.example.com/v" {
		t.Errorf("it is found at %s", got)
	}
	if err := hello.reachedAt(c.routes(), "/v1/x"); err != nil {
		t.Error(err)
	}
}

// What AWS, Cloudflare or people take in another way than it looks is warned of.
func TestRouteWarnings(t *testing.T) {
	const deep = " is more than one label below example.com, and goes through Cloudflare, whose Universal SSL has no certificate for it: " +
		"clients get a TLS error unless the zone has an advanced certificate"
	on := func(hostname, members string) string {
		return strings.Replace(service(members), "hello.example.com", hostname, 1)
	}
	const proxied = `{"proxied": true}`
	for name, test := range map[string]struct {
		services, dns, want string
	}{
		"nothing":           {service(`"port": 1024, "paths": ["/", "/a"]`), proxied, ""},
		"the apex":          {on("example.com", ""), proxied, ""},
		"a wildcard":        {on("*.example.com", ""), proxied, ""},
		"deep":              {on("a.dev.example.com", ""), "", ""},
		"deep and proxied":  {on("a.dev.example.com", ""), proxied, "a.dev.example.com of service hello" + deep},
		"wildcard, proxied": {on("*.dev.example.com", ""), proxied, "*.dev.example.com of service hello" + deep},
		"port": {service(`"port": 80`), "", "service hello listens on port 80: its tasks run as a user that Fargate lets listen on ports from 1024 only, " +
			"unless the image's program has the capability cap_net_bind_service; have another port"},
		"root path": {service(`"paths": ["/"]`), "", "service hello has the path / alone, and nothing below it; for every path leave paths out, or write /*"},
	} {
		c, err := readConfig(source(test.services, "dns", test.dns))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := strings.Join(c.warnings(), "\n"); got != test.want {
			t.Errorf("%s: %s\nwant %s", name, got, test.want)
		}
	}
}

// ECS takes other names of variables than shells do, and empty values: a variable is left out by it only where no value is given
// (pull request 224 of aws-actions/amazon-ecs-deploy-task-definition, 3797 of aws/amazon-ecs-agent).
func TestOddVariables(t *testing.T) {
	var cloud mocks.Cloud
	if _, err := deployTo(&cloud, source(service(`"env": {"discovery.type": "single-node", "A-B": "c", "EMPTY": ""}`))); err != nil {
		t.Fatal(err)
	}
	definitions := cloud.Resource("aws:ecs/taskDefinition:TaskDefinition", "dev-hello").Inputs["containerDefinitions"].StringValue()
	for _, want := range []string{`{"name":"discovery.type","value":"single-node"}`, `{"name":"A-B","value":"c"}`, `{"name":"EMPTY","value":""}`} {
		if !strings.Contains(definitions, want) {
			t.Errorf("%s is not in %s", want, definitions)
		}
	}
}
