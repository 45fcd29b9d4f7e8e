package walk

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Bounds in docs/configuration.md, and those of a walk.
const (
	maxName       = 24 // of "STACK-SERVICE", or else Pulumi's suffix does not fit into a target group's 32 characters
	maxRules      = 100
	leastTold     = 6 // the shortest deregistration delay of the WebSocket profile
	mostHostnames = 24
	leastTTL      = 60 // Cloudflare's, and the most that a walk waits for
	mostTTL       = 120
	// mostWildcards is how many "*" and "?" the conditions of one rule have ("Condition wildcards per rule" among the quotas for
	// Application Load Balancers).
	mostWildcards = 6
)

var (
	healthCodes = regexp.MustCompile(`^[234][0-9]{2}([,-][234][0-9]{2})?$`)
	serviceName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	hostName    = regexp.MustCompile(`^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*` + regexp.QuoteMeta(Zone) + `$`)
	pathPattern = regexp.MustCompile(`^/[a-z0-9/.?-]*(\*[a-z0-9/.?-]*)?$`)
)

// Problems are the reasons to refuse the configuration before anything is made. A walk makes one on purpose.
func (c Config) Problems() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if len(c.Services) == 0 {
		add("there is no service")
	}
	if c.Zones != 2 && c.Zones != 3 {
		add("%d zones", c.Zones)
	}
	if !c.Proxied && (c.TTL < leastTTL || c.TTL > mostTTL) {
		add("a time-to-live of %d seconds", c.TTL)
	}
	if c.Egress == egressIPv6 && !c.IPv6 {
		add("no IPv6 addresses for tasks that have no others")
	}
	owners := map[string]string{}
	for _, name := range c.names() {
		s := c.Services[name]
		if c.Egress == egressIPv6 && s.Exec {
			add("%s: commands in tasks that have only IPv6 addresses", name)
		}
		for _, problem := range s.problems(name) {
			add("%s: %s", name, problem)
		}
		if _, taken := c.Services[name+canarySuffix]; taken && s.Canary != nil {
			add("%s: its canary has another service's name", name)
		}
		for _, host := range s.Hostnames {
			for _, path := range s.paths() {
				if other, taken := owners[host+path]; taken {
					add("%s: %s%s is %s's", name, host, path, other)
				}
				owners[host+path] = name
			}
		}
	}
	for _, pair := range c.unordered() {
		add("%s and %s: either could come first", pair[0], pair[1])
	}
	if n := len(c.rules()); n > maxRules {
		add("%d rules", n)
	}
	return out
}

// rules are the rules of the load balancer, each with a unique key: one for each route, one more for its canary, and one that attaches
// each of the target groups.
func (c Config) rules() map[string]bool {
	rules := map[string]bool{}
	for name, s := range c.Services {
		whose := []string{name}
		if s.Canary != nil {
			whose = append(whose, name+canarySuffix)
		}
		for i, of := range whose {
			rules[fmt.Sprint(of, " ", s.Health)] = true
			for _, host := range s.Hostnames {
				for _, path := range s.paths() {
					rules[fmt.Sprint(host, path, " ", i)] = true
				}
			}
		}
	}
	return rules
}

// route is a host name and a path of a service.
type route struct{ service, host, path string }

func (r route) String() string { return r.host + r.path + " of " + r.service }

// unordered are routes of different services that are for the same requests, neither more specific than the other.
func (c Config) unordered() [][2]route {
	var all []route
	for _, name := range c.names() {
		for _, host := range c.Services[name].Hostnames {
			for _, path := range c.Services[name].paths() {
				all = append(all, route{name, host, path})
			}
		}
	}
	var out [][2]route
	for i, a := range all {
		for _, b := range all[i+1:] {
			stars := strings.Contains(a.path, "*") == strings.Contains(b.path, "*")
			if a.service != b.service && a.host == b.host && a.path != b.path && len(a.path) == len(b.path) && stars && meet(a.path, b.path) {
				out = append(out, [2]route{a, b})
			}
		}
	}
	return out
}

// Forbids returns why a stack of this configuration cannot become one of another in one update. A canary's resources have the names that
// those of a service of that name have, and while the one is there the other has no place. Services that call each other do not all get
// other addresses at once.
func (c Config) Forbids(next Config) []string {
	var out []string
	canary := func(c Config, name string) bool { return c.Services[name].Canary != nil }
	if (c.Egress == egressIPv6) != (next.Egress == egressIPv6) && c.calls() && next.calls() {
		out = append(out, "services call each other, and some have only IPv6 addresses for a while")
	}
	service := func(c Config, name string) bool { _, there := c.Services[name]; return there }
	for _, name := range slices.Concat(c.names(), next.names()) {
		like := name + canarySuffix
		if canary(c, name) && service(next, like) {
			out = append(out, fmt.Sprintf("the canary of %s is there, and %s comes", name, like))
		}
		if service(c, like) && canary(next, name) {
			out = append(out, fmt.Sprintf("%s is there, and a canary of %s comes", like, name))
		}
	}
	return out
}

// calls reports whether a service calls another.
func (c Config) calls() bool {
	return c.Worker != "" && slices.ContainsFunc(slices.Collect(maps.Values(c.Services)), func(s Service) bool { return s.Calls })
}

// canarySuffix ends the names of a canary's resources, after the service's.
const canarySuffix = "-canary"

func (s Service) problems(name string) []string {
	var out []string
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	long := len(Stack + "-" + name)
	if s.Canary != nil {
		long += len(canarySuffix)
		add(s.Canary.Weight < 0 || s.Canary.Weight > 100, "canary of weight %d", s.Canary.Weight)
	}
	add(long > maxName || !serviceName.MatchString(name), "not a name")
	add(len(s.Hostnames) == 0, "no host name")
	add(len(s.Hostnames) > mostHostnames, "%d host names", len(s.Hostnames))
	for i, host := range s.Hostnames {
		add(!hostName.MatchString(host), "%s is no host name", host)
		add(slices.Contains(s.Hostnames[:i], host), "%s twice", host)
	}
	for i, path := range s.Paths {
		add(!pathPattern.MatchString(path), "%s is no path", path)
		add(slices.Contains(s.Paths[:i], path), "%s twice", path)
	}
	for _, host := range s.Hostnames {
		for _, path := range s.paths() {
			wildcards := strings.Count(host+path, "*") + strings.Count(path, "?")
			if path == "/*" {
				wildcards-- // every path is no condition
			}
			add(wildcards > mostWildcards, "%s%s has %d wildcards", host, path, wildcards)
		}
	}
	add(s.Port < 1024 || s.Port > 65535, "port %d", s.Port)
	// Fargate's table has these for a quarter of a CPU ("Task CPU and memory" in the ECS developer guide).
	add(!slices.Contains([]int{512, 1024, 2048}, s.Memory), "%d MiB", s.Memory)
	if s.Scaling != nil {
		add(s.Scaling.Min < 1 || s.Scaling.Min > s.Scaling.Max, "%d to %d tasks", s.Scaling.Min, s.Scaling.Max)
		add(s.Scaling.Requests < 1, "nothing scales")
	} else {
		add(s.Count < 1, "no tasks")
	}
	add(s.Delay < 1, "requests under way are cut")
	add(s.Drain == "websocket" && s.Delay < leastTold, "WebSockets are cut")
	add(!strings.HasPrefix(s.Health.Path, "/"), "health check at %s", s.Health.Path)
	add(!healthCodes.MatchString(s.Health.Codes), "healthy with %s", s.Health.Codes)
	add(s.Health.Interval < 5, "health check every %d seconds", s.Health.Interval)
	return out
}

func isPlain(host string) bool { return !strings.HasPrefix(host, "*.") }
