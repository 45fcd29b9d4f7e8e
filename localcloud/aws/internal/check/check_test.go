package check_test

import (
	"testing"

	"slipway/localcloud/aws/internal/check"
)

// Go ranges over a map in another order each time, and a refusal is worded the same each time.
func TestFirst(t *testing.T) {
	t.Parallel()
	for range 50 {
		if first := check.First(map[string]bool{"a": false, "d": true, "b": true, "c": true}); first != "b" {
			t.Fatalf("first of b, c and d is %q", first)
		}
	}
	if first := check.First(map[string]bool{"a": false}); first != "" {
		t.Errorf("first of nothing is %q", first)
	}
}
