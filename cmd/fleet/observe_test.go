package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"slipway/internal/stack"
)

func TestRunningUpdate(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	pending := func(written time.Time) apitype.DeploymentV3 {
		return apitype.DeploymentV3{Manifest: apitype.ManifestV1{Time: written}, PendingOperations: make([]apitype.OperationV2, 1)}
	}
	patient := func(written time.Time) apitype.DeploymentV3 {
		d := pending(written)
		d.PendingOperations[0].Resource.CustomTimeouts = &resource.CustomTimeouts{Update: time.Hour.Seconds()}
		return d
	}
	lock := stack.Lock{Username: "ada", Hostname: "ci", PID: 1, Since: now.Add(-time.Minute)}
	ended := []stack.Update{succeeded(now.Add(-time.Hour))}
	for name, test := range map[string]struct {
		signs signs
		want  *running
	}{
		"nothing":                    {signs{history: ended, showsLocks: true}, nil},
		"never updated":              {signs{}, nil},
		"locked":                     {signs{history: ended, showsLocks: true, locked: true, lock: lock}, &running{since: lock.Since, by: "ada@ci"}},
		"locked by a killed process": {signs{locked: true, lock: stack.Lock{Username: "ada", Hostname: "ci", Abandoned: true}}, &running{by: "ada@ci", abandoned: true}},
		"no lock, but pending":       {signs{showsLocks: true, deployment: pending(now)}, &running{abandoned: true}},
		"Pulumi Cloud, in the list":  {signs{summary: stack.Summary{InProgress: true}, history: ended}, &running{}},
		"Pulumi Cloud, in the history": {
			signs{history: []stack.Update{{Kind: "update", Result: "in-progress", Start: now, Environment: map[string]string{"git.author": "Ada", "ci.system": "GitHub Actions", "ci.build.id": "42"}}}},
			&running{since: now, by: "GitHub Actions, run 42"},
		},
		"a bucket, written lately":                     {signs{history: ended, deployment: pending(now.Add(-time.Minute))}, &running{}},
		"a bucket, first update":                       {signs{deployment: pending(now.Add(-time.Minute))}, &running{}},
		"a bucket, not written for long":               {signs{history: ended, deployment: pending(now.Add(-31 * time.Minute))}, &running{abandoned: true}},
		"a bucket, at a service that may take an hour": {signs{deployment: patient(now.Add(-69 * time.Minute))}, &running{}},
		"a bucket, and an hour has passed":             {signs{deployment: patient(now.Add(-71 * time.Minute))}, &running{abandoned: true}},
		"a bucket, pending since the update":           {signs{history: ended, deployment: pending(now.Add(-time.Hour))}, &running{abandoned: true}},
	} {
		t.Run(name, func(t *testing.T) {
			test.signs.now = now
			got := runningUpdate(test.signs)
			if (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
				t.Errorf("it is %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestObserveStacks(t *testing.T) {
	now := time.Now()
	source, services := newFakeSource(twoStacks(now)), twoServices()
	o := observe(t, source, services)

	b := until(t, o, "both are healthy, and drift was looked for", func(b board) bool {
		dev, prod := b.environment("dev"), b.environment("prod")
		return dev.seen["hello"].instances == 2 && prod.seen["hello"].instances == 3 && !dev.drift.checked.IsZero() && !prod.drift.checked.IsZero()
	})
	if b.environments[0].name != "dev" || b.environments[1].name != "prod" {
		t.Errorf("the order is %s, %s", b.environments[0].name, b.environments[1].name)
	}
	if n := len(b.environment("prod").drift.changes); n != 1 {
		t.Errorf("%d resources of prod drifted, want 1", n)
	}

	// What has not changed is not read again.
	reads := source.called("deployment", "prod")
	looks := 0
	until(t, o, "many rounds have passed", func(board) bool { looks++; return looks > 30 })
	if again := source.called("deployment", "prod"); again != reads {
		t.Errorf("prod, which has not changed, was read %d times more", again-reads)
	}

	// An update begins: it is noticed by its lock, and shown as it goes.
	lock := stack.Lock{Username: "ada", Hostname: "ci", PID: 1, Since: time.Now()}
	source.change("prod", func(s *fakeStack) {
		s.lock, s.pending = lock, []string{"hello"}
		s.services = map[string]fakeService{"hello": {digest: digest("a"), target: digest("b"), url: "https://hello.example.com/", desired: 3}}
	})
	services.set("https://hello.example.com/", "v1", "v2")
	b = until(t, o, "the update is seen, and two versions answer", func(b board) bool {
		prod := b.environment("prod")
		return prod.deploying() && len(prod.pending) == 1 && len(prod.seen["hello"].versions) == 2
	})
	if run := b.environment("prod").run; run.by != "ada@ci" || run.before != 48 {
		t.Errorf("the update is %+v; there were 48 resources before", run)
	}
	drifts := source.called("drift", "prod")

	// It ends.
	source.change("prod", func(s *fakeStack) {
		s.lock, s.pending, s.changes = stack.Lock{}, nil, nil
		s.services = map[string]fakeService{"hello": {digest: digest("b"), url: "https://hello.example.com/", desired: 3}}
		s.history = []stack.Update{succeeded(time.Now())}
	})
	services.set("https://hello.example.com/", "v2", "v2", "v2")
	until(t, o, "the update has ended, and drift was looked for again", func(b board) bool {
		prod := b.environment("prod")
		return prod.run == nil && prod.digestOf("hello") == digest("b") && len(prod.drift.changes) == 0 && !prod.drift.looking
	})
	if by := o.environmentOf("prod").by; by != "ada@ci" {
		t.Errorf("the update, which was watched, is said to be by %q", by)
	}
	if n := source.called("drift", "prod") - drifts; n != 1 {
		t.Errorf("drift was looked for %d times after the update, want once", n)
	}

	// A stack comes, and goes.
	source.change("staging", func(s *fakeStack) {})
	b = until(t, o, "staging is read", func(b board) bool { return b.environment("staging").read })
	if b.environments[1].name != "staging" || b.environment("staging").region != "eu-north-1" {
		t.Errorf("staging, of which nothing is deployed, is %+v", b.environment("staging"))
	}
	source.mu.Lock()
	delete(source.stacks, "staging")
	source.mu.Unlock()
	until(t, o, "staging is gone", func(b board) bool { return len(b.environments) == 2 })
}

// A refresh starts the plugins that the state names, and pull requests can write their stacks' states.
func TestNoDriftOfPullRequests(t *testing.T) {
	stacks := twoStacks(time.Now())
	stacks["pr-7"], stacks["pr-evil"] = stacks["dev"], stacks["dev"]
	source := newFakeSource(stacks)
	o := observe(t, source, twoServices())
	until(t, o, "drift was looked for, after all stacks were read", func(b board) bool {
		return b.environment("pr-7").read && b.environment("pr-evil").read && !b.environment("dev").drift.checked.IsZero() && !b.environment("prod").drift.checked.IsZero()
	})
	for _, update := range []time.Time{time.Now(), time.Now().Add(time.Second)} { // and again after updates, which is when it is due
		for _, name := range []string{"dev", "pr-7", "pr-evil"} {
			source.change(name, func(s *fakeStack) { s.history = []stack.Update{succeeded(update)} })
		}
		until(t, o, "drift was looked for again", func(b board) bool {
			return b.environment("dev").drift.of.Equal(update) && b.environment("pr-7").updated().Equal(update)
		})
	}
	if n := source.called("drift", "pr-7") + source.called("drift", "pr-evil"); n != 0 {
		t.Errorf("drift of pull requests' stacks was looked for %d times", n)
	}
	_, page := get(t, serveFleet(t, o).URL)
	if got := part(t, page, "pr-7"); !strings.Contains(got, "Drift: not looked for: pull requests can write this state") {
		t.Errorf("of pr-7 is said %s", got)
	}
}

func TestOneStackDoesNotSpoilTheOthers(t *testing.T) {
	stacks := twoStacks(time.Now())
	broken := stacks["prod"]
	broken.err = errors.New("no passphrase\nand a lot more")
	stacks["prod"] = broken
	source := newFakeSource(stacks)
	o := observe(t, source, twoServices())
	b := until(t, o, "dev is read, and prod is not", func(b board) bool {
		return b.environment("dev").seen["hello"].instances == 2 && b.environment("prod").err != ""
	})
	if err := b.environment("prod").err; err != "no passphrase" {
		t.Errorf("the error is %q", err)
	}
	source.change("prod", func(s *fakeStack) { s.err = nil })
	until(t, o, "prod is read after all", func(b board) bool { return b.environment("prod").err == "" && b.environment("prod").read })

	// The backend is gone: what was known stays, and it is said.
	source.mu.Lock()
	source.err = errors.New("the bucket does not answer")
	source.mu.Unlock()
	b = until(t, o, "the list fails", func(b board) bool { return b.err != "" })
	if !b.environment("dev").read || !strings.Contains(b.err, "bucket") {
		t.Errorf("the board is %+v", b)
	}
}

func TestNamedStacks(t *testing.T) {
	o := observe(t, newFakeSource(twoStacks(time.Now())), twoServices(), "prod", "nowhere", "dev")
	b := until(t, o, "they are read", func(b board) bool { return b.environment("dev").read && b.environment("prod").read })
	var names []string
	for _, e := range b.environments {
		names = append(names, e.name)
	}
	if got := strings.Join(names, " "); got != "prod nowhere dev" {
		t.Errorf("the order is %s, and not the one asked for", got)
	}
	if err := b.environment("nowhere").err; !strings.Contains(err, "pulumi stack init nowhere") {
		t.Errorf("of a stack that does not exist it says %q", err)
	}
}

func TestDriftThatCannotBeKnown(t *testing.T) {
	stacks := twoStacks(time.Now())
	dev := stacks["dev"]
	dev.driftErr = errors.New("AccessDenied: not authorized to perform: ec2:DescribeVpcs")
	stacks["dev"] = dev
	o := observe(t, newFakeSource(stacks), twoServices())
	b := until(t, o, "drift was looked for", func(b board) bool { return !b.environment("dev").drift.checked.IsZero() })
	if got := b.environment("dev").drift.err; !strings.Contains(got, "AccessDenied") {
		t.Errorf("the error is %q", got)
	}
}
