package config

import (
	"slipway/internal/settings"
	"slipway/spec"
)

// A service's settings for deployments and for the number of its tasks.

// readDeployment returns how new versions replace old ones and how tasks drain.
func (r serviceReader) readDeployment() (spec.Deployment, spec.Drain) {
	o := r.Section("deployment")
	defer o.Close()

	d := spec.Deployment{
		Strategy: spec.Strategy(o.Text("strategy", "", func(strategy string) error {
			return spec.Strategy(strategy).Check()
		})),
		MinimumHealthyPercent: o.Integer("minimumHealthyPercent", 0, 0, 100),
		MaximumPercent:        o.Integer("maximumPercent", 0, 100, spec.MaxMaximumPercent),
		Alarms:                o.Boolean("alarms", false),
		ErrorPercent:          spec.DefaultErrorPercent,
	}
	if r.isWorker() {
		refuse(o, errWorker, "drain", "errorPercent")
	} else {
		d.ErrorPercent = o.Integer("errorPercent", d.ErrorPercent, 1, 99)
	}
	_, minimum := o.Get("minimumHealthyPercent")
	_, maximum := o.Get("maximumPercent")
	_, strategy := o.Get("strategy")
	switch {
	case strategy && (minimum || maximum):
		o.Problems.Add(o.Path("strategy"), "strategy and the percentages exclude each other")
	case minimum != maximum:
		o.Problems.Add(o.Key, "minimumHealthyPercent and maximumPercent must be given together")
	default:
		return d, r.readDrain(o)
	}
	d.MinimumHealthyPercent, d.MaximumPercent = 0, 0 // problems that follow from them are not reported
	return d, r.readDrain(o)
}

// readDrain returns the drain profile with the service's own deregistration delay and stop timeout.
func (r serviceReader) readDrain(deployment *settings.Object) spec.Drain {
	stopTimeout := r.Integer("stopTimeout", spec.DefaultStopTimeout, 1, spec.MaxStopTimeout)
	switch {
	case r.isWorker() && r.Has("port"): // those who call it need time to notice, too
		return spec.NewDrain(spec.DrainHTTP, spec.DefaultDeregistrationDelay(spec.DrainHTTP), stopTimeout)
	case r.isWorker():
		return spec.Drain{StopTimeout: stopTimeout}
	}
	profile := deployment.Text("drain", spec.DrainHTTP, spec.CheckDrainProfile)
	return spec.NewDrain(profile, r.Integer("deregistrationDelay", spec.DefaultDeregistrationDelay(profile), 0, spec.MaxDeregistrationDelay), stopTimeout)
}

// readScaling returns how the service scales, or nil if the number of its tasks is fixed.
func (r serviceReader) readScaling() *spec.Scaling {
	o := r.Section("scaling")
	defer o.Close()
	if o.Len() == 0 {
		return nil
	}
	s := &spec.Scaling{
		Min:      o.Integer("min", 1, 0, spec.MaxInstances),
		Max:      o.RequiredInteger("max", "the most tasks that run", 1, spec.MaxInstances),
		CPU:      o.Integer("cpu", 0, 1, 100),
		Memory:   o.Integer("memory", 0, 1, 100),
		Requests: o.Integer("requests", 0, 1, spec.MaxRequestsPerTask),
		Queue:    readQueue(o.Section("queue")),
		Schedule: make(map[string]spec.ScheduledScaling),
	}
	if !o.Has("max") {
		s.Max = spec.MaxInstances // problems that follow from a missing max are not reported
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
		action.Close()
	}
	return s
}

// readQueue returns the queue whose backlog a service scales by, or nil if there is none.
func readQueue(o *settings.Object) *spec.QueueScaling {
	defer o.Close()
	if o.Len() == 0 {
		return nil
	}
	return &spec.QueueScaling{
		ARN:             o.RequiredText("arn", "the ARN of the SQS queue", spec.CheckQueueARN),
		MessagesPerTask: o.RequiredInteger("messagesPerTask", "how many messages each task may have", 1, spec.MaxMessagesPerTask),
	}
}

// readBefore returns what runs before the service's container in each task, or nil if nothing does, and the job that runs once before a
// deployment.
func (r serviceReader) readBefore() (before *spec.Before, job string) {
	o := r.Section("before")
	defer o.Close()
	if o.Len() == 0 {
		return nil, ""
	}
	job = o.Text("job", "", spec.CheckNamed)
	before = &spec.Before{Command: o.Texts("command", spec.CheckArgument)}
	switch {
	case o.Has("job") && !o.Has("command") && !o.Has("image"):
		return nil, job
	case !o.Has("command"):
		o.Missing("command", "it is a list: the command that must succeed before the service starts")
	}
	o.Text("image", "", func(reference string) error {
		image, err := spec.ParseImage(reference)
		before.Image = &image
		return err
	})
	return before, job
}

// readCanary returns the canary, or nil if there is none.
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
