package main

import (
	"errors"
	"slices"

	"slipway/components"
)

// What a service says of its new versions and of how many tasks run them.

// readDeployment returns how new versions replace old ones and how tasks drain. It needs what is read of the service already.
func (r serviceReader) readDeployment(s serviceConfig) (components.Deployment, components.Drain) {
	o := r.object.object("deployment")
	defer o.close()

	d := components.Deployment{
		Strategy: components.Strategy(o.text("strategy", "", func(strategy string) error {
			return components.Strategy(strategy).Check()
		})),
		MinimumHealthyPercent: o.integer("minimumHealthyPercent", 0, 0, 100),
		MaximumPercent:        o.integer("maximumPercent", 0, 100, components.MaxMaximumPercent),
		Alarms:                o.boolean("alarms", false),
		ErrorPercent:          o.integer("errorPercent", components.DefaultErrorPercent, 1, 99),
	}
	_, minimum := o.get("minimumHealthyPercent")
	_, maximum := o.get("maximumPercent")
	_, strategy := o.get("strategy")
	switch {
	case strategy && (minimum || maximum):
		o.problems.add(o.path("strategy"), "strategy and the percentages exclude each other")
	case minimum != maximum:
		o.problems.add(o.key, "minimumHealthyPercent and maximumPercent are given together, or neither")
	default:
		if err := errors.Join(d.Check(s.instanceCount), d.CheckScaling(s.scaling)); err != nil {
			o.problems.add(o.key, "%w", err)
		} else if s.canary != nil {
			if err := d.Check(s.canary.Tasks(s.instanceCount)); err != nil {
				o.problems.add(o.key, "for the canary, %w", err)
			}
		}
	}
	return d, r.readDrain(o)
}

// readDrain returns the drain profile with the service's own deregistration delay and stop timeout.
func (r serviceReader) readDrain(deployment *object) components.Drain {
	profile := deployment.text("drain", components.DrainHTTP, components.CheckDrainProfile)
	drain := components.NewDrain(profile,
		r.integer("deregistrationDelay", components.DefaultDeregistrationDelay(profile), 0, maxDeregistrationDelay),
		r.integer("stopTimeout", components.DefaultStopTimeout, 1, maxStopTimeout))
	if err := drain.CheckDeregistrationDelay(); err != nil {
		r.problems.add(r.path("deregistrationDelay"), "%w", err)
	}
	if err := drain.CheckStopTimeout(); err != nil {
		r.problems.add(r.path("stopTimeout"), "%w", err)
	}
	return drain
}

// readScaling returns how the service scales, or nil if the number of its tasks is fixed.
func (r serviceReader) readScaling() *components.Scaling {
	o := r.object.object("scaling")
	defer o.close()
	if len(o.values) == 0 {
		return nil
	}
	if _, fixed := r.get("instanceCount"); fixed {
		r.problems.add(r.path("instanceCount"), "instanceCount and scaling exclude each other; scaling has min and max")
	}
	s := &components.Scaling{
		Min:      o.integer("min", 1, 0, maxInstances),
		Max:      o.requiredInteger("max", "the most tasks that run", 1, maxInstances),
		CPU:      o.integer("cpu", 0, 1, 100),
		Memory:   o.integer("memory", 0, 1, 100),
		Requests: o.integer("requests", 0, 1, components.MaxRequestsPerTask),
		Schedule: make(map[string]components.ScheduledScaling),
	}
	schedule := o.object("schedule")
	for _, name := range schedule.members() {
		action := schedule.object(name)
		s.Schedule[name] = components.ScheduledScaling{
			At:       action.requiredText("at", "when, as cron(…), rate(…) or at(…)", components.CheckSchedule),
			TimeZone: action.text("timeZone", "UTC", components.CheckTimeZone),
			Min:      action.integer("min", s.Min, 0, maxInstances),
			Max:      action.integer("max", s.Max, 0, maxInstances),
		}
		if !serviceNamePattern.MatchString(name) {
			o.problems.add(action.key, "a schedule's name is lower-case letters, digits and single hyphens, beginning with a letter")
		}
		action.close()
	}
	// What is out of range by itself is reported already, and what only contradicts it would be noise.
	checkBounds := func(o *object, least, most int) {
		if err := components.CheckBounds(least, most); err != nil && !o.problems.within(o.path("min")) && !o.problems.within(o.path("max")) {
			o.problems.add(o.key, "%w", err)
		}
	}
	checkBounds(o, s.Min, s.Max)
	for name, action := range s.Schedule {
		checkBounds(schedule.object(name), action.Min, action.Max)
	}
	if !slices.ContainsFunc([]string{"cpu", "memory", "requests", "schedule"}, o.has) {
		o.problems.add(o.key, "has none of cpu, memory, requests and schedule: nothing would ever scale")
	}
	return s
}

// readBefore returns what runs before the service's container, or nil if nothing does.
func (r serviceReader) readBefore() *components.Before {
	o := r.object.object("before")
	defer o.close()
	if len(o.values) == 0 {
		return nil
	}
	before := &components.Before{Command: o.texts("command", checkArgument)}
	if err := before.Check(); err != nil && !o.problems.within(o.key) {
		o.problems.add(o.path("command"), "is missing; it is a list: the command that has to succeed before the service starts")
	}
	o.text("image", "", func(reference string) error {
		image, err := components.ParseImage(reference)
		before.Image = &image
		return err
	})
	return before
}

// readCanary returns the canary, or nil if there is none. Its priority follows once all routes are known.
func (r serviceReader) readCanary() *components.Canary {
	o := r.object.object("canary")
	defer o.close()
	if len(o.values) == 0 {
		return nil
	}
	canary := &components.Canary{
		Weight: o.integer("weight", 0, 0, 100),
		Header: components.DefaultCanaryHeader,
	}
	o.requiredText("image", "a container image's reference with its digest", func(reference string) (err error) {
		canary.Image, err = components.ParseImage(reference)
		return err
	})
	o.text("header", "", func(header string) (err error) {
		canary.Header, err = components.ParseCanaryHeader(header)
		return err
	})
	return canary
}
