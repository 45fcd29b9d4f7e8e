package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/internal/stack"
	"slipway/spec"
)

func image(t *testing.T, reference string) spec.Image {
	t.Helper()
	parsed, err := spec.ParseImage(reference)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// references parses images given as references by service.
func references(t *testing.T, byService map[string]string) images {
	t.Helper()
	parsed := images{}
	for name, reference := range byService {
		parsed[name] = image(t, reference)
	}
	return parsed
}

// digest is a digest of the right length that begins with a letter.
func digest(letter string) string { return "sha256:" + letter + strings.Repeat("0", 64-len(letter)) }

func TestSelectServices(t *testing.T) {
	runs := references(t, map[string]string{"hello": "r/hello:1", "api": "r/api:1", "new": "r/new:1"})
	configured := references(t, map[string]string{"hello": "r/hello:1", "api": "r/api:1", "old": "r/old:1"})
	for _, test := range []struct {
		name   string
		asked  []string
		want   []string
		errors []string
	}{
		{"all that both have", nil, []string{"api", "hello"}, nil},
		{"one", []string{"hello"}, []string{"hello"}, nil},
		{"twice the same", []string{"hello", "api", "hello"}, []string{"api", "hello"}, nil},
		{"one that the target lacks", []string{"new"}, nil, []string{"the configuration of stack prod has no service new", "it has: api, hello, old"}},
		{"one that the source lacks", []string{"old"}, nil, []string{"stack dev runs no service old; it runs: api, hello, new"}},
		{"all that is wrong at once", []string{"old", "new", "odd"}, nil, []string{"no service old", "no service new", "runs no service odd"}},
	} {
		got, err := selectServices(test.asked, "dev", "prod", runs, configured)
		if (err != nil) != (test.errors != nil) || err == nil && !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, %v", test.name, got, err)
		}
		for _, text := range test.errors {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: the error does not say %q: %v", test.name, text, err)
			}
		}
	}
	if _, err := selectServices(nil, "dev", "prod", runs, images{}); err == nil {
		t.Error("stacks without a common service have nothing to promote")
	}
	if asked := []string{"hello", "api"}; true {
		_, _ = selectServices(asked, "dev", "prod", runs, configured)
		if asked[0] != "hello" {
			t.Error("the caller's slice was sorted")
		}
	}
}

func TestPromoted(t *testing.T) {
	runs := "a.test:5000/hello:v2@" + digest("b")
	for configured, want := range map[string]string{
		"a.test:5000/hello@" + digest("a"):    "a.test:5000/hello@" + digest("b"),
		"a.test:5000/hello:v1":                "a.test:5000/hello@" + digest("b"),
		"b.test/copies/hello@" + digest("a"):  "b.test/copies/hello@" + digest("b"),
		"b.test/hello:v1@" + digest("a"):      "b.test/hello@" + digest("b"),
		"":                                    "a.test:5000/hello@" + digest("b"), // a service without an image yet
		"a.test:5000/hello:v2@" + digest("b"): "a.test:5000/hello@" + digest("b"),
	} {
		var before spec.Image
		if configured != "" {
			before = image(t, configured)
		}
		if got := promoted(image(t, runs), before).String(); got != want {
			t.Errorf("%s becomes %s, want %s", configured, got, want)
		}
	}
}

func TestPinned(t *testing.T) {
	runs := references(t, map[string]string{
		"promoted": "r/promoted@" + digest("b"), "stale": "r/stale@" + digest("b"), "same": "r/same@" + digest("b"),
		"tag": "r/tag:b", "gone": "r/gone@" + digest("b"), "local": "r/local@" + digest("b"),
	})
	configured := references(t, map[string]string{
		"promoted": "r/promoted@" + digest("a"), "stale": "r/stale@" + digest("a"), "same": "r/same:x@" + digest("b"),
		"tag": "r/tag:a", "new": "r/new@" + digest("a"), "local": "r/local@" + digest("a"),
	})
	promotable := maps.Clone(runs)
	delete(promotable, "local") // the source has none
	want := references(t, map[string]string{"stale": "r/stale@" + digest("b")})
	if got := pinned([]string{"promoted"}, promotable, runs, configured); !maps.Equal(got, want) {
		t.Errorf("pinned %v, want %v", got, want)
	}
}

func TestPrevious(t *testing.T) {
	const ok, failed = "succeeded", "failed"
	release := func(result, hello, api string) stack.Release {
		r := stack.Release{Update: stack.Update{Kind: "update", Result: result}, Images: images{}}
		for name, image := range map[string]string{"hello": hello, "api": api} {
			switch {
			case image == "":
			case strings.HasPrefix(image, ":"):
				r.Images[name] = spec.Image{Registry: "r", Repository: name, Tag: image[1:]}
			default:
				r.Images[name] = spec.Image{Registry: "r", Repository: name, Digest: digest(image)}
			}
		}
		return r
	}
	unreadable := stack.Release{Update: stack.Update{Kind: "update", Result: ok}}
	for _, test := range []struct {
		name     string
		history  []stack.Release // newest first
		services []string
		want     int // index in history
		err      string
	}{
		{"the one before", []stack.Release{release(ok, "b", "x"), release(ok, "a", "x")}, nil, 1, ""},
		{"updates of other things between", []stack.Release{release(ok, "b", "x"), release(ok, "b", "x"), release(ok, "a", "x")}, nil, 2, ""},
		{"failed ones between", []stack.Release{release(ok, "c", "x"), release(failed, "b", "x"), release(ok, "a", "x")}, nil, 2, ""},
		{"the newest has failed", []stack.Release{release(failed, "b", "x"), release(ok, "a", "x")}, nil, 1, ""},
		{"a rollback of a rollback", []stack.Release{release(ok, "a", "x"), release(ok, "b", "x"), release(ok, "a", "x")}, nil, 1, ""},
		{"another service", []stack.Release{release(ok, "b", "y"), release(ok, "b", "x"), release(ok, "a", "x")}, []string{"hello"}, 2, ""},
		{"any service", []stack.Release{release(ok, "b", "y"), release(ok, "b", "x"), release(ok, "a", "x")}, nil, 1, ""},
		{"before the service was", []stack.Release{release(ok, "b", "x"), release(ok, "b", ""), release(ok, "a", "")}, nil, 2, ""},
		{"never updated", nil, nil, 0, "never been updated"},
		{"updated once", []stack.Release{release(ok, "a", "x")}, nil, 0, "no successful update"},
		{"always the same", []stack.Release{release(ok, "a", "x"), release(ok, "a", "x")}, nil, 0, "no successful update"},
		{"only failures before", []stack.Release{release(ok, "b", "x"), release(failed, "a", "x")}, nil, 0, "no successful update"},
		{"an unknown service", []stack.Release{release(ok, "b", ""), release(ok, "a", "")}, []string{"api"}, 0, "deployed no service api; it deployed: hello"},
		{"the newest by a tag", []stack.Release{release(ok, ":latest", "x"), release(ok, "a", "x")}, nil, 0, "deployed service hello as r/hello:latest"},
		{"the one before by a tag", []stack.Release{release(ok, "b", "x"), release(ok, ":latest", "x")}, nil, 0, "only images configured by digest"},
		{"a tag of a service that was not asked for", []stack.Release{release(ok, "b", ":1"), release(ok, "a", ":1")}, []string{"hello"}, 1, ""},
		{"the newest cannot be read", []stack.Release{unreadable, release(ok, "a", "x")}, nil, 0, "cannot be read"},
		{"the one before cannot be read", []stack.Release{release(ok, "b", "x"), unreadable, release(ok, "a", "x")}, nil, 0, "cannot be read"},
	} {
		for i := range test.history {
			test.history[i].Version = i
			test.history[i].Start = time.Date(2026, 1, 31-i, 0, 0, 0, 0, time.UTC)
		}
		got, err := previous(test.history, test.services)
		switch {
		case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%s: %v, want an error that says %q", test.name, err, test.err)
		case test.err == "" && (err != nil || got.Version != test.want):
			t.Errorf("%s: release %d (%v), want %d", test.name, got.Version, err, test.want)
		}
	}
}
