package main

import (
	"strings"
	"time"

	"slipway/internal/jobs"
	"slipway/internal/stack"
)

// jobView is a row about a job.
type jobView struct {
	Name, Schedule string
	State          string
	Text           string // how its last run ended
	When, At       string // when that began; empty for no run
	Problem        string
}

// onDemand is the schedule of a job that has none.
const onDemand = "on demand"

func viewJob(j job, e environment, now time.Time) jobView {
	v := jobView{Name: j.name, Schedule: onDemand, State: steady}
	if j.machine == "" {
		v.Text = "is not recorded" // ECS forgets a task within an hour
		return v
	}
	v.Schedule = strings.TrimSpace(j.expression + " " + j.timeZone)
	run := e.ran[j.name]
	switch {
	case stack.OfPullRequest(e.name):
		v.State, v.Text = idle, "not looked up: pull requests can write this state"
	case run.asked.IsZero():
		v.State, v.Text = idle, "…"
	case run.err != "":
		v.State, v.Text, v.Problem = warn, "not known", run.err
	case run.Status == "":
		v.State, v.Text = idle, "none in the last 90 days"
	default:
		v.Text, v.When, v.At = runWords[run.Status], ago(run.Started, now), run.Started.UTC().Format(time.RFC3339)
		if run.Failed() {
			v.State = warn
		}
	}
	return v
}

var runWords = map[jobs.Status]string{
	jobs.Running: "runs, since", jobs.Succeeded: "succeeded", jobs.Failed: "failed",
	jobs.TimedOut: "timed out", jobs.Aborted: "was aborted", jobs.PendingRedrive: "is to be redriven",
}

// summary says what the page's notes say of the job.
func (v jobView) summary() string {
	if v.Problem != "" {
		return "has a last run that is not known: " + v.Problem
	}
	return v.Text + " when it ran last"
}
