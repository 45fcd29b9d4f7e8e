package spec

import (
	"cmp"
	"errors"
	"maps"
	"regexp"
	"strconv"
)

// Service has the settings that decide which resources a service has. They are plain Go, known before anything is made.
type Service struct {
	Name string // the short name in routes, log streams and tags
	Workload

	Count      *int     // how many tasks run; nil: [DefaultCount]. With Scaling, its Min is the count to begin with.
	Scaling    *Scaling // nil: Count stays
	Capacity   Capacity
	Deployment Deployment // by default [Rolling]
	Drain      Drain      // each field but SocketAge defaults to that of [DefaultDrain]
	HTTP       *HTTP      // nil: a worker, which takes no requests from clients
	// WorkerPort is the TCP port at which other services call a worker; 0: none do.
	WorkerPort int
}

// HTTP is how a service takes requests.
type HTTP struct {
	Port        int         // by default [DefaultPort]
	HealthCheck HealthCheck // each field defaults to that of [DefaultHealthCheck]
	Canary      *Canary     // nil: none
}

// Defaults of a [Service].
const (
	DefaultPort  = 8080
	DefaultCount = 1
	// MaxInstances is the most tasks that a service can have ("Amazon ECS service quotas").
	MaxInstances = 5000
)

// MaxPort is the highest TCP port.
const MaxPort = 65_535

// DefaultCapacity is the default of [Service].Capacity. Nothing changes it.
var DefaultCapacity = Capacity{Fargate: Share{Weight: 1}}

// Tasks returns how many tasks the service starts with.
func (s Service) Tasks() int {
	switch {
	case s.Scaling != nil:
		return s.Scaling.Min
	case s.Count != nil:
		return *s.Count
	}
	return DefaultCount
}

// MostTasks returns how many tasks the service has at most.
func (s Service) MostTasks() int {
	if s.Scaling != nil {
		return s.Scaling.Most()
	}
	return s.Tasks()
}

// PeakTasks returns how many tasks of the service there are at most while ECS replaces those that it starts with.
func (s Service) PeakTasks() int {
	minimumHealthy, maximum := s.Deployment.WithDefaults().Percentages(s.Tasks())
	_, peak := taskLimits(s.Tasks(), minimumHealthy, maximum)
	if s.Canary() != nil {
		peak += s.CanaryTasks()
	}
	return peak
}

// CanaryTasks returns how many tasks the service's canary has.
func (s Service) CanaryTasks() int { return s.HTTP.Canary.Tasks(s.Tasks(), s.Scaling) }

// Canary returns the service's canary, nil if it has none.
func (s Service) Canary() *Canary {
	if s.HTTP == nil {
		return nil
	}
	return s.HTTP.Canary
}

// Settings returns the environment variables that tell the container its settings. The idle timeout is the load balancer's.
func (s Service) Settings(idleTimeout int) map[string]string {
	settings := make(map[string]string)
	maps.Copy(settings, s.watchEnvironment())
	if s.HTTP == nil {
		maps.Copy(settings, s.workerSettings())
		return settings
	}
	maps.Copy(settings, s.Drain.Environment())
	maps.Copy(settings, IdleEnvironment(idleTimeout))
	settings[PortVariable] = strconv.Itoa(s.HTTP.Port)
	return settings
}

// workerSettings returns the variables that tell a worker's container about those who call it.
func (s Service) workerSettings() map[string]string {
	if s.WorkerPort == 0 {
		return s.Drain.workerEnvironment()
	}
	settings := s.Drain.Environment()
	maps.Copy(settings, IdleEnvironment(DefaultIdleTimeout))
	settings[PortVariable] = strconv.Itoa(s.WorkerPort)
	return settings
}

// CallPort returns the TCP port at which other services call this one; 0: none.
func (s Service) CallPort() int {
	if s.HTTP == nil {
		return s.WorkerPort
	}
	return s.HTTP.Port
}

// WithDefaults fills in what is not given, field by field.
func (s Service) WithDefaults() Service {
	s.Workload = s.Workload.withDefaults()
	s.Capacity = cmp.Or(s.Capacity, DefaultCapacity)
	s.Deployment = s.Deployment.WithDefaults()
	s.Drain = s.Drain.WithDefaults()
	if s.HTTP != nil {
		http := *s.HTTP
		http.Port = cmp.Or(http.Port, DefaultPort)
		http.HealthCheck = http.HealthCheck.WithDefaults()
		if http.Canary != nil {
			canary := *http.Canary
			canary.Header = cmp.Or(canary.Header, DefaultCanaryHeader)
			http.Canary = &canary
		}
		s.HTTP = &http
	}
	return s
}

// Problems reports everything that AWS would refuse, that would drop requests or make no progress, or that cannot be meant.
func (s Service) Problems() Problems {
	var found Problems
	found.Add(CheckServiceName(s.Name))
	found.Include(s.Workload.Problems())
	found.Include(s.environmentProblems(s.CallPort() == 0))
	if s.Count != nil {
		found.AddRange(*s.Count, 0, MaxInstances, "instanceCount")
		if s.Scaling != nil {
			found.Add(errors.New("instanceCount and scaling exclude each other; scaling has min and max"), "instanceCount")
		}
	}
	if s.Scaling != nil {
		found.Include(s.Scaling.Problems(), "scaling")
	}
	found.Include(s.Capacity.Problems(), "capacity")
	found.Include(s.Deployment.Problems(s.Tasks(), s.Scaling), "deployment")
	if s.HTTP == nil {
		found.Include(s.workerProblems())
	} else {
		found.Include(s.httpProblems())
	}
	return found
}

// workerProblems reports the problems of a service that takes no requests.
func (s Service) workerProblems() Problems {
	var found Problems
	if s.WorkerPort == 0 {
		// The container gets a second less, to end in.
		found.AddRange(s.Drain.StopTimeout, minWorkerStopTimeout, MaxStopTimeout, "stopTimeout")
	} else {
		found.AddRange(s.WorkerPort, 1, MaxPort, "port")
		found.Include(s.Drain.Problems())
	}
	if s.Scaling != nil && s.Scaling.Requests != 0 {
		found.Add(ErrTakesRequests, "scaling", "requests")
	}
	if s.Deployment.Alarms {
		found.Add(ErrTakesRequests, "deployment", "alarms")
	}
	return found
}

// httpProblems reports the problems of a service that takes requests.
func (s Service) httpProblems() Problems {
	found := s.Drain.Problems()
	found.AddRange(s.HTTP.Port, 1, MaxPort, "port")
	found.Include(s.HTTP.HealthCheck.Problems(), "healthCheck")
	if s.ContainerHealthCheck != nil {
		found.Add(ErrTakesNoRequests, "healthCheck", "command")
	}
	if s.HTTP.Canary != nil {
		found.Include(s.HTTP.Canary.Problems(), "canary")
		if len(s.Deployment.Problems(s.Tasks(), s.Scaling)) == 0 {
			for _, problem := range s.Deployment.Problems(s.CanaryTasks(), nil) {
				problem.Err = forCanary{problem.Err}
				found.Include(Problems{problem}, "deployment")
			}
		}
	}
	return found
}

var (
	// ErrTakesRequests refuses a worker a setting that only a service that takes requests has.
	ErrTakesRequests = errors.New("is for a service that takes requests")
	// ErrTakesNoRequests refuses other services a setting that only a worker has.
	ErrTakesNoRequests = errors.New("is for a worker, a service without host names: the load balancer asks this one at healthCheck.path")
)

// minWorkerStopTimeout leaves a worker a second after SIGTERM.
const minWorkerStopTimeout = 2

// forCanary is an error that only a canary has.
type forCanary struct{ error }

func (e forCanary) Error() string { return "for the canary, " + e.error.Error() }

// Images returns every image that the service's tasks run.
func (s Service) Images() []Image { return s.withCanary(s.Workload.Images()) }

// OwnImages returns the images that the service's tasks run without those of its sidecars.
func (s Service) OwnImages() []Image { return s.withCanary(s.ownImages()) }

func (s Service) withCanary(images []Image) []Image {
	if canary := s.Canary(); canary != nil {
		images = append(images, canary.Image)
	}
	return images
}

// Pinned returns the service with every image replaced by the one that its reference was resolved to.
func (s Service) Pinned(images map[Image]Image) Service {
	s.Image = images[s.Image]
	s.Sidecars = s.pinnedSidecars(images)
	if s.Before != nil && s.Before.Image != nil {
		image := images[*s.Before.Image]
		s.Before = &Before{Command: s.Before.Command, Image: &image}
	}
	if canary := s.Canary(); canary != nil {
		http, pinned := *s.HTTP, *canary
		pinned.Image = images[canary.Image]
		http.Canary = &pinned
		s.HTTP = &http
	}
	return s
}

var serviceNamePattern = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// CheckServiceName reports what cannot be the short name of a service.
func CheckServiceName(name string) error {
	if !serviceNamePattern.MatchString(name) {
		return errors.New("a service's name is lower-case letters, digits and single hyphens, beginning with a letter")
	}
	return nil
}

// CheckScheduleName reports what cannot be the name of a [ScheduledScaling].
func CheckScheduleName(name string) error {
	if !serviceNamePattern.MatchString(name) {
		return errors.New("a schedule's name is lower-case letters, digits and single hyphens, beginning with a letter")
	}
	return nil
}
