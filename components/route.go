package components

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// EveryPath is the path of a route that has none of its own.
const EveryPath = "/*"

// Limits of a route. The lengths are those of the values of host-header and path-pattern conditions ("Listener rules" in
// the user guide for Application Load Balancers).
const (
	maxHostLength = 128
	maxPathLength = 128
	// maxWildcardDepth is at how many depths wildcards can stand: directly below the zone, one label further down, and so on.
	maxWildcardDepth = 3
)

// Route sends the requests for a host name and a path to a service. It becomes one rule of the HTTPS listener.
type Route struct {
	Service  string
	Hostname string // "app.example.com", or "*.example.com" for every name below example.com
	Path     string // exact ("/login"), or with one "*" that stands for any characters ("/api/*")
}

// pathPattern allows the characters that the guide lists for path patterns, less "?": that stands for one character
// there, while people who write it mean the query string, on which a path pattern cannot match.
var pathPattern = regexp.MustCompile(`^/[A-Za-z0-9_.$/~"'@:+&*-]*$`)

// CheckPath reports why path cannot be the path of a route.
func CheckPath(path string) error {
	switch {
	case !strings.HasPrefix(path, "/"):
		return errors.New("a path begins with /")
	case len(path) > maxPathLength:
		return fmt.Errorf("a path has at most %d characters, this one has %d", maxPathLength, len(path))
	case !pathPattern.MatchString(path):
		return errors.New(`a path is letters, digits and any of _ - . $ / ~ " ' @ : + & with one * for any characters`)
	case strings.Count(path, "*") > 1:
		return errors.New("a path has at most one *")
	}
	return nil
}

var labelPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckDomain reports why name is not a lower-case DNS name of at least two labels.
func CheckDomain(name string) error {
	labels := strings.Split(name, ".")
	if len(name) > maxHostLength {
		return fmt.Errorf("a host name has at most %d characters here, the limit of a load balancer's rules; this one has %d", maxHostLength, len(name))
	}
	if len(labels) < 2 {
		return errors.New("a domain has at least two labels, as in example.com")
	}
	for _, label := range labels {
		if !labelPattern.MatchString(label) {
			return errors.New("a label of a DNS name is lower-case letters, digits and inner hyphens, at most 63")
		}
	}
	return nil
}

// CheckHostname reports why name is not a host name, or a wildcard, in the DNS zone.
func CheckHostname(name, zone string) error {
	host, wildcard := strings.CutPrefix(name, "*.")
	if err := CheckDomain(host); err != nil {
		return err
	}
	if host != zone && !strings.HasSuffix(host, "."+zone) {
		return fmt.Errorf("is not in the zone %s", zone)
	}
	if depth, _ := (Route{Hostname: name}).wildcardDepth(zone); wildcard && depth >= maxWildcardDepth {
		return fmt.Errorf("a wildcard stands at most %d labels below the zone %s", maxWildcardDepth-1, zone)
	}
	return nil
}

// wildcardDepth returns how many labels are between the wildcard and the zone, and whether there is a wildcard at all.
func (r Route) wildcardDepth(zone string) (int, bool) {
	host, wildcard := strings.CutPrefix(r.Hostname, "*.")
	return strings.Count(host, ".") - strings.Count(zone, "."), wildcard
}

// String returns the route as a person would write it.
func (r Route) String() string {
	return r.Hostname + r.Path + " of service " + r.Service
}

// URL returns where a browser finds the route. It is meant for routes whose host name is not a wildcard.
func (r Route) URL() string {
	path, _, _ := strings.Cut(r.Path, "*")
	return "https://" + r.Hostname + path
}

// compare orders routes by service, host name and path.
func (r Route) compare(other Route) int {
	return cmp.Or(
		cmp.Compare(r.Service, other.Service),
		cmp.Compare(r.Hostname, other.Hostname),
		cmp.Compare(r.Path, other.Path),
	)
}
