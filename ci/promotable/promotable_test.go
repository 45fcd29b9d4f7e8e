package main

import (
	"slices"
	"strings"
	"testing"

	"slipway/internal/stack"
)

func images(t *testing.T, references ...string) map[string]stack.Image {
	t.Helper()
	byService := map[string]stack.Image{}
	for _, reference := range references {
		image, err := stack.ParseImage(reference)
		if err != nil {
			t.Fatal(err)
		}
		byService[strings.TrimPrefix(image.Repository, "r/")] = image
	}
	return byService
}

func TestPromotable(t *testing.T) {
	const a, b = "@sha256:aa", "@sha256:bb"
	for name, test := range map[string]struct {
		runs, configured, expected, want []string
		refused                          string
	}{
		"all that both have": {
			runs: []string{"r/web" + a, "r/api" + b, "r/new" + a}, configured: []string{"r/web:1", "r/api" + a, "r/old" + a},
			want: []string{"api=sha256:bb", "web=sha256:aa"},
		},
		"what is expected runs": {
			runs: []string{"r/web" + a, "r/api" + b}, configured: []string{"r/web" + a, "r/api" + a}, expected: []string{"api=sha256:bb"},
			want: []string{"api=sha256:bb", "web=sha256:aa"},
		},
		"what is expected is left out": {
			runs: []string{"r/web" + a, "r/new" + b}, configured: []string{"r/web" + a}, expected: []string{"new=sha256:bb"},
			want: []string{"web=sha256:aa"},
		},
		"something else runs": {
			runs: []string{"r/web" + a}, configured: []string{"r/web" + a}, expected: []string{"web=sha256:bb"},
			refused: "service web runs as r/web@sha256:aa, not as sha256:bb: something else was deployed since",
		},
		"it does not run": {runs: []string{"r/web" + a}, configured: []string{"r/web" + a}, expected: []string{"api=sha256:bb"}, refused: "service api runs as"},
		"half a digest":   {runs: []string{"r/web:1"}, configured: []string{"r/web" + a}, expected: []string{"web"}, refused: "service web runs as"},
		"a tag":           {runs: []string{"r/web:1"}, configured: []string{"r/web" + a}, refused: "service web runs as r/web:1, a tag"},
		"nothing":         {runs: []string{"r/web" + a}, configured: []string{"r/api" + a}, refused: "no service in common"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := promotable(images(t, test.runs...), images(t, test.configured...), test.expected)
			if test.refused == "" && (err != nil || !slices.Equal(got, test.want)) {
				t.Errorf("%v (%v), want %v", got, err, test.want)
			}
			if test.refused != "" && (err == nil || !strings.Contains(err.Error(), test.refused)) {
				t.Errorf("%v, want an error with %q", err, test.refused)
			}
		})
	}
}
