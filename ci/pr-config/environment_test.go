package main

import (
	"strings"
	"testing"
)

func TestTransform(t *testing.T) {
	const before = `
encryptionsalt: v1:salt
config:
  aws:region: eu-central-1
  cloudflare:apiToken:
    secure: v1:token
  slipway:domain: example.com
  slipway:loadBalancer:
    deletionProtection: true
    idleTimeout: 120
  slipway:permissionsBoundary: arn:aws:iam::123456789012:policy/slipway-boundary
  slipway:services:
    hello:
      image: registry/hello@sha256:old
      hostnames: [example.com, www.example.com, hello.dev.example.com, "*.dev.example.com"]
      architecture: arm64
      instanceCount: 6
      env:
        ZIP: "01234"
      secrets:
        KEY:
          secure: v1:key
    api:
      image: registry/api@sha256:runs
      architecture: arm64
      hostnames: [www.example.com]
      paths: [/api/*]
      scaling: {min: 2, max: 6, cpu: 60}
      canary:
        image: registry/api@sha256:next
        weight: 10
      deployment:
        minimumHealthyPercent: 50
        maximumPercent: 100
        alarms: true
        drain: websocket
`
	const after = `config:
  aws:region: eu-central-1
  cloudflare:apiToken:
    secure: v1:token
  slipway:domain: example.com
  slipway:loadBalancer:
    idleTimeout: 120
  slipway:permissionsBoundary: arn:aws:iam::123456789012:policy/slipway-pr-boundary
  slipway:services:
    api:
      architecture: arm64
      deployment:
        drain: websocket
      hostnames:
        - www-pr-7.example.com
      image: registry/api@sha256:runs
      instanceCount: 1
      paths:
        - /api/*
    hello:
      architecture: arm64
      env:
        ZIP: "01234"
      hostnames:
        - pr-7.example.com
        - www-pr-7.example.com
        - hello-pr-7.dev.example.com
      image: registry/hello@sha256:new
      instanceCount: 1
      secrets:
        KEY:
          secure: v1:key
encryptionsalt: v1:salt
`
	got, err := transform([]byte(before), environment{number: 7, images: map[string]string{"hello": "registry/hello@sha256:new"}})
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != after {
		t.Errorf("got\n%s\nwant\n%s", got, after)
	}
}

// On a platform an environment keeps nothing of what the platform has.
func TestTransformOntoAPlatform(t *testing.T) {
	config := map[string]any{
		"slipway:domain": "example.com", "slipway:network": map[string]any{"zones": 3}, "slipway:cluster": map[string]any{"insights": true},
		"slipway:loadBalancer": map[string]any{"deletionProtection": true},
		"slipway:services":     map[string]any{"hello": map[string]any{"hostnames": []any{"hello.example.com"}}},
	}
	if err := (environment{number: 7, platform: "pr-platform"}).apply(map[string]any{"config": config}); err != nil {
		t.Fatal(err)
	}
	if len(config) != 3 || config["slipway:platform"] != "pr-platform" {
		t.Errorf("config is %v", config)
	}
}

// Another boundary stays unchanged, and a missing one stays missing.
func TestTransformLeavesOtherBoundaries(t *testing.T) {
	for _, boundary := range []string{"arn:aws:iam::123456789012:policy/mine", "arn:aws:iam::123456789012:policy/not-slipway-boundary", ""} {
		config := map[string]any{
			"slipway:domain": "example.com", "slipway:permissionsBoundary": boundary,
			"slipway:services": map[string]any{"hello": map[string]any{"hostnames": []any{"hello.example.com"}}},
		}
		if err := (environment{number: 7}).apply(map[string]any{"config": config}); err != nil {
			t.Fatal(err)
		}
		if got := config["slipway:permissionsBoundary"]; got != boundary {
			t.Errorf("%q becomes %v", boundary, got)
		}
	}
}

func TestTransformRefuses(t *testing.T) {
	tests := map[string]struct{ config, want string }{
		"not YAML":            {"config: [", "yaml"},
		"empty":               {"", "config is missing"},
		"no domain":           {"config: {slipway:services: {hello: {hostnames: [a.example.com]}}}", "slipway:domain is missing"},
		"no services":         {"config: {slipway:domain: example.com}", "slipway:services is missing"},
		"services a text":     {"config: {slipway:domain: example.com, slipway:services: hello}", "slipway:services is not an object"},
		"services encrypted":  {"config: {slipway:domain: example.com, slipway:services: {secure: v1:x}}", "encrypted as a whole"},
		"no such service":     {"config: {slipway:domain: example.com, slipway:services: {api: {hostnames: [a.example.com]}}}", "has no hello"},
		"deployment a text":   {"config: {slipway:domain: example.com, slipway:services: {hello: {deployment: x}}}", "service hello: deployment is not an object"},
		"service a text":      {"config: {slipway:domain: example.com, slipway:services: {hello: x}}", "hello is not an object"},
		"no host names":       {"config: {slipway:domain: example.com, slipway:services: {hello: {hostnames: []}}}", "none is plain"},
		"wildcards alone":     {"config: {slipway:domain: example.com, slipway:services: {hello: {hostnames: ['*.example.com']}}}", "none is plain"},
		"another domain":      {"config: {slipway:domain: example.com, slipway:services: {hello: {hostnames: [a.example.org]}}}", `"a.example.org" is not in example.com`},
		"not quite a domain":  {"config: {slipway:domain: example.com, slipway:services: {hello: {hostnames: [anexample.com]}}}", `"anexample.com" is not in example.com`},
		"a number for a name": {"config: {slipway:domain: example.com, slipway:services: {hello: {hostnames: [7]}}}", `"" is not in example.com`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := transform([]byte(test.config), environment{number: 7, images: map[string]string{"hello": "registry/hello"}})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}
