package config

import (
	"fmt"
	"slices"

	"slipway/internal/settings"
)

// Calls between services of the stack.

// checkCalls reports calls that lead nowhere.
func (c *Config) checkCalls(services *settings.Object) {
	report := services.Problems.Add
	for _, s := range c.Services {
		for i, name := range s.Calls {
			key := fmt.Sprintf("%s[%d]", services.Path(s.Name, "calls"), i)
			callee, known := c.service(name)
			switch {
			case name == s.Name:
				report(key, "is the service itself; its own container is at localhost")
			case !known:
				report(key, "no service of the stack has the name %s; name one under services", name)
			case callee.CallPort() == 0:
				report(key, "%s is a worker without a port; set services.%[1]s.port to the one that it listens on", name)
			}
		}
		if s.WorkerPort != 0 && !c.Called(s.Name) {
			report(services.Path(s.Name, "port"), "is of use to a worker only if another service calls it; name it in the calls of that one, or leave the port out")
		}
	}
}

// service returns the service with a name.
func (c *Config) service(name string) (Service, bool) {
	i := slices.IndexFunc(c.Services, func(s Service) bool { return s.Name == name })
	if i < 0 {
		return Service{}, false
	}
	return c.Services[i], true
}

// calls returns which services each calls. What is reported elsewhere is left out: the service itself, and those that there are not.
func (c *Config) calls() map[string][]string {
	calls := make(map[string][]string, len(c.Services))
	for _, s := range c.Services {
		calls[s.Name] = slices.DeleteFunc(slices.Clone(s.Calls), func(callee string) bool {
			_, known := c.service(callee)
			return callee == s.Name || !known
		})
	}
	return calls
}

// HasCalls reports whether services of the stack call each other.
func (c *Config) HasCalls() bool {
	return slices.ContainsFunc(c.Services, func(s Service) bool { return len(s.Calls) > 0 })
}

// Called reports whether another service calls the one with a name.
func (c *Config) Called(name string) bool {
	return slices.ContainsFunc(c.Services, func(s Service) bool { return slices.Contains(s.Calls, name) })
}

// proxyWarnings warns of a service whose tasks are too small for the proxy that Service Connect adds to each ("Service Connect proxy" in
// the ECS developer guide: 256 CPU units and 64 MiB for it alone), and of one whose clients' requests go through the proxy: it listens at the
// container's port (ingressPortOverride of ServiceConnectService in the ECS API reference).
func (c *Config) proxyWarnings(s Service) []string {
	var warnings []string
	if c.Called(s.Name) && s.HTTP != nil {
		warnings = append(warnings, "service "+s.Name+" has hostnames, and other services call it: its clients' requests too go through Service Connect's proxy, "+
			"which may end them after 15 seconds; have a service of its own, without hostnames, for the calls if that is too short")
	}
	if (len(s.Calls) > 0 || c.Called(s.Name)) && s.Size.CPU < 2*proxyCPU {
		warnings = append(warnings, "service "+s.Name+" calls others or is called, and shares its 256 CPU units with Service Connect's proxy, for which alone AWS advises as many; "+
			"have cpu 512 under load")
	}
	return warnings
}

// proxyCPU is what AWS advises for the proxy.
const proxyCPU = 256
