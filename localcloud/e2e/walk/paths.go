package walk

import "slices"

// Changes of services' paths.

// shared are the host names that two services have both.
func shared(a, b Service) []string {
	return slices.DeleteFunc(slices.Clone(a.Hostnames), func(host string) bool { return !slices.Contains(b.Hostnames, host) })
}

func movePath(d draw, c *Config) bool {
	for _, pair := range d.pairs(c) {
		from, to := c.Services[pair[0]], c.Services[pair[1]]
		if len(from.Paths) < 2 || len(shared(from, to)) == 0 {
			continue
		}
		path := pick(d, from.Paths)
		if slices.Contains(to.paths(), path) {
			continue
		}
		from.Paths = slices.DeleteFunc(slices.Clone(from.Paths), func(p string) bool { return p == path })
		to.Paths = append(slices.Clone(to.paths()), path)
		c.Services[pair[0]], c.Services[pair[1]] = from, to
		return true
	}
	return false
}

func swapPaths(d draw, c *Config) bool {
	for _, pair := range d.pairs(c) {
		a, b := c.Services[pair[0]], c.Services[pair[1]]
		if slices.Equal(a.paths(), b.paths()) || len(shared(a, b)) == 0 {
			continue
		}
		a.Paths, b.Paths = b.Paths, a.Paths
		c.Services[pair[0]], c.Services[pair[1]] = a, b
		return true
	}
	return false
}

// otherPaths replaces some of the paths of a service that has some.
func otherPaths(d draw, c *Config) bool {
	return ofAny(func(d draw, s *Service) bool {
		if len(s.Paths) == 0 {
			return false
		}
		keep := 1 + d.IntN(len(s.Paths))
		s.Paths = slices.Clone(s.Paths[:keep])
		for _, path := range shuffled(d, paths)[:1+d.IntN(3)] {
			if !slices.Contains(s.Paths, path) {
				s.Paths = append(s.Paths, path)
			}
		}
		return true
	})(d, c)
}
