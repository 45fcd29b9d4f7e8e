// Package check has the checks of inputs that several services make. They word their findings as the Terraform plugin SDK
// does (helper/validation).
package check

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"slipway/localcloud/cloud"
)

// NotFound makes a kind's NotFound of an error code and a message with one verb for the id.
func NotFound(code, message string) func(string) *cloud.Error {
	return func(id string) *cloud.Error { return cloud.Errorf(code, message, id) }
}

// AtLeast finds a number that is too small. One that is nil has not been given.
func AtLeast(property string, value *int, low int) []cloud.Failure {
	if value == nil || *value >= low {
		return nil
	}
	return []cloud.Failure{{Property: property, Reason: fmt.Sprintf("expected %s to be at least (%d), got %d", property, low, *value)}}
}

// OneOf finds a value that is not allowed. An empty one is not given.
func OneOf(property, value string, allowed ...string) []cloud.Failure {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return []cloud.Failure{{Property: property, Reason: fmt.Sprintf("expected %s to be one of %q, got %s", property, allowed, value)}}
}

// Between finds a number out of its range.
func Between(property string, value, low, high int) []cloud.Failure {
	if value >= low && value <= high {
		return nil
	}
	return []cloud.Failure{{Property: property, Reason: fmt.Sprintf("expected %s to be in the range (%d - %d), got %d", property, low, high, value)}}
}

// NotModelled is the refusal of an input that the real provider takes.
func NotModelled(property, what string) cloud.Failure {
	return cloud.Failure{Property: property, Reason: what + ": " + cloud.ErrUnimplemented.Error()}
}

// Length finds a text that is too short or too long, in the words of the Terraform plugin SDK.
func Length(property, value string, low, high int) []cloud.Failure {
	if len(value) >= low && len(value) <= high {
		return nil
	}
	return []cloud.Failure{{
		Property: property,
		Reason:   fmt.Sprintf("expected length of %s to be in the range (%d - %d), got %s", property, low, high, value),
	}}
}

// InOrder ranges over properties by name. Go ranges over a map in a random order, and refusals must be the same each time.
func InOrder[V any](properties map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if !yield(name, properties[name]) {
				return
			}
		}
	}
}

// First returns the first name, in the order of the alphabet, that something was given for, or "".
func First(given map[string]bool) string {
	for name, is := range InOrder(given) {
		if is {
			return name
		}
	}
	return ""
}

// Unimplemented is the refusal for what the local cloud does not model.
func Unimplemented(what string) error { return fmt.Errorf("%s: %w", what, cloud.ErrUnimplemented) }
