package main

import (
	"errors"
	"strings"
	"testing"
)

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{}, {"dev"}, {"dev", "dev"}, {"-rollback"}, {"dev", "prod", "-yes"}, {"-rollback", "prod", "--yes"}, {"-nonsense", "dev", "prod"}, {"-h"},
	} {
		if err := run(t.Context(), args); !errors.Is(err, errUsage) {
			t.Errorf("promote %q: %v", args, err)
		}
	}
	// Tests have no terminal.
	if err := run(t.Context(), []string{"dev", "prod"}); err == nil || !strings.Contains(err.Error(), "no terminal") {
		t.Errorf("without a terminal: %v", err)
	}
}
