package e2e

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	store "slipway/localcloud/cloud"
	"slipway/localcloud/dns"
	"slipway/localcloud/e2e/life"
	"slipway/localcloud/e2e/load"
	"slipway/localcloud/e2e/walk"
	"slipway/localcloud/fault"
)

var (
	steps  = flag.Int("steps", 0, "how many changes each stack of a walk is taken through; by default a sample that has every kind of change once")
	stacks = flag.Int("stacks", 2, "how many stacks walk side by side, with -steps")
	only   = flag.String("kinds", "", "the kinds of change that walks with -steps draw from, separated by commas; by default all")
	most   = flag.Int("most", 3, "how many kinds of change an update of a walk with -steps has at most")
)

// TestWalk takes stacks through random changes of their configuration, each under constant load on every URL that has an owner before
// and after. No request fails, only the owner before or the owner after answers, only the updates that must fail do, each second
// preview is empty, and a destroy leaves nothing.
func TestWalk(t *testing.T) {
	shares(t)
	ctx := sweepContext(t)
	begun := time.Now()
	lab, err := life.NewLabOf(ctx, binaries, filepath.Join("testdata", "walker"), root, t.TempDir(), append(slices.Clone(walk.Versions), walk.Sick, walk.Exits)...)
	if err != nil {
		t.Fatal(err)
	}
	walks := walk.Sample(*seed)
	if *steps > 0 {
		kinds := walk.Kinds()
		if *only != "" {
			kinds = strings.Split(*only, ",")
		}
		walks = nil
		for i := range *stacks {
			walks = append(walks, walk.New(walk.Options{Seed: *seed + uint64(i), Steps: *steps, Most: *most, Kinds: kinds}))
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	walkers := make([]*walker, len(walks))
	for i, w := range walks {
		walkers[i] = &walker{Walk: w, lab: lab, dir: t.TempDir()}
		group.Go(func() error { return walkers[i].run(ctx) })
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	updates, requests := 0, 0
	for _, w := range walkers {
		updates, requests = updates+w.updates, requests+w.requests
		for _, f := range w.failed {
			t.Error(f)
		}
	}
	fmt.Printf("walk: %d stacks, %d updates, %d requests, with seed %d, in %s\n",
		len(walks), updates, requests, *seed, time.Since(begun).Round(time.Second))
	if t.Failed() && *steps > 0 {
		fmt.Printf("again: make walk SEED=%d STEPS=%d STACKS=%d MOST=%d KINDS='%s'; a single one with its own seed and STACKS=1\n",
			*seed, *steps, *stacks, *most, *only)
	}
}

// walker takes one stack through a walk.
type walker struct {
	walk.Walk
	lab *life.Lab
	dir string

	stack             *life.Stack
	updates, requests int
	failed            []string
}

// run takes the stack through the walk, and repeats the first wrong step alone. failed has the wrong observations; the error says what
// stops the test.
func (w *walker) run(ctx context.Context) error {
	wrong, err := w.walk(ctx)
	if err != nil || wrong == nil || len(wrong.Before) > 1 {
		return err
	}
	if err := w.begin(ctx, wrong.Before[0]); err != nil {
		return err
	}
	defer w.stack.End(ctx)
	complaints, err := w.step(ctx, *wrong)
	said := "is as it should be"
	if len(complaints) > 0 {
		said = strings.Join(complaints, "\n  ")
	}
	w.failed = append(w.failed, fmt.Sprintf("walk with seed %d: %s, alone in a new stack:\n  %s", w.Seed, wrong, said))
	return err
}

// walk takes the stack through the walk, and returns the first step that went wrong.
func (w *walker) walk(ctx context.Context) (wrong *walk.Step, err error) {
	if err := w.begin(ctx, w.First); err != nil {
		return nil, err
	}
	defer w.stack.End(ctx)
	for n, step := range w.Steps {
		begun := time.Now()
		complaints, err := w.step(ctx, step)
		if err != nil {
			return nil, fmt.Errorf("walk with seed %d, step %d, %s: %w", w.Seed, n+1, step, err)
		}
		fmt.Printf("walk %d: step %d of %d, %s: %s, %d complaints\n",
			w.Seed, n+1, len(w.Steps), step, time.Since(begun).Round(100*time.Millisecond), len(complaints))
		if len(complaints) == 0 {
			continue
		}
		w.failed = append(w.failed, w.report(n, step, complaints))
		if wrong == nil {
			wrong = &step
		}
		if slices.ContainsFunc(complaints, func(c string) bool { return strings.HasPrefix(c, ended) }) {
			return wrong, nil
		}
	}
	if out, err := w.stack.Destroy(ctx); err != nil {
		w.failed = append(w.failed, fmt.Sprintf("walk with seed %d: destroy: %v: %s", w.Seed, err, tail(out)))
	}
	left, err := w.stack.Living(ctx)
	if len(left) > 0 {
		w.failed = append(w.failed, fmt.Sprintf("walk with seed %d left behind: %v", w.Seed, left))
	}
	return wrong, err
}

// begin brings up a stack with a configuration.
func (w *walker) begin(ctx context.Context, c walk.Config) (err error) {
	file, err := w.file(c)
	if err != nil {
		return err
	}
	if w.stack, err = w.lab.Begin(ctx, file); err != nil {
		return err
	}
	if out, err := w.stack.Up(ctx); err != nil {
		w.stack.End(ctx)
		return fmt.Errorf("bring up a stack: %w: %s", err, out)
	}
	return nil
}

// file writes a configuration.
func (w *walker) file(c walk.Config) (string, error) {
	file := filepath.Join(w.dir, "config.yaml")
	return file, os.WriteFile(file, []byte(c.YAML()), 0o600)
}

// ended begins the errors about updates with a wrong end, after which a walk cannot continue.
const ended = "the update "

// report describes the errors of a step.
func (w *walker) report(n int, step walk.Step, complaints []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "walk with seed %d, step %d, %s:\n", w.Seed, n+1, step)
	for _, c := range complaints {
		fmt.Fprintf(&b, "  %s\n", c)
	}
	for _, c := range step.Before {
		fmt.Fprintf(&b, "before:\n%s", c.YAML())
	}
	fmt.Fprintf(&b, "applied:\n%s", step.Config.YAML())
	return b.String()
}

// step makes an update under load, and returns the errors.
func (w *walker) step(ctx context.Context, step walk.Step) (complaints []string, err error) {
	targets := step.Targets()
	probe, err := w.probe(ctx, targets)
	if err != nil {
		return nil, err
	}
	defer probe.Stop()
	if err := answered(ctx, probe, len(targets), time.Time{}); err != nil {
		return nil, err
	}
	before, err := w.kinds(ctx)
	if err != nil {
		return nil, err
	}
	census, err := count(ctx, w.running)
	if err != nil {
		return nil, err
	}
	expect := walk.Expectation{Before: step.Before, After: step.After(), Begun: time.Now()}
	said, failure, hit, err := w.update(ctx, step)
	if err != nil {
		return nil, err
	}
	w.updates++
	expect.Ended = time.Now()
	fewest, err := census.stop()
	if err != nil {
		return nil, err
	}
	expect.Settled = step.Outcome != walk.Interrupted || failure == nil
	fails := step.Outcome == walk.Fails || step.Outcome == walk.Refused || step.Outcome == walk.Interrupted && hit
	switch {
	case fails && failure == nil:
		complaints = append(complaints, ended+"has to fail, and did not: "+said)
	case !fails && failure != nil:
		complaints = append(complaints, ended+"failed: "+cmp.Or(life.Diagnosis(said, "", ""), said))
	case failure == nil:
		complaints = append(complaints, step.TooFew(census.first, fewest)...)
		if step.EndsBusyScaling() {
			if out, err := w.stack.Pulumi(ctx, "up", "--refresh", "--yes", "--skip-preview"); err != nil {
				complaints = append(complaints, ended+"after one that ends scaling failed: "+out)
			}
		}
		if err := w.tasks(ctx, step.Config); err != nil {
			complaints = append(complaints, err.Error())
		}
		if step.Leaves() {
			if out, err := w.stack.Up(ctx); err != nil {
				complaints = append(complaints, ended+"after one that leaves a name to a wildcard failed: "+out)
			}
		}
		if out, err := w.stack.Pulumi(ctx, "preview", "--diff", "--expect-no-changes"); err != nil {
			complaints = append(complaints, "a second preview is not empty: "+out)
		}
	case step.Outcome == walk.Refused:
		if after, err := w.kinds(ctx); err != nil || !maps.Equal(before, after) {
			complaints = append(complaints, fmt.Sprintf("a configuration was refused, and yet something changed: %v, %v, %v", before, after, err))
		}
	}
	if err := answered(ctx, probe, len(targets), expect.Ended); err != nil {
		complaints = append(complaints, err.Error())
	}
	observations := observe(targets, probe.Stop())
	w.requests += len(observations)
	for _, c := range expect.Judge(observations) {
		complaints = append(complaints, c.String())
	}
	return complaints, nil
}

// update makes an update. Failure is the engine's error, and hit says that an operation was refused as planned.
func (w *walker) update(ctx context.Context, step walk.Step) (said string, failure error, hit bool, err error) {
	file, err := w.file(step.Config)
	if err == nil {
		err = w.stack.Configure(file)
	}
	if err == nil && step.Outcome == walk.Interrupted {
		_, err = w.stack.Cloud.AddFault(ctx, fault.Fault{Mode: fault.Refuse, Verb: store.Verb(step.Verb), Nth: step.Operation})
	}
	if err != nil {
		return "", nil, false, err
	}
	up := []string{"up", "--yes", "--skip-preview", "--suppress-progress"}
	if step.Refreshes() {
		up = append(up, "--refresh")
	}
	said, failure = w.stack.Pulumi(ctx, up...)
	if failure != nil && !life.Failed(failure) {
		return said, nil, false, failure
	}
	faults, err := w.stack.Cloud.Faults(ctx)
	if err != nil {
		return said, failure, false, err
	}
	hit = len(faults) > 0 && len(faults[0].Hits) > 0
	return said, failure, hit, w.stack.Cloud.ClearFaults(ctx, 0)
}

// kinds counts what is alive in the cloud, by kind, without tasks, which come and go by themselves.
func (w *walker) kinds(ctx context.Context) (map[string]int, error) {
	living, err := w.stack.Living(ctx)
	count := map[string]int{}
	for _, r := range living {
		if r.Type != "aws:ecs/task:Task" {
			count[r.Type]++
		}
	}
	return count, err
}

// atOnce is how many stacks walk at a time: with more, requests time out because the machine is busy.
const atOnce = 5

const (
	// pause is between two requests for the same URL.
	pause = 150 * time.Millisecond
	// automaticTTL is the time-to-live, in seconds, that Cloudflare answers for proxied records ("Time to Live" in its DNS
	// documentation), and heldTTL the shortest for others.
	automaticTTL, heldTTL = 300, 60
	// lost is after how long a client takes a request for lost.
	lost = 20 * time.Second
)

// probe puts the targets under load.
func (w *walker) probe(ctx context.Context, targets []walk.Target) (*load.Probe, error) {
	pem, err := os.ReadFile(w.stack.Cloud.Info.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read the cloud's certificate authority: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	resolve, err := w.resolver(ctx)
	if err != nil {
		return nil, err
	}
	requests := make([]load.Request, len(targets))
	for i, target := range targets {
		requests[i] = load.Request{Host: target.Host, Path: target.Path, Header: http.Header{}}
		if target.Canary {
			requests[i].Header.Set("X-Canary", "always")
		}
	}
	return load.StartProbe(ctx, load.ProbeOptions{Resolve: resolve, Roots: roots, Pause: pause, Timeout: lost}, requests), nil
}

// resolver returns a function that asks the cloud's name server for hosts' addresses. No record has the port, which differs for each
// load balancer of a machine; the cloud's status has it.
func (w *walker) resolver(ctx context.Context) (func(context.Context, string) (netip.AddrPort, time.Duration, error), error) {
	status, err := w.stack.Cloud.Status(ctx)
	if err != nil {
		return nil, err
	}
	server, err := netip.ParseAddrPort(w.stack.Cloud.Info.DNS)
	if err != nil {
		return nil, fmt.Errorf("find the cloud's name server: %w", err)
	}
	port := uint16(0)
	for _, e := range status.Endpoints {
		if u, err := url.Parse(e.URL); err == nil && u.Scheme == "https" {
			at, err := netip.ParseAddrPort(u.Host)
			if err != nil {
				return nil, fmt.Errorf("find the load balancer: %w", err)
			}
			port = at.Port()
		}
	}
	return func(ctx context.Context, host string) (netip.AddrPort, time.Duration, error) {
		records, err := dns.Lookup(ctx, server, host, "A")
		if err != nil {
			return netip.AddrPort{}, 0, err
		}
		ttl := uint32(1 << 30)
		for _, r := range records {
			if r.TTL == automaticTTL {
				// A client caches the address of Cloudflare's servers for a proxied name. The local cloud has none: it answers with the
				// address that they would cache, and they may do so no longer than other resolvers.
				r.TTL = heldTTL
			}
			ttl = min(ttl, r.TTL)
			if r.Type == "A" {
				at, err := netip.ParseAddr(r.Content)
				return netip.AddrPortFrom(at, port), time.Duration(ttl) * time.Second, err
			}
		}
		return netip.AddrPort{}, 0, errors.New("no address")
	}, nil
}

// answered waits until every target was requested twice after a moment: by a client that asks the name server and by one with the
// cached address.
func answered(ctx context.Context, probe *load.Probe, targets int, after time.Time) error {
	const enough = 2
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		count := make([]int, targets)
		for _, a := range probe.Answers() {
			if a.Sent.After(after) {
				count[a.Index]++
			}
		}
		if targets == 0 || slices.Min(count) >= enough {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the load does not go on: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// observe turns the results of requests into the walk's observations.
func observe(targets []walk.Target, answers []load.Answer) []walk.Observation {
	out := make([]walk.Observation, len(answers))
	for i, a := range answers {
		out[i] = walk.Observation{
			Target: targets[a.Index], Sent: a.Sent, Answered: a.Answered, Status: a.Status, Service: a.Service, Version: a.Version, Held: a.Held,
		}
		if a.Err != nil {
			out[i].Failure = cmp.Or(a.Err.Error(), "no answer")
		}
	}
	return out
}
