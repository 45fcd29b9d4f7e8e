package walk

import "slices"

// Added, removed and renamed services.

// freeNames are the names that no service has.
func (c Config) freeNames() []string {
	return slices.DeleteFunc(slices.Clone(serviceNames), func(name string) bool { _, taken := c.Services[name]; return taken })
}

func rename(d draw, c *Config) bool {
	free := c.freeNames()
	if len(free) == 0 {
		return false
	}
	from := pick(d, c.names())
	c.Services[pick(d, free)] = c.Services[from]
	delete(c.Services, from)
	return true
}

// takeName removes a service and gives its name to another one.
func takeName(d draw, c *Config) bool {
	pairs := d.pairs(c)
	if len(pairs) == 0 {
		return false
	}
	name, from := pairs[0][0], pairs[0][1]
	c.Services[name] = c.Services[from]
	delete(c.Services, from)
	return true
}

func swapNames(d draw, c *Config) bool {
	pairs := d.pairs(c)
	if len(pairs) == 0 {
		return false
	}
	a, b := pairs[0][0], pairs[0][1]
	c.Services[a], c.Services[b] = c.Services[b], c.Services[a]
	return true
}

// newService draws a service without routes.
func (d draw) newService() Service {
	s := NewService(pick(d, Versions))
	s.Port, s.Count = pick(d, []int{8080, 9000}), 1+d.IntN(2)
	return s
}

func addService(d draw, c *Config) bool {
	names := c.freeNames()
	return len(names) > 0 && addServiceCalled(pick(d, names))(d, c)
}

// addServiceCalled adds a service with that name, on its own host name.
func addServiceCalled(name string) func(draw, *Config) bool {
	return func(d draw, c *Config) bool {
		hosts := c.freeHosts(plainHosts)
		if len(hosts) == 0 {
			return false
		}
		s := d.newService()
		s.Hostnames = []string{pick(d, hosts)}
		c.Services[name] = s
		return true
	}
}

// addWildcardService adds a service that has nothing but a wildcard.
func addWildcardService(d draw, c *Config) bool {
	names, hosts := c.freeNames(), c.freeHosts(wildcards)
	if len(names) == 0 || len(hosts) == 0 {
		return false
	}
	s := d.newService()
	s.Hostnames = []string{pick(d, hosts)}
	c.Services[pick(d, names)] = s
	return true
}

// useAgain adds a service with the name of a removed one.
func useAgain(d draw, c *Config) bool {
	names := slices.DeleteFunc(slices.Clone(c.gone), func(name string) bool { _, taken := c.Services[name]; return taken })
	return len(names) > 0 && addServiceCalled(pick(d, names))(d, c)
}

// likeCanary adds a service with the name of another one's canary, which does not exist.
func likeCanary(d draw, c *Config) bool {
	for _, name := range shuffled(d, c.names()) {
		like := name + canarySuffix
		if _, taken := c.Services[like]; !taken && c.Services[name].Canary == nil && len(Stack+"-"+like) <= maxName {
			return addServiceCalled(like)(d, c)
		}
	}
	return false
}

// extract adds a service on a path of another one's host name.
func extract(d draw, c *Config) bool {
	names := c.freeNames()
	if len(names) == 0 {
		return false
	}
	for _, from := range shuffled(d, c.names()) {
		old := c.Services[from]
		for _, path := range shuffled(d, paths) {
			host := pick(d, old.Hostnames)
			if _, taken := c.Owner(someHost(host), somePath(path)); !taken || c.hasRoute(host, path) {
				continue
			}
			s := d.newService()
			s.Hostnames, s.Paths = []string{host}, []string{path}
			c.Services[pick(d, names)] = s
			return true
		}
	}
	return false
}

func (c Config) hasRoute(host, path string) bool {
	for _, s := range c.Services {
		if slices.Contains(s.Hostnames, host) && slices.Contains(s.paths(), path) {
			return true
		}
	}
	return false
}

// removeService removes one; if there is one whose place another takes, that.
func removeService(d draw, c *Config) bool {
	if len(c.Services) < 2 {
		return false
	}
	names := shuffled(d, c.names())
	i := slices.IndexFunc(names, func(name string) bool {
		without := c.clone()
		delete(without.Services, name)
		return slices.ContainsFunc(Targets(*c, without), func(t Target) bool { owner, _ := c.Owner(t.Host, t.Path); return owner.Service == name })
	})
	delete(c.Services, names[max(i, 0)])
	return true
}
