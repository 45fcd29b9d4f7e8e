package walk

import "strings"

// Changes that must be refused: the result is wrong, or one update cannot reach it from the existing stack. Each has only one fault.
const (
	sameRoute    = "a route that another service has"
	canaryBeside = "a canary beside a service of its name"
	afterCanary  = "a service with the name of a canary that is there"
	afterService = "a canary with the name of a service that is there"
	noOrder      = "paths of which either could come first"
	tooWild      = "more wildcards than a rule takes"
)

var contradictions = []kind{
	{sameRoute, func(d draw, c *Config) bool {
		names := c.freeNames()
		if len(names) == 0 {
			return false
		}
		c.Services[pick(d, names)] = c.clone().Services[pick(d, c.names())]
		return true
	}},
	{canaryBeside, func(d draw, c *Config) bool {
		if !likeCanary(d, c) {
			return false
		}
		for _, name := range c.names() { // sorted, as each draws a version
			s := c.Services[name]
			if _, beside := c.Services[name+canarySuffix]; beside && s.Canary == nil {
				s.Canary = &Canary{Version: d.version(s.Version)}
				c.Services[name] = s
			}
		}
		return true
	}},
	{afterCanary, func(d draw, c *Config) bool {
		for _, name := range shuffled(d, c.names()) {
			if s := c.Services[name]; s.Canary != nil {
				s.Canary = nil
				c.Services[name] = s
				return addServiceCalled(name+canarySuffix)(d, c)
			}
		}
		return false
	}},
	{afterService, func(d draw, c *Config) bool {
		for _, like := range shuffled(d, c.names()) {
			name, named := strings.CutSuffix(like, canarySuffix)
			s, there := c.Services[name]
			if !named || !there || s.Canary != nil {
				continue
			}
			delete(c.Services, like)
			s.Canary = &Canary{Version: d.version(s.Version)}
			c.Services[name] = s
			return true
		}
		return false
	}},
	{noOrder, func(d draw, c *Config) bool {
		names := c.freeNames()
		if len(names) == 0 {
			return false
		}
		from := pick(d, c.names())
		old, s := c.Services[from], d.newService()
		pair := pick(d, [][2]string{{"/v?/*", "/v1/*"}, {"/item-?", "/item-1"}, {"/img/*.png", "/img/logo*"}, {"/a*z", "/ab*"}})
		old.Paths, s.Paths, s.Hostnames = []string{pair[0]}, []string{pair[1]}, old.Hostnames[:1]
		c.Services[from], c.Services[pick(d, names)] = old, s
		return true
	}},
	{tooWild, ofAny(func(_ draw, s *Service) bool { s.Paths = []string{"/???/????-*"}; return true })},
}
