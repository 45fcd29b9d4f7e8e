package walk

// Updates that must fail: each gives a service a version that does not work, and all clients are served as before.
const (
	sickVersion    = "a version that never gets healthy"
	exitingVersion = "a version that exits"
	sickExtract    = "a path is taken out by a service that never gets healthy"
	sickRename     = "a service renamed to one that never gets healthy"
	exitingCanary  = "a canary that exits"
)

var failures = []kind{
	{sickVersion, ofAny(func(_ draw, s *Service) bool { s.Version = Sick; return true })},
	{exitingVersion, ofAny(func(_ draw, s *Service) bool { s.Version = Exits; return true })},
	{sickExtract, func(d draw, c *Config) bool { return d.sicken(c, extract) }},
	{sickRename, func(d draw, c *Config) bool { return d.sicken(c, rename) }},
	{exitingCanary, ofAny(func(_ draw, s *Service) bool { s.Canary = &Canary{Version: Exits, Weight: 50}; return true })},
}

// sicken makes a change that brings a new service, which never gets healthy.
func (d draw) sicken(c *Config, change func(draw, *Config) bool) bool {
	before := c.clone()
	if !change(d, c) {
		return false
	}
	for name, s := range c.Services {
		if _, old := before.Services[name]; !old {
			s.Version = Sick
			c.Services[name] = s
		}
	}
	return true
}

// cure gives everything a version that works.
func cure(d draw, c *Config) {
	for _, name := range c.names() {
		s := c.Services[name]
		if s.Version == Sick || s.Version == Exits {
			s.Version = pick(d, Versions)
		}
		if s.Canary != nil && s.Canary.Version == Exits {
			s.Canary.Version = d.version(s.Version)
		}
		c.Services[name] = s
	}
}
