// Package config reads a stack's config into the types of [slipway/spec], strictly and as a whole. It registers no resources and makes
// no calls.
package config

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"slipway/internal/settings"
	"slipway/spec"
)

// Config is the stack's config, complete and checked. Pulumi.yaml describes its keys.
type Config struct {
	Domain string // the Cloudflare zone's name
	ZoneID string // empty: looked up by name

	// Platform is the stack on which the services stand: this one, or organization/project/stack; empty: they stand on what the stack makes.
	Platform string
	Sharer   string // the stack among others on the platform's listener; empty without one. See [spec.Sharer]
	Insights bool   // Container Insights counts the tasks in the stack's cluster

	Network spec.Network // its own; nothing of it holds with an existing one
	// ExistingNetwork is a network that others keep; nil: the stack makes its own.
	ExistingNetwork *spec.ExistingNetwork
	// LoadBalancerARN, CertificateARN and Cluster, by name or ARN, are of others too; empty: the stack makes its own.
	LoadBalancerARN, CertificateARN, Cluster string

	DNS          spec.DNS
	LoadBalancer spec.LoadBalancer
	// PlatformNames are the names in the certificates of a platform. They make a stack a platform, on which other stacks stand.
	PlatformNames []string
	LogRetention  int // days
	Tags          spec.Tags

	PermissionsBoundary string // the managed policy's ARN; empty: none

	Services []Service // sorted by name
	Jobs     []Job     // sorted by name
}

// Service is the config of a service.
type Service struct {
	spec.Service
	Hostnames, Paths []string
	Calls            []string // names of the services that it calls
	Secrets          map[string]Secret
	SidecarSecrets   map[string]map[string]Secret // by sidecar and variable
	Registry         *Registry                    // nil: no credentials
	Gate             string                       // the job that must succeed before a deployment; empty: none
	Smoke            Smoke
}

// Registry has the credentials of a private registry.
type Registry struct {
	Username string
	Password Secret
}

// Read reads the stack's config as a whole. Its error lists everything that is wrong, by key.
func Read(source settings.Source) (*Config, error) {
	var found settings.Problems
	root := source.Root(&found, "services.*.secrets", "services.*.registry", "services.*.sidecars.*.secrets", "jobs.*.secrets", "jobs.*.registry") // which go to AWS Secrets Manager

	c := &Config{
		Domain: root.Text("domain", "", spec.CheckDomain),
		ZoneID: root.Text("zoneId", "", checkZoneID),
	}
	network := root.Section("network")
	c.ExistingNetwork = readExistingNetwork(network)
	c.Network = readNetwork(network)
	c.DNS = readDNS(root.Section("dns"))
	balancer, cluster := root.Section("loadBalancer"), root.Section("cluster")
	c.LoadBalancerARN, c.CertificateARN = readExistingBalancer(balancer)
	c.LoadBalancer, c.PlatformNames = readLoadBalancer(balancer, c.Domain)
	c.Cluster, c.Insights = readCluster(cluster)
	c.readPlatform(root, source)
	if c.LoadBalancerARN != "" {
		c.Sharer = spec.Sharer(source.Project, source.Stack)
	}
	c.LogRetention = readLogs(root.Section("logs"))
	c.Tags = readTags(root)
	c.PermissionsBoundary = root.Text("permissionsBoundary", "", spec.CheckBoundary)

	if err := spec.CheckName(source.Stack); err != nil {
		found.Add("stack", "%w", err)
	}
	services := root.Section("services")
	for _, name := range services.Members() {
		reader := serviceReader{Object: services.Section(name), domain: c.Domain, logRetention: c.LogRetention}
		c.Services = append(c.Services, reader.read(source.Stack, name))
	}
	jobs := root.Section("jobs")
	c.readJobs(jobs, services, source.Stack)
	if services.Len() == 0 && jobs.Len() == 0 && !c.IsPlatform() {
		root.Missing("services", "it is an object with at least one service: its name, its image and its hostnames")
	}
	if c.IsPlatform() && services.Len()+jobs.Len() > 0 {
		found.Add(root.Path("loadBalancer", "hostnames"), "make the stack a platform for others, which has no services and jobs; remove them, or put the services into another stack")
	}
	if c.Domain == "" && c.HasLoadBalancer() && !root.Has("domain") {
		root.Missing("domain", "it is the name of the Cloudflare zone, for example example.com")
	}
	c.checkIPv6(root, services, jobs)
	root.Close()
	checkRegion(source, &found)

	// Checks across services run only if each service is valid by itself. Otherwise they make no sense, or repeat what was reported
	// already.
	if !found.Any() {
		checkRoutes(services, c.Services)
		checkCanaryNames(services)
		c.checkGates(services)
		c.checkOrder(services)
		c.checkWildcards(services)
		c.checkSmoke(services)
		c.checkCalls(services)
		c.checkExistingNetwork(network)
		c.checkExistingBalancer(balancer)
		if c.TakesRequests() && c.CertificateARN == "" {
			if err := spec.CheckCertificateNames(c.Hostnames()); err != nil {
				found.Add(services.Key, "%w", err)
			}
		}
		if _, err := c.Prioritize(c.Domain, nil); err != nil {
			found.Add(services.Key, "%w", err)
		}
	}
	if err := found.Err(source.Stack); err != nil {
		return nil, err
	}
	return c, nil
}

// checkRoutes reports routes that more than one service has.
func checkRoutes(services *settings.Object, all []Service) {
	owners := make(map[spec.Route]string)
	for _, service := range all {
		for _, r := range service.Routes() {
			anyone := spec.Route{Hostname: r.Hostname, Path: r.Path}
			if owner, taken := owners[anyone]; taken {
				services.Problems.AddValue(services.Path(service.Name), r.Hostname+r.Path, hidesRoutes(services, service.Name), fmt.Errorf(
					"is among the hostnames and paths of service %s already; change them in one of the two", owner))
				continue
			}
			owners[anyone] = service.Name
		}
	}
}

// hidesRoutes reports whether a service's host names and paths must not be shown because they may be encrypted.
func hidesRoutes(services *settings.Object, name string) bool {
	service := services.Section(name)
	return !service.IsPlain("hostnames") || !service.IsPlain("paths")
}

// checkCanaryNames reports services whose resources would have the names of another service's canary.
func checkCanaryNames(services *settings.Object) {
	for _, name := range services.Members() {
		canary := services.Section(name).Section("canary")
		if services.Has(name+spec.CanarySuffix) && canary.Len() > 0 {
			services.Problems.Add(canary.Key, "is named as service %s-canary would be; rename one of the services", name)
		}
	}
}

// Routes returns the service's routes: each of its paths on each of its host names.
func (s Service) Routes() []spec.Route {
	var routes []spec.Route
	for _, hostname := range s.Hostnames {
		for _, path := range s.Paths {
			routes = append(routes, spec.Route{Service: s.Name, Hostname: hostname, Path: path})
		}
	}
	return routes
}

// TakesRequests reports whether any service takes requests. Without one the stack needs no load balancer.
func (c *Config) TakesRequests() bool {
	return slices.ContainsFunc(c.Services, func(s Service) bool { return s.HTTP != nil })
}

// IsPlatform reports whether the stack is a platform on which other stacks stand.
func (c *Config) IsPlatform() bool { return len(c.PlatformNames) > 0 }

// HasLoadBalancer reports whether the stack has a use for a load balancer.
func (c *Config) HasLoadBalancer() bool { return c.TakesRequests() || c.IsPlatform() }

// CertificateNames returns the names in the certificates of the stack's own load balancer.
func (c *Config) CertificateNames() []string {
	return slices.Concat(c.PlatformNames, c.Hostnames())
}

// Attachments returns the routes that only attach a service's target groups to the stack's listener and match no request.
func (c *Config) Attachments(s Service) []spec.Route {
	if s.HTTP == nil {
		return nil
	}
	ipv6 := c.Network.Egress.IPv6Only()
	attachments := []spec.Route{spec.AttachmentRoute(s.Name, s.HTTP.HealthCheck, ipv6).Among(c.Sharer)}
	if s.Canary() != nil {
		attachments = append(attachments, spec.CanaryRoute(s.Name, s.HTTP.HealthCheck, ipv6).Among(c.Sharer))
	}
	return attachments
}

// URL returns the service's URL, or "" if it is a worker: its first path on its first host name that is not a wildcard, or on a name that its
// wildcard matches.
func (s Service) URL() string {
	if len(s.Hostnames) == 0 {
		return ""
	}
	hostname := strings.Replace(s.Hostnames[0], "*", anyLabel, 1)
	if i := slices.IndexFunc(s.Hostnames, IsPlain); i >= 0 {
		hostname = s.Hostnames[i]
	}
	return spec.Route{Hostname: hostname, Path: s.Paths[0]}.URL()
}

// anyLabel replaces the wildcard in the URL of a service that has only wildcards.
const anyLabel = "any"

// IsPlain reports whether the host name is not a wildcard.
func IsPlain(hostname string) bool { return !strings.HasPrefix(hostname, "*.") }

// Hostnames returns the host names of all services, sorted.
func (c *Config) Hostnames() []string {
	var names []string
	for _, service := range c.Services {
		names = append(names, service.Hostnames...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Routes returns the routes of all services.
func (c *Config) Routes() []spec.Route {
	var routes []spec.Route
	for _, service := range c.Services {
		routes = append(routes, service.Routes()...)
	}
	return routes
}

// Priorities has the priorities of a stack's listener rules.
type Priorities struct {
	Routes      map[spec.Route]int // of the rules that lead to services
	Attachments map[spec.Route]int // of those that only attach target groups to the listener
}

// Prioritize returns the priorities of the stack's rules on a listener whose wildcards are counted from the zone. Rules of the listener
// hold some numbers already.
func (c *Config) Prioritize(zone string, held spec.HeldPriorities) (Priorities, error) {
	wanted := c.Routes()
	var attaching []spec.Route
	for _, service := range c.Services {
		attaching = append(attaching, c.Attachments(service)...)
	}
	all, err := spec.Priorities(zone, slices.Concat(wanted, attaching), held)
	if err != nil {
		return Priorities{}, err
	}
	only := func(some []spec.Route) map[spec.Route]int {
		chosen := make(map[spec.Route]int, len(some))
		for _, r := range some {
			chosen[r] = all[r]
		}
		return chosen
	}
	return Priorities{only(wanted), only(attaching)}, nil
}

// CountsTasks reports whether the number of tasks that serve now matters: it does if the service scales or has no tasks.
func (c *Config) CountsTasks() bool {
	return slices.ContainsFunc(c.Services, func(s Service) bool { return s.Scaling != nil || s.Tasks() == 0 })
}

// ScalesByQueue reports whether a service scales by the backlog of a queue.
func (c *Config) ScalesByQueue() bool {
	return slices.ContainsFunc(c.Services, func(s Service) bool { return s.Scaling != nil && s.Scaling.Queue != nil })
}

// CheckQueues reports the queues that services scale by and that are in another region or account than the stack.
func (c *Config) CheckQueues(stack, region, account string) error {
	var found settings.Problems
	for _, s := range c.Services {
		if s.Scaling != nil && s.Scaling.Queue != nil {
			if err := s.Scaling.Queue.CheckPlace(region, account); err != nil {
				found.Add(fmt.Sprintf("slipway:services.%s.scaling.queue.arn", s.Name), "%w", err)
			}
		}
	}
	return found.Err(stack)
}

// rules returns how many listener rules the stack makes: one for each route and each attachment, and another for a canary's header.
func (c *Config) rules() int {
	rules := 0
	for _, service := range c.Services {
		rules += len(service.Routes()) + len(c.Attachments(service))
		if service.Canary() != nil {
			rules += len(service.Routes())
		}
	}
	return rules
}

// Default quotas of AWS that a stack can outgrow ("Quotas for your Application Load Balancers"). They can be raised, so exceeding them
// is a warning.
const (
	// RulesPerLoadBalancer is the quota of one load balancer. Its listeners' default rules do not count.
	RulesPerLoadBalancer = 100
	// namesPerLoadBalancer is ten names in the default certificate and in each of 25 others.
	namesPerLoadBalancer = 10 * (1 + 25)
)

// Warnings returns what may be wrong with the config.
func (c *Config) Warnings() []string {
	var warnings []string
	if n := c.rules(); n > RulesPerLoadBalancer {
		warnings = append(warnings, fmt.Sprintf(
			"the services' host names and paths make %d listener rules; AWS's quota is %d per load balancer unless you have raised it", n, RulesPerLoadBalancer))
	}
	if n := len(c.Hostnames()); n > namesPerLoadBalancer {
		warnings = append(warnings, fmt.Sprintf(
			"the services have %d host names; AWS's quotas are 26 certificates per load balancer and 10 names per certificate unless you have raised them", n))
	}
	for _, service := range c.Services {
		warnings = append(warnings, c.routeWarnings(service)...)
		warnings = append(warnings, taskWarnings(service)...)
		warnings = append(warnings, c.proxyWarnings(service)...)
	}
	for _, job := range c.Jobs {
		if job.Spot && job.Schedule != nil && job.Retries == 0 {
			warnings = append(warnings, fmt.Sprintf(
				"job %s runs on Fargate Spot without retries: a run that AWS interrupts is not made up for; have retries 2", job.Name))
		}
	}
	return warnings
}

// taskWarnings warns of a service that has too few tasks.
func taskWarnings(s Service) []string {
	without, alone := "its clients then get 503", "nothing answers"
	if s.HTTP == nil {
		without, alone = "no work is done then", "no work is done"
	}
	var warnings []string
	if s.Tasks() == 0 {
		warnings = append(warnings, fmt.Sprintf("service %s may have no task: %s", s.Name, without))
	}
	if s.Capacity.Fargate == (spec.Share{}) && s.Tasks() < 2 {
		warnings = append(warnings, fmt.Sprintf(
			"service %s has a single task, on Fargate Spot: when AWS interrupts it, %s until another one is healthy; "+
				"have two tasks, or capacity.fargate.base 1", s.Name, alone))
	}
	if s.Exec.Enabled {
		warnings = append(warnings, fmt.Sprintf(
			"service %s has exec: its container can write to its root file system, and commands in it run as root; turn it off when you are done", s.Name))
	}
	return warnings
}

// Workloads returns what runs, by its key in the config.
func (c *Config) Workloads() iter.Seq2[string, spec.Workload] {
	return func(yield func(string, spec.Workload) bool) {
		for _, s := range c.Services {
			if !yield("services."+s.Name, s.Workload) {
				return
			}
		}
		for _, j := range c.Jobs {
			if !yield("jobs."+j.Name, j.Workload) {
				return
			}
		}
	}
}

// checkIPv6 reports what does not work if tasks have only IPv6 addresses.
func (c *Config) checkIPv6(root, services, jobs *settings.Object) {
	if !c.Network.Egress.IPv6Only() {
		return
	}
	if c.IsPlatform() {
		root.Problems.Add(root.Path("network", "egress"), "ipv6 is for a stack of services; a platform's tasks belong to other stacks, which do not know of it yet")
	}
	for _, s := range c.Services {
		report(services.Section(s.Name), s.IPv6Problems())
	}
	for _, j := range c.Jobs {
		if j.Service == "" { // otherwise it has the service's image
			report(jobs.Section(j.Name), j.IPv6Problems())
		}
	}
}
