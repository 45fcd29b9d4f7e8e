package programtest

import (
	"embed"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"slipway/components/mocks"
	"slipway/config/configtest"
	"slipway/internal/settings"
)

var writeYesterday = flag.String("write-yesterday", "", "write to `FILE` what the program registers for the last of the yesterdays, to compare later programs with")

// A yesterday has what an earlier program registered.
type yesterday struct {
	file   string // its resources' inputs, by [place]
	config func() settings.Source
	// exact says that no resource and no input is new.
	exact bool
}

// yesterdays are the earlier programs whose stacks still exist.
var yesterdays = []yesterday{
	{file: "yesterday.json", config: beforeRoutes}, // before listener rules were separate resources
	{file: "d119c6a.json", config: beforeWorkloads, exact: true},
}

//go:embed testdata
var testdata embed.FS

func beforeRoutes() settings.Source {
	return configtest.Encrypted(configtest.Source(`{
		"web": {"image": "`+configtest.Image+`", "hostnames": ["example.com", "www.example.com", "*.web.example.com"],
			"secrets": {"TOKEN": "swordfish"}, "registry": {"username": "me", "password": "swordfish"},
			"instanceCount": 4, "canary": {"image": "`+configtest.Image+`", "weight": 50}},
		"api": {"image": "`+configtest.Image+`", "hostnames": ["www.example.com"], "paths": ["/api/*"],
			"scaling": {"max": 4, "cpu": 60, "schedule": {"night": {"at": "cron(0 22 * * ? *)", "max": 1}}}}
	}`, "network", `{"zones": 3}`))
}

func beforeWorkloads() settings.Source {
	const api = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/api@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	return configtest.Encrypted(configtest.Source(`{
		"web": {"image": "`+configtest.Image+`", "hostnames": ["example.com", "www.example.com", "*.web.example.com"], "paths": ["/*", "/v?/*"],
			"env": {"A": "a"}, "secrets": {"TOKEN": "swordfish"}, "registry": {"username": "me", "password": "swordfish"},
			"entryPoint": ["/web"], "command": ["serve"], "port": 3000, "cpu": 512, "memory": 1024, "architecture": "arm64",
			"instanceCount": 4, "canary": {"image": "`+configtest.Image+`", "weight": 50, "header": "X-Version: next"},
			"healthCheck": {"path": "/up", "codes": "200-299", "interval": 10, "gracePeriod": 0},
			"capacity": {"fargate": {"base": 1, "weight": 1}, "fargateSpot": {"weight": 1}},
			"deployment": {"minimumHealthyPercent": 50, "maximumPercent": 200, "alarms": true, "errorPercent": 2, "drain": "websocket"},
			"before": {"command": ["migrate"], "image": "ghcr.io/migrate@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}},
		"api": {"image": "`+api+`", "hostnames": ["www.example.com"], "paths": ["/api/*"],
			"scaling": {"max": 4, "cpu": 60, "memory": 70, "requests": 600, "schedule": {"night": {"at": "cron(0 22 * * ? *)", "max": 1}}}},
		"plain": {"image": "`+configtest.Image+`", "deregistrationDelay": 30, "stopTimeout": 60, "hostnames": [
			"a.example.com", "b.example.com", "c.example.com", "d.example.com", "e.example.com", "f.example.com", "g.example.com", "h.example.com"]}
	}`, "network", `{"zones": 3}`, "loadBalancer", `{"idleTimeout": 120, "deletionProtection": true}`, "dns", `{"ttl": 300}`,
		"logs", `{"retentionDays": 7}`, "tags", `{"Team": "web"}`, "permissionsBoundary", testBoundary))
}

// place identifies a resource in a stack: its parents' types, its type and its name.
func place(parent, token, name string) string {
	if urn := resource.URN(parent); urn.IsValid() && urn.Type() != resource.RootStackType {
		token = string(urn.QualifiedType()) + "$" + token
	}
	return token + "::" + name
}

// sameToTheProvider are the inputs, by kind, that the program changed without a change for the provider.
var sameToTheProvider = map[string][]string{
	"aws:acm/certificate:Certificate":  {"subjectAlternativeNames"}, // it adds the first name itself (resourceCertificateCreate's CustomizeDiff)
	"aws:lb/listenerRule:ListenerRule": {"priority"},                // an existing rule keeps its number, which only AWS knows
	"aws:lb/targetGroup:TargetGroup":   {"ipAddressType"},           // it is computed, and every group had the default (resourceTargetGroup's Schema)
}

// registered is a resource that the program registers today.
type registered struct {
	kind   string
	inputs map[string]any
	places []string // where an engine looks for it: its place, and those of its aliases
}

// register returns the resources that the program registers with a config.
func (p Program) register(t *testing.T, source settings.Source) []registered {
	t.Helper()
	var cloud mocks.Cloud
	if _, err := p.Deploy(&cloud, source); err != nil {
		t.Fatal(err)
	}
	var all []registered
	for _, r := range cloud.Resources() {
		today := registered{r.Type, make(map[string]any), []string{place(r.RPC.GetParent(), r.Type, r.Name)}}
		if err := json.Unmarshal([]byte(mocks.JSON(r.Inputs)), &today.inputs); err != nil {
			t.Fatal(err)
		}
		for _, alias := range r.RPC.GetAliases() {
			if spec := alias.GetSpec(); spec.GetName() != "" {
				parent := r.RPC.GetParent()
				if spec.GetParentUrn() != "" {
					parent = spec.GetParentUrn()
				}
				today.places = append(today.places, place(parent, r.Type, spec.GetName()))
			}
		}
		all = append(all, today)
	}
	return all
}

// An existing stack updates in place: each of its resources is found, by its URN or by an alias, and has the same inputs.
func (p Program) testStackOfYesterdayUpdatesInPlace(t *testing.T) {
	for _, y := range yesterdays {
		t.Run(y.file, func(t *testing.T) {
			text, err := testdata.ReadFile("testdata/" + y.file)
			if err != nil {
				t.Fatal(err)
			}
			var before map[string]map[string]any
			if err := json.Unmarshal(text, &before); err != nil {
				t.Fatal(err)
			}
			y.compare(t, before, p.register(t, y.config()))
		})
	}
}

// compare reports what an update would change.
func (y yesterday) compare(t *testing.T, before map[string]map[string]any, today []registered) {
	t.Helper()
	kept := make(map[string]bool)
	for _, r := range today {
		i := slices.IndexFunc(r.places, func(at string) bool { return before[at] != nil })
		if i < 0 {
			if y.exact {
				t.Errorf("%s would be created", r.places[0])
			}
			continue
		}
		at := r.places[i]
		kept[at] = true
		for property, value := range before[at] {
			if !slices.Contains(sameToTheProvider[r.kind], property) && !reflect.DeepEqual(r.inputs[property], value) {
				t.Errorf("%s of %s would change from %v to %v", property, at, value, r.inputs[property])
			}
		}
		for property, value := range r.inputs {
			if _, had := before[at][property]; y.exact && !had && !slices.Contains(sameToTheProvider[r.kind], property) {
				t.Errorf("%s of %s would be new: %v", property, at, value)
			}
		}
	}
	for _, at := range slices.Sorted(maps.Keys(before)) {
		if !kept[at] {
			t.Errorf("%s would be deleted", at)
		}
	}
}

// testWriteYesterday writes what the program registers today, if the flag is given.
func (p Program) testWriteYesterday(t *testing.T) {
	if *writeYesterday == "" {
		t.Skip("-write-yesterday is not given")
	}
	today := make(map[string]map[string]any)
	for _, r := range p.register(t, yesterdays[len(yesterdays)-1].config()) {
		today[r.places[0]] = r.inputs
	}
	text, err := json.MarshalIndent(today, "", " ")
	if err == nil {
		err = os.WriteFile(*writeYesterday, append(text, '\n'), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
