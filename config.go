package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components"
)

// config is the stack's config, complete and checked. Pulumi.yaml describes its keys.
type config struct {
	domain string // the Cloudflare zone's name
	zoneID string // empty: looked up by name

	network      networkConfig
	dns          dnsConfig
	loadBalancer loadBalancerConfig
	logRetention int // days
	tags         components.Tags

	permissionsBoundary string // the managed policy's ARN; empty: none

	services   []serviceConfig // sorted by name
	priorities map[components.Route]int
}

type networkConfig struct {
	cidr  string
	zones int
	ipv6  bool
}

type dnsConfig struct {
	proxied bool
	ttl     int // seconds
}

type loadBalancerConfig struct {
	idleTimeout        int // seconds
	deletionProtection bool
	sslPolicy          string
}

type serviceConfig struct {
	name                string
	image               components.Image
	hostnames, paths    []string
	port, cpu, memory   int
	architecture        string
	instanceCount       int // with scaling, the fewest
	scaling             *components.Scaling
	capacity            components.Capacity
	environment         map[string]string
	secrets             map[string]secret
	entryPoint, command []string
	registry            *registryConfig // nil: no credentials
	healthCheck         components.HealthCheck
	drain               components.Drain
	deployment          components.Deployment
	before              *components.Before
	canary              *components.Canary
}

type registryConfig struct {
	username string
	password secret
}

// input returns the credentials as a component's argument, or nil if there are none.
func (r *registryConfig) input() *components.RegistryCredentials {
	if r == nil {
		return nil
	}
	return &components.RegistryCredentials{Username: r.username, Password: r.password.input()}
}

// configSource is where the config is read from: what the engine hands to the program.
type configSource struct {
	project, stack string
	values         map[string]string // by full key ("slipway:domain"); objects as JSON, secrets decrypted
	secretKeys     []string          // full keys whose values contain secrets
}

// capture is a [pulumi.RunOption] that takes the config from what the engine hands over. A [pulumi.Context] returns a value
// for its key, but does not list the keys, and an unknown key is a mistake that has to be reported.
func (s *configSource) capture(info *pulumi.RunInfo) {
	*s = configSource{project: info.Project, stack: info.Stack, values: info.Config, secretKeys: info.ConfigSecretKeys}
}

// readConfig reads the stack's config as a whole. Its error lists everything that is wrong, by key.
func readConfig(source configSource) (*config, error) {
	var found problems
	root := source.root(&found)

	c := &config{
		domain: root.requiredText("domain", "the name of the Cloudflare zone, for example example.com", components.CheckDomain),
		zoneID: root.text("zoneId", "", checkZoneID),
	}
	c.network = readNetwork(root.object("network"))
	c.dns = readDNS(root.object("dns"))
	c.loadBalancer = readLoadBalancer(root.object("loadBalancer"))
	c.logRetention = readLogs(root.object("logs"))
	c.tags = readTags(root)
	c.permissionsBoundary = root.text("permissionsBoundary", "", checkPolicyARN)

	if err := components.CheckName(source.stack); err != nil {
		found.add("stack", "%w", err)
	}
	services := root.object("services")
	for _, name := range services.members() {
		reader := serviceReader{object: services.object(name), problems: &found, domain: c.domain}
		c.services = append(c.services, reader.read(source.stack, name))
	}
	if len(services.values) == 0 {
		found.add(services.key, "is missing; it is an object with a service in it: its name, its image and its hostnames")
	}
	root.close()

	// Checks across services make sense, and do not repeat what was found already, once each service is right by itself.
	if len(found.errs) == 0 {
		c.priorities = route(services, c.domain, c.services)
		checkCanaryNames(services)
		if err := components.CheckCertificateNames(c.hostnames()); err != nil {
			found.add(services.key, "%w", err)
		}
	}
	if len(found.errs) > 0 {
		slices.SortFunc(found.errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		note := ""
		if found.hidden {
			note = fmt.Sprintf(" (%s is any text of a key with secrets in it: Pulumi does not tell which they are)", redacted)
		}
		return nil, fmt.Errorf("config of stack %s%s:\n%w", source.stack, note, errors.Join(found.errs...))
	}
	return c, nil
}

// root returns the project's own part of the config.
func (s configSource) root(found *problems) *object {
	namespace := s.project + ":"
	values := make(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		name, own := strings.CutPrefix(key, namespace)
		if !own {
			continue // a provider's
		}
		value, err := parseValue(s.values[key])
		if err != nil {
			found.add(key, "%w", err)
			continue
		}
		if value != "" { // the default of an optional key
			values[name] = value
		}
	}
	root := newObject(namespace, values, found)
	root.secretKeys = s.secretKeys
	return root
}

// route returns the priorities of every service's routes and reports routes that more than one service has.
func route(services *object, zone string, all []serviceConfig) map[components.Route]int {
	var routes []components.Route
	owners := make(map[components.Route]string)
	for _, service := range all {
		for _, r := range service.routes() {
			anyone := components.Route{Hostname: r.Hostname, Path: r.Path}
			if owner, taken := owners[anyone]; taken {
				services.problems.addValue(services.path(service.name), r.Hostname+r.Path, services.secret, fmt.Errorf(
					"is among the hostnames and paths of service %s already; give one of the two others", owner))
				continue
			}
			owners[anyone] = service.name
			routes = append(routes, r)
		}
		if service.canary != nil {
			routes = append(routes, components.CanaryRoute(service.name))
		}
	}
	priorities, err := components.Priorities(zone, routes)
	if err != nil {
		services.problems.add(services.key, "%w", err)
	}
	for _, service := range all {
		if service.canary != nil {
			service.canary.Priority = priorities[components.CanaryRoute(service.name)]
		}
	}
	return priorities
}

// checkCanaryNames reports services whose resources would have the names of another one's canary's.
func checkCanaryNames(services *object) {
	for _, name := range services.members() {
		canary := services.object(name).object("canary")
		if _, taken := services.values[name+"-canary"]; taken && len(canary.values) > 0 {
			services.problems.add(canary.key, "is named as service %s-canary would be; rename one of the services", name)
		}
	}
}

// routes returns the service's routes: each of its paths on each of its host names.
func (s serviceConfig) routes() []components.Route {
	var routes []components.Route
	for _, hostname := range s.hostnames {
		for _, path := range s.paths {
			routes = append(routes, components.Route{Service: s.name, Hostname: hostname, Path: path})
		}
	}
	return routes
}

// priorities returns those of all routes' priorities that belong to the service.
func (s serviceConfig) priorities(all map[components.Route]int) map[components.Route]int {
	own := make(map[components.Route]int)
	for _, r := range s.routes() {
		own[r] = all[r]
	}
	return own
}

// pinned returns the service with every image replaced by what it was found to mean.
func (s serviceConfig) pinned(images map[components.Image]components.Image) serviceConfig {
	s.image = images[s.image]
	if s.canary != nil {
		canary := *s.canary
		canary.Image = images[canary.Image]
		s.canary = &canary
	}
	if s.before != nil && s.before.Image != nil {
		image := images[*s.before.Image]
		s.before = &components.Before{Command: s.before.Command, Image: &image}
	}
	return s
}

// images returns every image of the service.
func (s serviceConfig) images() []components.Image {
	images := []components.Image{s.image}
	if s.canary != nil {
		images = append(images, s.canary.Image)
	}
	if s.before != nil && s.before.Image != nil {
		images = append(images, *s.before.Image)
	}
	return images
}

// url returns where to find the service: its first path on its first host name that is not a wildcard.
func (s serviceConfig) url() string {
	i := slices.IndexFunc(s.hostnames, isPlain)
	return components.Route{Hostname: s.hostnames[i], Path: s.paths[0]}.URL()
}

// isPlain reports whether the host name is not a wildcard.
func isPlain(hostname string) bool { return !strings.HasPrefix(hostname, "*.") }

// boundary returns the permissions boundary as a component's argument, or nil if there is none.
func (c *config) boundary() pulumi.StringPtrInput {
	if c.permissionsBoundary == "" {
		return nil
	}
	return pulumi.String(c.permissionsBoundary)
}

// hostnames returns the host names of all services, sorted.
func (c *config) hostnames() []string {
	var names []string
	for _, service := range c.services {
		names = append(names, service.hostnames...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// rules returns how many listener rules the stack makes: one for each route, and another for a canary's header.
func (c *config) rules() int {
	rules := len(c.priorities)
	for _, service := range c.services {
		if service.canary != nil {
			rules += len(service.routes())
		}
	}
	return rules
}

// Default quotas of AWS that a stack can outgrow ("Quotas for your Application Load Balancers", "AWS Certificate Manager
// quotas"). Both can be raised, so that exceeding them is a warning.
const (
	rulesPerLoadBalancer = 100
	namesPerCertificate  = 10
)

// warnings returns what may be wrong with the config.
func (c *config) warnings() []string {
	var warnings []string
	if n := c.rules(); n > rulesPerLoadBalancer {
		warnings = append(warnings, fmt.Sprintf(
			"the services' host names and paths make %d listener rules; AWS's quota is %d per load balancer unless you have raised it", n, rulesPerLoadBalancer))
	}
	if n := len(c.hostnames()); n > namesPerCertificate {
		warnings = append(warnings, fmt.Sprintf(
			"the services have %d host names; ACM's quota is %d names per certificate unless you have raised it", n, namesPerCertificate))
	}
	return warnings
}
