package spec

import (
	"slices"
	"strings"
)

// OverlapsAction reports whether two patterns of actions have an action in common.
func OverlapsAction(a, b string) bool { return wildcardsMeet(strings.ToLower(a), strings.ToLower(b)) }

// wildcardsMeet reports whether some text matches both patterns, in which * stands for any characters and ? for any one.
func wildcardsMeet(a, b string) bool {
	// meet[j] says that the rests of a and b from here on have a text in common.
	meet := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		next := slices.Clone(meet) // of the rest of a that is shorter by one
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				meet[j] = true
			case i < len(a) && a[i] == '*':
				meet[j] = next[j] || j < len(b) && meet[j+1]
			case j < len(b) && b[j] == '*':
				meet[j] = meet[j+1] || i < len(a) && next[j]
			default:
				meet[j] = i < len(a) && j < len(b) && (a[i] == b[j] || a[i] == '?' || b[j] == '?') && next[j+1]
			}
		}
	}
	return meet[0]
}

// includes reports whether every text that matches the second pattern matches the first one. It says no to some that do.
func includes(pattern, other string) bool {
	before, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == other
	}
	if !strings.HasPrefix(other, before) {
		return false
	}
	other = other[len(before):]
	parts := strings.Split(rest, "*")
	for _, part := range parts[:len(parts)-1] {
		i := strings.Index(other, part)
		if i < 0 {
			return false
		}
		other = other[i+len(part):]
	}
	return strings.HasSuffix(other, parts[len(parts)-1])
}
