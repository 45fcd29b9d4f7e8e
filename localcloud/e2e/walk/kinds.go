package walk

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// kind is a kind of change.
type kind struct {
	name string
	// change draws a change and makes it. It reports whether the configuration lets it; one that does not may have been touched.
	change func(d draw, c *Config) bool
}

// kinds are all that a stack can bear while it is up.
var kinds = []kind{
	{"rename a service", rename},
	{"move a host name", moveHost},
	{"move a path", movePath},
	{"swap host names", swapHosts},
	{"swap paths", swapPaths},
	{"other paths", otherPaths},
	{"add a service", addService},
	{"take a path out of a service", extract},
	{"remove a service", removeService},
	{"remove a host name", removeHost},
	{"add a host name", addHost},
	{"shrink to one host name", shrinkToOne},
	{"grow past ten host names", growPastTen},
	{"add a wildcard", addWildcard},
	{"remove a wildcard", removeWildcard},
	{"leave a name to a wildcard", leaveToWildcard},
	{"new version", ofAny(func(d draw, s *Service) bool { s.Version = d.version(s.Version); return true })},
	{"port", ofAny(func(d draw, s *Service) bool { s.Port = other(d, s.Port, 8080, 8081, 9000); return true })},
	{"size", ofAny(func(d draw, s *Service) bool { s.Memory = other(d, s.Memory, 512, 1024, 2048); return true })},
	{"count", ofAny(func(d draw, s *Service) bool { s.Count = other(d, s.Count, 1, 2, 3); return true })},
	{"health check path", ofAny(func(d draw, s *Service) bool {
		s.Health.Path = other(d, s.Health.Path, "/healthz", "/ready", "/internal/health")
		return true
	})},
	{"health check interval", ofAny(func(d draw, s *Service) bool { s.Health.Interval = other(d, s.Health.Interval, 5, 6, 7); return true })},
	{"add a canary", ofAny(func(d draw, s *Service) bool {
		if s.Canary != nil {
			return false
		}
		s.Canary = &Canary{Version: d.version(s.Version), Weight: []int{0, 10, 50}[d.IntN(3)]}
		return true
	})},
	{"canary weight", ofCanary(func(d draw, s *Service) { s.Canary.Weight = other(d, s.Canary.Weight, 0, 20, 50, 100) })},
	{"canary version", ofCanary(func(d draw, s *Service) { s.Canary.Version = d.version(s.Canary.Version) })},
	{"promote a canary", ofCanary(func(_ draw, s *Service) { s.Version, s.Canary = s.Canary.Version, nil })},
	{"remove a canary", ofCanary(func(_ draw, s *Service) { s.Canary = nil })},
	{"alarms", ofAny(func(_ draw, s *Service) bool { s.Alarms = !s.Alarms; return true })},
	{"capacity", ofAny(func(_ draw, s *Service) bool { s.Spot = !s.Spot; return true })},
	{"drain profile", ofAny(func(_ draw, s *Service) bool {
		if s.Drain == "http" {
			s.Drain, s.Delay = "websocket", leastTold
		} else {
			s.Drain, s.Delay = "http", 1
		}
		return true
	})},
	{"deregistration delay", ofAny(func(_ draw, s *Service) bool {
		s.Delay = map[int]int{1: 2, 2: 1, leastTold: leastTold + 1, leastTold + 1: leastTold}[s.Delay]
		return true
	})},
	{"zones", func(_ draw, c *Config) bool { c.Zones = 5 - c.Zones; return true }},
	{"idle timeout", func(d draw, c *Config) bool { c.IdleTimeout = other(d, c.IdleTimeout, 30, 60, 90); return true }},
	{"tags", func(d draw, c *Config) bool { c.Tag = other(d, c.Tag, "one", "two", "three"); return true }},
	{"network.ipv6", func(_ draw, c *Config) bool { c.IPv6 = !c.IPv6; return true }},
	{"network.cidr", func(d draw, c *Config) bool {
		c.CIDR = other(d, c.CIDR, "10.0.0.0/16", "10.20.0.0/16", "172.20.0.0/18")
		return true
	}},
	{sickVersion, ofAny(func(_ draw, s *Service) bool { s.Version = Sick; return true })},
	{exitingVersion, ofAny(func(_ draw, s *Service) bool { s.Version = Exits; return true })},
	{sickExtract, func(d draw, c *Config) bool { return d.sicken(c, extract) }},
	{sickRename, func(d draw, c *Config) bool { return d.sicken(c, rename) }},
	{exitingCanary, ofAny(func(_ draw, s *Service) bool { s.Canary = &Canary{Version: Exits, Weight: 50}; return true })},
}

// failures are the kinds of which the update has to fail: it gives a service a version that does not work.
var failures = []string{sickVersion, exitingVersion, sickExtract, sickRename, exitingCanary}

const (
	sickVersion    = "a version that never gets healthy"
	exitingVersion = "a version that exits"
	sickExtract    = "a path is taken out by a service that never gets healthy"
	sickRename     = "a service renamed to one that never gets healthy"
	exitingCanary  = "a canary that exits"
)

// draw is what changes are drawn with.
type draw struct{ *rand.Rand }

// pick returns one of some, of which there is one at least.
func pick[T any](d draw, all []T) T { return all[d.IntN(len(all))] }

// other returns one of some that is not the present one.
func other[T comparable](d draw, now T, all ...T) T {
	return pick(d, slices.DeleteFunc(all, func(t T) bool { return t == now }))
}

func (d draw) version(not string) string { return other(d, not, slices.Clone(Versions)...) }

// shuffled returns some in another order.
func shuffled[T any](d draw, all []T) []T {
	all = slices.Clone(all)
	d.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// serviceNames, plainHosts, wildcards and paths are what is drawn from.
var (
	serviceNames = []string{"web", "api", "docs", "shop", "blog", "auth", "mail", "img"}
	plainHosts   = func() []string {
		hosts := []string{Zone, "x.dev." + Zone, "y.dev." + Zone}
		for letter := 'a'; letter <= 'p'; letter++ {
			hosts = append(hosts, string(letter)+"."+Zone)
		}
		return hosts
	}()
	wildcards = []string{"*." + Zone, "*.dev." + Zone}
	// Many are of the same length, as those of real services are: routes that are equally specific compete for numbers.
	paths = []string{"/api/*", "/api/v1/*", "/login", "/img/*", "/api/v1/me", "/app/*", "/css/*", "/doc/*", "/job/*", "/chat", "/help"}
)

// ofAny makes a change to one service.
func ofAny(change func(d draw, s *Service) bool) func(draw, *Config) bool {
	return func(d draw, c *Config) bool {
		for _, name := range shuffled(d, c.names()) {
			s := c.Services[name]
			if change(d, &s) {
				c.Services[name] = s
				return true
			}
		}
		return false
	}
}

// ofCanary makes a change to one service that has a canary.
func ofCanary(change func(d draw, s *Service)) func(draw, *Config) bool {
	return ofAny(func(d draw, s *Service) bool {
		if s.Canary == nil {
			return false
		}
		change(d, s)
		return true
	})
}

// freeNames are the names that no service has.
func (c Config) freeNames() []string {
	return slices.DeleteFunc(slices.Clone(serviceNames), func(name string) bool { _, taken := c.Services[name]; return taken })
}

// freeHosts are host names that no service has.
func (c Config) freeHosts(all []string) []string {
	taken := c.hostnames()
	return slices.DeleteFunc(slices.Clone(all), func(host string) bool { return slices.Contains(taken, host) })
}

// pairs returns two different services, in every order, those of which are at random.
func (d draw) pairs(c *Config) [][2]string {
	var pairs [][2]string
	for _, a := range c.names() {
		for _, b := range c.names() {
			if a != b {
				pairs = append(pairs, [2]string{a, b})
			}
		}
	}
	return shuffled(d, pairs)
}

// shared are the host names that two services have both.
func shared(a, b Service) []string {
	return slices.DeleteFunc(slices.Clone(a.Hostnames), func(host string) bool { return !slices.Contains(b.Hostnames, host) })
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

func moveHost(d draw, c *Config) bool {
	for _, pair := range d.pairs(c) {
		from, to := c.Services[pair[0]], c.Services[pair[1]]
		for _, host := range shuffled(d, from.Hostnames) {
			left := slices.DeleteFunc(slices.Clone(from.Hostnames), func(h string) bool { return h == host })
			if slices.Contains(to.Hostnames, host) || !slices.ContainsFunc(left, isPlain) {
				continue
			}
			from.Hostnames, to.Hostnames = left, append(slices.Clone(to.Hostnames), host)
			c.Services[pair[0]], c.Services[pair[1]] = from, to
			return true
		}
	}
	return false
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

// otherPaths gives a service that has paths others in the place of some of them.
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

// newService draws one that is reached nowhere yet.
func (d draw) newService() Service {
	s := NewService(pick(d, Versions))
	s.Port, s.Count = pick(d, []int{8080, 9000}), 1+d.IntN(2)
	return s
}

func addService(d draw, c *Config) bool {
	names, hosts := c.freeNames(), c.freeHosts(plainHosts)
	if len(names) == 0 || len(hosts) == 0 {
		return false
	}
	s := d.newService()
	s.Hostnames = []string{pick(d, hosts)}
	c.Services[pick(d, names)] = s
	return true
}

// extract adds a service on a path of another one's host name.
func extract(d draw, c *Config) bool {
	names := c.freeNames()
	if len(names) == 0 {
		return false
	}
	for _, from := range shuffled(d, c.names()) {
		old := c.Services[from]
		plain := slices.DeleteFunc(slices.Clone(old.Hostnames), func(host string) bool { return !isPlain(host) })
		for _, path := range shuffled(d, paths) {
			host := pick(d, plain)
			if _, taken := c.Owner(host, strings.Replace(path, "*", "some", 1)); !taken || c.hasRoute(host, path) {
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

// removeHost removes a host name from a service that can do without it.
func removeHost(d draw, c *Config) bool {
	return ofAny(func(d draw, s *Service) bool {
		for _, host := range shuffled(d, s.Hostnames) {
			left := slices.DeleteFunc(slices.Clone(s.Hostnames), func(h string) bool { return h == host })
			if slices.ContainsFunc(left, isPlain) {
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

func addWildcard(d draw, c *Config) bool {
	free := c.freeHosts(wildcards)
	if len(free) == 0 {
		return false
	}
	return ofAny(func(d draw, s *Service) bool { s.Hostnames = append(s.Hostnames, pick(d, free)); return true })(d, c)
}

func removeWildcard(d draw, c *Config) bool {
	return ofAny(func(_ draw, s *Service) bool {
		n := len(s.Hostnames)
		s.Hostnames = slices.DeleteFunc(slices.Clone(s.Hostnames), func(host string) bool { return !isPlain(host) })
		return len(s.Hostnames) < n
	})(d, c)
}

// leaveToWildcard removes a host name that a wildcard covers too.
func leaveToWildcard(d draw, c *Config) bool {
	return ofAny(func(d draw, s *Service) bool {
		for _, host := range shuffled(d, s.Hostnames) {
			left := slices.DeleteFunc(slices.Clone(s.Hostnames), func(h string) bool { return h == host })
			if !isPlain(host) || !slices.ContainsFunc(left, isPlain) {
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

// contradict makes a configuration that has to be refused: two services with the same route.
func contradict(d draw, c *Config) bool {
	names := c.freeNames()
	if len(names) == 0 {
		return false
	}
	from := pick(d, c.names())
	c.Services[pick(d, names)] = c.clone().Services[from]
	return true
}

// first draws a configuration to begin with: two or three services, of which two share a host name.
func first(d draw) Config {
	c := Config{
		CIDR: "10.0.0.0/16", Zones: 2 + d.IntN(2), IdleTimeout: 60, Tag: "one", Services: map[string]Service{},
	}
	hosts, names, free := shuffled(d, plainHosts), shuffled(d, serviceNames), shuffled(d, paths)
	root := d.newService()
	root.Hostnames = hosts[:2+d.IntN(2)]
	below := d.newService()
	below.Hostnames, below.Paths = []string{root.Hostnames[d.IntN(len(root.Hostnames))]}, free[:2+d.IntN(4)]
	c.Services[names[0]], c.Services[names[1]] = root, below
	if d.IntN(2) == 0 {
		s := d.newService()
		s.Hostnames = []string{hosts[4], hosts[5]}
		c.Services[names[2]] = s
	}
	if problems := c.Problems(); len(problems) > 0 {
		panic(fmt.Sprint("a first configuration is wrong: ", problems))
	}
	return c
}
