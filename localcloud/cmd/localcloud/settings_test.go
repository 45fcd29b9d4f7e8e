package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPlainOf(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		settings string
		want     []string
		err      string
	}{
		"none":       {settings: "config:\n  slipway:domain: example.com\n"},
		"empty file": {},
		"a list":     {settings: "config:\n  localcloud:plain: ['aws:sqs/*', aws:sns/topic:Topic]\n", want: []string{"aws:sqs/*", "aws:sns/topic:Topic"}},
		"a text":     {settings: "config:\n  localcloud:plain: aws:sqs/*\n", err: "a list of patterns"},
		"no file":    {settings: "-", err: "no such file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "Pulumi.local.yaml")
			if test.settings != "-" {
				if err := os.WriteFile(file, []byte(test.settings), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := plainOf(file)
			if !slices.Equal(got, test.want) || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %q, %v; want %q, %s", got, err, test.want, test.err)
			}
		})
	}
}
