package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/internal/smoke"
	"slipway/internal/stack"
	"slipway/spec"
)

// fake is a stack in memory. What is done to it is told to its log.
type fake struct {
	name       string
	last       stack.Update
	runs       images
	urls       map[string]string
	checks     map[string]smoke.Checks
	configured images
	before     images // configured
	beforeNow  images // deployed
	canaries   images
	history    []stack.Release
	previewErr error
	upErr      error
	workers    map[string]bool
	overtaken  images // what runs after an update that somebody else's followed
	log        *[]string
}

func (f *fake) Name() string { return f.name }

func (f *fake) Outputs(context.Context) (stack.Outputs, error) {
	return stack.Outputs{
		URLs: f.urls, Checks: f.checks, Images: f.runs, Canaries: f.canaries, Before: f.beforeNow, Domains: stack.Domains{"dev.test", "prod.test"},
	}, nil
}

func (f *fake) LastUpdate(context.Context) (stack.Update, bool, error) {
	return f.last, f.last.Kind != "", nil
}

func (f *fake) Releases(context.Context, int) ([]stack.Release, error) { return f.history, nil }

func (f *fake) ConfiguredImages() (services, before map[string]spec.Image, err error) {
	return maps.Clone(f.configured), f.before, nil
}

func (f *fake) Draft(_ context.Context, edits map[string]spec.Image) (draft, error) {
	proposed := maps.Clone(f.configured)
	maps.Copy(proposed, edits)
	return &fakeDraft{f, proposed, f.configured}, nil
}

func (f *fake) Up(_ context.Context, message string, _ io.Writer) error {
	*f.log = append(*f.log, "up "+f.name+": "+message)
	if errors.Is(f.upErr, stack.ErrNotBegun) {
		return f.upErr
	}
	f.runs = maps.Clone(f.configured)
	maps.Copy(f.runs, f.overtaken)
	f.last = stack.Update{Kind: "update", Result: "succeeded"}
	if f.upErr != nil {
		f.last.Result = "failed"
	}
	for name := range f.configured {
		if f.workers[name] {
			continue
		}
		f.urls[name] = "https://" + name + "." + f.name + ".test"
	}
	return f.upErr
}

type fakeDraft struct {
	of                 *fake
	proposed, original images
}

func (d *fakeDraft) note(what string) { *d.of.log = append(*d.of.log, what) }

func (d *fakeDraft) Preview(context.Context, io.Writer) error {
	d.note("preview")
	return d.of.previewErr
}

func (d *fakeDraft) Save() error {
	d.note("save")
	d.of.configured = d.proposed
	return nil
}

func (d *fakeDraft) Restore() error {
	d.note("restore")
	d.of.configured = d.original
	return nil
}

func (d *fakeDraft) Discard() { d.note("discard") }

// world is two stacks and what their services answer.
type world struct {
	dev, prod *fake
	broken    map[string]bool // services that fail their smoke test, by URL
	mute      bool            // services tell no version
	asked     []smoke.Target
	stuck     bool // the services of prod go on to run what they ran
	answer    bool // to every question
	preview   bool
	questions int
	services  []string // that are asked for
	digests   digests
	log       []string
	mu        sync.Mutex
	out       bytes.Buffer
}

var succeeded = stack.Update{Kind: "update", Result: "succeeded"}

func newWorld(t *testing.T) *world {
	w := &world{broken: map[string]bool{}, answer: true}
	w.dev = &fake{
		name: "dev", last: succeeded, log: &w.log,
		runs: references(t, map[string]string{"api": "r.test/api@" + digest("b"), "hello": "r.test/hello@" + digest("b")}),
		urls: map[string]string{"api": "https://api.dev.test", "hello": "https://hello.dev.test"},
	}
	before := references(t, map[string]string{"api": "r.test/api@" + digest("a"), "hello": "copies.test/hello@" + digest("a")})
	w.prod = &fake{
		name: "prod", last: succeeded, log: &w.log,
		runs: before, configured: before,
		urls: map[string]string{"api": "https://api.prod.test", "hello": "https://hello.prod.test"},
	}
	return w
}

func (w *world) promotion() *promotion {
	return &promotion{
		services: w.services,
		digests:  w.digests,
		preview:  w.preview,
		wait:     time.Second,
		confirm: func(context.Context, string) (bool, error) {
			w.questions++
			return w.answer, nil
		},
		out: &w.out,
		// A service says the digest that it runs as its version.
		smoke: func(_ context.Context, target smoke.Target) (smoke.Report, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.asked = append(w.asked, target)
			if target.Worker != "" {
				return smoke.Run(context.Background(), target)
			}
			report := smoke.Report{URL: target.URL}
			for _, f := range []*fake{w.dev, w.prod} {
				for name, url := range f.urls {
					if url == target.URL {
						report.Version = "version " + f.runs[name].Digest[len("sha256:"):len("sha256:")+1]
					}
				}
			}
			if w.stuck && strings.HasSuffix(target.URL, ".prod.test") {
				report.Version = "version a"
			}
			result := smoke.Result{Name: "version", State: smoke.OK}
			if w.mute {
				report.Version = target.Image
			}
			if w.broken[target.URL] || target.Version != "" && target.Version != report.Version {
				result.State = smoke.Failed
			}
			report.Results = []smoke.Result{result}
			return report, nil
		},
	}
}

func TestPromote(t *testing.T) {
	const (
		both     = "preview save up prod: promote from dev: api sha256:b00000000000 version b, hello sha256:b00000000000 version b discard"
		newAPI   = "r.test/api b"
		newHello = "copies.test/hello b" // from the repository that prod's configuration names
		oldAPI   = "r.test/api a"
		oldHello = "copies.test/hello a"
	)
	for _, test := range []struct {
		name   string
		given  func(*world)
		err    string // empty for success
		log    string
		config []string // api's and hello's image in prod's configuration, at the end
		asked  int
		out    []string
	}{
		{name: "all services", log: both, config: []string{newAPI, newHello}, asked: 1, out: []string{
			"hello  sha256:a00000000000 version a  ->  sha256:b00000000000 version b",
		}},
		{
			name: "one service", given: func(w *world) { w.services = []string{"hello"} },
			log:    "preview save up prod: promote from dev: hello sha256:b00000000000 version b discard",
			config: []string{oldAPI, newHello}, asked: 1,
		},
		{
			name: "one service, and a configuration that is older than the other", given: func(w *world) {
				w.services = []string{"hello"}
				w.prod.runs = maps.Clone(w.prod.runs)
				w.prod.runs["api"] = spec.Image{Registry: "r.test", Repository: "api", Digest: digest("c")}
			},
			log:    "preview save up prod: promote from dev: hello sha256:b00000000000 version b discard",
			config: []string{"r.test/api c", newHello}, asked: 1,
			out: []string{"stays; the configuration file named sha256:a00000000000"},
		},
		{
			name: "one service, and another image in the configuration of one that the source does not have", given: func(w *world) {
				w.services = []string{"hello"}
				delete(w.dev.runs, "api")
				w.prod.runs = maps.Clone(w.prod.runs)
				w.prod.runs["api"] = spec.Image{Registry: "r.test", Repository: "api", Digest: digest("c")}
			},
			log:    "preview save up prod: promote from dev: hello sha256:b00000000000 version b discard",
			config: []string{oldAPI, newHello}, asked: 1,
		},
		{
			name: "a preview", given: func(w *world) { w.preview = true },
			log: "preview discard", config: []string{oldAPI, oldHello}, out: []string{"->  sha256:b00000000000 version b"},
		},
		{
			name: "a preview of what runs already", given: func(w *world) {
				w.preview = true
				w.prod.runs = w.dev.runs
			},
			log: "preview discard", config: []string{oldAPI, oldHello},
		},
		{
			name: "the same migration before it", given: func(w *world) {
				w.dev.beforeNow = images{"api": {Registry: "r.test", Repository: "migrate", Digest: digest("b")}}
				w.prod.before = images{"api": {Registry: "copies.test", Repository: "migrate", Digest: digest("b")}}
			},
			log: both, config: []string{newAPI, newHello}, asked: 1,
		},
		{
			name: "another migration before it", given: func(w *world) {
				w.dev.beforeNow = images{"api": {Registry: "r.test", Repository: "migrate", Tag: "2"}}
				w.prod.before = images{"api": {Registry: "r.test", Repository: "migrate", Tag: "1"}}
			},
			err: "before service api, stack dev runs r.test/migrate:2, and the configuration of stack prod names r.test/migrate:1: " +
				"set services.api.before.image there first",
			config: []string{oldAPI, oldHello},
		},
		{
			name: "a canary in the source", given: func(w *world) { w.dev.canaries = w.prod.runs },
			err: "stack dev runs a canary of service api, which may answer the smoke test instead", config: []string{oldAPI, oldHello},
		},
		{
			name: "the answer is no", given: func(w *world) { w.answer = false },
			err: "declined", log: "preview discard", config: []string{oldAPI, oldHello}, asked: 1,
		},
		{
			name: "the preview fails", given: func(w *world) { w.prod.previewErr = errors.New("no such zone") },
			err: "nothing was changed: no such zone", log: "preview discard", config: []string{oldAPI, oldHello},
		},
		{
			name: "the update does not begin", given: func(w *world) { w.prod.upErr = fmt.Errorf("locked: %w", stack.ErrNotBegun) },
			err:    "nothing was changed: locked",
			log:    strings.Replace(both, "discard", "restore discard", 1),
			config: []string{oldAPI, oldHello}, asked: 1,
		},
		{
			name: "the update fails", given: func(w *world) { w.prod.upErr = errors.New("rolled back") },
			err: "rolled back; Pulumi's output is above. The configuration of stack prod names the new images: " +
				"fix the cause and run `pulumi up --stack prod`, or roll back with `go run ./cmd/promote -rollback prod`",
			log: both, config: []string{newAPI, newHello}, asked: 1,
		},
		{
			name: "what was promoted does not work", given: func(w *world) { w.broken["https://hello.prod.test"] = true },
			err: "stack prod is updated, but does not work: smoke test of https://hello.prod.test failed: version; fix it, or roll back",
			log: both, config: []string{newAPI, newHello}, asked: 1,
		},
		{
			name: "what answers is still the old version", given: func(w *world) { w.stuck = true },
			err: "stack prod is updated, but does not work: smoke test of https://api.prod.test failed: version",
			log: both, config: []string{newAPI, newHello}, asked: 1,
		},
		{
			name: "the source's last update failed", given: func(w *world) { w.dev.last.Result = "failed" },
			err: "promote stack dev: its last update, at ", config: []string{oldAPI, oldHello},
		},
		{
			name: "the source is being updated", given: func(w *world) { w.dev.last.Result = "in-progress" },
			err: "has not succeeded: in-progress", config: []string{oldAPI, oldHello},
		},
		{
			name: "the source was never updated", given: func(w *world) { w.dev.last = stack.Update{} },
			err: "promote stack dev: it has never been updated", config: []string{oldAPI, oldHello},
		},
		{
			name: "the source was destroyed", given: func(w *world) { w.dev.last.Kind = "destroy" },
			err: "promote stack dev: it was destroyed", config: []string{oldAPI, oldHello},
		},
		{
			name: "a service of the source does not work", given: func(w *world) { w.broken["https://api.dev.test"] = true },
			err: "stack dev is not fit to be promoted: smoke test of https://api.dev.test failed", config: []string{oldAPI, oldHello},
		},
		{
			name: "services that tell no version", given: func(w *world) { w.mute = true },
			log:    "preview save up prod: promote from dev: api sha256:b00000000000, hello sha256:b00000000000 discard",
			config: []string{newAPI, newHello}, asked: 1, out: []string{"hello  sha256:a00000000000  ->  sha256:b00000000000\n"},
		},
		{
			name: "a URL that is somebody else's", given: func(w *world) { w.dev.urls["api"] = "https://api.evil.test/" },
			err: `stack dev: service api is not asked: its URL "https://api.evil.test/" is not in the configured dev.test, prod.test`, config: []string{oldAPI, oldHello},
		},
		{
			name: "a URL of the target that is somebody else's", given: func(w *world) { w.prod.urls["api"] = "http://127.0.0.1:9000/x" },
			err: `stack prod: service api is not asked: its URL must be https://host`, config: []string{oldAPI, oldHello},
		},
		{
			name: "a service that is not promoted does not work", given: func(w *world) {
				w.services = []string{"hello"}
				w.broken["https://api.dev.test"] = true
			},
			log:    "preview save up prod: promote from dev: hello sha256:b00000000000 version b discard",
			config: []string{oldAPI, newHello}, asked: 1,
		},
		{
			name: "the source runs the digests", given: func(w *world) { w.digests = digests{"hello": digest("b"), "api": digest("b")} },
			log: both, config: []string{newAPI, newHello}, asked: 1,
		},
		{
			name: "the source runs the digest of the service that is named", given: func(w *world) {
				w.services, w.digests = []string{"hello"}, digests{"hello": digest("b")}
			},
			log:    "preview save up prod: promote from dev: hello sha256:b00000000000 version b discard",
			config: []string{oldAPI, newHello}, asked: 1,
		},
		{
			name: "the digest of the only service", given: func(w *world) { w.services, w.digests = []string{"hello"}, digests{"": digest("b")} },
			log:    "preview save up prod: promote from dev: hello sha256:b00000000000 version b discard",
			config: []string{oldAPI, newHello}, asked: 1,
		},
		{
			name: "another digest than that of the only service", given: func(w *world) { w.services, w.digests = []string{"hello"}, digests{"": digest("a")} },
			err: "stack dev runs service hello as r.test/hello@" + digest("b") + ", not as " + digest("a"), config: []string{oldAPI, oldHello},
		},
		{
			name: "a digest without a service, and two services", given: func(w *world) { w.digests = digests{"": digest("b")} },
			err: "a digest without a service's name is for one service, and these are to be promoted: api, hello", config: []string{oldAPI, oldHello},
		},
		{
			name: "the source runs another digest", given: func(w *world) { w.digests = digests{"hello": digest("a"), "api": digest("b")} },
			err:    "stack dev runs service hello as r.test/hello@" + digest("b") + ", not as " + digest("a") + ": another version was deployed there since",
			config: []string{oldAPI, oldHello},
		},
		{
			name: "a service whose digest nobody has seen", given: func(w *world) { w.digests = digests{"hello": digest("b")} },
			err:    "service api would be promoted too, unseen: give its digest, of sha256:b00000000000, or name the services to promote",
			config: []string{oldAPI, oldHello},
		},
		{
			name: "a preview for those who want to see it", given: func(w *world) { w.preview, w.digests = true, digests{"hello": digest("b")} },
			log: "preview discard", config: []string{oldAPI, oldHello}, out: []string{"api    sha256:a00000000000 version a  ->  sha256:b00000000000"},
		},
		{
			name: "a preview, with the digest of a service that is left out", given: func(w *world) {
				w.dev.runs["new"] = spec.Image{Registry: "r.test", Repository: "new", Digest: digest("b")}
				w.preview, w.digests = true, digests{"new": digest("b")}
			},
			log: "preview discard", config: []string{oldAPI, oldHello},
			out: []string{"Service new is left out: the configuration of stack prod does not have it."},
		},
		{
			name: "a preview, with another digest of such a service", given: func(w *world) {
				w.dev.runs["new"] = spec.Image{Registry: "r.test", Repository: "new", Digest: digest("b")}
				w.preview, w.digests = true, digests{"new": digest("a")}
			},
			err: "stack dev runs service new as r.test/new@" + digest("b") + ", not as " + digest("a"), config: []string{oldAPI, oldHello},
		},
		{
			name: "the digest of a service that is not promoted", given: func(w *world) {
				w.services = []string{"api"}
				w.digests = digests{"hello": digest("b"), "api": digest("b")}
			},
			err: "service hello, whose digest is given, is not among those to promote", config: []string{oldAPI, oldHello},
		},
		{
			name: "the source runs a tag", given: func(w *world) { w.dev.runs["api"] = spec.Image{Registry: "docker.test", Repository: "api", Tag: "1"} },
			err: "stack dev runs service api as docker.test/api:1, a tag", config: []string{oldAPI, oldHello},
		},
		{
			name: "the target's configuration names a tag", given: func(w *world) {
				w.prod.configured = maps.Clone(w.prod.configured)
				w.prod.configured["api"] = spec.Image{Registry: "r.test", Repository: "api", Tag: "1"}
			},
			err:    "the configuration of stack prod names service api as r.test/api:1, a tag, so it could not be rolled back",
			config: []string{"r.test/api ", oldHello},
		},
		{
			name: "a service that the target does not have", given: func(w *world) {
				w.dev.runs["new"] = spec.Image{Registry: "r.test", Repository: "new", Digest: digest("b")}
			},
			log: both, config: []string{newAPI, newHello}, asked: 1,
			out: []string{"Service new is left out: the configuration of stack prod does not have it."},
		},
		{
			name: "the target was never up", given: func(w *world) { w.prod.last, w.prod.runs, w.prod.urls = stack.Update{}, nil, map[string]string{} },
			log: both, config: []string{newAPI, newHello}, asked: 1, out: []string{"api    nothing  ->  sha256:b00000000000 version b"},
		},
		{
			name: "a worker", given: func(w *world) {
				for _, f := range []*fake{w.dev, w.prod} {
					f.workers = map[string]bool{"api": true}
					delete(f.urls, "api")
				}
			},
			log:    "preview save up prod: promote from dev: api sha256:b00000000000, hello sha256:b00000000000 version b discard",
			config: []string{newAPI, newHello}, asked: 1, out: []string{"worker api\n", "the service does not say its version; its image is " + digest("b")},
		},
		{
			name: "the target runs it already", given: func(w *world) { w.prod.runs, w.prod.configured = w.dev.runs, w.dev.runs },
			config: []string{newAPI, "r.test/hello b"}, out: []string{"Nothing to do: stack prod runs this."},
		},
		{
			name: "the target runs it already, but does not work", given: func(w *world) {
				w.prod.runs, w.prod.configured = w.dev.runs, w.dev.runs
				w.broken["https://api.prod.test"] = true
			},
			err: "does not work", config: []string{newAPI, "r.test/hello b"},
		},
		{
			name: "the target runs it already, with an older configuration", given: func(w *world) { w.prod.runs = w.dev.runs },
			log: "save discard", config: []string{newAPI, newHello}, out: []string{"which its configuration file now says too"},
		},
		{
			name: "the target's update to it failed", given: func(w *world) {
				w.prod.runs, w.prod.configured = w.dev.runs, w.dev.runs
				w.prod.last.Result = "failed"
			},
			log: both, config: []string{newAPI, "r.test/hello b"}, asked: 1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			if test.given != nil {
				test.given(w)
			}
			w.check(t, w.promotion().promote(t.Context(), w.dev, w.prod), test.err, test.log, test.config, test.asked, test.out)
		})
	}
}

// Each service is asked what its own stack says that it has.
func TestPromoteAsksEachServiceItsOwn(t *testing.T) {
	w := newWorld(t)
	w.dev.checks = map[string]smoke.Checks{"api": {HealthPath: "/api/up", HealthRouted: true}, "hello": {VersionPath: "/version"}}
	w.prod.checks = map[string]smoke.Checks{"api": {HealthPath: "/up", HealthRouted: true}}
	save := filepath.Join(t.TempDir(), "digests")
	p := w.promotion()
	p.save = save
	if err := p.promote(t.Context(), w.dev, w.prod); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, target := range w.asked {
		got[target.URL] += fmt.Sprintf(" health %q version %q", target.HealthPath, target.VersionPath)
	}
	const nothing = ` health "" version ""`
	for url, want := range map[string]string{
		"https://api.dev.test":    ` health "/api/up" version ""`,
		"https://hello.dev.test":  ` health "" version "/version"`,
		"https://api.prod.test":   ` health "/up" version "" health "/up" version ""`, // before, and after
		"https://hello.prod.test": nothing + nothing,
	} {
		if got[url] != want {
			t.Errorf("%s was asked for%s, want%s", url, got[url], want)
		}
	}
	// What was seen can be given when it is approved.
	text, err := os.ReadFile(save)
	if err != nil || string(text) != "api="+digest("b")+"\nhello="+digest("b")+"\n" {
		t.Errorf("saved %q (%v)", text, err)
	}
	given := digests{}
	for line := range strings.Lines(string(text)) {
		if err := given.add(strings.TrimSpace(line)); err != nil {
			t.Error(err)
		}
	}
	if err := given.check("dev", []string{"api", "hello"}, w.dev.runs, true); err != nil {
		t.Error(err)
	}
}

// That an update has succeeded is not yet that what was promoted runs: another one may have come in between.
func TestPromoteLooksAtWhatRuns(t *testing.T) {
	w := newWorld(t)
	w.prod.overtaken = images{"hello": {Registry: "r.test", Repository: "hello", Digest: digest("c")}}
	err := w.promotion().promote(t.Context(), w.dev, w.prod)
	want := "stack prod runs service hello as r.test/hello@" + digest("c") + ", and not as copies.test/hello@" + digest("b")
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestDigestsOfTheCommandLine(t *testing.T) {
	for _, test := range []struct {
		given []string
		right bool
	}{
		{[]string{"hello=sha256:aa"}, true},
		{[]string{"hello=sha256:aa", "api=sha256:bb"}, true},
		{[]string{"sha256:aa"}, true},
		{[]string{"=sha256:aa"}, false},
		{[]string{"hello"}, false},
		{[]string{"hello=v1"}, false},
		{[]string{""}, false},
		{[]string{"hello=sha256:aa", "hello=sha256:bb"}, false},
		{[]string{"sha256:aa", "sha256:aa"}, false},
		{[]string{"sha256:aa", "hello=sha256:aa"}, false},
		{[]string{"hello=sha256:aa", "sha256:aa"}, false},
	} {
		d, right := digests{}, true
		for _, text := range test.given {
			right = right && d.add(text) == nil
		}
		if right != test.right || right && len(d) != len(test.given) {
			t.Errorf("%q is taken for %v", test.given, d)
		}
	}
}

func (w *world) check(t *testing.T, err error, wantErr, wantLog string, wantConfig []string, wantAsked int, wantOut []string) {
	t.Helper()
	if (err != nil) != (wantErr != "") || err != nil && !strings.Contains(err.Error(), wantErr) {
		t.Errorf("error %v, want one that says %q", err, wantErr)
	}
	if got := strings.Join(w.log, " "); got != wantLog {
		t.Errorf("did    %s\nand not %s", got, wantLog)
	}
	for i, name := range []string{"api", "hello"} {
		image := w.prod.configured[name]
		letter, _, _ := strings.Cut(strings.TrimPrefix(image.Digest, "sha256:"), "0")
		if got := image.Registry + "/" + image.Repository + " " + letter; got != wantConfig[i] {
			t.Errorf("the configuration names %s for %s, want %s", got, name, wantConfig[i])
		}
	}
	if w.questions != wantAsked {
		t.Errorf("asked %d times, want %d", w.questions, wantAsked)
	}
	for _, text := range wantOut {
		if !strings.Contains(w.out.String(), text) {
			t.Errorf("%q is not in\n%s", text, &w.out)
		}
	}
}

func TestRollback(t *testing.T) {
	release := func(result, api, hello string) stack.Release {
		return stack.Release{
			Update: stack.Update{Kind: "update", Result: result, Start: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)},
			Images: images{
				"api":   {Registry: "r.test", Repository: "api", Digest: digest(api)},
				"hello": {Registry: "old.test", Repository: "hello", Digest: digest(hello)},
			},
		}
	}
	for _, test := range []struct {
		name   string
		given  func(*world)
		err    string
		log    string
		config []string
		asked  int
		out    []string
	}{
		{
			name: "of all services",
			given: func(w *world) {
				w.prod.history = []stack.Release{release("succeeded", "a", "a"), release("failed", "d", "d"), release("succeeded", "a", "b")}
			},
			log:    "preview save up prod: roll back to the images of 2026-01-31 12:00:00Z: api sha256:a00000000000, hello sha256:b00000000000 discard",
			config: []string{"r.test/api a", "old.test/hello b"}, asked: 1,
			out: []string{"api    sha256:a00000000000 version a      stays"},
		},
		{
			name: "of one service",
			given: func(w *world) {
				w.services = []string{"hello"}
				w.prod.history = []stack.Release{release("succeeded", "a", "a"), release("succeeded", "b", "a"), release("succeeded", "b", "b")}
			},
			log:    "preview save up prod: roll back to the images of 2026-01-31 12:00:00Z: hello sha256:b00000000000 discard",
			config: []string{"r.test/api a", "old.test/hello b"}, asked: 1,
		},
		{
			name: "of a failed update, to what runs still",
			given: func(w *world) {
				w.prod.last.Result = "failed"
				w.prod.history = []stack.Release{release("failed", "b", "b"), release("succeeded", "a", "a")}
			},
			log:    "preview save up prod: roll back to the images of 2026-01-31 12:00:00Z: api sha256:a00000000000, hello sha256:a00000000000 discard",
			config: []string{"r.test/api a", "old.test/hello a"}, asked: 1,
		},
		{
			name: "to a service that is gone",
			given: func(w *world) {
				w.prod.history = []stack.Release{release("succeeded", "a", "a"), release("succeeded", "a", "b")}
				w.prod.history[1].Images["gone"] = spec.Image{Registry: "r.test", Repository: "gone", Digest: digest("b")}
				w.prod.history[1].Images["tagged"] = spec.Image{Registry: "r.test", Repository: "tagged", Tag: "1"}
				w.prod.configured = maps.Clone(w.prod.configured)
				w.prod.configured["tagged"] = spec.Image{Registry: "r.test", Repository: "tagged", Digest: digest("b")}
			},
			log:    "preview save up prod: roll back to the images of 2026-01-31 12:00:00Z: api sha256:a00000000000, hello sha256:b00000000000 discard",
			config: []string{"r.test/api a", "old.test/hello b"}, asked: 1,
		},
		{
			name:  "without a history",
			given: func(w *world) { w.prod.history = []stack.Release{release("succeeded", "a", "a")} },
			err:   "roll back stack prod: no successful update of its history deployed other images", config: []string{"r.test/api a", "copies.test/hello a"},
		},
		{
			name: "to a version with another migration",
			given: func(w *world) {
				w.prod.history = []stack.Release{release("succeeded", "a", "a"), release("succeeded", "b", "a")}
				w.prod.history[1].Before = images{"api": {Registry: "r.test", Repository: "migrate", Digest: digest("b")}}
			},
			err: "roll back stack prod: before service api, stack prod ran r.test/migrate@" + digest("b") +
				", and the configuration of stack prod names the service's own image",
			config: []string{"r.test/api a", "copies.test/hello a"},
		},
		{
			name:  "of a destroyed stack",
			given: func(w *world) { w.prod.last.Kind = "destroy" },
			err:   "roll back stack prod: it was destroyed", config: []string{"r.test/api a", "copies.test/hello a"},
		},
		{
			name: "that is declined",
			given: func(w *world) {
				w.answer = false
				w.prod.history = []stack.Release{release("succeeded", "a", "a"), release("succeeded", "b", "b")}
			},
			err: "declined", log: "preview discard", config: []string{"r.test/api a", "copies.test/hello a"}, asked: 1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			test.given(w)
			w.check(t, w.promotion().rollback(t.Context(), w.prod), test.err, test.log, test.config, test.asked, test.out)
		})
	}
}

// Nothing is saved for one who interrupts before the update.
func TestInterrupted(t *testing.T) {
	w := newWorld(t)
	interrupt := errors.New("interrupt signal received")
	ctx, cancel := context.WithCancelCause(t.Context())
	p := w.promotion()
	p.confirm = func(ctx context.Context, _ string) (bool, error) {
		cancel(interrupt)
		return false, context.Cause(ctx)
	}
	err := p.promote(ctx, w.dev, w.prod)
	w.check(t, err, "nothing was changed: interrupt", "preview discard", []string{"r.test/api a", "copies.test/hello a"}, 0, nil)
	if err := w.promotion().promote(ctx, w.dev, w.prod); !errors.Is(err, interrupt) || len(w.log) != 2 {
		t.Errorf("interrupted during the smoke test: %v, %v", err, w.log)
	}
}
