package main

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"slipway/internal/stack"
)

// view is what the templates show: words and numbers, already decided.
type view struct {
	Project      string
	Now          string
	Count        string // 3 environments, 2 services
	Notes        []note // what needs attention, worst first
	Err          string
	Listed       bool
	Environments []environmentView
}

// note is one sentence about the fleet.
type note struct{ State, Text string }

// Of an environment, a service or a note, from worst to best.
const (
	bad       = "bad"
	warn      = "warn"
	busy      = "busy"
	different = "differs"
	idle      = "idle"
	steady    = "steady"
)

type environmentView struct {
	Name, State, Word string
	Staged, Behind    bool // in the order of steps; with another digest than the step before
	Region, Account   string
	Err               string
	Reading           bool
	Resources         string
	Platform          string // the stack on whose platform it stands
	Offers            bool   // it is a platform
	Stacks            string // those that stand on it
	Update            *updateView
	Drift             driftView
	Run               *runView
	Services          []serviceView
	Jobs              []jobView
	Promotions        []promotion
}

type updateView struct {
	State, Kind, Result, When, At, By, Duration, Message, Commit string
}

type driftView struct{ State, Text, When, At, Title string }

type runView struct {
	Sentence, Since, By string
	Abandoned           bool
	Done, Total         int
	Pending             []operation
	More                string
}

type serviceView struct {
	Name, URL      string
	Host           []string // the readable part of the URL, broken at the dots
	Versions       []shareView
	Digest, Target *digestView
	Canary         *digestView
	Deploying      bool   // Target is being deployed; otherwise its deployment failed
	Differs        string // the environment that runs another digest
	State          string
	Healthy        string // 2/2, or 3/2–6 if it scales
	Uncounted      bool   // Healthy is a sentence, because the healthy tasks cannot be counted
	Pips           []bool // one for each task, filled if one answers; none if there are too many to draw
	Problem        string
}

type shareView struct {
	Version, Text string
	X, Width      string // within 100
}

type digestView struct {
	Short, Full string
	Pennant     pennant
	HasPennant  bool
}

// newView decides what the page shows of a board.
func newView(project string, b board, now time.Time) view {
	v := view{Project: project, Now: now.UTC().Format("15:04:05 UTC"), Err: b.err, Listed: b.listed}
	var digests []string
	services := map[string]bool{}
	for _, e := range b.environments {
		for _, s := range e.services {
			digests = append(digests, s.image.Digest, s.target.Digest, s.canary.Digest)
			services[s.name] = true
		}
	}
	flags := pennants(digests)
	for i, e := range b.environments {
		ev := viewEnvironment(e, differences(b.environments, i), flags, now)
		ev.Promotions = promotions(b.environments, i)
		ev.Stacks = list(guests(b.environments, e.name))
		v.Environments = append(v.Environments, ev)
		v.Notes = append(v.Notes, notes(ev, e)...)
	}
	v.Notes = append(v.Notes, differing(b.environments)...)
	if reading := beingRead(v.Environments); len(reading) > 0 {
		v.Notes = append(v.Notes, note{idle, "Reading " + list(reading) + "…"})
	}
	slices.SortStableFunc(v.Notes, func(a, b note) int { return cmp.Compare(severity(a.State), severity(b.State)) })
	v.Count = plural(len(b.environments), "environment") + ", " + plural(len(services), "service")
	return v
}

// guests are the stacks that stand on a platform.
func guests(environments []environment, platform string) []string {
	var names []string
	for _, e := range environments {
		if e.platform != "" && shortName(e.platform) == platform {
			names = append(names, e.name)
		}
	}
	return names
}

// shortName returns the name of a stack without its organization and project.
func shortName(stack string) string { return stack[strings.LastIndex(stack, "/")+1:] }

// beingRead are the environments that have not been read yet.
func beingRead(environments []environmentView) []string {
	var names []string
	for _, e := range environments {
		if e.Reading {
			names = append(names, e.Name)
		}
	}
	return names
}

func severity(state string) int {
	return slices.Index([]string{bad, busy, warn, different, idle, steady}, state)
}

// notes are the summary's notes about one environment.
func notes(v environmentView, e environment) []note {
	switch {
	case e.err != "":
		return []note{{bad, v.Name + " cannot be read."}}
	case e.deploying():
		return []note{{busy, v.Name + " is being updated."}}
	}
	var found []note
	if e.run != nil {
		found = append(found, note{warn, v.Name + ": an update was interrupted."})
	}
	if v.Update != nil && v.Update.State == bad {
		found = append(found, note{bad, v.Name + ": the last " + v.Update.Kind + " failed."})
	}
	for _, s := range v.Services {
		if s.State == bad || s.State == warn {
			found = append(found, note{s.State, v.Name + ": " + s.Name + " " + s.summary() + "."})
		}
	}
	for _, j := range v.Jobs {
		if j.State == warn {
			found = append(found, note{warn, v.Name + ": job " + j.Name + " " + j.summary() + "."})
		}
	}
	if n := len(e.drift.changes); n > 0 {
		found = append(found, note{warn, v.Name + ": " + plural(n, "resource") + " drifted."})
	}
	return found
}

func (s serviceView) summary() string {
	switch {
	case s.Problem == "" && s.Uncounted:
		return s.Healthy
	case s.Healthy != "" && s.Problem == "":
		return "has " + s.Healthy + " healthy"
	default:
		return s.Problem
	}
}

// differing are the services with different images in the environments of the order.
func differing(environments []environment) []note {
	type pair struct{ service, than string }
	where := map[pair][]string{}
	var order []pair
	for i, e := range environments {
		found := differences(environments, i)
		for _, s := range e.services {
			if p := (pair{s.name, found[s.name]}); p.than != "" {
				if where[p] == nil {
					order = append(order, p)
				}
				where[p] = append(where[p], e.name)
			}
		}
	}
	var notes []note
	for _, p := range order {
		notes = append(notes, note{different, fmt.Sprintf("%s is not the same in %s as in %s.", p.service, list(where[p]), p.than)})
	}
	return notes
}

func viewEnvironment(e environment, differs map[string]string, flags map[string]pennant, now time.Time) environmentView {
	v := environmentView{Name: e.name, Staged: e.staged, Behind: len(differs) > 0, Region: e.region, Account: e.account, Err: e.err, Reading: !e.read && e.err == ""}
	v.Platform, v.Offers = shortName(e.platform), e.offers
	if e.read {
		v.Resources = plural(e.resources, "resource")
		v.Drift = viewDrift(e, now)
	}
	if e.last != nil {
		v.Update = viewUpdate(*e.last, e.by, now)
	}
	if e.run != nil {
		v.Run = viewRun(e, now)
	}
	for _, s := range e.services {
		sv := viewService(s, e, flags)
		sv.Differs = differs[s.name]
		v.Services = append(v.Services, sv)
	}
	for _, j := range e.jobs {
		v.Jobs = append(v.Jobs, viewJob(j, e, now))
	}
	v.State, v.Word = state(v, e)
	return v
}

// state sums an environment up.
func state(v environmentView, e environment) (state, word string) {
	worst := steady
	for _, s := range v.Services {
		if severity(s.State) < severity(worst) {
			worst = s.State
		}
	}
	for _, j := range v.Jobs {
		if severity(j.State) < severity(worst) {
			worst = j.State
		}
	}
	switch {
	case e.err != "":
		return bad, "not readable"
	case !e.read:
		return idle, "being read"
	case e.deploying():
		return busy, "updating"
	case v.Update != nil && v.Update.State == bad:
		return bad, v.Update.Kind + " failed"
	case worst == bad:
		return bad, "down"
	case e.run != nil:
		return warn, "interrupted"
	case worst == warn:
		return warn, "unwell"
	case len(e.drift.changes) > 0:
		return warn, "drifted"
	case e.resources == 0:
		return idle, "not deployed"
	default:
		return steady, "steady"
	}
}

// viewUpdate shows an update, with its author if that was seen while it ran.
func viewUpdate(u stack.Update, by string, now time.Time) *updateView {
	v := &updateView{
		State: steady, Kind: u.Kind, Result: u.Result, By: cmp.Or(system(u), by), Message: firstLine(u.Message),
		When: ago(u.End, now), At: u.End.UTC().Format(time.RFC3339), Duration: lasting(u.End.Sub(u.Start)),
		Commit: cmp.Or(u.Environment["git.author"], u.Environment["git.committer"]),
	}
	if !u.Succeeded() {
		v.State = bad
	}
	return v
}

// system is the CI system that made an update, with the number of its run, which has its author. For an update at a terminal, Pulumi
// only records the author of the checked-out commit (addVCSMetadata in pulumi's pkg/cmd/pulumi/metadata), not the user.
func system(u stack.Update) string {
	name := u.Environment["ci.system"]
	if run := cmp.Or(u.Environment["ci.build.number"], u.Environment["ci.build.id"]); name != "" && run != "" {
		return name + ", run " + run
	}
	return name
}

func viewDrift(e environment, now time.Time) driftView {
	d := e.drift
	v := driftView{State: idle}
	if !d.checked.IsZero() {
		v.When, v.At = "checked "+ago(d.checked, now), d.checked.UTC().Format(time.RFC3339)
	}
	switch {
	case d.disabled:
		v.Text = "not looked for"
	case stack.OfPullRequest(e.name):
		v.Text = "not looked for: pull requests can write this state"
	case e.resources == 0:
		v.Text, v.When = "nothing deployed", ""
	case d.err != "":
		v.Text, v.Title, v.State = "not known: "+d.err, d.err, warn
	case d.checked.IsZero() && d.looking:
		v.Text = "looking…"
	case d.checked.IsZero():
		v.Text = "not checked yet"
	case len(d.changes) == 0:
		v.Text, v.State = "none", steady
	default:
		v.State = warn
		var lines []string
		for _, c := range d.changes[:min(len(d.changes), 3)] {
			verb := "changed"
			if c.Operation == "delete" {
				verb = "gone"
			}
			lines = append(lines, fmt.Sprintf("%s %s (%s)", c.Type, c.Name, verb))
		}
		if more := len(d.changes) - len(lines); more > 0 {
			lines = append(lines, fmt.Sprintf("%d more", more))
		}
		v.Text, v.Title = plural(len(d.changes), "resource"), list(lines)
	}
	return v
}

func viewRun(e environment, now time.Time) *runView {
	p := progressOf(e.facts, *e.run)
	v := &runView{Sentence: p.sentence, By: e.run.by, Abandoned: e.run.abandoned, Done: p.done, Total: p.total, Pending: p.pending}
	if !e.run.since.IsZero() {
		v.Since = lasting(now.Sub(e.run.since))
	}
	if more := len(v.Pending) - 3; more > 0 {
		v.Pending, v.More = v.Pending[:3], fmt.Sprintf("and %d more", more)
	}
	return v
}

// notTheWanted is the problem of a service whose last deployment failed.
const notTheWanted = "runs another image than it was last told to"

// maxPips is how many tasks are drawn one by one.
const maxPips = 12

func viewService(s service, e environment, flags map[string]pennant) serviceView {
	seen := e.seen[s.name]
	v := serviceView{Name: s.name, State: steady, Digest: viewDigest(s.image.Digest, flags), Canary: viewDigest(s.canary.Digest, flags)}
	if u, err := url.Parse(s.url); err == nil && s.refused == "" {
		v.URL, v.Host = s.url, strings.Split(strings.TrimSuffix(u.Host+u.Path, "/"), ".")
	}
	if s.target.Digest != s.image.Digest {
		v.Target, v.Deploying = viewDigest(s.target.Digest, flags), e.deploying()
	}
	v.Versions = viewShares(seen.versions)
	least, drawn, tasks := s.desired, s.desired, count(s.desired)
	if scales := s.scaling; scales != (bounds{}) {
		least, drawn = scales.least, max(scales.least, min(seen.instances, scales.most))
		tasks = fmt.Sprintf("%d–%d", scales.least, scales.most)
	}
	if drawn > 0 && drawn <= maxPips {
		for i := range drawn {
			v.Pips = append(v.Pips, i < seen.instances)
		}
	}
	v.Healthy = fmt.Sprintf("%d/%s", seen.instances, tasks)
	if seen.nameless {
		v.Healthy, v.Pips, v.Uncounted = "answers; "+plural(drawn, "task"), nil, true
	}
	switch {
	case s.url == "": // a worker, which nobody can ask: `pulumi up` has waited until ECS found its tasks healthy
		v.Healthy, v.Pips, v.Uncounted = "is a worker; "+tasks+" tasks", nil, true
		if tasks == "1" {
			v.Healthy = "is a worker; 1 task"
		}
		if v.Target != nil && !v.Deploying {
			v.State, v.Problem = warn, notTheWanted
		}
	case s.refused != "":
		v.State, v.Healthy, v.Problem = warn, "–/"+tasks, "is not asked: "+s.refused
	case seen.asked.IsZero():
		v.State, v.Healthy = idle, "…/"+tasks
	case seen.err != "":
		v.State, v.Problem = bad, "does not answer: "+seen.err
	case seen.problem != "":
		v.State, v.Problem = warn, "says it is not well: "+seen.problem
		if seen.instances == 0 && !seen.nameless {
			v.State = bad
		}
	case seen.instances < least && !seen.nameless:
		v.State = warn
	case v.Target != nil && !v.Deploying:
		v.State, v.Problem = warn, notTheWanted
	}
	return v
}

func viewDigest(digest string, flags map[string]pennant) *digestView {
	if digest == "" {
		return nil
	}
	flag, ok := flags[digest]
	return &digestView{Short: shortDigest(digest), Full: digest, Pennant: flag, HasPennant: ok}
}

// viewShares says how often each version answers, if there is more than one.
func viewShares(shares []share) []shareView {
	total := 0
	for _, s := range shares {
		total += s.count
	}
	var views []shareView
	x := 0
	for _, s := range shares {
		v := shareView{Version: s.version, X: count(x), Width: count(100 * s.count / total)}
		if len(shares) > 1 {
			v.Text = fmt.Sprintf("%d of %d answers", s.count, total)
		}
		x += 100 * s.count / total
		views = append(views, v)
	}
	return views
}
