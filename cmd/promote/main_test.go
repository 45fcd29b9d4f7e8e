package main

import (
	"errors"
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
}
