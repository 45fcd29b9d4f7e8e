package main

import (
	"errors"
	"slices"

	"slipway/components"
	"slipway/internal/settings"
)

// What a service says of its new versions and of how many tasks run them.

// readDeployment returns how new versions replace old ones and how tasks drain. It needs what is read of the service already.
func (r serviceReader) readDeployment(s serviceConfig) (components.Deployment, components.Drain) {
	o := r.Section("deployment")
	defer o.Close()

	d := components.Deployment{
		Strategy: components.Strategy(o.Text("strategy", "", func(strategy string) error {
			return components.Strategy(strategy).Check()
		})),
		MinimumHealthyPercent: o.Integer("minimumHealthyPercent", 0, 0, 100),
		MaximumPercent:        o.Integer("maximumPercent", 0, 100, components.MaxMaximumPercent),
		Alarms:                o.Boolean("alarms", false),
		ErrorPercent:          o.Integer("errorPercent", components.DefaultErrorPercent, 1, 99),
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
		if err := errors.Join(d.Check(s.instanceCount), d.CheckScaling(s.scaling)); err != nil {
			o.Problems.Add(o.Key, "%w", err)
		} else if s.canary != nil {
			if err := d.Check(s.canary.Tasks(s.instanceCount, s.scaling)); err != nil {
				o.Problems.Add(o.Key, "for the canary, %w", err)
			}
		}
	}
	return d, r.readDrain(o)
}

// readDrain returns the drain profile with the service's own deregistration delay and stop timeout.
func (r serviceReader) readDrain(deployment *settings.Object) components.Drain {
	profile := deployment.Text("drain", components.DrainHTTP, components.CheckDrainProfile)
	drain := components.NewDrain(profile,
		r.Integer("deregistrationDelay", components.DefaultDeregistrationDelay(profile), 0, components.MaxDeregistrationDelay),
		r.Integer("stopTimeout", components.DefaultStopTimeout, 1, components.MaxStopTimeout))
	if err := drain.CheckDeregistrationDelay(); err != nil {
		r.Problems.Add(r.Path("deregistrationDelay"), "%w", err)
	}
	if err := drain.CheckStopTimeout(); err != nil {
		r.Problems.Add(r.Path("stopTimeout"), "%w", err)
	}
	return drain
}

// readScaling returns how the service scales, or nil if the number of its tasks is fixed.
func (r serviceReader) readScaling() *components.Scaling {
	o := r.Section("scaling")
	defer o.Close()
	if o.Len() == 0 {
		return nil
	}
	if _, fixed := r.Get("instanceCount"); fixed {
		r.Problems.Add(r.Path("instanceCount"), "instanceCount and scaling exclude each other; scaling has min and max")
	}
	s := &components.Scaling{
		Min:      o.Integer("min", 1, 0, components.MaxInstances),
		Max:      o.RequiredInteger("max", "the most tasks that run", 1, components.MaxInstances),
		CPU:      o.Integer("cpu", 0, 1, 100),
		Memory:   o.Integer("memory", 0, 1, 100),
		Requests: o.Integer("requests", 0, 1, components.MaxRequestsPerTask),
		Schedule: make(map[string]components.ScheduledScaling),
	}
	schedule := o.Section("schedule")
	for _, name := range schedule.Members() {
		action := schedule.Section(name)
		s.Schedule[name] = components.ScheduledScaling{
			At:       action.RequiredText("at", "when, as cron(…), rate(…) or at(…)", components.CheckSchedule),
			TimeZone: action.Text("timeZone", "UTC", components.CheckTimeZone),
			Min:      action.Integer("min", s.Min, 0, components.MaxInstances),
			Max:      action.Integer("max", s.Max, 0, components.MaxInstances),
		}
		if !serviceNamePattern.MatchString(name) {
			o.Problems.Add(action.Key, "a schedule's name is lower-case letters, digits and single hyphens, beginning with a letter")
		}
		action.Close()
	}
	// What is out of range by itself is reported already, and what only contradicts it would be noise.
	checkBounds := func(o *settings.Object, least, most int) {
		if err := components.CheckBounds(least, most); err != nil && !o.Problems.Within(o.Path("min")) && !o.Problems.Within(o.Path("max")) {
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
func (r serviceReader) readBefore() *components.Before {
	o := r.Section("before")
	defer o.Close()
	if o.Len() == 0 {
		return nil
	}
	before := &components.Before{Command: o.Texts("command", checkArgument)}
	if err := before.Check(); err != nil && !o.Problems.Within(o.Key) {
		o.Problems.Add(o.Path("command"), "is missing; it is a list: the command that has to succeed before the service starts")
	}
	o.Text("image", "", func(reference string) error {
		image, err := components.ParseImage(reference)
		before.Image = &image
		return err
	})
	return before
}

// readCanary returns the canary, or nil if there is none. Its priority follows once all routes are known.
func (r serviceReader) readCanary() *components.Canary {
	o := r.Section("canary")
	defer o.Close()
	if o.Len() == 0 {
		return nil
	}
	canary := &components.Canary{
		Weight: o.Integer("weight", 0, 0, 100),
		Header: components.DefaultCanaryHeader,
	}
	o.RequiredText("image", "a container image's reference with its digest", func(reference string) (err error) {
		canary.Image, err = components.ParseImage(reference)
		return err
	})
	o.Text("header", "", func(header string) (err error) {
		canary.Header, err = components.ParseCanaryHeader(header)
		return err
	})
	return canary
}
