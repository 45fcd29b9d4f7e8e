package components

import (
	"errors"
	"strings"
)

// CheckOrder reports two routes of the same host name of which nobody can say which comes first: one of them has a "?", both match
// some path, and they are as specific as each other.
func CheckOrder(a, b Route) error {
	if a.Hostname != b.Hostname || a.Path == b.Path || !strings.Contains(a.Path+b.Path, "?") || len(a.Path) != len(b.Path) ||
		strings.Contains(a.Path, "*") != strings.Contains(b.Path, "*") || !overlap(a.Path, b.Path) {
		return nil
	}
	return errors.New("match the same requests and are as long as each other, so that either could come first; have one of them without ?")
}

// overlap says whether there is a text that both patterns stand for.
func overlap(a, b string) bool {
	switch {
	case a == "" && b == "":
		return true
	case strings.HasPrefix(a, "*"):
		return overlap(a[1:], b) || b != "" && overlap(a, b[1:])
	case strings.HasPrefix(b, "*"):
		return overlap(b, a)
	case a == "" || b == "":
		return false
	}
	return (a[0] == b[0] || a[0] == '?' || b[0] == '?') && overlap(a[1:], b[1:])
}
