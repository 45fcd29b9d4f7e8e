package main

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"slipway/internal/smoke"
	"slipway/internal/stack"
	"slipway/spec"
)

func TestReadFacts(t *testing.T) {
	written := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	deployment, err := fakeStack{
		services: map[string]fakeService{
			"hello": {
				digest: digest("a"), target: digest("b"), url: "https://hello.example.com/", desired: 3,
				checks: map[string]any{"healthPath": "/up", "healthCodes": "200-299", "healthRouted": true, "paths": []string{"/"}},
			},
			"api": {digest: digest("c"), canary: digest("d"), url: "https://api.example.com/", desired: 5, scaling: []bounds{{2, 6}, {1, 4}, {3, 9}}},
			// Named like what is another's canary.
			"canary": {digest: digest("e"), canary: digest("f"), url: "https://canary.example.com/", desired: 1},
		},
		pending: []string{"hello"}, written: written, touched: written, resources: 2,
	}.deployment("prod")
	if err != nil {
		t.Fatal(err)
	}
	f := readFacts(deployment, stack.Domains{"example.com"})

	image := func(service, letter string) spec.Image {
		return spec.Image{Registry: "registry.example.com", Repository: service, Digest: digest(letter)}
	}
	want := []service{
		{name: "api", url: "https://api.example.com/", image: image("api", "c"), target: image("api", "c"), canary: image("api", "d"), desired: 5, scaling: bounds{1, 9}},
		{name: "canary", url: "https://canary.example.com/", image: image("canary", "e"), target: image("canary", "e"), canary: image("canary", "f"), desired: 1},
		{
			name: "hello", url: "https://hello.example.com/", image: image("hello", "a"), target: image("hello", "b"), desired: 3,
			checks: smoke.Checks{HealthPath: "/up", HealthCodes: "200-299", HealthRouted: true, Paths: []string{"/"}},
		},
	}
	if !reflect.DeepEqual(f.services, want) {
		t.Errorf("the services are %+v, want %+v", f.services, want)
	}
	if f.region != "eu-central-1" || f.account != "123456789012" {
		t.Errorf("it is in %s of %s", f.region, f.account)
	}
	// The stack, 3 services and 2 canaries, a task definition of each, what scales, 2 others; neither the provider nor what
	// is only to be deleted.
	if f.resources != 16 {
		t.Errorf("there are %d resources, want 16", f.resources)
	}
	if !f.written.Equal(written) {
		t.Errorf("it was written at %s", f.written)
	}
	if want := []operation{{"updating", "aws:ecs:Service", "prod-hello"}}; !reflect.DeepEqual(f.pending, want) {
		t.Errorf("what is pending is %v, want %v", f.pending, want)
	}
	if all := fmt.Sprintf("%+v", f); strings.Contains(all, secret) {
		t.Errorf("the facts hold the secret: %s", all)
	}
}

// Whoever may write a stack's state chooses whom it has the page ask.
func TestFactsOfAStrangersState(t *testing.T) {
	for name, f := range map[string]fakeService{
		"a URL of this machine":      {url: "http://127.0.0.1:9000/x"},
		"a URL of somebody else":     {url: "https://hello.example.com.evil.test/"},
		"a path that is another URL": {url: "https://hello.example.com/", checks: map[string]any{"versionPath": "@evil.test/"}},
		"codes that are none":        {url: "https://hello.example.com/", checks: map[string]any{"healthCodes": "all"}},
	} {
		deployment, err := fakeStack{services: map[string]fakeService{"hello": f}}.deployment("pr-7")
		if err != nil {
			t.Fatal(err)
		}
		if got := readFacts(deployment, stack.Domains{"example.com"}).services[0]; got.refused == "" {
			t.Errorf("%s is asked for: %+v", name, got)
		}
	}
	// Checks that are not even of the right form are none.
	for _, checks := range []any{"text", []any{1}, map[string]any{"hello": 7}, map[string]any{"hello": map[string]any{"paths": "/"}}} {
		if got := checksIn(checks); len(got) != 0 {
			t.Errorf("%v is taken for %v", checks, got)
		}
	}
}

func TestTextMapOfASecret(t *testing.T) {
	encrypted := map[string]any{"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:…"}
	if got := textMap(encrypted); len(got) != 0 {
		t.Errorf("a secret is taken for a map: %v", got)
	}
}

func TestPlace(t *testing.T) {
	for id, want := range map[string]string{
		"arn:aws:ecs:eu-central-1:123456789012:service/a/b": "eu-central-1 123456789012",
		"arn:aws:iam::123456789012:role/x":                  "", // IAM is in no region
		"arn:aws:s3:::bucket":                               "",
		"vpc-1":                                             "",
		"":                                                  "",
	} {
		region, account, _ := place(id)
		if got := strings.TrimSpace(region + " " + account); got != want {
			t.Errorf("%q is in %q, want %q", id, got, want)
		}
	}
}

func TestProgress(t *testing.T) {
	began := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	touched := func(before, after int) []time.Time {
		var all []time.Time
		for range before {
			all = append(all, began.Add(-time.Hour))
		}
		for range after {
			all = append(all, began.Add(time.Second))
		}
		return all
	}
	deleting := []operation{{Verb: "deleting", Kind: "aws:ec2:Vpc"}}
	for name, test := range map[string]struct {
		facts       facts
		before      int
		want        string
		done, total int
	}{
		"begun":             {facts{resources: 47, touched: touched(47, 0)}, 47, "nothing changed so far", 0, 0},
		"first update":      {facts{resources: 31, touched: touched(0, 31)}, 0, "31 resources made so far", 0, 0},
		"first resource":    {facts{resources: 1, touched: touched(0, 1)}, 0, "1 resource made so far", 0, 0},
		"update":            {facts{resources: 48, touched: touched(46, 2)}, 47, "2 of 48 resources changed so far", 0, 0},
		"seen when it ran":  {facts{resources: 48, touched: touched(46, 2)}, 0, "2 of 48 resources changed so far", 0, 0},
		"destroy":           {facts{resources: 19, touched: touched(19, 0), pending: deleting}, 47, "19 of 47 resources left", 28, 47},
		"destroy, begun":    {facts{resources: 47, touched: touched(47, 0), pending: deleting}, 47, "deleting", 0, 0},
		"update that drops": {facts{resources: 40, touched: touched(38, 2)}, 47, "2 of 40 resources changed so far", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := progressOf(test.facts, running{after: began, before: test.before})
			if p.sentence != test.want || p.done != test.done || p.total != test.total {
				t.Errorf("it is %q, %d of %d; want %q, %d of %d", p.sentence, p.done, p.total, test.want, test.done, test.total)
			}
		})
	}
}

func TestProgressTellsOfServicesFirst(t *testing.T) {
	pending := []operation{{"creating", "aws:ec2:Vpc", "a"}, {"updating", "aws:ecs:Service", "b"}, {"creating", "aws:iam:Role", "c"}}
	got := progressOf(facts{pending: pending}, running{}).pending
	if got[0].Name != "b" || got[1].Name != "a" {
		t.Errorf("the order is %v", got)
	}
	if pending[0].Name != "a" {
		t.Error("the facts, which others read, were changed")
	}
}
