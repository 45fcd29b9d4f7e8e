package spec

import (
	"cmp"
	"strings"
)

// Owner returns the service that gets the requests for a path of a host name, and false if none of the routes leads to one. The path
// has no query. The most specific of the matching routes wins, as in [Priorities].
func Owner(routes []Route, hostname, path string) (service string, found bool) {
	var best Route
	for _, r := range routes {
		if r.matches(hostname, path) && (!found || r.moreSpecific(best)) {
			best, found = r, true
		}
	}
	return best.Service, found
}

// matches reports whether the load balancer takes the route for a request. Case counts in paths and not in host names ("Condition types
// for listener rules" in the user guide for Application Load Balancers).
func (r Route) matches(hostname, path string) bool {
	return matchWildcards(strings.ToLower(r.Hostname), strings.ToLower(hostname)) && matchWildcards(r.Path, path)
}

// wildcards stand for other characters in a condition's value: "*" for any number of them, "?" for one.
const wildcards = "*?"

// moreSpecific reports whether the route comes before another that matches the same request.
func (r Route) moreSpecific(other Route) bool {
	exact := func(pattern string) int { // or of a fixed length, as in [Route.band]
		if strings.Contains(pattern, "*") {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(exact(r.Hostname), exact(other.Hostname)),
		cmp.Compare(len(r.Hostname), len(other.Hostname)),
		cmp.Compare(exact(r.Path), exact(other.Path)),
		cmp.Compare(len(r.Path), len(other.Path)),
	) > 0
}

// matchWildcards reports whether a text matches a pattern.
func matchWildcards(pattern, text string) bool {
	for pattern != "" {
		switch {
		case pattern[0] == '*':
			for rest := range len(text) + 1 {
				if matchWildcards(pattern[1:], text[rest:]) {
					return true
				}
			}
			return false
		case text == "" || pattern[0] != '?' && pattern[0] != text[0]:
			return false
		}
		pattern, text = pattern[1:], text[1:]
	}
	return text == ""
}
