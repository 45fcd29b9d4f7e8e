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

var writeYesterday = flag.String("write-yesterday", "", "write down in `FILE` what the program registers, for later ones to be held against")

// yesterdays are what the program registered some time ago, by [place], with the inputs:
//
//   - yesterday.json before listener rules were resources of their own
//
//go:embed testdata
var yesterdays embed.FS

// yesterday returns the config of a stack with every kind of resource.
func yesterday() settings.Source {
	return configtest.Encrypted(configtest.Source(`{
		"web": {"image": "`+configtest.Image+`", "hostnames": ["example.com", "www.example.com", "*.web.example.com"],
			"secrets": {"TOKEN": "swordfish"}, "registry": {"username": "me", "password": "swordfish"},
			"instanceCount": 4, "canary": {"image": "`+configtest.Image+`", "weight": 50}},
		"api": {"image": "`+configtest.Image+`", "hostnames": ["www.example.com"], "paths": ["/api/*"],
			"scaling": {"max": 4, "cpu": 60, "schedule": {"night": {"at": "cron(0 22 * * ? *)", "max": 1}}}}
	}`, "network", `{"zones": 3}`))
}

// place is what an engine finds a resource by in one stack: its parents' types, its type and its name.
func place(parent, token, name string) string {
	if urn := resource.URN(parent); urn.IsValid() && urn.Type() != resource.RootStackType {
		token = string(urn.QualifiedType()) + "$" + token
	}
	return token + "::" + name
}

// sameToTheProvider are the inputs that the program gives otherwise now, by kind, and in which the provider sees no change.
var sameToTheProvider = map[string][]string{
	"aws:acm/certificate:Certificate":  {"subjectAlternativeNames"}, // it adds the first name itself (resourceCertificateCreate's CustomizeDiff)
	"aws:lb/listenerRule:ListenerRule": {"priority"},                // a rule that is there keeps its number, which only AWS tells
}

// A stack that was brought up before updates in place: each of its resources is found, by its URN or by an alias, and has the same inputs.
func (p Program) testStackOfYesterdayUpdatesInPlace(t *testing.T) {
	var cloud mocks.Cloud
	if _, err := p.Deploy(&cloud, yesterday()); err != nil {
		t.Fatal(err)
	}
	type registered struct {
		kind   string
		inputs map[string]any
	}
	today, found := make(map[string]map[string]any), make(map[string]registered)
	for _, r := range cloud.Resources() {
		inputs := make(map[string]any)
		if err := json.Unmarshal([]byte(mocks.JSON(r.Inputs)), &inputs); err != nil {
			t.Fatal(err)
		}
		at := place(r.RPC.GetParent(), r.Type, r.Name)
		today[at], found[at] = inputs, registered{r.Type, inputs}
		for _, alias := range r.RPC.GetAliases() {
			if spec := alias.GetSpec(); spec.GetName() != "" {
				parent := r.RPC.GetParent()
				if spec.GetParentUrn() != "" {
					parent = spec.GetParentUrn()
				}
				found[place(parent, r.Type, spec.GetName())] = registered{r.Type, inputs}
			}
		}
	}
	if *writeYesterday != "" {
		text, err := json.MarshalIndent(today, "", " ")
		if err == nil {
			err = os.WriteFile(*writeYesterday, append(text, '\n'), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := yesterdays.ReadFile("testdata/yesterday.json")
	if err != nil {
		t.Fatal(err)
	}
	var before map[string]map[string]any
	if err := json.Unmarshal(text, &before); err != nil {
		t.Fatal(err)
	}
	for _, at := range slices.Sorted(maps.Keys(before)) {
		now, there := found[at]
		if !there {
			t.Errorf("%s would be deleted", at)
			continue
		}
		for property, value := range before[at] {
			if !slices.Contains(sameToTheProvider[now.kind], property) && !reflect.DeepEqual(now.inputs[property], value) {
				t.Errorf("%s of %s would change from %v to %v", property, at, value, now.inputs[property])
			}
		}
	}
}
