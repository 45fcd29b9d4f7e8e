package config

import (
	"errors"
	"slices"

	"slipway/internal/settings"
	"slipway/spec"
)

// What a service says of its new versions and of how many tasks run them.

// readDeployment returns how new versions replace old ones and how tasks drain. It needs what is read of the service already.
func (r serviceReader) readDeployment(s Service) (spec.Deployment, spec.Drain) {
	o := r.Section("deployment")
	defer o.Close()

	d := spec.Deployment{
		Strategy: spec.Strategy(o.Text("strategy", "", func(strategy string) error {
			return spec.Strategy(strategy).Check()
		})),
		MinimumHealthyPercent: o.Integer("minimumHealthyPercent", 0, 0, 100),
		MaximumPercent:        o.Integer("maximumPercent", 0, 100, spec.MaxMaximumPercent),
		Alarms:                o.Boolean("alarms", false),
		ErrorPercent:          o.Integer("errorPercent", spec.DefaultErrorPercent, 1, 99),
	}
	_, minimum := o.Get("minimumHealthyPercent")
	_, maximum := o.Get("maximumPercent")
	_, strategy := o.Get("strategy")
	switch {
	case strategy && (minimum || maximum):
		o.Problems.Add(o.Path("strategy"), "strategy and the percentages exclude each other")
	case minimum != maximum:
		o.Problems.Add(o.Key, "minimumHealthyPercent and maximumPercent are given together, or neither")
	default:
		if err := errors.Join(d.Check(s.InstanceCount), d.CheckScaling(s.Scaling)); err != nil {
			o.Problems.Add(o.Key, "%w", err)
		} else if s.Canary != nil {
			if err := d.Check(s.Canary.Tasks(s.InstanceCount, s.Scaling)); err != nil {
				o.Problems.Add(o.Key, "for the canary, %w", err)
			}
		}
	}
	return d, r.readDrain(o)
}

// readDrain returns the drain profile with the service's own deregistration delay and stop timeout.
func (r serviceReader) readDrain(deployment *settings.Object) spec.Drain {
	profile := deployment.Text("drain", spec.DrainHTTP, spec.CheckDrainProfile)
	drain := spec.NewDrain(profile,
		r.Integer("deregistrationDelay", spec.DefaultDeregistrationDelay(profile), 0, spec.MaxDeregistrationDelay),
		r.Integer("stopTimeout", spec.DefaultStopTimeout, 1, spec.MaxStopTimeout))
	if err := drain.CheckDeregistrationDelay(); err != nil {
		r.Problems.Add(r.Path("deregistrationDelay"), "%w", err)
	}
	if err := drain.CheckStopTimeout(); err != nil {
		r.Problems.Add(r.Path("stopTimeout"), "%w", err)
	}
	return drain
}

// readScaling returns how the service scales, or nil if the number of its tasks is fixed.
func (r serviceReader) readScaling() *spec.Scaling {
	o := r.Section("scaling")
	defer o.Close()
	if o.Len() == 0 {
		return nil
	}
	if _, fixed := r.Get("instanceCount"); fixed {
		r.Problems.Add(r.Path("instanceCount"), "instanceCount and scaling exclude each other; scaling has min and max")
	}
	s := &spec.Scaling{
		Min:      o.Integer("min", 1, 0, spec.MaxInstances),
		Max:      o.RequiredInteger("max", "the most tasks that run", 1, spec.MaxInstances),
		CPU:      o.Integer("cpu", 0, 1, 100),
		Memory:   o.Integer("memory", 0, 1, 100),
		Requests: o.Integer("requests", 0, 1, spec.MaxRequestsPerTask),
		Schedule: make(map[string]spec.ScheduledScaling),
	}
	schedule := o.Section("schedule")
	for _, name := range schedule.Members() {
		action := schedule.Section(name)
		s.Schedule[name] = spec.ScheduledScaling{
			At:       action.RequiredText("at", "when, as cron(…), rate(…) or at(…)", spec.CheckSchedule),
			TimeZone: action.Text("timeZone", "UTC", spec.CheckTimeZone),
			Min:      action.Integer("min", s.Min, 0, spec.MaxInstances),
			Max:      action.Integer("max", s.Max, 0, spec.MaxInstances),
		}
		if !serviceNamePattern.MatchString(name) {
			o.Problems.Add(action.Key, "a schedule's name is lower-case letters, digits and single hyphens, beginning with a letter")
		}
		action.Close()
	}
	// What is out of range by itself is reported already, and what only contradicts it would be noise.
	checkBounds := func(o *settings.Object, least, most int) {
		if err := spec.CheckBounds(least, most); err != nil && !o.Problems.Within(o.Path("min")) && !o.Problems.Within(o.Path("max")) {
			o.Problems.Add(o.Key, "%w", err)
		}
	}
	checkBounds(o, s.Min, s.Max)
	for name, action := range s.Schedule {
		checkBounds(schedule.Section(name), action.Min, action.Max)
	}
	if !slices.ContainsFunc([]string{"cpu", "memory", "requests", "schedule"}, o.Has) {
		o.Problems.Add(o.Key, "has none of cpu, memory, requests and schedule: nothing would ever scale")
	}
	return s
}

// readBefore returns what runs before the service's container, or nil if nothing does.
func (r serviceReader) readBefore() *spec.Before {
	o := r.Section("before")
	defer o.Close()
	if o.Len() == 0 {
		return nil
	}
	before := &spec.Before{Command: o.Texts("command", checkArgument)}
	if err := before.Check(); err != nil && !o.Problems.Within(o.Key) {
		o.Missing("command", "it is a list: the command that has to succeed before the service starts")
	}
	o.Text("image", "", func(reference string) error {
		image, err := spec.ParseImage(reference)
		before.Image = &image
		return err
	})
	return before
}

// readCanary returns the canary, or nil if there is none. Its priority follows once all routes are known.
func (r serviceReader) readCanary() *spec.Canary {
	o := r.Section("canary")
	defer o.Close()
	if o.Len() == 0 {
		return nil
	}
	canary := &spec.Canary{
		Weight: o.Integer("weight", 0, 0, 100),
		Header: spec.DefaultCanaryHeader,
	}
	o.RequiredText("image", "a container image's reference with its digest", func(reference string) (err error) {
		canary.Image, err = spec.ParseImage(reference)
		return err
	})
	o.Text("header", "", func(header string) (err error) {
		canary.Header, err = spec.ParseCanaryHeader(header)
		return err
	})
	return canary
}
