package walk

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// kind is a kind of change.
type kind struct {
	name string
	// change draws a change and makes it. It reports whether the configuration allows it; otherwise the configuration may be changed in
	// part.
	change func(d draw, c *Config) bool
}

// kinds are all that a stack can bear while it is up.
var kinds = []kind{
	{"rename a service", rename},
	{"take the name of another service", takeName},
	{"swap names", swapNames},
	{"use a name again", useAgain},
	{"add a service called like a canary", likeCanary},
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
	{"add several host names", addHosts},
	{"remove several host names", removeHosts},
	{"add a wildcard", addWildcard},
	{"remove a wildcard", removeWildcard},
	{"add a service that has a wildcard alone", addWildcardService},
	{"leave a name to a wildcard", leaveToWildcard},
	{"put a wildcard in the place of a name", putWildcard},
	{"new version", ofAny(func(d draw, s *Service) bool { s.Version = d.version(s.Version); return true })},
	{"port", ofAny(func(d draw, s *Service) bool { s.Port = other(d, s.Port, 8080, 8081, 9000); return true })},
	{"size", ofAny(func(d draw, s *Service) bool { s.Memory = other(d, s.Memory, 512, 1024, 2048); return true })},
	{"count", ofAny(count)},
	{"add scaling", ofAny(addScaling)},
	{"scaling bounds", ofScaling(scalingBounds)},
	{"scaling target", ofScaling(scalingTarget)},
	{"remove scaling", ofScaling(removeScaling)},
	{"health check path", ofAny(func(d draw, s *Service) bool {
		s.Health.Path = other(d, s.Health.Path, "/healthz", "/ready", "/internal/health")
		return true
	})},
	{"health check interval", ofAny(func(d draw, s *Service) bool { s.Health.Interval = other(d, s.Health.Interval, 5, 6, 7); return true })},
	{"health check codes", ofAny(func(d draw, s *Service) bool {
		codes := other(d, answer{s.Health.Codes, s.Health.Answer}, slices.Clone(answers)...)
		s.Health.Codes, s.Health.Answer = codes.codes, codes.code
		return true
	})},
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
	{"sidecar", ofAny(func(_ draw, s *Service) bool { s.Sidecar = !s.Sidecar; return true })},
	{"exec", ofAny(func(_ draw, s *Service) bool { s.Exec = !s.Exec; return true })},
	{"what tasks may do", ofAny(func(_ draw, s *Service) bool { s.Access = !s.Access; return true })},
	{"room to write", ofAny(func(_ draw, s *Service) bool { s.Room = !s.Room; return true })},
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
	{"worker", func(d draw, c *Config) bool { c.Worker = other(d, c.Worker, "", Versions[0], Versions[1]); return true }},
	{"queue", func(_ draw, c *Config) bool { c.Queue = !c.Queue; return c.Worker != "" }},
	{"calls", func(d draw, c *Config) bool {
		return c.Worker != "" && ofAny(func(_ draw, s *Service) bool { s.Calls = !s.Calls; return true })(d, c)
	}},
	{"job", func(d draw, c *Config) bool { c.Job = other(d, c.Job, "", Versions[0], Versions[1]); return true }},
	{"zones", func(_ draw, c *Config) bool { c.Zones = 5 - c.Zones; return true }},
	{"idle timeout", func(d draw, c *Config) bool { c.IdleTimeout = other(d, c.IdleTimeout, 30, 60, 90); return true }},
	{"tags", func(d draw, c *Config) bool { c.Tag = other(d, c.Tag, "one", "two", "three"); return true }},
	{"dns.ttl", func(d draw, c *Config) bool { c.TTL = other(d, c.TTL, leastTTL, 75, 90); return !c.Proxied }},
	{"dns.proxied", func(_ draw, c *Config) bool { c.Proxied = !c.Proxied; return true }},
	{"region", func(d draw, c *Config) bool { c.Region = other(d, c.Region, "eu-central-1", "eu-west-1"); return true }},
	{"network.egress", func(d draw, c *Config) bool {
		c.Egress = other(d, c.Egress, egressPublic, egressNAT, egressIPv6)
		return true
	}},
	{"network.ipv6", func(_ draw, c *Config) bool { c.IPv6 = !c.IPv6; return true }},
	{"network.cidr", func(d draw, c *Config) bool {
		c.CIDR = other(d, c.CIDR, "10.0.0.0/16", "10.20.0.0/16", "172.20.0.0/18")
		return true
	}},
}

// draw is what changes are drawn with.
type draw struct{ *rand.Rand }

// pick returns one of a non-empty list.
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

// serviceNames, plainHosts, wildcards and paths are the values to draw from.
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
	paths = []string{
		"/api/*", "/api/v1/*", "/login", "/img/*", "/api/v1/me", "/app/*", "/css/*", "/doc/*", "/job/*", "/chat", "/help",
		"/v?/*", "/v1/me", "/v?/me", "/item-?", "/item-*", "/img/*.png", "/*.html", "/a*z",
	}
	// answers are the healthy status codes, and the tasks' answers.
	answers = []answer{{"200", 200}, {"204", 204}, {"200-299", 202}, {"200,204", 204}}
)

type answer struct {
	codes string
	code  int
}

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

// pairs returns all pairs of different services, in random order.
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

// first draws a configuration to begin with: two or three services, and two of them share a host name.
func first(d draw) Config {
	c := Config{
		Region: "eu-central-1", CIDR: "10.0.0.0/16", Egress: egressPublic, Zones: 2 + d.IntN(2), IdleTimeout: 60, TTL: leastTTL, Tag: "one", Services: map[string]Service{},
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
