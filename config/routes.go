package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"slipway/internal/settings"
	"slipway/spec"
)

// What is checked, and warned of, about where services are and are reached.

// regionPattern matches the names of regions, of which AWS adds some each year ("AWS Regions" in its Regions and Availability Zones
// guide), and zonePattern those of availability zones.
var (
	regionPattern = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)
	zonePattern   = regexp.MustCompile(`^([a-z]{2,}(-[a-z]+)+-[0-9]+)[a-z]$`)
)

// checkRegion reports an aws:region that is none. Without one the region is that of the environment, which only the provider knows.
func checkRegion(source settings.Source, found *settings.Problems) {
	const key = "aws:region"
	region, given := source.Values[key]
	zone := zonePattern.FindStringSubmatch(region)
	switch {
	case !given || regionPattern.MatchString(region):
	case region == "":
		found.Add(key, "is empty; run `pulumi config set aws:region eu-central-1`, or `pulumi config rm aws:region` for the environment's")
	case zone != nil:
		found.AddValue(key, region, slices.Contains(source.SecretKeys, key), fmt.Errorf("is an availability zone; its region is without the last letter"))
	default:
		found.AddValue(key, region, slices.Contains(source.SecretKeys, key), fmt.Errorf("is not the name of a region, such as eu-central-1"))
	}
}

// checkOrder reports paths of which either could be asked first for a request.
func (c *Config) checkOrder(services *settings.Object) {
	routes := c.Routes()
	for i, a := range routes {
		for _, b := range routes[i+1:] {
			if err := spec.CheckOrder(a, b); err != nil {
				services.Problems.AddValue(services.Path(b.Service), a.Hostname+a.Path+" and "+b.Path,
					hidesRoutes(services, a.Service) || hidesRoutes(services, b.Service), err)
			}
		}
	}
}

// checkWildcards reports routes with more wildcards than a rule takes.
func (c *Config) checkWildcards(services *settings.Object) {
	for _, service := range c.Services {
		header := spec.CanaryHeader{}
		if canary := service.Canary(); canary != nil {
			header = canary.Header
		}
		for _, r := range service.Routes() {
			if err := spec.CheckWildcards(r, header); err != nil {
				services.Problems.AddValue(services.Path(r.Service), r.Hostname+r.Path, hidesRoutes(services, r.Service), err)
			}
		}
	}
}

// privilegedPorts end below this one: without a capability, only root listens on them. Fargate gives none to another user (issue 1721
// of aws/containers-roadmap), and the tasks' user is another one.
const privilegedPorts = 1024

// routeWarnings returns what may be wrong with how a service is reached.
func (c *Config) routeWarnings(s Service) []string {
	var warnings []string
	if s.HTTP.Port < privilegedPorts {
		warnings = append(warnings, fmt.Sprintf(
			"service %s listens on port %d: its tasks run as a user that Fargate lets listen on ports from %d only, unless the image's program has the "+
				"capability cap_net_bind_service; have another port", s.Name, s.HTTP.Port, privilegedPorts))
	}
	if slices.Equal(s.Paths, []string{"/"}) {
		warnings = append(warnings, fmt.Sprintf(
			"service %s has the path / alone, and nothing below it; for every path leave paths out, or write /*", s.Name))
	}
	for _, hostname := range s.Hostnames {
		// "Limitations" of Universal SSL in Cloudflare's documentation: the zone's name and the names of one more label.
		if c.DNS.Proxied && strings.Count(strings.TrimSuffix(hostname, "."+c.Domain), ".") > 0 && hostname != c.Domain {
			warnings = append(warnings, fmt.Sprintf(
				"%s of service %s is more than one label below %s, and goes through Cloudflare, whose Universal SSL has no certificate for it: "+
					"clients get a TLS error unless the zone has an advanced certificate", hostname, s.Name, c.Domain))
		}
	}
	return warnings
}
