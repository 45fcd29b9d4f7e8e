package main

import (
	"errors"
	"testing"

	"slipway/internal/cli"
)

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"dev"},
		{"dev", "dev"},
		{"-rollback"},
		{"dev", "prod", "-yes"},
		{"-rollback", "prod", "--yes"},
		{"-nonsense", "dev", "prod"},
		{"-h"},
		{"-digest", "hello", "dev", "prod"},
		{"-digest", "=sha256:1", "dev", "prod"},
		{"-digest", "hello=sha256:1", "-digest", "hello=sha256:2", "dev", "prod"},
		{"-digest", "hello=sha256:1", "-rollback", "prod"},
	} {
		if err := run(t.Context(), args); !errors.Is(err, cli.ErrUsage) {
			t.Errorf("promote %q: %v", args, err)
		}
	}
}
