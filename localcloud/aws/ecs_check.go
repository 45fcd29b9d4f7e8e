package aws

import (
	"fmt"
	"slices"

	"slipway/localcloud/cloud"
)

// The checks of this file word their findings as the Terraform plugin SDK does (helper/validation).

// oneOf finds a value that is none of those allowed. An empty one has not been given.
func oneOf(property, value string, allowed ...string) []cloud.Failure {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return []cloud.Failure{{Property: property, Reason: fmt.Sprintf("expected %s to be one of %q, got %s", property, allowed, value)}}
}

// between finds a number out of its range.
func between(property string, value, low, high int) []cloud.Failure {
	if value >= low && value <= high {
		return nil
	}
	return []cloud.Failure{{Property: property, Reason: fmt.Sprintf("expected %s to be in the range (%d - %d), got %d", property, low, high, value)}}
}
