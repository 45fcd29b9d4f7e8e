package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"slipway/internal/settings"
	"slipway/spec"
)

// Checks and warnings about the region and about how services are reached.

// regionPattern matches the names of regions, and zonePattern those of availability zones. AWS adds regions each year ("AWS Regions" in
// its Regions and Availability Zones guide).
var (
	regionPattern = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)
	zonePattern   = regexp.MustCompile(`^([a-z]{2,}(-[a-z]+)+-[0-9]+)[a-z]$`)
)

// checkRegion reports an aws:region that is not a region. Without one, the environment decides, and only the provider knows it.
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

// checkOrder reports paths that match the same request without an order between them.
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

// privilegedPorts end below this one. Only root, or a process with a capability, can listen on them. Fargate gives other users no
// capability (issue 1721 of aws/containers-roadmap), and tasks do not run as root.
const privilegedPorts = 1024

// routeWarnings returns what may be wrong with how a service is reached.
func (c *Config) routeWarnings(s Service) []string {
	if s.HTTP == nil {
		return nil
	}
	var warnings []string
	if s.HTTP.Port < privilegedPorts {
		warnings = append(warnings, fmt.Sprintf(
			"service %s listens on port %d: Fargate lets the user of its tasks listen only on ports from %d, unless the image's program has the "+
				"capability cap_net_bind_service; choose another port", s.Name, s.HTTP.Port, privilegedPorts))
	}
	if slices.Equal(s.Paths, []string{"/"}) {
		warnings = append(warnings, fmt.Sprintf(
			"service %s has only the path /, and nothing below it; for every path leave paths out, or write /*", s.Name))
	}
	for _, hostname := range s.Hostnames {
		// "Limitations" of Universal SSL in Cloudflare's documentation: it covers the zone's name and the names with one more label.
		if c.DNS.Proxied && strings.Count(strings.TrimSuffix(hostname, "."+c.Domain), ".") > 0 && hostname != c.Domain {
			warnings = append(warnings, fmt.Sprintf(
				"%s of service %s is more than one label below %s and goes through Cloudflare, whose Universal SSL has no certificate for it: "+
					"clients get a TLS error unless the zone has an advanced certificate", hostname, s.Name, c.Domain))
		}
	}
	return warnings
}
