package spec

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// EveryPath is the path of a route without one of its own.
const EveryPath = "/*"

// Limits of a route. The lengths are those of the values of host-header and path-pattern conditions ("Listener rules" in
// the user guide for Application Load Balancers).
const (
	maxHostLength = 128
	maxPathLength = 128
	// maxWildcardDepth is the number of depths at which a wildcard can stand: directly below the zone, one label further down, and so
	// on.
	maxWildcardDepth = 3
)

// Route sends the requests for a host name and a path to a service. It becomes one rule of the HTTPS listener.
type Route struct {
	Service  string
	Hostname string // "app.example.com", or "*.example.com" for every name below example.com
	Path     string // exact ("/login"), or with one "*" for any characters ("/api/*") and any "?" for one character each
}

// pathPattern allows the characters that the guide lists for path patterns.
var pathPattern = regexp.MustCompile(`^/[A-Za-z0-9_.$/~"'@:+&*?-]*$`)

// CheckPath reports why path cannot be the path of a route.
func CheckPath(path string) error {
	wrong := func(instead, problem string) error {
		if !pathPattern.MatchString(instead) || strings.Count(instead, "*") > 1 || len(instead) > maxPathLength {
			instead = ""
		}
		return &notationError{errors.New(problem), instead}
	}
	switch {
	case strings.Contains(path, "://"):
		return wrong(withoutQuery(path), "is a URL, and a path begins with /")
	case !strings.HasPrefix(path, "/"):
		return wrong("/"+path, "a path begins with /")
	case len(path) > maxPathLength:
		return fmt.Errorf("a path has at most %d characters, this one has %d", maxPathLength, len(path))
	case strings.Contains(path, "?") && strings.Contains(path, "="), strings.Contains(path, "#"):
		return wrong(withoutQuery(path), "has a query or a fragment, which a path pattern cannot match: ? stands for any one character")
	case strings.ContainsAny(path, "()|[]^\\"):
		return wrong("", "is a regular expression, and a path pattern is not: give each path by itself, with * for any characters and ? for one")
	case strings.ContainsAny(path, "{}<>"):
		return wrong("", "has a placeholder, and a path pattern does not: write * for any characters or ? for one")
	case !pathPattern.MatchString(path):
		return errors.New(`a path is letters, digits and any of _ - . $ / ~ " ' @ : + & with ? for any one character and one * for any characters; other characters cannot be written, not even as %20`)
	case strings.Count(path, "*") > 1:
		return errors.New("a path has at most one *")
	}
	return nil
}

// wildcardDepth returns how many labels are between the wildcard and the zone, and whether there is a wildcard.
func (r Route) wildcardDepth(zone string) (int, bool) {
	host, wildcard := strings.CutPrefix(r.Hostname, "*.")
	return strings.Count(host, ".") - strings.Count(zone, "."), wildcard
}

// String returns the route as a person would write it.
func (r Route) String() string {
	return r.Hostname + r.Path + " of service " + r.Service
}

// URL returns the route's URL. It is meant for routes whose host name is not a wildcard.
func (r Route) URL() string {
	path, _ := cutAny(r.Path, wildcards)
	return "https://" + r.Hostname + path
}

// Overlaps reports whether a request could match both routes. It may be wrong about routes that differ only after their first wildcard.
func (r Route) Overlaps(other Route) bool {
	return patternsOverlap(reversed(r.Hostname), reversed(other.Hostname)) && patternsOverlap(r.Path, other.Path)
}

// patternsOverlap reports whether two patterns may match the same text: up to the first wildcard of either they must be equal.
func patternsOverlap(a, b string) bool {
	fixedA, fixedB := strings.IndexAny(a, "*?"), strings.IndexAny(b, "*?")
	switch {
	case fixedA < 0 && fixedB < 0:
		return a == b
	case fixedA < 0:
		return strings.HasPrefix(a, b[:fixedB])
	case fixedB < 0:
		return strings.HasPrefix(b, a[:fixedA])
	}
	return strings.HasPrefix(a[:fixedA], b[:fixedB]) || strings.HasPrefix(b[:fixedB], a[:fixedA])
}

// reversed returns the text back to front, because the wildcard of a host name comes first.
func reversed(text string) string {
	runes := []rune(text)
	slices.Reverse(runes)
	return string(runes)
}

// Compare orders routes by service, host name and path.
func (r Route) Compare(other Route) int {
	return cmp.Or(
		cmp.Compare(r.Service, other.Service),
		cmp.Compare(r.Hostname, other.Hostname),
		cmp.Compare(r.Path, other.Path),
	)
}
