package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components"
	"slipway/internal/settings"
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

	services []serviceConfig // sorted by name
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
	smoke               smokeConfig
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

// readConfig reads the stack's config as a whole. Its error lists everything that is wrong, by key.
func readConfig(source settings.Source) (*config, error) {
	var found settings.Problems
	root := source.Root(&found, "services.*.secrets", "services.*.registry") // which go to AWS Secrets Manager

	c := &config{
		domain: root.RequiredText("domain", "the name of the Cloudflare zone, for example example.com", components.CheckDomain),
		zoneID: root.Text("zoneId", "", checkZoneID),
	}
	c.network = readNetwork(root.Section("network"))
	c.dns = readDNS(root.Section("dns"))
	c.loadBalancer = readLoadBalancer(root.Section("loadBalancer"))
	c.logRetention = readLogs(root.Section("logs"))
	c.tags = readTags(root)
	c.permissionsBoundary = root.Text("permissionsBoundary", "", checkPolicyARN)

	if err := components.CheckName(source.Stack); err != nil {
		found.Add("stack", "%w", err)
	}
	services := root.Section("services")
	for _, name := range services.Members() {
		reader := serviceReader{Object: services.Section(name), domain: c.domain}
		c.services = append(c.services, reader.read(source.Stack, name))
	}
	if services.Len() == 0 {
		found.Add(services.Key, "is missing; it is an object with a service in it: its name, its image and its hostnames")
	}
	root.Close()
	checkRegion(source, &found)

	// Checks across services make sense, and do not repeat what was found already, once each service is right by itself.
	if !found.Any() {
		checkRoutes(services, c.services)
		checkCanaryNames(services)
		c.checkOrder(services)
		c.checkWildcards(services)
		c.checkSmoke(services)
		if err := components.CheckCertificateNames(c.hostnames()); err != nil {
			found.Add(services.Key, "%w", err)
		}
		if _, _, err := c.prioritize(nil); err != nil {
			found.Add(services.Key, "%w", err)
		}
	}
	if err := found.Err(source.Stack); err != nil {
		return nil, err
	}
	return c, nil
}

// checkRoutes reports routes that more than one service has.
func checkRoutes(services *settings.Object, all []serviceConfig) {
	owners := make(map[components.Route]string)
	for _, service := range all {
		for _, r := range service.routes() {
			anyone := components.Route{Hostname: r.Hostname, Path: r.Path}
			if owner, taken := owners[anyone]; taken {
				services.Problems.AddValue(services.Path(service.name), r.Hostname+r.Path, services.Secret, fmt.Errorf(
					"is among the hostnames and paths of service %s already; give one of the two others", owner))
				continue
			}
			owners[anyone] = service.name
		}
	}
}

// checkCanaryNames reports services whose resources would have the names of another one's canary's.
func checkCanaryNames(services *settings.Object) {
	for _, name := range services.Members() {
		canary := services.Section(name).Section("canary")
		if services.Has(name+components.CanarySuffix) && canary.Len() > 0 {
			services.Problems.Add(canary.Key, "is named as service %s-canary would be; rename one of the services", name)
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

// attachments returns the routes that lead nobody to the service, and by which its target groups belong to the load balancer.
func (s serviceConfig) attachments() []components.Route {
	attachments := []components.Route{components.AttachmentRoute(s.name, s.healthCheck)}
	if s.canary != nil {
		attachments = append(attachments, components.CanaryRoute(s.name, s.healthCheck))
	}
	return attachments
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

// url returns where to find the service: its first path on its first host name that is not a wildcard, or on a name that a wildcard
// stands for.
func (s serviceConfig) url() string {
	hostname := strings.Replace(s.hostnames[0], "*", anyLabel, 1)
	if i := slices.IndexFunc(s.hostnames, isPlain); i >= 0 {
		hostname = s.hostnames[i]
	}
	return components.Route{Hostname: hostname, Path: s.paths[0]}.URL()
}

// anyLabel takes a wildcard's place in the URL of a service that has nothing else.
const anyLabel = "any"

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

// routes returns the routes of all services.
func (c *config) routes() []components.Route {
	var routes []components.Route
	for _, service := range c.services {
		routes = append(routes, service.routes()...)
	}
	return routes
}

// prioritize returns the priorities of the rules that lead to the services, and of those that only attach them to the listener, which
// holds some numbers already.
func (c *config) prioritize(held components.HeldPriorities) (routes, attachments map[components.Route]int, err error) {
	wanted := c.routes()
	var attaching []components.Route
	for _, service := range c.services {
		attaching = append(attaching, service.attachments()...)
	}
	all, err := components.Priorities(c.domain, slices.Concat(wanted, attaching), held)
	if err != nil {
		return nil, nil, err
	}
	only := func(some []components.Route) map[components.Route]int {
		chosen := make(map[components.Route]int, len(some))
		for _, r := range some {
			chosen[r] = all[r]
		}
		return chosen
	}
	return only(wanted), only(attaching), nil
}

// rules returns how many listener rules the stack makes: one for each route and each attachment, and another for a canary's header.
func (c *config) rules() int {
	rules := 0
	for _, service := range c.services {
		rules += len(service.routes()) + len(service.attachments())
		if service.canary != nil {
			rules += len(service.routes())
		}
	}
	return rules
}

// Default quotas of AWS that a stack can outgrow ("Quotas for your Application Load Balancers"). They can be raised, so that
// exceeding them is a warning.
const (
	rulesPerLoadBalancer = 100
	// namesPerLoadBalancer is ten names in the default certificate and in each of 25 others.
	namesPerLoadBalancer = 10 * (1 + 25)
)

// warnings returns what may be wrong with the config.
func (c *config) warnings() []string {
	var warnings []string
	if n := c.rules(); n > rulesPerLoadBalancer {
		warnings = append(warnings, fmt.Sprintf(
			"the services' host names and paths make %d listener rules; AWS's quota is %d per load balancer unless you have raised it", n, rulesPerLoadBalancer))
	}
	if n := len(c.hostnames()); n > namesPerLoadBalancer {
		warnings = append(warnings, fmt.Sprintf(
			"the services have %d host names; AWS's quotas are 26 certificates per load balancer and 10 names per certificate unless you have raised them", n))
	}
	for _, service := range c.services {
		warnings = append(warnings, c.routeWarnings(service)...)
		if service.instanceCount == 0 {
			warnings = append(warnings, fmt.Sprintf("service %s may have no task: whoever asks it then gets 503", service.name))
		}
		if spot := service.capacity; spot.Fargate == (components.Share{}) && service.instanceCount < 2 {
			warnings = append(warnings, fmt.Sprintf(
				"service %s has a single task, on Fargate Spot: when AWS takes that back, nothing answers until another is healthy; "+
					"have two tasks, or capacity.fargate.base 1", service.name))
		}
	}
	return warnings
}
