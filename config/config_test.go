package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"slipway/config/configtest"
	"slipway/internal/settings"
	"slipway/spec"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	c, err := Read(configtest.Source(configtest.Service("")))
	if err != nil {
		t.Fatal(err)
	}
	image, err := spec.ParseImage(configtest.Image)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Domain:       "example.com",
		Network:      spec.Network{CIDR: "10.0.0.0/16", Zones: 2, IPv6: true, Egress: spec.EgressPublic},
		DNS:          spec.DNS{TTL: 60},
		LoadBalancer: spec.LoadBalancer{IdleTimeout: 60, SSLPolicy: "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"},
		LogRetention: 30,
		Tags:         map[string]string{},
		Services: []Service{{
			Service: spec.Service{
				Name: "hello",
				Workload: spec.Workload{
					Image: image, Size: spec.Size{CPU: 256, Memory: 512, Architecture: "amd64"}, Environment: map[string]string{}, LogRetention: 30,
				},
				Capacity:   spec.Capacity{Fargate: spec.Share{Weight: 1}},
				Deployment: spec.Deployment{ErrorPercent: 5},
				Drain:      spec.DefaultDrain,
			},
			Hostnames: []string{"hello.example.com"},
			Paths:     []string{"/*"},
			Secrets:   map[string]Secret{},
		}},
	}
	usual := spec.HTTP{
		Port:        8080,
		HealthCheck: spec.HealthCheck{Path: "/healthz", Codes: "200", Interval: 5, Timeout: 2, HealthyThreshold: 2, UnhealthyThreshold: 2, GracePeriod: 10},
	}
	if http := c.Services[0].HTTP; http == nil || *http != usual || c.Services[0].Tasks() != 1 {
		t.Errorf("requests are taken by %+v, by %d tasks", http, c.Services[0].Tasks())
	}
	c.Services[0].HTTP = nil // its address would be compared
	if got, want := fmt.Sprintf("%+v", *c), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("config is %s\nwant %s", got, want)
	}
	if len(c.Routes()) != 1 || c.Services[0].URL() != "https://hello.example.com/" {
		t.Errorf("routes %v, URL %s", c.Routes(), c.Services[0].URL())
	}
}

func TestEverythingGiven(t *testing.T) {
	t.Parallel()
	c, err := Read(configtest.Encrypted(configtest.Source(`{
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
		"api": {"image": "`+configtest.Image+`", "hostnames": ["www.example.com"], "paths": ["/api/*"]}
	}`,
		"zoneId", "0123456789abcdef0123456789abcdef",
		"network", `{"cidr": "10.1.0.0/20", "zones": 3, "ipv6": false, "egress": "nat-per-zone", "flowLogs": {"retentionDays": 7}}`,
		"dns", `{"proxied": true}`,
		"loadBalancer", `{"idleTimeout": 4000, "deletionProtection": true, "sslPolicy": "ELBSecurityPolicy-TLS13-1-3-2021-06"}`,
		"logs", `{"retentionDays": 7}`,
		"tags", `{"Team": "web", "Cost": 7}`,
		"permissionsBoundary", "arn:aws:iam::123456789012:policy/slipway-boundary",
	)))
	if err != nil {
		t.Fatal(err)
	}
	web, worker := c.Services[1], c.Services[2]
	priorities, err := c.Prioritize(c.Domain, nil)
	if err != nil {
		t.Fatal(err)
	}
	for what, equal := range map[string]bool{
		"sorted services": c.Services[0].Name == "api" && web.Name == "web",
		"zone":            c.ZoneID == "0123456789abcdef0123456789abcdef",
		"own network":     c.ExistingNetwork == nil,
		"network":         c.Network == spec.Network{CIDR: "10.1.0.0/20", Zones: 3, Egress: spec.EgressNATPerZone, FlowLogs: spec.FlowLogs{RetentionDays: 7}},
		"dns":             c.DNS.Proxied,
		"load balancer":   c.LoadBalancer == spec.LoadBalancer{IdleTimeout: 4000, DeletionProtection: true, SSLPolicy: "ELBSecurityPolicy-TLS13-1-3-2021-06"},
		"logs":            c.LogRetention == 7,
		"boundary":        c.PermissionsBoundary == "arn:aws:iam::123456789012:policy/slipway-boundary",
		"tags":            maps.Equal(c.Tags, map[string]string{"Team": "web", "Cost": "7"}),
		"size":            web.Size == spec.Size{CPU: 1024, Memory: 2048, Architecture: "arm64"} && web.Tasks() == 4 && web.HTTP.Port == 3000,
		"capacity":        web.Capacity == spec.Capacity{Fargate: spec.Share{Base: 1}, FargateSpot: spec.Share{Weight: 3}},
		"env":             maps.Equal(web.Environment, map[string]string{"A": "a", "N": "10000000000000001", "F": "1.50", "B": "true"}),
		"secrets":         web.Secrets["TOKEN"].reveal() == "swordfish",
		"registry":        web.Registry.Username == "me" && web.Registry.Password.reveal() == "swordfish",
		"health check":    web.HTTP.HealthCheck == spec.HealthCheck{Path: "/up?full=1", Codes: "200,204", Interval: 30, Timeout: 5, HealthyThreshold: 3, UnhealthyThreshold: 4, GracePeriod: spec.NoGracePeriod},
		"times":           web.Drain == spec.NewDrain("websocket", 120, 120),
		"commands":        web.EntryPoint[0] == "/web" && web.Command[0] == "-v",
		"deployment":      web.Deployment == spec.Deployment{MinimumHealthyPercent: 50, MaximumPercent: 200, Alarms: true, ErrorPercent: 2},
		"canary": web.HTTP.Canary.Image.String() == "ghcr.io/web:v2" && web.HTTP.Canary.Weight == 10 && web.HTTP.Canary.Header == spec.CanaryHeader{Name: "X-Version", Value: "next"} &&
			priorities.Attachments[spec.CanaryRoute("web", web.HTTP.HealthCheck, false)] > 0,
		"before": slices.Equal(web.Before.Command, []string{"migrate", "up"}) && web.Before.Image.String() == "ghcr.io/migrate:v1",
		"scaling": worker.Tasks() == 2 && worker.Scaling.Min == 2 && worker.Scaling.Max == 6 && worker.Scaling.CPU == 60 && worker.Scaling.Memory == 70 &&
			worker.Scaling.Requests == 1000 && worker.Scaling.Schedule["night"] == spec.ScheduledScaling{At: "cron(0 22 * * ? *)", TimeZone: "Europe/Berlin", Min: 1, Max: 2},
		"routes":     len(priorities.Routes) == 6 && len(priorities.Attachments) == 4,
		"rules":      c.rules() == 6+4+4,
		"URL":        web.URL() == "https://www.example.com/web/",
		"host names": fmt.Sprint(c.Hostnames()) == "[*.example.com worker.example.com www.example.com]",
	} {
		if !equal {
			t.Errorf("%s: %+v", what, *c)
		}
	}
	if shown := fmt.Sprintf("%v %+v %#v", *c, c.Services, *web.Registry); strings.Contains(shown, "swordfish") {
		t.Errorf("a secret shows: %s", shown)
	}
}

// Each of these configs is refused, by its key.
func TestRefusedConfigs(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 200)
	const tooBig = "slipway:services.hello: env, secrets, secretsFrom, command and entryPoint make a task definition of about "
	for name, test := range map[string]struct {
		source settings.Source
		want   string
	}{
		"no domain":               {configtest.Source(configtest.Service(""), "domain", ""), "slipway:domain: is missing"},
		"upper-case domain":       {configtest.Source(configtest.Service(""), "domain", "Example.com"), `slipway:domain: "Example.com": has capital letters; write it as "example.com"`},
		"one label":               {configtest.Source(configtest.Service(""), "domain", "localhost"), "slipway:domain: "},
		"domain is an object":     {configtest.Source(configtest.Service(""), "domain", `{"a": 1}`), "slipway:domain: is an object and must be a string"},
		"zone id":                 {configtest.Source(configtest.Service(""), "zoneId", "example.com"), "slipway:zoneId: "},
		"unknown key":             {configtest.Source(configtest.Service(""), "servcies", "x"), "slipway:servcies: unknown key; did you mean services?"},
		"a path without --path":   {configtest.Source(configtest.Service(""), "logs.retentionDays", "30"), `slipway:["logs.retentionDays"]: unknown key; ` + "`pulumi config set` takes the dots for a path only with --path"},
		"no services":             {configtest.Source(""), "slipway:services: is missing"},
		"empty services":          {configtest.Source("{}"), "slipway:services: is missing"},
		"services is text":        {configtest.Source("hello"), "slipway:services: is a string and must be an object"},
		"services is a list":      {configtest.Source("[]"), "slipway:services: is a list and must be an object"},
		"services is not JSON":    {configtest.Source(`{"hello": }`), "slipway:services: is not valid JSON"},
		"something after JSON":    {configtest.Source(configtest.Service("") + "}"), "slipway:services: is not valid JSON"},
		"a service is text":       {configtest.Source(`{"hello": "x"}`), "slipway:services.hello: is a string and must be an object"},
		"a service is null":       {configtest.Source(`{"hello": null}`), "slipway:services.hello.image: is missing"},
		"service name upper":      {configtest.Source(strings.Replace(configtest.Service(""), "hello", "Hello", 1)), "slipway:services.Hello: a service's name"},
		"service name dotted":     {configtest.Source(strings.Replace(configtest.Service(""), "hello", "a.b", 1)), `slipway:services["a.b"]: a service's name`},
		"service name empty":      {configtest.Source(strings.Replace(configtest.Service(""), "hello", "", 1)), "slipway:services.: a service's name"},
		"service name injection":  {configtest.Source(strings.Replace(configtest.Service(""), "hello", `a::b\nc`, 1)), "a service's name"},
		"service name too long":   {configtest.Source(strings.Replace(configtest.Service(""), "hello", "a-name-of-21-letters-", 1)), "a service's name"},
		"names too long together": {configtest.Source(strings.Replace(configtest.Service(""), "hello", "a-name-of-22-characters", 1)), `slipway:services.a-name-of-22-characters: name "dev-a-name-of-22-characters": is 27 characters long; at most 24`},
		"unknown service key":     {configtest.Source(configtest.Service(`"instances": 2`)), "slipway:services.hello.instances: unknown key"},

		"no image":            {configtest.Source(`{"hello": {"hostnames": ["hello.example.com"]}}`), "slipway:services.hello.image: is missing"},
		"no tag":              {configtest.Source(strings.Replace(configtest.Service(""), configtest.Image, "ghcr.io/hello", 1)), "slipway:services.hello.image: \"ghcr.io/hello\": needs a digest"},
		"bad digest":          {configtest.Source(strings.Replace(configtest.Service(""), configtest.Image, "hello@sha256:1", 1)), "slipway:services.hello.image: "},
		"image is a number":   {configtest.Source(strings.Replace(configtest.Service(""), `"`+configtest.Image+`"`, "1", 1)), "slipway:services.hello.image: is a number and must be a string"},
		"empty hostnames":     {configtest.Source(`{"hello": {"image": "` + configtest.Image + `", "hostnames": []}}`), "slipway:services.hello.hostnames: is empty; list the names"},
		"hostnames, no value": {configtest.Source(`{"hello": {"image": "` + configtest.Image + `", "hostnames": null}}`), "slipway:services.hello.hostnames: is empty; list the names"},
		"hostnames is text":   {configtest.Source(strings.Replace(configtest.Service(""), `["hello.example.com"]`, `"hello.example.com"`, 1)), "slipway:services.hello.hostnames: is a string and must be a list of strings"},
		"hostname is null":    {configtest.Source(strings.Replace(configtest.Service(""), `"hello.example.com"`, `null`, 1)), "slipway:services.hello.hostnames[0]: is null and must be a string"},
		"other zone":          {configtest.Source(strings.Replace(configtest.Service(""), "hello.example.com", "hello.example.org", 1)), "slipway:services.hello.hostnames[0]: \"hello.example.org\": is not in the zone example.com"},
		"upper-case host":     {configtest.Source(strings.Replace(configtest.Service(""), "hello.example.com", "Hello.example.com", 1)), "slipway:services.hello.hostnames[0]: "},
		"long host":           {configtest.Source(strings.Replace(configtest.Service(""), "hello.example.com", strings.Repeat("a.", 60)+"example.com", 1)), "slipway:services.hello.hostnames[0]: "},
		"a URL":               {configtest.Source(strings.Replace(configtest.Service(""), "hello.example.com", "https://Hello.example.com:443/", 1)), `slipway:services.hello.hostnames[0]: "https://Hello.example.com:443/": has a scheme, has a port, has a path and has capital letters; write it as "hello.example.com"`},
		"no secret's parts":   {secretive(configtest.Source(strings.Replace(configtest.Service(""), "hello.example.com", "Swordfish.example.com", 1))), "slipway:services.hello.hostnames[0]: [secret]: has capital letters\n"},
		"long hosts only":     {configtest.Source(strings.Replace(configtest.Service(""), "hello.example.com", strings.Repeat("a", 60)+".example.com", 1)), "slipway:services: one of the host names must have at most 64 characters"},
		"deep wildcard":       {configtest.Source(strings.Replace(configtest.Service(""), "hello.example.com", "*.c.b.a.example.com", 1)), "slipway:services.hello.hostnames[0]: "},
		"host twice":          {configtest.Source(strings.Replace(configtest.Service(""), `"hello.example.com"`, `"hello.example.com", "hello.example.com"`, 1)), "is listed more than once"},
		"path without slash":  {configtest.Source(configtest.Service(`"paths": ["api"]`)), "slipway:services.hello.paths[0]: \"api\": a path begins with /"},
		"path with two stars": {configtest.Source(configtest.Service(`"paths": ["/", "/*/a/*"]`)), "slipway:services.hello.paths[1]: "},
		"path with a query":   {configtest.Source(configtest.Service(`"paths": ["/a?b=c"]`)), `slipway:services.hello.paths[0]: "/a?b=c": has a query or a fragment, which a path pattern cannot match: ? stands for any one character; write it as "/a"`},
		"paths without order": {
			configtest.Source(`{"a": {"image": "` + configtest.Image + `", "hostnames": ["a.example.com"], "paths": ["/v?"]}, "b": {"image": "` + configtest.Image + `", "hostnames": ["a.example.com"], "paths": ["/v1"]}}`),
			`slipway:services.b: "a.example.com/v? and /v1": match the same requests and are equally long, so either could come first; make one of them more specific`,
		},
		"too many wildcards": {
			configtest.Source(configtest.Service(`"paths": ["/?-??-????"]`)),
			`slipway:services.hello: "hello.example.com/?-??-????": has 7 wildcards, with those of the host name and a canary's header; a rule of the load balancer takes 6`,
		},

		"long path":  {configtest.Source(configtest.Service(`"paths": ["/` + long + `"]`)), "slipway:services.hello.paths[0]: "},
		"path twice": {configtest.Source(configtest.Service(`"paths": ["/a", "/a"]`)), "is listed more than once"},
		"route twice": {
			configtest.Source(`{"a": {"image": "` + configtest.Image + `", "hostnames": ["a.example.com"]}, "b": {"image": "` + configtest.Image + `", "hostnames": ["b.example.com", "a.example.com"], "paths": ["/b", "/*"]}}`),
			`slipway:services.b: "a.example.com/*": is among the hostnames and paths of service a already`,
		},

		"port 0":                 {configtest.Source(configtest.Service(`"port": 0`)), "slipway:services.hello.port: 0: must be from 1 to 65535"},
		"port 65536":             {configtest.Source(configtest.Service(`"port": 65536`)), "slipway:services.hello.port: "},
		"port is text":           {configtest.Source(configtest.Service(`"port": "8080"`)), "slipway:services.hello.port: is a string and must be a number"},
		"half a port":            {configtest.Source(configtest.Service(`"port": 80.5`)), "slipway:services.hello.port: 80.5: must be a whole number"},
		"huge port":              {configtest.Source(configtest.Service(`"port": 1e400`)), "slipway:services.hello.port: "},
		"cpu":                    {configtest.Source(configtest.Service(`"cpu": 300`)), "slipway:services.hello.cpu: no Fargate task has 300 CPU units"},
		"memory":                 {configtest.Source(configtest.Service(`"memory": 600`)), "slipway:services.hello.memory: no Fargate task of 256 CPU units has 600 MiB"},
		"architecture":           {configtest.Source(configtest.Service(`"architecture": "x86"`)), "slipway:services.hello.architecture: \"x86\": must be amd64 or arm64"},
		"negative count":         {configtest.Source(configtest.Service(`"instanceCount": -1`)), "slipway:services.hello.instanceCount: -1: must be from 0 to 5000"},
		"count":                  {configtest.Source(configtest.Service(`"instanceCount": 5001`)), "slipway:services.hello.instanceCount: "},
		"capacity is text":       {configtest.Source(configtest.Service(`"capacity": "spot"`)), "slipway:services.hello.capacity: is a string and must be an object"},
		"unknown provider":       {configtest.Source(configtest.Service(`"capacity": {"spot": {"weight": 1}}`)), "slipway:services.hello.capacity.spot: unknown key"},
		"unknown share":          {configtest.Source(configtest.Service(`"capacity": {"fargate": {"wieght": 1}}`)), "slipway:services.hello.capacity.fargate.wieght: unknown key"},
		"two bases":              {configtest.Source(configtest.Service(`"capacity": {"fargate": {"base": 1, "weight": 1}, "fargateSpot": {"base": 1, "weight": 1}}`)), "slipway:services.hello.capacity: fargate and fargateSpot both have a base"},
		"no weights":             {configtest.Source(configtest.Service(`"capacity": {"fargate": {"base": 1}}`)), "slipway:services.hello.capacity: fargate and fargateSpot both have weight 0"},
		"big weight":             {configtest.Source(configtest.Service(`"capacity": {"fargate": {"weight": 1001}}`)), "slipway:services.hello.capacity.fargate.weight: 1001: must be from 0 to 1000"},
		"health path":            {configtest.Source(configtest.Service(`"healthCheck": {"path": "healthz"}`)), "slipway:services.hello.healthCheck.path: "},
		"health path, long":      {configtest.Source(configtest.Service(`"healthCheck": {"path": "/` + strings.Repeat("a", 1024) + `"}`)), "slipway:services.hello.healthCheck.path: "},
		"health codes":           {configtest.Source(configtest.Service(`"healthCheck": {"codes": "200-500"}`)), `slipway:services.hello.healthCheck.codes: "200-500": must be status codes from 200 to 499, as in "200", "200,204" or "200-299"`},
		"health code, a number":  {configtest.Source(configtest.Service(`"healthCheck": {"codes": 204}`)), "slipway:services.hello.healthCheck.codes: is a number and must be a string: put it in quotation marks"},
		"health interval":        {configtest.Source(configtest.Service(`"healthCheck": {"interval": 4}`)), "slipway:services.hello.healthCheck.interval: 4: must be from 5 to 300"},
		"health time-out":        {configtest.Source(configtest.Service(`"healthCheck": {"timeout": 5}`)), "slipway:services.hello.healthCheck.timeout: is 5 seconds: must be shorter than the interval of 5 seconds"},
		"health threshold":       {configtest.Source(configtest.Service(`"healthCheck": {"healthyThreshold": 1}`)), "slipway:services.hello.healthCheck.healthyThreshold: "},
		"health, found out late": {configtest.Source(configtest.Service(`"healthCheck": {"interval": 300, "timeout": 2, "unhealthyThreshold": 2}`)), "slipway:services.hello.healthCheck: 2 failures every 300 seconds take 602 seconds to notice a task that hangs"},
		"idle time-out in env":   {configtest.Source(configtest.Service(`"env": {"IDLE_TIMEOUT": "90s"}`)), "slipway:services.hello.env.IDLE_TIMEOUT: is set from the load balancer's idle timeout"},
		"one at a time of 200":   {configtest.Source(configtest.Service(`"instanceCount": 200, "deployment": {"strategy": "one-at-a-time"}`)), "slipway:services.hello.deployment: strategy one-at-a-time is for fewer than 200 tasks"},
		"canary header dropped":  {configtest.Source(configtest.Service(`"canary": {"image": "r.test/a:1", "header": "X_Canary: always"}`)), "slipway:services.hello.canary.header: \"X_Canary: always\": a header's name is 1 to 40 letters, digits and hyphens: the load balancer drops others"},
		"health unknown":         {configtest.Source(configtest.Service(`"healthCheck": {"thresholds": 1}`)), "slipway:services.hello.healthCheck.thresholds: unknown key"},
		"strategy":               {configtest.Source(configtest.Service(`"deployment": {"strategy": "slow"}`)), `slipway:services.hello.deployment.strategy: "slow": must be rolling, all-at-once or one-at-a-time`},
		"strategy, percents":     {configtest.Source(configtest.Service(`"deployment": {"strategy": "rolling", "minimumHealthyPercent": 50, "maximumPercent": 200}`)), "slipway:services.hello.deployment.strategy: strategy and the percentages exclude each other"},
		"one percentage":         {configtest.Source(configtest.Service(`"deployment": {"maximumPercent": 200}`)), "slipway:services.hello.deployment: minimumHealthyPercent and maximumPercent must be given together"},
		"no task stays":          {configtest.Source(configtest.Service(`"deployment": {"minimumHealthyPercent": 0, "maximumPercent": 200}`)), "slipway:services.hello.deployment: minimumHealthyPercent 0 lets ECS stop every task before a new one serves: requests would be dropped"},
		"no room":                {configtest.Source(configtest.Service(`"deployment": {"minimumHealthyPercent": 100, "maximumPercent": 150}`)), "slipway:services.hello.deployment: minimumHealthyPercent 100 keeps 1 of 1 tasks, and maximumPercent 150 leaves no room"},
		"no room for a canary":   {configtest.Source(configtest.Service(`"instanceCount": 2, "canary": {"image": "` + configtest.Image + `"}, "deployment": {"minimumHealthyPercent": 100, "maximumPercent": 150}`)), "slipway:services.hello.deployment: for the canary, minimumHealthyPercent 100 keeps 1 of 1"},
		"error percent":          {configtest.Source(configtest.Service(`"deployment": {"errorPercent": 0}`)), "slipway:services.hello.deployment.errorPercent: 0: must be from 1 to 99"},
		"deployment unknown":     {configtest.Source(configtest.Service(`"deployment": {"circuitBreaker": false}`)), "slipway:services.hello.deployment.circuitBreaker: unknown key"},
		"drain profile":          {configtest.Source(configtest.Service(`"deployment": {"drain": "fast"}`)), `slipway:services.hello.deployment.drain: "fast": must be http or websocket`},
		"no deregistration":      {configtest.Source(configtest.Service(`"deregistrationDelay": 0`)), "slipway:services.hello.deregistrationDelay: is 0: requests under way would be cut"},
		"sockets are cut":        {configtest.Source(configtest.Service(`"deployment": {"drain": "websocket"}, "deregistrationDelay": 5`)), "slipway:services.hello.deregistrationDelay: is 5: the load balancer would cut WebSockets"},
		"killed in draining":     {configtest.Source(configtest.Service(`"stopTimeout": 9`)), "slipway:services.hello.stopTimeout: is 9: the container keeps serving for 5 seconds after SIGTERM"},
		"env of the drain":       {configtest.Source(configtest.Service(`"env": {"DRAIN_DELAY": "1s"}`)), "slipway:services.hello.env.DRAIN_DELAY: is set from the drain profile"},
		"canary, no image":       {configtest.Source(configtest.Service(`"canary": {"weight": 10}`)), "slipway:services.hello.canary.image: is missing"},
		"canary image":           {configtest.Source(configtest.Service(`"canary": {"image": "Hello World"}`)), "slipway:services.hello.canary.image: "},
		"canary weight":          {configtest.Source(configtest.Service(`"canary": {"image": "` + configtest.Image + `", "weight": 101}`)), "slipway:services.hello.canary.weight: 101: must be from 0 to 100"},
		"canary header":          {configtest.Source(configtest.Service(`"canary": {"image": "` + configtest.Image + `", "header": "X-Canary"}`)), `slipway:services.hello.canary.header: "X-Canary": is not of the form Name: value`},
		"canary header name":     {configtest.Source(configtest.Service(`"canary": {"image": "` + configtest.Image + `", "header": "X Canary: 1"}`)), "slipway:services.hello.canary.header: "},
		"canary header Host":     {configtest.Source(configtest.Service(`"canary": {"image": "` + configtest.Image + `", "header": "host: a"}`)), "requests are told apart by Host already"},
		"canary header, lines":   {configtest.Source(configtest.Service(`"canary": {"image": "` + configtest.Image + `", "header": "X-A: a\nX-B: b"}`)), "a header's value is"},
		"canary unknown":         {configtest.Source(configtest.Service(`"canary": {"image": "` + configtest.Image + `", "wieght": 1}`)), "slipway:services.hello.canary.wieght: unknown key"},
		"before, no command":     {configtest.Source(configtest.Service(`"before": {"image": "` + configtest.Image + `"}`)), "slipway:services.hello.before.command: is missing"},
		"before, command":        {configtest.Source(configtest.Service(`"before": {"command": "migrate"}`)), "slipway:services.hello.before.command: is a string and must be a list of strings"},
		"before, image":          {configtest.Source(configtest.Service(`"before": {"command": ["migrate"], "image": ":"}`)), "slipway:services.hello.before.image: "},
		"scaling, no max":        {configtest.Source(configtest.Service(`"scaling": {"cpu": 60}`)), "slipway:services.hello.scaling.max: is missing"},
		"scaling, min":           {configtest.Source(configtest.Service(`"scaling": {"min": 3, "max": 2, "cpu": 60}`)), "slipway:services.hello.scaling: min is 3 and max 2"},
		"scaling, no target":     {configtest.Source(configtest.Service(`"scaling": {"max": 2}`)), "slipway:services.hello.scaling: has none of cpu, memory, requests, queue and schedule"},
		"scaling, one task":      {configtest.Source(configtest.Service(`"deployment": {"strategy": "one-at-a-time"}, "scaling": {"max": 2, "cpu": 60}`)), "slipway:services.hello.deployment: strategy one-at-a-time and scaling exclude each other"},
		"scaling, all at once":   {configtest.Source(configtest.Service(`"scaling": {"min": 3, "max": 2, "cpu": 0}`)), "slipway:services.hello.scaling: min is 3 and max 2"},
		"queue, no ARN":          {configtest.Source(configtest.Service(`"scaling": {"max": 2, "queue": {"messagesPerTask": 10}}`)), "slipway:services.hello.scaling.queue.arn: is missing"},
		"queue, no backlog":      {configtest.Source(configtest.Service(`"scaling": {"max": 2, "queue": {"arn": "arn:aws:sqs:eu-central-1:123456789012:orders"}}`)), "slipway:services.hello.scaling.queue.messagesPerTask: is missing"},
		"queue, URL":             {configtest.Source(configtest.Service(`"scaling": {"max": 2, "queue": {"arn": "https://sqs.eu-central-1.amazonaws.com/123456789012/orders", "messagesPerTask": 10}}`)), "must be the ARN of an SQS queue"},
		"queue, no messages":     {configtest.Source(configtest.Service(`"scaling": {"max": 2, "queue": {"arn": "arn:aws:sqs:eu-central-1:123456789012:orders", "messagesPerTask": 0}}`)), "slipway:services.hello.scaling.queue.messagesPerTask: 0: must be from 1 to"},
		"schedule, five fields":  {configtest.Source(configtest.Service(`"scaling": {"max": 2, "schedule": {"night": {"at": "cron(0 22 * * *)"}}}`)), "slipway:services.hello.scaling.schedule.night.at: \"cron(0 22 * * *)\": must be cron(minute hour"},
		"scaling, CPU":           {configtest.Source(configtest.Service(`"scaling": {"max": 2, "cpu": 101}`)), "slipway:services.hello.scaling.cpu: 101: must be from 1 to 100"},
		"scaling and a count":    {configtest.Source(configtest.Service(`"instanceCount": 2, "scaling": {"max": 2, "cpu": 60}`)), "slipway:services.hello.instanceCount: instanceCount and scaling exclude each other"},
		"schedule, no time":      {configtest.Source(configtest.Service(`"scaling": {"max": 2, "schedule": {"night": {"min": 1}}}`)), "slipway:services.hello.scaling.schedule.night.at: is missing"},
		"schedule, time":         {configtest.Source(configtest.Service(`"scaling": {"max": 2, "schedule": {"night": {"at": "22:00"}}}`)), `slipway:services.hello.scaling.schedule.night.at: "22:00": must be cron`},
		"schedule, zone":         {configtest.Source(configtest.Service(`"scaling": {"max": 2, "schedule": {"night": {"at": "rate(1 day)", "timeZone": "Mars/Base"}}}`)), `slipway:services.hello.scaling.schedule.night.timeZone: "Mars/Base": must be the name`},
		"schedule, bounds":       {configtest.Source(configtest.Service(`"scaling": {"max": 2, "schedule": {"night": {"at": "rate(1 day)", "min": 2, "max": 1}}}`)), "slipway:services.hello.scaling.schedule.night: min is 2 and max 1"},
		"schedule, name":         {configtest.Source(configtest.Service(`"scaling": {"max": 2, "schedule": {"At Night": {"at": "rate(1 day)"}}}`)), "slipway:services.hello.scaling.schedule.At Night: a schedule's name is"},
		"schedule, unknown":      {configtest.Source(configtest.Service(`"scaling": {"max": 2, "schedule": {"night": {"at": "rate(1 day)", "cpu": 1}}}`)), "slipway:services.hello.scaling.schedule.night.cpu: unknown key"},
		"a canary's long name": {
			configtest.Source(`{"a-storefront-web": {"image": "` + configtest.Image + `", "hostnames": ["a.example.com"], "canary": {"image": "` + configtest.Image + `"}}}`),
			`slipway:services.a-storefront-web.canary: the canary's name "dev-a-storefront-web-canary": is 27 characters long; at most 24 leave room for Pulumi's suffix in the 32 characters of a load balancer's name`,
		},
		"a canary's namesake": {
			configtest.Source(`{"web": {"image": "` + configtest.Image + `", "hostnames": ["a.example.com"], "canary": {"image": "` + configtest.Image + `"}},
				"web-canary": {"image": "` + configtest.Image + `", "hostnames": ["b.example.com"]}}`),
			"slipway:services.web.canary: is named as service web-canary would be",
		},
		"stop time-out":        {configtest.Source(configtest.Service(`"stopTimeout": 121`)), "slipway:services.hello.stopTimeout: 121: must be from 1 to 120"},
		"deregistration":       {configtest.Source(configtest.Service(`"deregistrationDelay": 3601`)), "slipway:services.hello.deregistrationDelay: "},
		"command is text":      {configtest.Source(configtest.Service(`"command": "serve"`)), "slipway:services.hello.command: is a string and must be a list of strings"},
		"argument is a number": {configtest.Source(configtest.Service(`"entryPoint": [1]`)), "slipway:services.hello.entryPoint[0]: is a number and must be a string: put it in quotation marks"},
		"a variable's digits":  {configtest.Source(configtest.Service(`"env": {"VERSION": 1.1}`)), "slipway:services.hello.env.VERSION: is a number with a fraction or an exponent, which Pulumi does not keep as it is written (1.10 becomes 1.1): put it in quotation marks"},
		"a variable's date":    {configtest.Source(configtest.Service(`"env": {"SINCE": "2024-01-02 00:00:00 +0000 UTC"}`)), "slipway:services.hello.env.SINCE: is a date that was written without quotation marks"},
		"a tag's digits":       {configtest.Source(configtest.Service(""), "tags", `{"Id": 12345678901234567000}`), "slipway:tags.Id: is a number that is too big to keep its digits: put it in quotation marks"},
		"an encrypted variable": {
			configtest.EncryptedAt(configtest.Source(configtest.Service(`"env": {"DB_URL": "swordfish"}, "secrets": {"A": "swordfish"}`)), "services.hello.env.DB_URL", "services.hello.secrets.A"),
			"slipway:services.hello.env.DB_URL: is encrypted, and would be in plain text in the state, in previews and on AWS: only what is in services.NAME.secrets, services.NAME.registry, services.NAME.sidecars.NAME.secrets, jobs.NAME.secrets and jobs.NAME.registry stays secret; move it there, or set it without --secret",
		},
		"an encrypted argument": {configtest.EncryptedAt(configtest.Source(configtest.Service(`"command": ["swordfish"]`)), "services.hello.command.0"), "slipway:services.hello.command[0]: is encrypted, and would be in plain text"},
		"an encrypted domain":   {settings.Source{Project: "slipway", Stack: "dev", Values: configtest.Source(configtest.Service("")).Values, SecretKeys: []string{"slipway:domain"}}, "slipway:domain: is encrypted, and would be"},
		"plain beside encrypted": {
			configtest.EncryptedAt(configtest.Source(configtest.Service(`"secrets": {"A": "swordfish", "B": "swordfish"}`)), "services.hello.secrets.A"),
			"slipway:services.hello.secrets.B: is in plain text; run `pulumi config set --secret --path 'slipway:services.hello.secrets.B'`",
		},
		"nobody knows which": {settings.Source{Project: "slipway", Stack: "dev", Values: configtest.Source(configtest.Service("")).Values, SecretKeys: []string{"slipway:services"}}, "slipway:services: has encrypted values, and Pulumi does not say which; the stack's file would, but it was not read. "},

		"env is a list":        {configtest.Source(configtest.Service(`"env": ["A=a"]`)), "slipway:services.hello.env: is a list and must be an object"},
		"env value is a list":  {configtest.Source(configtest.Service(`"env": {"A": []}`)), "slipway:services.hello.env.A: is a list and must be a string"},
		"env value is null":    {configtest.Source(configtest.Service(`"env": {"A": null}`)), "slipway:services.hello.env.A: is null and must be a string"},
		"env name":             {configtest.Source(configtest.Service(`"env": {"A B": "a"}`)), "slipway:services.hello.env.A B: a variable's name"},
		"env name injection":   {configtest.Source(configtest.Service(`"env": {"A=B\n": "a"}`)), "a variable's name"},
		"env PORT":             {configtest.Source(configtest.Service(`"env": {"PORT": 80}`)), "slipway:services.hello.env.PORT: is set from the port"},
		"env NUL":              {configtest.Source(configtest.Service(`"env": {"A": "\u0000"}`)), "slipway:services.hello.env.A: contains a NUL"},
		"env too big":          {configtest.Source(configtest.Service(`"env": {"A": "` + strings.Repeat("a", 65_000) + `"}`)), tooBig},
		"env too big as JSON":  {configtest.Source(configtest.Service(`"env": {"A": "` + strings.Repeat(`\n`, 32_000) + `"}`)), tooBig},
		"many variables":       {configtest.Source(configtest.Service(`"env": ` + objectOf(3000, "a"))), tooBig},
		"command too big":      {configtest.Source(configtest.Service(`"command": ["` + strings.Repeat("a", 65_000) + `"]`)), tooBig},
		"entry point too big":  {configtest.Source(configtest.Service(`"entryPoint": ["` + strings.Repeat("a", 65_000) + `"]`)), tooBig},
		"many secrets":         {configtest.Encrypted(configtest.Source(configtest.Service(`"secrets": ` + objectOf(300, "swordfish")))), tooBig},
		"secret in plain text": {configtest.Source(configtest.Service(`"secrets": {"A": "swordfish"}`)), "slipway:services.hello.secrets.A: is in plain text; run `pulumi config set --secret --path 'slipway:services.hello.secrets.A'`"},
		"secrets is text":      {configtest.Source(configtest.Service(`"secrets": "swordfish"`)), "slipway:services.hello.secrets: is a string and must be an object"},
		"secret is a list":     {configtest.Encrypted(configtest.Source(configtest.Service(`"secrets": {"A": ["swordfish"]}`))), "slipway:services.hello.secrets.A: is a list and must be a string"},
		"secret name":          {configtest.Encrypted(configtest.Source(configtest.Service(`"secrets": {"1A": "swordfish"}`))), "slipway:services.hello.secrets.1A: a variable's name"},
		"secret PORT":          {configtest.Encrypted(configtest.Source(configtest.Service(`"secrets": {"PORT": "swordfish"}`))), "slipway:services.hello.secrets.PORT: is set from the port"},
		"empty secret":         {configtest.Encrypted(configtest.Source(configtest.Service(`"secrets": {"A": ""}`))), "slipway:services.hello.secrets.A: is empty"},
		"secrets too big":      {configtest.Encrypted(configtest.Source(configtest.Service(`"secrets": {"A": "` + strings.Repeat("swordfish", 8000) + `"}`))), "slipway:services.hello.secrets: have"},
		"secrets too big JSON": {configtest.Encrypted(configtest.Source(configtest.Service(`"secrets": {"A": "` + strings.Repeat(`\n`, 33_000) + `"}`))), "slipway:services.hello.secrets: have 66008 bytes together"},
		"env and secret":       {configtest.Encrypted(configtest.Source(configtest.Service(`"env": {"A": "a"}, "secrets": {"A": "swordfish"}`))), "slipway:services.hello.secrets.A: is in env too"},
		"registry, no user":    {configtest.Encrypted(configtest.Source(configtest.Service(`"registry": {"password": "swordfish"}`))), "slipway:services.hello.registry.username: is missing"},
		"registry, no secret":  {configtest.Source(configtest.Service(`"registry": {"username": "me"}`)), "slipway:services.hello.registry.password: is missing; run `pulumi config set --secret"},
		"registry in plain":    {configtest.Source(configtest.Service(`"registry": {"username": "me", "password": "swordfish"}`)), "slipway:services.hello.registry.password: is in plain text"},
		"registry, odd type":   {configtest.Encrypted(configtest.Source(configtest.Service(`"registry": {"username": "me", "password": {"swordfish": 1}}`))), "slipway:services.hello.registry.password: is an object and must be a string"},
		"registry for ECR": {
			configtest.Encrypted(configtest.Source(strings.Replace(configtest.Service(`"registry": {"username": "me", "password": "swordfish"}`), "ghcr.io", "123456789012.dkr.ecr.eu-central-1.amazonaws.com", 1))),
			"slipway:services.hello.registry: registry and an image in Amazon ECR exclude each other",
		},

		"cidr":               {configtest.Source(configtest.Service(""), "network", `{"cidr": "10.0.0.0"}`), "slipway:network.cidr: \"10.0.0.0\": must be a CIDR block"},
		"public cidr":        {configtest.Source(configtest.Service(""), "network", `{"cidr": "8.8.0.0/16"}`), "slipway:network.cidr: "},
		"host bits":          {configtest.Source(configtest.Service(""), "network", `{"cidr": "10.0.0.1/16"}`), "slipway:network.cidr: "},
		"cidr too small":     {configtest.Source(configtest.Service(""), "network", `{"cidr": "10.0.0.0/26"}`), `slipway:network.cidr: "10.0.0.0/26": has no room for 2 subnets`},
		"one zone":           {configtest.Source(configtest.Service(""), "network", `{"zones": 1}`), "slipway:network.zones: 1: must be from 2 to 3"},
		"ipv6 is text":       {configtest.Source(configtest.Service(""), "network", `{"ipv6": "yes"}`), "slipway:network.ipv6: is a string and must be true or false"},
		"vpc":                {configtest.Source(configtest.Service(""), "network", `{"vpcId": "vpc-1", "subnetIds": {"public": ["subnet-01234567"]}}`), `slipway:network.vpcId: "vpc-1": must be the id of a VPC`},
		"vpc and cidr":       {configtest.Source(configtest.Service(""), "network", `{"vpcId": "vpc-01234567", "cidr": "10.0.0.0/16", "subnetIds": {"public": ["subnet-01234567"]}}`), "slipway:network.cidr: cidr and vpcId exclude each other: an existing network stays as it is"},
		"vpc and zones":      {configtest.Source(configtest.Service(""), "network", `{"vpcId": "vpc-01234567", "zones": 2, "subnetIds": {"public": ["subnet-01234567"]}}`), "slipway:network.zones: zones and vpcId exclude"},
		"vpc alone":          {configtest.Source(configtest.Service(""), "network", `{"vpcId": "vpc-01234567"}`), "slipway:network.subnetIds: is missing; it names subnets of the VPC: public ones"},
		"empty subnets":      {configtest.Source(configtest.Service(""), "network", `{"vpcId": "vpc-01234567", "subnetIds": {}}`), "slipway:network.subnetIds: names no subnets: it takes those of the tasks"},
		"no public subnets":  {configtest.Source(configtest.Service(""), "network", `{"vpcId": "vpc-01234567", "subnetIds": {"tasks": ["subnet-01234567"]}}`), "slipway:network.subnetIds.public: is missing; it names at least two subnets for the load"},
		"subnets alone":      {configtest.Source(configtest.Service(""), "network", `{"subnetTags": {"tasks": {"Tier": "private"}}}`), "slipway:network.vpcId: is missing; it is the VPC of the subnets"},
		"subnet":             {configtest.Source(configtest.Service(""), "network", `{"vpcId": "vpc-01234567", "subnetIds": {"public": ["subnet-01234567", "sub"]}}`), `slipway:network.subnetIds.public[1]: "sub": must be the id of a subnet`},
		"subnet twice":       {configtest.Source(configtest.Service(""), "network", `{"vpcId": "vpc-01234567", "subnetIds": {"public": ["subnet-01234567", "subnet-01234567"]}}`), `slipway:network.subnetIds.public[1]: "subnet-01234567": is listed more than once`},
		"both subnets":       {configtest.Source(configtest.Service(""), "network", `{"vpcId": "vpc-01234567", "subnetIds": {"public": ["subnet-01234567"]}, "subnetTags": {"public": {"A": "b"}}}`), "slipway:network.subnetTags.public: subnetIds and subnetTags exclude each other"},
		"other subnets":      {configtest.Source(configtest.Service(""), "network", `{"vpcId": "vpc-01234567", "subnetIds": {"private": ["subnet-01234567"]}}`), "slipway:network.subnetIds.private: unknown key"},
		"egress":             {configtest.Source(configtest.Service(""), "network", `{"egress": "none"}`), `slipway:network.egress: "none": must be public, ipv6, nat or nat-per-zone`},
		"egress ipv6":        {configtest.Source(configtest.Service(`"exec": true`), "network", `{"egress": "ipv6"}`), "slipway:services.hello.exec: does not work with network.egress ipv6"},
		"ipv6 platform":      {configtest.Source(`{}`, "network", `{"egress": "ipv6"}`, "loadBalancer", `{"hostnames": ["*.example.com"]}`), "slipway:network.egress: ipv6 is for a stack of services"},
		"no IPv6 registry":   {configtest.Source(configtest.Service(""), "network", `{"egress": "ipv6"}`), `slipway:services.hello.image: "` + configtest.Image + `": is in a registry without IPv6 addresses`},
		"a job's registry":   {configtest.Source(`{}`, "jobs", `{"purge": {"image": "`+configtest.Image+`"}}`, "network", `{"egress": "ipv6"}`), "slipway:jobs.purge.image: "},
		"ipv6 without ipv6":  {configtest.Source(configtest.Service(""), "network", `{"ipv6": false, "egress": "ipv6"}`), `slipway:network.egress: "ipv6": needs network.ipv6 true`},
		"no room for egress": {configtest.Source(configtest.Service(""), "network", `{"cidr": "10.0.0.0/23", "egress": "nat"}`), `slipway:network.cidr: "10.0.0.0/23": has no room for private subnets`},
		"flow logs":          {configtest.Source(configtest.Service(""), "network", `{"flowLogs": {"retentionDays": 8}}`), "slipway:network.flowLogs.retentionDays: 8: CloudWatch Logs keeps logs for one of"},
		"balancer":           {configtest.Source(configtest.Service(""), "loadBalancer", `{"arn": "web"}`), `slipway:loadBalancer.arn: "web": must be the ARN of an application load balancer`},
		"balancer alone":     {configtest.Source(configtest.Service(""), "loadBalancer", `{"arn": "`+someBalancer+`"}`), "slipway:loadBalancer.arn: needs network.vpcId: a load balancer reaches only tasks in its own VPC"},
		"balancer and idle":  {configtest.Source(configtest.Service(""), "loadBalancer", `{"arn": "`+someBalancer+`", "idleTimeout": 60}`), "slipway:loadBalancer.idleTimeout: idleTimeout and arn exclude each other: an existing load balancer stays as it is"},
		"balancer and names": {configtest.Source(configtest.Service(""), "loadBalancer", `{"arn": "`+someBalancer+`", "hostnames": ["a.example.com"]}`), "slipway:loadBalancer.hostnames: hostnames and arn exclude"},
		"certificate":        {configtest.Source(configtest.Service(""), "loadBalancer", `{"certificateArn": "web"}`), `slipway:loadBalancer.certificateArn: "web": must be the ARN of a certificate of ACM`},
		"cluster":            {configtest.Source(configtest.Service(""), "cluster", `{"name": "my cluster"}`), `slipway:cluster.name: "my cluster": must be the name of an ECS cluster`},
		"cluster, insights":  {configtest.Source(configtest.Service(""), "cluster", `{"name": "main", "insights": false}`), "slipway:cluster.insights: insights and name exclude each other"},
		"unknown in network": {configtest.Source(configtest.Service(""), "network", `{"nat": true}`), "slipway:network.nat: unknown key"},
		"ttl":                {configtest.Source(configtest.Service(""), "dns", `{"ttl": 59}`), "slipway:dns.ttl: 59: must be from 60 to 86400"},
		"ttl and proxied":    {configtest.Source(configtest.Service(""), "dns", `{"ttl": 60, "proxied": true}`), "slipway:dns.ttl: ttl and proxied exclude each other"},
		"idle time-out":      {configtest.Source(configtest.Service(""), "loadBalancer", `{"idleTimeout": 0}`), "slipway:loadBalancer.idleTimeout: "},
		"old TLS":            {configtest.Source(configtest.Service(""), "loadBalancer", `{"sslPolicy": "ELBSecurityPolicy-2016-08"}`), "slipway:loadBalancer.sslPolicy: "},
		"retention":          {configtest.Source(configtest.Service(""), "logs", `{"retentionDays": 31}`), "slipway:logs.retentionDays: 31: CloudWatch Logs keeps logs for one of"},
		"own tag":            {configtest.Source(configtest.Service(""), "tags", `{"Stack": "x"}`), "slipway:tags.Stack: is set by the program as Stack, and IAM ignores the case of keys; choose another key"},
		"own tag, lower":     {configtest.Source(configtest.Service(""), "tags", `{"project": "x"}`), "slipway:tags.project: is set by the program as Project, and IAM ignores the case of keys; choose another key"},
		"tags by case":       {configtest.Source(configtest.Service(""), "tags", `{"CostCenter": "x", "costcenter": "y"}`), "slipway:tags.costcenter: is the same key as CostCenter to IAM, which ignores the case of keys; choose another"},
		"reserved tag":       {configtest.Source(configtest.Service(""), "tags", `{"AWS:x": "x"}`), "slipway:tags.AWS:x: "},
		"long tag":           {configtest.Source(configtest.Service(""), "tags", `{"a": "`+strings.Repeat("a", 257)+`"}`), "slipway:tags.a: "},
		"tag with a control": {configtest.Source(configtest.Service(""), "tags", `{"a": "\n"}`), "slipway:tags.a: "},
		"many tags":          {configtest.Source(configtest.Service(""), "tags", objectOf(47, "value")), "slipway:tags: there are 47 tags; at most 46"},
		"boundary's name":    {configtest.Source(configtest.Service(""), "permissionsBoundary", "slipway-boundary"), `slipway:permissionsBoundary: "slipway-boundary": must be the ARN of a managed policy`},
		"boundary is a role": {configtest.Source(configtest.Service(""), "permissionsBoundary", "arn:aws:iam::123456789012:role/slipway"), "slipway:permissionsBoundary: "},
		"stack name":         {settings.Source{Project: "slipway", Stack: "a.b", Values: configtest.Source(configtest.Service("")).Values}, `stack: name "a.b": `},
		"long stack name":    {settings.Source{Project: "slipway", Stack: long[:25], Values: configtest.Source(configtest.Service("")).Values}, "stack: name "},
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
	t.Parallel()
	_, err := Read(configtest.Source(`{"hello": {"image": "x", "port": 0, "cpu": 1}, "Other": {}}`, "domain", "x", "network", `{"zones": 9}`, "bogus", "1"))
	want := []string{
		"config of stack dev:",
		"slipway:bogus: ", "slipway:domain: ", "slipway:network.zones: ",
		"slipway:services.Other.image: ", "slipway:services.Other: ",
		"slipway:services.hello.cpu: ", "slipway:services.hello.image: ", "slipway:services.hello.port: ",
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
	t.Parallel()
	_, err := Read(configtest.Source(configtest.Service(`"secrets": {"1.b": "swordfish"}`)))
	if want := "config of stack dev:\nslipway:services.hello.secrets[\"1.b\"]: a variable's name is letters, digits, underscores, dots and hyphens, beginning with a letter or an underscore"; fmt.Sprint(err) != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// Any config is read without a panic, no secret shows, and what passes is within the bounds.
func TestConfigProperties(t *testing.T) {
	t.Parallel()
	scalar := rapid.OneOf(
		rapid.Map(rapid.IntRange(-1, 130), func(n int) any { return n }),
		rapid.SampledFrom([]any{nil, true, "", "a", "/a/*", "hello.example.com", "*.example.com", configtest.Image, 256, 512, 1024, 1.5, "arm64", []any{}, map[string]any{}}),
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
		for required, usual := range map[string]any{"image": configtest.Image, "hostnames": []any{"hello.example.com"}} {
			if _, drawn := members[required]; !drawn {
				members[required] = usual
			}
		}
		members["secrets"] = map[string]any{"TOKEN": "swordfish", "OTHER": value.Draw(t, "secret")}
		services, err := json.Marshal(map[string]any{"hello": members})
		if err != nil {
			t.Fatal(err)
		}
		s := configtest.Source(string(services))
		if rapid.Bool().Draw(t, "encrypted") {
			s = configtest.Encrypted(s)
		}
		c, err := Read(s)
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
		hello := c.Services[0]
		if len(s.SecretKeys) == 0 {
			t.Fatal("a secret in plain text passes")
		}
		if err := spec.CheckFargateMemory(hello.Size.CPU, hello.Size.Memory); err != nil {
			t.Fatal(err)
		}
		if hello.URL() == "" || len(c.Routes()) != len(hello.Hostnames)*len(hello.Paths) {
			t.Fatalf("URL %s, routes %v", hello.URL(), c.Routes())
		}
	})
}

// A wrong value under a key with Pulumi secrets is reported without the value, wherever it stands.
func TestSecretTextsDoNotShow(t *testing.T) {
	t.Parallel()
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
		"zoneId": text, "network": object("cidr", "ipv6", "zones", "vpcId", "subnetIds", "egress"), "dns": object("ttl", "proxied"), "logs": object("retentionDays"),
		"loadBalancer": object("sslPolicy", "idleTimeout"), "tags": object("A", "Name", "*"),
		"services": of(map[string]*rapid.Generator[any]{"hello": service, "other": service}),
	})
	rapid.Check(t, func(t *rapid.T) {
		s := configtest.Source("")
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
		_, err := Read(s)
		for _, planted := range []string{"swordfish", "SWORDFISH", ".77."} {
			if strings.Contains(fmt.Sprint(err), planted) {
				t.Fatalf("a secret shows: %v", err)
			}
		}
	})
}

// A route that two services share, or that one service has twice, is valid by itself. The error shows it if the stack's file has it in
// plain text, and not if it may be encrypted.
func TestSecretRoutesDoNotShow(t *testing.T) {
	t.Parallel()
	shared := configtest.Source(`{"a": {"image": "` + configtest.Image + `", "hostnames": ["swordfish.example.com"]}, ` +
		`"b": {"image": "` + configtest.Image + `", "hostnames": ["swordfish.example.com"]}}`)
	twice := secretive(configtest.Source(configtest.Service(`"paths": ["/swordfish", "/swordfish"]`)))
	for _, s := range []settings.Source{
		secretive(shared),
		configtest.EncryptedAt(shared, "services.a.hostnames.0", "services.b.hostnames.0"),
		twice,
	} {
		_, err := Read(s)
		if err == nil || strings.Contains(err.Error(), "swordfish") {
			t.Errorf("%v, want an error that does not show the route", err)
		}
	}
	if _, err := Read(twice); err == nil || !strings.Contains(err.Error(), "[secret]: is ") {
		t.Errorf("%v, want an error that says that the route is not shown", err)
	}
	if _, err := Read(configtest.Encrypted(shared)); err == nil || !strings.Contains(err.Error(), `slipway:services.b: "swordfish.example.com/*": is among`) {
		t.Errorf("%v, want an error that shows the route", err)
	}
}

// A misspelt name is one mistake.
func TestMisspeltNamesAreNotMissingBesides(t *testing.T) {
	t.Parallel()
	misspelt := func(name, as string) string {
		return strings.Replace(configtest.Service(""), `"`+name+`"`, `"`+as+`"`, 1)
	}
	for _, test := range []struct {
		source settings.Source
		want   string
	}{
		{configtest.Source(misspelt("hostnames", "hostname")), "slipway:services.hello.hostname: unknown key; did you mean hostnames?"},
		{configtest.Source(misspelt("image", "Image")), "slipway:services.hello.Image: unknown key; did you mean image?"},
		{configtest.Source(configtest.Service(`"before": {"comand": ["migrate"]}`)), "slipway:services.hello.before.comand: unknown key; did you mean command?"},
		{configtest.Source(configtest.Service(`"canary": {"images": "x"}`)), "slipway:services.hello.canary.images: unknown key; did you mean image?"},
		{configtest.Source("", "servcies", configtest.Service("")), "slipway:servcies: unknown key; did you mean services?"},
	} {
		_, err := Read(test.source)
		if want := "config of stack dev:\n" + test.want; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	// An unknown key with another meaning does not hide that a key is missing.
	_, err := Read(configtest.Source(misspelt("image", "colour")))
	for _, want := range []string{"hello.image: is missing", "hello.colour: unknown key; known here are"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Numbers and booleans are settings, and stay visible next to secrets.
func TestNumbersShowBesideSecrets(t *testing.T) {
	t.Parallel()
	_, err := Read(configtest.Encrypted(configtest.Source(configtest.Service(`"port": 70000, "secrets": {"A": "swordfish"}`))))
	if want := "slipway:services.hello.port: 70000: must be from 1 to 65535"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want an error with %q", err, want)
	}
}

func TestQuotaWarnings(t *testing.T) {
	t.Parallel()
	hostnames := func(n int) string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf(`"h%d.example.com"`, i)
		}
		return strings.Replace(configtest.Service(""), `"hello.example.com"`, strings.Join(names, ", "), 1)
	}
	for n, want := range map[int]int{11: 0, 99: 0, 100: 1, 260: 1, 261: 2} {
		c, err := Read(configtest.Source(hostnames(n)))
		if err != nil {
			t.Fatal(err)
		}
		if warnings := c.Warnings(); len(warnings) != want {
			t.Errorf("%d host names: %v", n, warnings)
		}
	}
}

func TestSecretDoesNotShow(t *testing.T) {
	t.Parallel()
	s := newSecret("swordfish")
	encoded, err := json.Marshal(map[string]any{"pointer": &s, "value": s})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("message", "secret", s, "pointer", &s)
	for _, shown := range []string{
		string(encoded), log.String(), fmt.Sprintf("%v %+v %#v", &Registry{Password: s}, Registry{Password: s}, Registry{Password: s}), fmt.Sprint(s, &s), fmt.Sprintf("%v %+v %#v %s %q %x %d", s, s, s, s, s, s, s), fmt.Sprintf("%+v", struct{ S Secret }{s}),
	} {
		if strings.Contains(shown, "swordfish") || strings.Contains(shown, fmt.Sprintf("%x", "swordfish")) {
			t.Errorf("it shows: %s", shown)
		}
	}
}

// Fargate Spot should not run a service's only task.
func TestSpotWarning(t *testing.T) {
	t.Parallel()
	for members, want := range map[string]int{
		`"capacity": {"fargateSpot": {"weight": 1}}`:                                             1,
		`"capacity": {"fargateSpot": {"weight": 1}}, "scaling": {"min": 1, "max": 9, "cpu": 50}`: 1,
		`"capacity": {"fargateSpot": {"weight": 1}}, "instanceCount": 2`:                         0,
		`"capacity": {"fargate": {"base": 1}, "fargateSpot": {"weight": 1}}`:                     0,
		`"capacity": {"fargateSpot": {"weight": 1}}, "scaling": {"min": 2, "max": 9, "cpu": 50}`: 0,
	} {
		c, err := Read(configtest.Source(configtest.Service(members)))
		if err != nil {
			t.Fatal(err)
		}
		if warnings := c.Warnings(); len(warnings) != want {
			t.Errorf("%s: %v", members, warnings)
		}
	}
}

// A wrong region is refused; without one, the environment decides.
func TestRegions(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"eu-central-1": "", "us-gov-west-1": "", "eusc-de-east-1": "", "ap-southeast-7": "",
		"":              "aws:region: is empty; run `pulumi config set aws:region eu-central-1`, or `pulumi config rm aws:region` for the environment's",
		"eu-central-1a": `aws:region: "eu-central-1a": is an availability zone; its region is without the last letter`,
		"eu-central1":   `aws:region: "eu-central1": is not the name of a region, such as eu-central-1`,
		"Frankfurt":     `aws:region: "Frankfurt": is not the name of a region, such as eu-central-1`,
	} {
		s := configtest.Source(configtest.Service(""))
		s.Values["aws:region"] = region
		_, err := Read(s)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != "config of stack dev:\n"+want) {
			t.Errorf("%q: %v\nwant %s", region, err, want)
		}
	}
	s := configtest.Source(configtest.Service(""))
	delete(s.Values, "aws:region")
	if _, err := Read(s); err != nil {
		t.Errorf("no region: %v", err)
	}
}

// A service can have only wildcards; its URL then has a name that one matches.
func TestWildcardsAlone(t *testing.T) {
	t.Parallel()
	c, err := Read(configtest.Source(strings.Replace(configtest.Service(`"paths": ["/v?/*"]`), "hello.example.com", "*.tenants.example.com", 1)))
	if err != nil {
		t.Fatal(err)
	}
	hello := c.Services[0]
	if got := hello.URL(); got != "https://any.tenants.example.com/v" {
		t.Errorf("it is found at %s", got)
	}
	if err := hello.reachedAt(c.Routes(), "/v1/x"); err != nil {
		t.Error(err)
	}
}

// Settings that AWS, Cloudflare or people may read differently cause a warning.
func TestRouteWarnings(t *testing.T) {
	t.Parallel()
	const deep = " is more than one label below example.com and goes through Cloudflare, whose Universal SSL has no certificate for it: " +
		"clients get a TLS error unless the zone has an advanced certificate"
	on := func(hostname, members string) string {
		return strings.Replace(configtest.Service(members), "hello.example.com", hostname, 1)
	}
	const proxied = `{"proxied": true}`
	for name, test := range map[string]struct {
		services, dns, want string
	}{
		"nothing":           {configtest.Service(`"port": 1024, "paths": ["/", "/a"]`), proxied, ""},
		"the apex":          {on("example.com", ""), proxied, ""},
		"a wildcard":        {on("*.example.com", ""), proxied, ""},
		"deep":              {on("a.dev.example.com", ""), "", ""},
		"deep and proxied":  {on("a.dev.example.com", ""), proxied, "a.dev.example.com of service hello" + deep},
		"wildcard, proxied": {on("*.dev.example.com", ""), proxied, "*.dev.example.com of service hello" + deep},
		"port": {configtest.Service(`"port": 80`), "", "service hello listens on port 80: Fargate lets the user of its tasks listen only on ports from 1024, " +
			"unless the image's program has the capability cap_net_bind_service; choose another port"},
		"root path": {configtest.Service(`"paths": ["/"]`), "", "service hello has only the path /, and nothing below it; for every path leave paths out, or write /*"},
	} {
		c, err := Read(configtest.Source(test.services, "dns", test.dns))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := strings.Join(c.Warnings(), "\n"); got != test.want {
			t.Errorf("%s: %s\nwant %s", name, got, test.want)
		}
	}
}

func TestAnExistingNetwork(t *testing.T) {
	t.Parallel()
	c, err := Read(configtest.Source(configtest.Service(""), "network",
		`{"vpcId": "vpc-01234567", "subnetIds": {"public": ["subnet-01234567", "subnet-89abcdef"]}, "subnetTags": {"tasks": {"Tier": "private", "N": 1}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := spec.ExistingNetwork{
		VPCID: "vpc-01234567", Public: spec.Subnets{IDs: []string{"subnet-01234567", "subnet-89abcdef"}, Tags: map[string]string{}},
		Tasks: spec.Subnets{Tags: map[string]string{"Tier": "private", "N": "1"}},
	}
	if c.ExistingNetwork == nil || !reflect.DeepEqual(*c.ExistingNetwork, want) {
		t.Errorf("got %+v, want %+v", c.ExistingNetwork, want)
	}
	// Workers need no public subnets.
	if _, err := Read(configtest.Source(`{"worker": {"image": "`+configtest.Image+`"}}`, "network", `{"vpcId": "vpc-01234567", "subnetIds": {"tasks": ["subnet-01234567"]}}`)); err != nil {
		t.Error(err)
	}
}

const someBalancer = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/web/0123456789abcdef"

func TestAnExistingLoadBalancer(t *testing.T) {
	t.Parallel()
	const certificate = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
	// Its subnets are its own, and the stack needs only those of its tasks.
	c, err := Read(configtest.Source(configtest.Service(""), "network", `{"vpcId": "vpc-01234567", "subnetIds": {"tasks": ["subnet-01234567"]}}`,
		"loadBalancer", `{"arn": "`+someBalancer+`", "certificateArn": "`+certificate+`"}`, "cluster", `{"name": "main"}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.LoadBalancerARN != someBalancer || c.CertificateARN != certificate || c.Cluster != "main" || c.Sharer != spec.Sharer("slipway", "dev") {
		t.Errorf("got %+v", c)
	}
	own, err := Read(configtest.Source(configtest.Service("")))
	if err != nil || own.LoadBalancerARN+own.CertificateARN+own.Cluster+own.Sharer != "" {
		t.Errorf("a stack with all its own has %+v, %v", own, err)
	}
}
