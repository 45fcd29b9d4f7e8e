package config

import (
	"fmt"
	"maps"
	"slices"

	"slipway/internal/settings"
	"slipway/spec"
)

// serviceReader reads one service of the config.
type serviceReader struct {
	*settings.Object
	domain       string
	logRetention int
}

func (r serviceReader) read(stack, name string) Service {
	defer r.Close()

	s := Service{
		Service: spec.Service{
			Name:     name,
			Count:    r.readCount(),
			Scaling:  r.readScaling(),
			Capacity: r.readCapacity(),
			Workload: readWorkload(r.Object, r.logRetention),
		},
		Secrets:  readSecrets(r.Object, r.isWorker() && !r.Has("port")),
		Registry: readRegistry(r.Object),
	}
	s.Size = spec.Size{
		CPU:          r.Integer("cpu", spec.DefaultCPU, 1, 1<<20),
		Memory:       r.Integer("memory", spec.DefaultMemory, 1, 1<<20),
		Architecture: r.Text("architecture", spec.DefaultArchitecture, spec.CheckArchitecture),
	}
	s.Watch = r.readWatch()
	s.Exec = spec.Exec{Enabled: r.Boolean("exec", false), InProduction: r.Boolean("execInProduction", false)}
	s.Sidecars, s.SidecarSecrets = readSidecars(r.Object)
	s.Before, s.Gate = r.readBefore()
	s.Deployment, s.Drain = r.readDeployment()
	r.RequiredText("image", "a container image's reference with its digest", func(reference string) (err error) {
		s.Image, err = spec.ParseImage(reference)
		return err
	})
	r.readRequests(&s)
	readBuild(r.Object)
	r.check(stack, s)
	if s.HTTP != nil && s.HTTP.HealthCheck.GracePeriod == 0 {
		s.HTTP.HealthCheck.GracePeriod = spec.NoGracePeriod
	}
	return s
}

// readRequests reads how the service takes requests, or a worker's health check.
func (r serviceReader) readRequests(s *Service) {
	s.Calls = r.Set("calls", spec.CheckCallee)
	if r.isWorker() {
		refuse(r.Object, errWorker, "canary", "deregistrationDelay", "paths", "smoke")
		s.WorkerPort = r.Integer("port", 0, 1, spec.MaxPort)
		s.ContainerHealthCheck = r.readContainerHealthCheck()
		return
	}
	s.Hostnames, s.Paths, s.Smoke = r.readHostnames(), r.readPaths(), r.readSmoke()
	s.HTTP = &spec.HTTP{
		Port:        r.Integer("port", spec.DefaultPort, 1, spec.MaxPort),
		HealthCheck: r.readHealthCheck(),
		Canary:      r.readCanary(),
	}
}

// isWorker reports whether the service takes no requests: without host names it has no clients. A key without a value is a mistake, and
// does not make a worker of a service.
func (r serviceReader) isWorker() bool { return !r.Given("hostnames") }

// errWorker refuses a setting that a worker has no use for.
var errWorker = fmt.Errorf("%w; this one is a worker, because it has no hostnames", spec.ErrTakesRequests)

// refuse reports the members that are given.
func refuse(o *settings.Object, err error, members ...string) {
	for _, member := range members {
		if o.Has(member) {
			o.Problems.Add(o.Path(member), "%w", err)
		}
	}
}

// check reports the problems that the rules about services find.
func (r serviceReader) check(stack string, s Service) {
	report(r.Object, s.Problems())
	if name := ComponentName(stack, s.Name); spec.CheckServiceName(s.Name) == nil && spec.CheckName(stack) == nil {
		if err := spec.CheckName(name); err != nil {
			r.Problems.Add(r.Key, "%w", err)
		} else if err := spec.CheckCanaryName(name); s.Canary() != nil && err != nil {
			r.Problems.Add(r.Path("canary"), "the canary's %w", err)
		}
	}
	if err := s.Exec.Check(stack); err != nil {
		key := "exec"
		if !s.Exec.Enabled {
			key = "execInProduction"
		}
		r.Problems.Add(r.Path(key), "%w", err)
	}
	secrets := slices.Collect(maps.Keys(s.Secrets))
	report(r.Object, s.CheckSecretVariables(secrets))
	report(r.Object, s.CheckCallVariables(s.Calls, secrets))
	sidecars := r.checkSidecarSecrets(s)
	if err := s.CheckDefinition(append(secrets, sidecars...)); err != nil {
		r.Problems.Add(r.Key, "%w", err)
	}
	if err := spec.CheckRegistry(s.OwnImages()); err != nil && s.Registry != nil {
		r.Problems.Add(r.Path("registry"), "%w", err)
	}
}

// readCount returns how many tasks run, or nil if that is not given.
func (r serviceReader) readCount() *int {
	count := r.Integer("instanceCount", spec.DefaultCount, 0, spec.MaxInstances)
	if !r.Has("instanceCount") {
		return nil
	}
	return &count
}

// readHostnames returns the host names; a worker has none.
func (r serviceReader) readHostnames() []string {
	names := r.Set("hostnames", func(name string) error {
		if r.domain == "" {
			return nil // missing or wrong, and reported
		}
		return spec.CheckHostname(name, r.domain)
	})
	value, _ := r.Get("hostnames")
	if list, isList := value.([]any); value == nil || isList && len(list) == 0 {
		r.Problems.Add(r.Path("hostnames"), "is empty; list the names in the zone at which the service is reached, or leave it out for a worker")
	}
	return names
}

// readPaths returns the path patterns, by default every path.
func (r serviceReader) readPaths() []string {
	paths := r.Set("paths", spec.CheckPath)
	if len(paths) == 0 {
		return []string{spec.EveryPath}
	}
	return paths
}

func (r serviceReader) readCapacity() spec.Capacity {
	o := r.Section("capacity")
	defer o.Close()
	share := func(member string) spec.Share {
		o := o.Section(member)
		defer o.Close()
		return spec.Share{
			Base:   o.Integer("base", 0, 0, spec.MaxCapacityBase),
			Weight: o.Integer("weight", 0, 0, spec.MaxCapacityWeight),
		}
	}
	capacity := spec.Capacity{Fargate: share("fargate"), FargateSpot: share("fargateSpot")}
	if o.Len() == 0 {
		return spec.DefaultCapacity
	}
	return capacity
}

// readHealthCheck returns what the load balancer asks.
func (r serviceReader) readHealthCheck() spec.HealthCheck {
	o := r.Section("healthCheck")
	defer o.Close()
	refuse(o, spec.ErrTakesNoRequests, "command", "retries", "startPeriod")
	usual := spec.DefaultHealthCheck
	return spec.HealthCheck{
		Path:               o.Text("path", usual.Path, spec.CheckHealthPath),
		Codes:              o.Text("codes", usual.Codes, spec.CheckHealthCodes),
		Interval:           o.Integer("interval", usual.Interval, spec.MinHealthInterval, spec.MaxHealthInterval),
		Timeout:            o.Integer("timeout", usual.Timeout, spec.MinHealthTimeout, spec.MaxHealthTimeout),
		HealthyThreshold:   o.Integer("healthyThreshold", usual.HealthyThreshold, spec.MinHealthThreshold, spec.MaxHealthThreshold),
		UnhealthyThreshold: o.Integer("unhealthyThreshold", usual.UnhealthyThreshold, spec.MinHealthThreshold, spec.MaxHealthThreshold),
		GracePeriod:        o.Integer("gracePeriod", usual.GracePeriod, 0, spec.MaxGracePeriod),
	}
}

// readContainerHealthCheck returns what ECS runs in a worker's container, or nil if that is nothing.
func (r serviceReader) readContainerHealthCheck() *spec.ContainerHealthCheck {
	o := r.Section("healthCheck")
	refuse(o, errWorker, "codes", "gracePeriod", "healthyThreshold", "path", "unhealthyThreshold")
	return readCommandCheck(o)
}

// readWatch returns which parameters the service re-reads, and how often.
func (r serviceReader) readWatch() map[string]int {
	o := r.Section("watch")
	defer o.Close()
	watch := make(map[string]int, o.Len())
	for _, path := range o.Members() {
		watch[path] = o.RequiredInteger(path, "a number of seconds", spec.MinWatchInterval, spec.MaxWatchInterval)
	}
	return watch
}

// ComponentName returns the name of a service's component.
func ComponentName(stack, service string) string {
	return fmt.Sprintf("%s-%s", stack, service)
}
