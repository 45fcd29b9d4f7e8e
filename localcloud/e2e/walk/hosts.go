package walk

import "slices"

// Changes of services' host names.

// freeHosts are host names that no service has.
func (c Config) freeHosts(all []string) []string {
	taken := c.hostnames()
	return slices.DeleteFunc(slices.Clone(all), func(host string) bool { return slices.Contains(taken, host) })
}

func moveHost(d draw, c *Config) bool {
	for _, pair := range d.pairs(c) {
		from, to := c.Services[pair[0]], c.Services[pair[1]]
		for _, host := range shuffled(d, from.Hostnames) {
			left := slices.DeleteFunc(slices.Clone(from.Hostnames), func(h string) bool { return h == host })
			if slices.Contains(to.Hostnames, host) || len(left) == 0 {
				continue
			}
			from.Hostnames, to.Hostnames = left, append(slices.Clone(to.Hostnames), host)
			c.Services[pair[0]], c.Services[pair[1]] = from, to
			return true
		}
	}
	return false
}

func swapHosts(d draw, c *Config) bool {
	for _, pair := range d.pairs(c) {
		a, b := c.Services[pair[0]], c.Services[pair[1]]
		if slices.Equal(a.Hostnames, b.Hostnames) {
			continue
		}
		a.Hostnames, b.Hostnames = b.Hostnames, a.Hostnames
		c.Services[pair[0]], c.Services[pair[1]] = a, b
		return true
	}
	return false
}

// removeHost removes a host name from a service that can do without it.
func removeHost(d draw, c *Config) bool {
	return ofAny(func(d draw, s *Service) bool {
		for _, host := range shuffled(d, s.Hostnames) {
			left := slices.DeleteFunc(slices.Clone(s.Hostnames), func(h string) bool { return h == host })
			if len(left) > 0 {
				s.Hostnames = left
				return true
			}
		}
		return false
	})(d, c)
}

func addHost(d draw, c *Config) bool {
	free := c.freeHosts(plainHosts)
	if len(free) == 0 {
		return false
	}
	return ofAny(func(d draw, s *Service) bool { s.Hostnames = append(s.Hostnames, pick(d, free)); return true })(d, c)
}

// shrinkToOne leaves one service with one host name.
func shrinkToOne(d draw, c *Config) bool {
	if len(c.hostnames()) < 2 {
		return false
	}
	name := pick(d, c.names())
	s := c.Services[name]
	plain := slices.DeleteFunc(slices.Clone(s.Hostnames), func(host string) bool { return !isPlain(host) })
	if len(plain) == 0 {
		return false
	}
	slices.Sort(plain)
	// The first of the names is the certificate's own more often than not.
	s.Hostnames = plain[:1]
	if d.IntN(3) == 0 {
		s.Hostnames = []string{pick(d, plain)}
	}
	c.Services = map[string]Service{name: s}
	return true
}

// growPastTen adds so many host names that one certificate cannot have them all.
func growPastTen(d draw, c *Config) bool {
	const most = 10
	if len(c.hostnames()) > most {
		return false
	}
	free := shuffled(d, c.freeHosts(plainHosts))
	need := most + 1 + d.IntN(2) - len(c.hostnames())
	if need > len(free) {
		return false
	}
	names := c.names()
	for i, host := range free[:need] {
		s := c.Services[names[i%len(names)]]
		s.Hostnames = append(s.Hostnames, host)
		c.Services[names[i%len(names)]] = s
	}
	return true
}

// several is how many host names come or go when some do.
func (d draw) several() int { return 3 + d.IntN(4) }

// addHosts adds some to services at random.
func addHosts(d draw, c *Config) bool {
	n, free := d.several(), shuffled(d, c.freeHosts(plainHosts))
	if len(free) < n {
		return false
	}
	for _, host := range free[:n] {
		name := pick(d, c.names())
		s := c.Services[name]
		s.Hostnames = append(s.Hostnames, host)
		c.Services[name] = s
	}
	return true
}

// removeHosts removes some from services that can do without them.
func removeHosts(d draw, c *Config) bool {
	for range d.several() {
		if !removeHost(d, c) {
			return false
		}
	}
	return true
}

func addWildcard(d draw, c *Config) bool {
	free := c.freeHosts(wildcards)
	if len(free) == 0 {
		return false
	}
	return ofAny(func(d draw, s *Service) bool { s.Hostnames = append(s.Hostnames, pick(d, free)); return true })(d, c)
}

func removeWildcard(d draw, c *Config) bool {
	return ofAny(func(_ draw, s *Service) bool {
		plain := slices.DeleteFunc(slices.Clone(s.Hostnames), func(host string) bool { return !isPlain(host) })
		if len(plain) == 0 || len(plain) == len(s.Hostnames) {
			return false
		}
		s.Hostnames = plain
		return true
	})(d, c)
}

// putWildcard replaces a host name by a wildcard that covers it. If a certificate has the name, its own record must outlive its
// validation record, within one update.
func putWildcard(d draw, c *Config) bool {
	free := shuffled(d, c.freeHosts(wildcards))
	return ofAny(func(d draw, s *Service) bool {
		for _, host := range shuffled(d, s.Hostnames) {
			for _, wildcard := range free {
				if _, covers := match(wildcard, "/*", host, "/"); isPlain(host) && covers {
					s.Hostnames = slices.Clone(s.Hostnames)
					s.Hostnames[slices.Index(s.Hostnames, host)] = wildcard
					return true
				}
			}
		}
		return false
	})(d, c)
}

// leaveToWildcard removes a host name that a wildcard covers too.
func leaveToWildcard(d draw, c *Config) bool {
	return ofAny(func(d draw, s *Service) bool {
		for _, host := range shuffled(d, s.Hostnames) {
			left := slices.DeleteFunc(slices.Clone(s.Hostnames), func(h string) bool { return h == host })
			if !isPlain(host) || len(left) == 0 {
				continue
			}
			for _, wildcard := range wildcards {
				if _, covers := match(wildcard, "/*", host, "/"); covers && len(c.freeHosts([]string{wildcard})) == 0 {
					s.Hostnames = left
					return true
				}
			}
		}
		return false
	})(d, c)
}
