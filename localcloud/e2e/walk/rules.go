package walk

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Bounds that docs/configuration.md states, and what a walk stays within.
const (
	maxName       = 24 // of "STACK-SERVICE", or else Pulumi's suffix does not fit into a target group's 32 characters
	maxRules      = 100
	leastTold     = 6 // the shortest deregistration delay of the WebSocket profile
	mostHostnames = 24
)

var (
	serviceName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	hostName    = regexp.MustCompile(`^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*` + regexp.QuoteMeta(Zone) + `$`)
	pathPattern = regexp.MustCompile(`^/[a-z0-9/-]*\*?$`)
)

// Problems are the reasons for which the configuration has to be refused before anything is made. A walk makes one on purpose.
func (c Config) Problems() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if len(c.Services) == 0 {
		add("there is no service")
	}
	if c.Zones != 2 && c.Zones != 3 {
		add("%d zones", c.Zones)
	}
	rules := 0
	owners := map[string]string{}
	for _, name := range c.names() {
		s := c.Services[name]
		for _, problem := range s.problems(name) {
			add("%s: %s", name, problem)
		}
		if _, taken := c.Services[name+"-canary"]; taken && s.Canary != nil {
			add("%s: its canary has another service's name", name)
		}
		for _, host := range s.Hostnames {
			for _, path := range s.paths() {
				if other, taken := owners[host+path]; taken {
					add("%s: %s%s is %s's", name, host, path, other)
				}
				owners[host+path] = name
				if rules++; s.Canary != nil {
					rules++
				}
			}
		}
	}
	if rules > maxRules {
		add("%d rules", rules)
	}
	return out
}

func (s Service) problems(name string) []string {
	var out []string
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	long := len(Stack + "-" + name)
	if s.Canary != nil {
		long += len("-canary")
		add(s.Canary.Weight < 0 || s.Canary.Weight > 100, "canary of weight %d", s.Canary.Weight)
	}
	add(long > maxName || !serviceName.MatchString(name), "not a name")
	add(!slices.ContainsFunc(s.Hostnames, isPlain), "no host name but wildcards")
	add(len(s.Hostnames) > mostHostnames, "%d host names", len(s.Hostnames))
	for i, host := range s.Hostnames {
		add(!hostName.MatchString(host), "%s is no host name", host)
		add(slices.Contains(s.Hostnames[:i], host), "%s twice", host)
	}
	for i, path := range s.Paths {
		add(!pathPattern.MatchString(path), "%s is no path", path)
		add(slices.Contains(s.Paths[:i], path), "%s twice", path)
	}
	add(s.Port < 1024 || s.Port > 65535, "port %d", s.Port)
	// Fargate's table has these for a quarter of a CPU ("Task CPU and memory" in the ECS developer guide).
	add(!slices.Contains([]int{512, 1024, 2048}, s.Memory), "%d MiB", s.Memory)
	add(s.Count < 1, "no tasks")
	add(s.Delay < 1, "requests under way are cut")
	add(s.Drain == "websocket" && s.Delay < leastTold, "WebSockets are cut")
	add(!strings.HasPrefix(s.Health.Path, "/"), "health check at %s", s.Health.Path)
	add(s.Health.Interval < 5, "health check every %d seconds", s.Health.Interval)
	return out
}

func isPlain(host string) bool { return !strings.HasPrefix(host, "*.") }
