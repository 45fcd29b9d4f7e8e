package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"slipway/internal/jobs"
)

// The page says when a job runs and how its last run ended. A stack with a failed job is not steady.
func TestPageOfJobs(t *testing.T) {
	now := time.Now()
	ended := func(status jobs.Status) jobs.LastRun {
		return jobs.LastRun{Status: status, Started: now.Add(-3 * time.Hour), Stopped: now}
	}
	stacks := twoStacks(now)
	dev := stacks["dev"]
	dev.jobs = map[string]fakeJob{
		"migrate": {},
		"purge":   {schedule: "cron(0 3 * * ? *)", last: ended(jobs.Succeeded)},
		"new":     {schedule: "rate(1 day)"},
	}
	stacks["dev"] = dev
	prod := stacks["prod"]
	prod.changes, prod.jobs = nil, map[string]fakeJob{
		"purge":  {schedule: "rate(1 day)", last: ended(jobs.Failed)},
		"hidden": {schedule: "rate(1 day)", err: errors.New("look up its last run: access denied")},
	}
	stacks["prod"] = prod
	stacks["pr-7"] = fakeStack{jobs: map[string]fakeJob{"purge": {schedule: "rate(1 day)"}}, resources: 1}

	source := newFakeSource(stacks)
	o := observe(t, source, twoServices())
	b := until(t, o, "all is known", func(b board) bool {
		dev, prod := b.environment("dev"), b.environment("prod")
		return !dev.ran["purge"].asked.IsZero() && !dev.ran["new"].asked.IsZero() && prod.ran["purge"].Failed() && prod.ran["hidden"].err != "" &&
			!prod.drift.checked.IsZero() && dev.seen["hello"].instances == 2 && prod.seen["hello"].instances == 3 && b.environment("pr-7").read
	})
	if run := b.environment("dev").ran["migrate"]; !run.asked.IsZero() || source.called("lastRun", "pr-7") != 0 {
		t.Errorf("a job on demand, or one of a pull request, was looked up: %+v", run)
	}
	_, page := get(t, serveFleet(t, o).URL)
	for name, want := range map[string]string{
		"dev": "Jobs of dev Job Runs Last run migrate on demand is not recorded new rate(1 day) UTC none in the last 90 days " +
			"purge cron(0 3 * * ? *) UTC succeeded 3 h ago Last update:",
		"prod": "hidden rate(1 day) UTC not known look up its last run: access denied purge rate(1 day) UTC failed 3 h ago",
		"pr-7": "purge rate(1 day) UTC not looked up: pull requests can write this state",
	} {
		if got := part(t, page, name); !strings.Contains(got, want) {
			t.Errorf("of %s is said\n%s\nwithout\n%s", name, got, want)
		}
	}
	if got := part(t, page, "prod"); !strings.HasPrefix(got, "prod unwell") || !strings.HasPrefix(part(t, page, "dev"), "dev steady") {
		t.Errorf("prod is said to be %s", got)
	}
	for _, want := range []string{"prod: job purge failed when it ran last.", "prod: job hidden has a last run that is not known: look up its last run: access denied."} {
		if !strings.Contains(page, want) {
			t.Errorf("the notes are without %q", want)
		}
	}
	if strings.Contains(page, secret) {
		t.Error("the page shows a secret")
	}
}
