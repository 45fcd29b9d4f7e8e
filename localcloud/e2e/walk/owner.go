package walk

import (
	"slices"
	"strings"
)

// Owner is who answers the requests for a URL.
type Owner struct {
	Service string
	// Version is the service's. Canary is its canary's, or empty; Weighted says that the canary also answers requests without its
	// header.
	Version, Canary string
	Weighted        bool
}

// Owner returns the service that answers requests for a host and a path, if any: the one with the most specific host name that covers
// the host, and among those with the same name the one with the most specific path. The order of services in the configuration does not
// matter.
func (c Config) Owner(host, path string) (Owner, bool) {
	var best specificity
	owner, found := Owner{}, false
	for name, s := range c.Services {
		for _, h := range s.Hostnames {
			for _, p := range s.paths() {
				at, fits := match(h, p, host, path)
				if !fits || found && !best.less(at) {
					continue
				}
				best, found = at, true
				owner = c.versions(name)
			}
		}
	}
	return owner, found
}

// versions returns a service as an owner.
func (c Config) versions(service string) Owner {
	s := c.Services[service]
	owner := Owner{Service: service, Version: s.Version}
	if s.Canary != nil {
		owner.Canary, owner.Weighted = s.Canary.Version, s.Canary.Weight > 0
	}
	return owner
}

// specificity says how much of a URL a route determines.
type specificity struct {
	plainHost bool
	host      int  // characters
	plainPath bool // without a "*": the path's length is known
	path      int
}

// less reports whether the other one determines more.
func (s specificity) less(other specificity) bool {
	switch {
	case s.plainHost != other.plainHost:
		return other.plainHost
	case s.host != other.host:
		return s.host < other.host
	case s.plainPath != other.plainPath:
		return other.plainPath
	}
	return s.path < other.path
}

// match reports whether a route matches a URL, and how specific it is. A host name's wildcard matches one label: a load balancer's rule
// would match more, but no certificate has them.
func match(hostPattern, pathPattern, host, path string) (specificity, bool) {
	s := specificity{plainHost: isPlain(hostPattern), host: len(hostPattern), plainPath: !strings.Contains(pathPattern, "*"), path: len(pathPattern)}
	if parent, wildcard := strings.CutPrefix(hostPattern, "*."); wildcard {
		_, rest, _ := strings.Cut(host, ".")
		return s, rest == parent && stands(pathPattern, path)
	}
	return s, host == hostPattern && stands(pathPattern, path)
}

// stands reports whether a path pattern matches a path: "*" any characters and "?" one.
func stands(pattern, path string) bool {
	head, tail, star := strings.Cut(pattern, "*")
	if !star {
		return alike(pattern, path)
	}
	return len(path) >= len(head)+len(tail) && alike(head, path[:len(head)]) && alike(tail, path[len(path)-len(tail):])
}

// alike reports whether texts, or patterns without "*", can be the same, character by character.
func alike(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && a[i] != '?' && b[i] != '?' {
			return false
		}
	}
	return true
}

// meet reports whether a path matches two patterns of the same length, which both have a "*" or none. The one with the shorter head has
// the longer tail: in a path that is long enough, head and tail of neither touch.
func meet(a, b string) bool {
	headA, tailA, _ := strings.Cut(a, "*")
	headB, tailB, _ := strings.Cut(b, "*")
	head, tail := min(len(headA), len(headB)), min(len(tailA), len(tailB))
	return alike(headA[:head], headB[:head]) && alike(tailA[len(tailA)-tail:], tailB[len(tailB)-tail:])
}

// Target is what a client requests repeatedly.
type Target struct {
	Host, Path string
	Canary     bool // by the canary's header
}

// URL is the target's as people write it.
func (t Target) URL() string {
	if t.Canary {
		return "https://" + t.Host + t.Path + " (X-Canary)"
	}
	return "https://" + t.Host + t.Path
}

// mostTargets bounds the targets of a step: each is requested several times a second.
const mostTargets = 20

// Targets returns URLs with an owner in each of the configurations: every host name, every path of every service if there is room, and
// those whose owner changes first.
func Targets(configs ...Config) []Target {
	hosts, paths := samples(configs)
	type candidate struct {
		Target
		moves bool
		key   string // of what it has in common with others
	}
	var all []candidate
	for _, host := range hosts {
		for _, path := range paths {
			owners, owned := ownersOf(configs, host, path)
			if !owned {
				continue
			}
			moves := slices.ContainsFunc(owners, func(o Owner) bool { return o.Service != owners[0].Service })
			key := ""
			canaries := true
			for _, o := range owners {
				key += o.Service + " "
				canaries = canaries && o.Canary != ""
			}
			all = append(all, candidate{Target{Host: host, Path: path}, moves, key})
			if canaries {
				all = append(all, candidate{Target{Host: host, Path: path, Canary: true}, moves, key + "canary"})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		switch {
		case a.moves == b.moves:
			return 0
		case a.moves:
			return -1
		}
		return 1
	})
	var out []Target
	seen := map[string]bool{}
	take := func(wanted func(candidate) bool) {
		for _, c := range all {
			if wanted(c) && !slices.Contains(out, c.Target) {
				out = append(out, c.Target)
				seen[c.key], seen[c.Host] = true, true
			}
		}
	}
	take(func(c candidate) bool { return !seen[c.key] || !seen[c.Host] })
	take(func(candidate) bool { return len(out) < mostTargets })
	return out
}

// ownersOf returns the owner in each of the configurations, and whether each has one.
func ownersOf(configs []Config, host, path string) ([]Owner, bool) {
	owners := make([]Owner, len(configs))
	for i, c := range configs {
		owner, found := c.Owner(host, path)
		if !found {
			return nil, false
		}
		owners[i] = owner
	}
	return owners, true
}

// samples returns hosts and paths, at least one for every route of the configurations.
func samples(configs []Config) (hosts, paths []string) {
	paths = []string{"/"}
	for _, c := range configs {
		for _, s := range c.Services {
			for _, host := range s.Hostnames {
				hosts = append(hosts, someHost(host))
			}
			for _, path := range s.paths() {
				paths = append(paths, somePath(path))
			}
		}
	}
	slices.Sort(hosts)
	slices.Sort(paths)
	return slices.Compact(hosts), slices.Compact(paths)
}

// someHost returns a host name that a wildcard stands for.
func someHost(pattern string) string { return strings.Replace(pattern, "*", "any", 1) }

// somePath returns a path that a pattern stands for.
func somePath(pattern string) string {
	return strings.NewReplacer("*", "some", "?", "1").Replace(pattern)
}
