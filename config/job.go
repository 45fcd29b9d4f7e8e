package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"slipway/internal/settings"
	"slipway/spec"
)

// Job is the config of a job.
type Job struct {
	spec.Job
	own      spec.Job // without what it has of its service
	Secrets  map[string]Secret
	Registry *Registry // nil: no credentials
}

// jobReader reads one job of the config.
type jobReader struct {
	*settings.Object
	logRetention int
}

// ofService are the keys of what a job has of its service, also if they say nothing: those of the image, the roles and the security group.
var ofService = []string{
	"allow", "architecture", "image", "policies", "reaches", "registry", "secrets", "secretsFrom", "storage", "tmp", "ulimits", "volumes",
}

func (r jobReader) read(name string) Job {
	defer r.Close()

	j := Job{Job: spec.Job{
		Name:        name,
		Service:     r.Text("service", "", spec.CheckNamed),
		Workload:    readWorkload(r.Object, r.logRetention),
		Spot:        r.Boolean("spot", false),
		Schedule:    r.readSchedule(),
		Timeout:     r.Integer("timeout", 0, 1, spec.MaxJobTimeout),
		Retries:     r.Integer("retries", 0, 0, spec.MaxJobRetries),
		Alone:       !r.Boolean("overlap", true),
		StopTimeout: r.Integer("stopTimeout", spec.DefaultStopTimeout, 1, spec.MaxStopTimeout),
	}}
	j.Size = spec.Size{
		CPU:          r.Integer("cpu", 0, 1, 1<<20),
		Memory:       r.Integer("memory", 0, 1, 1<<20),
		Architecture: r.Text("architecture", "", spec.CheckArchitecture),
	}
	j.Secrets, j.Registry = readSecrets(r.Object, true), readRegistry(r.Object)
	r.Text("image", "", func(reference string) (err error) {
		j.Image, err = spec.ParseImage(reference)
		return err
	})
	switch {
	case r.Has("service"):
		refuse(r.Object, spec.ErrOfService, ofService...)
	case !r.Has("image"):
		r.Missing("image", "it is a container image's reference with its digest; or name the service whose image the job has, under service")
	}
	return j
}

func (r jobReader) readSchedule() *spec.Schedule {
	schedule := &spec.Schedule{
		Expression: r.Text("schedule", "", spec.CheckExpression),
		TimeZone:   r.Text("timeZone", "UTC", spec.CheckTimeZone),
	}
	if r.Has("schedule") {
		return schedule
	}
	refuse(r.Object, spec.ErrScheduled, "retries", "timeZone")
	return nil
}

// readJobs reads the jobs. What a job has of a service is complete only if the service is valid.
func (c *Config) readJobs(section, services *settings.Object, stack string) {
	for _, name := range section.Members() {
		r := jobReader{section.Section(name), c.LogRetention}
		j := r.read(name)
		if j.Service != "" {
			s, known := c.service(j.Service)
			if !known {
				if !section.Problems.Within(r.Path("service")) {
					r.Invalid("service", j.Service, fmt.Errorf("is not the name of a service; there is %s", orNothing(c.serviceNames())))
				}
				continue
			}
			j.own = j.Job
			j.Job = j.Inherit(s.Service)
			if services.Problems.Within(services.Path(s.Name)) {
				continue
			}
			for _, problem := range j.own.CheckOf(s.Service, slices.Collect(maps.Keys(s.Secrets))) {
				if !errors.Is(problem, spec.ErrOfService) { // those have been reported by their keys
					report(r.Object, spec.Problems{problem})
				}
			}
		}
		j.Job = j.WithDefaults()
		r.check(stack, j, c.Services)
		c.Jobs = append(c.Jobs, j)
	}
}

// check reports the problems that the rules about jobs find.
func (r jobReader) check(stack string, j Job, services []Service) {
	report(r.Object, j.Problems())
	for _, s := range services {
		if err := j.CheckNames([]spec.Service{s.Service}); err != nil {
			r.Problems.Add(r.Key, "%w", err)
		}
	}
	if spec.CheckJobName(j.Name) == nil && spec.CheckName(stack) == nil {
		if err := spec.CheckName(ComponentName(stack, j.Name)); err != nil {
			r.Problems.Add(r.Key, "%w", err)
		}
	}
	report(r.Object, j.CheckSecretVariables(slices.Collect(maps.Keys(j.Secrets))))
	secrets := j.Secrets
	for _, s := range services {
		if s.Name == j.Service {
			secrets = s.Secrets
		}
	}
	if err := j.CheckDefinition(slices.Collect(maps.Keys(secrets))); err != nil {
		r.Problems.Add(r.Key, "%w", err)
	}
	if err := spec.CheckRegistry(j.Images()); err != nil && j.Registry != nil {
		r.Problems.Add(r.Path("registry"), "%w", err)
	}
}

func (c *Config) serviceNames() []string {
	names := make([]string, len(c.Services))
	for i, s := range c.Services {
		names[i] = s.Name
	}
	return names
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// JobsOf returns the jobs that a service's image runs, by the service's name and without what they have of it; those with images of their
// own for "".
func (c *Config) JobsOf(service string) []Job {
	var jobs []Job
	for _, j := range c.Jobs {
		if j.Service == service {
			if service != "" {
				j.Job = j.own
			}
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// checkGates reports services that wait for a job that does not exist, and services that wait for each other's.
func (c *Config) checkGates(services *settings.Object) {
	for _, s := range c.Services {
		if s.Gate != "" && !slices.ContainsFunc(c.Jobs, func(j Job) bool { return j.Name == s.Gate }) {
			var names []string
			for _, j := range c.Jobs {
				names = append(names, j.Name)
			}
			services.Section(s.Name).Section("before").Invalid("job", s.Gate, fmt.Errorf("is not the name of a job; there is %s", orNothing(names)))
			return
		}
	}
	if _, err := c.InOrder(); err != nil {
		services.Problems.Add(services.Key, "%w", err)
	}
}

// InOrder returns the services, each after those that it calls and after the one whose job it waits for.
func (c *Config) InOrder() ([]Service, error) {
	owners := make(map[string]string, len(c.Jobs)) // of jobs
	for _, j := range c.Jobs {
		owners[j.Name] = j.Service
	}
	jobs := make(map[string][]string)
	for _, s := range c.Services {
		if owner := owners[s.Gate]; owner != "" && owner != s.Name {
			jobs[s.Name] = []string{owner}
		}
	}
	names, err := spec.StartOrder(c.calls(), jobs)
	if err != nil {
		return nil, err
	}
	ordered := make([]Service, len(names))
	for i, name := range names {
		ordered[i], _ = c.service(name)
	}
	return ordered, nil
}
