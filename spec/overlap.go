package spec

import (
	"errors"
	"fmt"
	"strings"
)

// CheckOrder reports two routes of a host name that send a request to different services, and neither is more specific. Which rule came
// first would depend on when each was made.
func CheckOrder(a, b Route) error {
	if a.Service == b.Service || a.Hostname != b.Hostname || a.Path == b.Path || len(a.Path) != len(b.Path) ||
		strings.Contains(a.Path, "*") != strings.Contains(b.Path, "*") || !overlap(a.Path, b.Path) {
		return nil
	}
	return errors.New("match the same requests and are equally long, so either could come first; make one of them more specific")
}

// overlap reports whether a text matches both patterns.
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

// maxRuleWildcards is how many "*" and "?" the conditions of one rule may have ("Condition wildcards per rule" among the quotas for
// Application Load Balancers, which cannot be raised).
const maxRuleWildcards = 6

// CheckWildcards reports a route whose rule, or that of its service's canary, has too many wildcards. Without a canary its header is empty.
func CheckWildcards(r Route, header CanaryHeader) error {
	n := 0
	for _, value := range []string{r.Hostname, r.Path, header.Value} {
		if value != EveryPath { // it makes no condition
			n += strings.Count(value, "*") + strings.Count(value, "?")
		}
	}
	if n > maxRuleWildcards {
		return fmt.Errorf("has %d wildcards, with those of the host name and a canary's header; a rule of the load balancer takes %d at most", n, maxRuleWildcards)
	}
	return nil
}
