package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"slipway/internal/stack"
	"slipway/spec"
)

func TestInOrder(t *testing.T) {
	got := inOrder([]string{"pr-12", "prod-us", "staging", "prod-eu", "dev", "local", "Dev-two", "demo"})
	want := []string{"local", "Dev-two", "dev", "staging", "prod-eu", "prod-us", "demo", "pr-12"}
	if !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
}

// fleetOf makes environments that succeeded: "dev hello=b api=c".
func fleetOf(lines ...string) []environment {
	var environments []environment
	for _, line := range lines {
		words := strings.Fields(line)
		update := stack.Update{Kind: "update", Result: "succeeded"}
		e := environment{name: words[0], read: true, last: &update}
		_, e.staged = step(e.name)
		for _, word := range words[1:] {
			name, letter, isService := strings.Cut(word, "=")
			switch {
			case isService && letter == "":
				e.services = append(e.services, service{name: name})
			case isService:
				e.services = append(e.services, service{name: name, image: spec.Image{Digest: digest(letter)}})
			case word == "failed":
				update.Result = "failed"
			case word == "busy":
				e.run = &running{}
			}
		}
		environments = append(environments, e)
	}
	return environments
}

func TestDifferencesAndPromotions(t *testing.T) {
	const command = "go run ./cmd/promote "
	for name, test := range map[string]struct {
		fleet    []string
		differs  map[string]string // of the last environment
		promotes []string
	}{
		"alone":                       {[]string{"dev hello=a"}, map[string]string{}, nil},
		"the same":                    {[]string{"dev hello=a", "prod hello=a"}, map[string]string{}, nil},
		"another":                     {[]string{"dev hello=b", "prod hello=a"}, map[string]string{"hello": "dev"}, []string{"dev prod hello"}},
		"two services":                {[]string{"dev api=b hello=b", "prod api=a hello=a"}, map[string]string{"api": "dev", "hello": "dev"}, []string{"dev prod api hello"}},
		"one that the source has not": {[]string{"dev hello=a", "prod api=a hello=a"}, map[string]string{}, nil},
		"not deployed yet":            {[]string{"dev hello=a", "prod hello="}, map[string]string{}, nil},
		"the nearest":                 {[]string{"dev hello=b", "prod-eu hello=b", "prod-us hello=a"}, map[string]string{"hello": "prod-eu"}, []string{"prod-eu prod-us hello"}},
		"not one that is as old":      {[]string{"dev hello=b", "prod-eu hello=a", "prod-us hello=a"}, map[string]string{"hello": "dev"}, []string{"dev prod-us hello"}},
		"not one that is behind":      {[]string{"dev hello=b", "prod-eu hello=a", "prod-us hello=b"}, map[string]string{}, nil},
		"a failed source":             {[]string{"dev hello=b failed", "prod hello=a"}, map[string]string{"hello": "dev"}, nil},
		"a busy source":               {[]string{"dev hello=b busy", "prod hello=a"}, map[string]string{"hello": "dev"}, nil},
		"a busy target":               {[]string{"dev hello=b", "prod hello=a busy"}, map[string]string{"hello": "dev"}, nil},
		"a pull request takes none":   {[]string{"dev hello=b", "pr-7 hello=a"}, map[string]string{}, nil},
		"local gives none":            {[]string{"local hello=b", "dev hello=a"}, map[string]string{}, nil},
		"local takes none":            {[]string{"dev hello=b", "local hello=a"}, map[string]string{}, nil},
		"a pull request gives none":   {[]string{"pr-7 hello=b", "prod hello=a"}, map[string]string{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			fleet := fleetOf(test.fleet...)
			last := len(fleet) - 1
			if got := differences(fleet, last); !maps.Equal(got, test.differs) {
				t.Errorf("it differs in %v, want %v", got, test.differs)
			}
			var commands []string
			for _, p := range promotions(fleet, last) {
				commands = append(commands, strings.TrimPrefix(p.Command, command))
			}
			if !slices.Equal(commands, test.promotes) {
				t.Errorf("the commands are %q, want %q", commands, test.promotes)
			}
		})
	}
}

func TestPromoteQuotes(t *testing.T) {
	if got, want := promote("org/slipway/dev", "prod", []string{"it's; rm -rf"}), `go run ./cmd/promote org/slipway/dev prod 'it'\''s; rm -rf'`; got != want {
		t.Errorf("the command is %s, want %s", got, want)
	}
}

func TestPennants(t *testing.T) {
	var digests []string
	for i := range 100 {
		digests = append(digests, digest(string("0123456789abcdef"[i%16])), digest(strings.Repeat(string("0123456789abcdef"[i/16]), 1)))
	}
	flags := pennants(append(digests, "", "sha256:zz"))
	seen := map[pennant]string{}
	for digest, flag := range flags {
		if other, taken := seen[flag]; taken {
			t.Errorf("%s and %s have the same flag", digest, other)
		}
		seen[flag] = digest
	}
	if len(flags) != 16 {
		t.Errorf("%d digests have flags, want 16", len(flags))
	}
	if flags[digest("a")] != pennants([]string{digest("a")})[digest("a")] {
		t.Error("a digest's flag depends on which others there are")
	}
}
