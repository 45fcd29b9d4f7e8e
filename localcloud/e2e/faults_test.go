package e2e

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"slipway/localcloud/aws"
	"slipway/localcloud/e2e/life"
	"slipway/localcloud/fault"
)

var (
	full = flag.Bool("full", false, "sweep as a whole: every single operation fails, every reply is lost, and 134 kills; instead of a sample")
	seed = flag.Uint64("seed", 1, "what is drawn with: the sample, and the moments of kills")
)

// sampled are how many lives are lived of all those in which many operations fail, and of each course's in which one does.
const sampledTogether, sampledSingle = 2, 1

// A course is a run of the engine in which any operation can fail.
type course struct {
	name string
	// from is the configuration of the stack that is up when it begins; empty if there is none.
	from string
	// to is the configuration that it is brought up with; empty if it is destroyed.
	to string
	// hostnames answer afterwards.
	hostnames []string

	// start is its first state, and operations are its operations, sorted; a repeated one is there twice. An exploration finds both.
	start      *life.State
	operations []fault.Operation
}

// courses are the tested courses; one more configuration is one more entry.
var courses = []course{
	{name: "default/up", to: "default.yaml", hostnames: []string{"hello.slipway.test"}},
	{name: "default/destroy", from: "default.yaml"},
	{name: "two-services/up", to: "two-services.yaml", hostnames: []string{"hello.slipway.test", "api.slipway.test"}},
	{name: "two-services/update", from: "two-services.yaml", to: "changed.yaml", hostnames: []string{"hello.slipway.test", "www.slipway.test"}},
	{name: "two-services/destroy", from: "two-services.yaml"},
}

// TestFaults lets operations fail in every way there is, as SQLite's tests do with every n-th allocation and write
// (https://sqlite.org/testing.html, "Anomaly testing"), and asserts that doing the same again is all it takes: the stack
// converges, and a destroy leaves nothing.
//
// Operations that leave no unknown resource share a life: each of them fails once, and the engine runs until it succeeds, about as
// often as the resources' graph is deep. A creation with a lost reply, or with a failed wait, gets its own life. Operations are
// identified by resource and not by number, because the engine's order differs each time; only the calls of a function are numbered,
// because they have no names. A first run without faults finds the operations of a course, and every one of them must have failed.
//
// Creations with a lost reply are the exception: their resources are in no state. A retry makes a second one, or is refused because the
// name is taken. These cases are listed with their left-over resources, and the test asserts that they need only the deletion of those
// in addition.
func TestFaults(t *testing.T) {
	shares(t)
	ctx := sweepContext(t)
	begun := time.Now()
	lab, err := life.NewLab(ctx, binaries, root, t.TempDir(), "v1", "v2")
	if err != nil {
		t.Fatal(err)
	}
	explored, err := explore(ctx, lab, courses)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(*seed, 0))
	draw := func(cases []life.Case, n int) []life.Case {
		if *full {
			return cases
		}
		random.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
		return cases[:min(n, len(cases))]
	}
	var together, single []life.Case
	for _, c := range explored {
		t.Logf("%s has %d operations", c.name, len(c.operations))
		together = append(together, c.together()...)
		single = append(single, draw(c.single(), sampledSingle)...)
	}
	// Half of a life is the engine's work, and half is waiting until tasks are found healthy.
	report := life.Sweep(ctx, append(draw(together, sampledTogether), single...), 4*runtime.NumCPU(), os.Stderr)
	fmt.Printf("faults: %s, in %s\n", report, time.Since(begun).Round(time.Second))
	if len(report.Unclean) > 0 {
		fmt.Println("Not clean, until what was left behind was deleted behind the engine's back:")
	}
	for _, u := range report.Unclean {
		fmt.Println("  " + u)
	}
	for _, f := range report.Failed {
		t.Error(f)
	}
}

// sweepContext ends a minute before the test runs out of time, or when it is interrupted, so that no cloud is left that runs.
func sweepContext(t *testing.T) context.Context {
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	if end, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-time.Minute))
		t.Cleanup(cancel)
	}
	return ctx
}

func config(name string) string {
	return filepath.Join(root, "localcloud", "e2e", "testdata", "stack", name)
}

// explore runs every course once without faults, and returns each with its start and its operations.
func explore(ctx context.Context, lab *life.Lab, courses []course) ([]course, error) {
	s, err := lab.Begin(ctx, config(courses[0].to)) // any will do for an empty stack
	if err != nil {
		return nil, err
	}
	empty, err := s.Save(ctx)
	if err != nil {
		return nil, err
	}
	states := map[string]*life.State{"": empty}
	explored := slices.Clone(courses)
	for _, fromNothing := range []bool{true, false} { // bringing a stack up leads to the start of the others
		ends := make([]*life.State, len(explored))
		group, ctx := errgroup.WithContext(ctx)
		for i := range explored {
			c := &explored[i]
			if (c.from == "") != fromNothing {
				continue
			}
			c.start = states[c.from]
			group.Go(func() (err error) {
				ends[i], err = c.explore(ctx)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
		for i, c := range explored {
			if c.from == "" {
				states[c.to] = ends[i]
			}
		}
	}
	return explored, nil
}

// explore runs the course, notes its operations, and returns its end.
func (c *course) explore(ctx context.Context) (end *life.State, err error) {
	return c.start.Then(ctx, func(s *life.Stack) error {
		if _, err := s.Cloud.AddFault(ctx, fault.Fault{Mode: fault.Slow, Count: -1}); err != nil { // it lists the operations that it hits
			return err
		}
		if out, err := c.run(ctx, s); err != nil {
			return fmt.Errorf("%s: %w: %s", c.name, err, out)
		}
		faults, err := s.Cloud.Faults(ctx)
		if err != nil {
			return err
		}
		c.operations = slices.SortedFunc(slices.Values(faults[0].Hits), func(a, b fault.Operation) int { return strings.Compare(a.String(), b.String()) })
		return nil
	})
}

// run runs the course.
func (c course) run(ctx context.Context, s *life.Stack) (string, error) {
	if c.to == "" {
		return s.Destroy(ctx)
	}
	if err := s.Configure(config(c.to)); err != nil {
		return "", err
	}
	return s.Up(ctx)
}

// together are the cases that try many operations of the course in one life.
func (c course) together() []life.Case {
	var cases []life.Case
	add := func(name string, live func(context.Context, *life.Stack) (life.Outcome, error)) {
		cases = append(cases, life.Case{Name: c.name + ": " + name, Start: c.start, Live: live})
	}
	for _, f := range []fault.Fault{
		{Mode: fault.Refuse},
		{Mode: fault.Throttle},
		{Mode: fault.Lose, Verb: "update"},
		{Mode: fault.Lose, Verb: "delete"},
		{Mode: fault.Partial, Verb: "update"},
	} {
		if len(unharmed(f, c.operations, nil)) == 0 {
			continue
		}
		f.Each = true
		add(fmt.Sprintf("%s every %s once", f.Mode, cmp.Or(string(f.Verb), "operation")),
			func(ctx context.Context, s *life.Stack) (life.Outcome, error) { return c.untilItSucceeds(ctx, s, f) })
	}
	if len(unharmed(anyCall, c.operations, nil)) > 0 {
		for _, mode := range []fault.Mode{fault.Refuse, fault.Throttle, fault.Lose} {
			add(fmt.Sprintf("%s every call of every function", mode),
				func(ctx context.Context, s *life.Stack) (life.Outcome, error) { return c.calls(ctx, s, mode) })
		}
	}
	add("everything slow, and throttled as much as the providers bear", c.slow)
	return cases
}

var anyCall = fault.Fault{Verb: "invoke"}

// unharmed are the operations that a fault is for and that it has not hit.
func unharmed(f fault.Fault, operations, hits []fault.Operation) []fault.Operation {
	var left []fault.Operation
	for _, o := range operations {
		if (f.Verb == "" || f.Verb == o.Verb) && (f.Mode != fault.Partial || canBePartial(o)) && !slices.Contains(hits, o) {
			left = append(left, o)
		}
	}
	return left
}

func TestUnharmed(t *testing.T) {
	role, service := fault.Operation{Verb: "create", Token: "aws:iam/role:Role", Name: "a"}, fault.Operation{Verb: "create", Token: "aws:ecs/service:Service", Name: "a"}
	change, call := fault.Operation{Verb: "update", Token: role.Token, Name: "a"}, fault.Operation{Verb: "invoke", Token: "aws:index/getRegion:getRegion"}
	all := []fault.Operation{role, service, change, call, call}
	for _, tt := range []struct {
		fault      fault.Fault
		hits, want []fault.Operation
	}{
		{fault.Fault{Mode: fault.Refuse}, nil, all},
		{fault.Fault{Mode: fault.Refuse}, []fault.Operation{service, change, call}, []fault.Operation{role}},
		{fault.Fault{Mode: fault.Lose, Verb: "update"}, nil, []fault.Operation{change}},
		{fault.Fault{Mode: fault.Lose, Verb: "update"}, []fault.Operation{change}, nil},
		{fault.Fault{Mode: fault.Partial}, nil, []fault.Operation{service}},
		{anyCall, nil, []fault.Operation{call, call}},
	} {
		if got := unharmed(tt.fault, all, tt.hits); !slices.Equal(got, tt.want) {
			t.Errorf("by %+v, which hit %v: %v, want %v", tt.fault, tt.hits, got, tt.want)
		}
	}
}

// calls makes every call of a function fail, one in each run of the engine: first the first call of the same function, then the second,
// and so on.
func (c course) calls(ctx context.Context, s *life.Stack, mode fault.Mode) (life.Outcome, error) {
	var outcome life.Outcome
	calls := map[string]int{}
	for _, o := range unharmed(anyCall, c.operations, nil) {
		calls[o.Token]++
		if _, err := s.Cloud.AddFault(ctx, fault.Fault{Mode: mode, Verb: o.Verb, Token: o.Token, Nth: calls[o.Token]}); err != nil {
			return outcome, err
		}
		out, err := c.run(ctx, s)
		if err == nil {
			return outcome, fmt.Errorf("call %d of %s failed, or never came, and pulumi did not fail: %s", calls[o.Token], o.Token, out)
		}
		if !life.Failed(err) {
			return outcome, err
		}
		if err := told(out, mode, o); err != nil {
			return outcome, fmt.Errorf("call %d: %w", calls[o.Token], err)
		}
		if err := s.Cloud.ClearFaults(ctx, 0); err != nil {
			return outcome, err
		}
		outcome.Cases++
	}
	if out, err := c.run(ctx, s); err != nil {
		return outcome, fmt.Errorf("again: %w: %s", err, out)
	}
	return outcome, c.end(ctx, s)
}

// slow slows and throttles all operations at once, but not so much that one fails.
func (c course) slow(ctx context.Context, s *life.Stack) (life.Outcome, error) {
	for _, f := range []fault.Fault{{Mode: fault.Slow, Delay: 50 * time.Millisecond}, {Mode: fault.Throttle, Times: 3}} {
		f.Count = -1
		if _, err := s.Cloud.AddFault(ctx, f); err != nil {
			return life.Outcome{}, err
		}
	}
	if out, err := c.run(ctx, s); err != nil {
		return life.Outcome{}, fmt.Errorf("%w: %s", err, out)
	}
	faults, err := s.Cloud.Faults(ctx)
	if err != nil {
		return life.Outcome{}, err
	}
	var outcome life.Outcome
	for _, f := range faults {
		if left := unharmed(f.Fault, c.operations, f.Hits); len(left) > 0 {
			return outcome, fmt.Errorf("%s did not hit %v", f.Mode, left)
		}
		outcome.Cases += len(f.Hits)
	}
	if err := s.Cloud.ClearFaults(ctx, 0); err != nil {
		return outcome, err
	}
	return outcome, c.end(ctx, s)
}

// untilItSucceeds adds a fault that makes every operation fail once, and runs the course until each has failed.
func (c course) untilItSucceeds(ctx context.Context, s *life.Stack, f fault.Fault) (life.Outcome, error) {
	if _, err := s.Cloud.AddFault(ctx, f); err != nil {
		return life.Outcome{}, err
	}
	var hit []fault.Operation
	for {
		out, failure := c.run(ctx, s)
		faults, err := s.Cloud.Faults(ctx)
		if err != nil {
			return life.Outcome{}, err
		}
		hits := faults[0].Hits[len(hit):]
		hit = faults[0].Hits
		if failure == nil && len(hits) == 0 {
			break
		}
		if failure == nil {
			return life.Outcome{}, fmt.Errorf("%v failed, and pulumi did not", hits)
		}
		if !life.Failed(failure) || len(hits) == 0 {
			return life.Outcome{}, fmt.Errorf("%w: %s", failure, out)
		}
		resources := slices.ContainsFunc(hits, func(o fault.Operation) bool { return o.Verb != "invoke" })
		for _, o := range hits {
			if o.Verb == "invoke" && resources {
				continue // the engine ends a program with a failed resource, perhaps before it could report other failures
			}
			if err := told(out, f.Mode, o); err != nil {
				return life.Outcome{}, err
			}
		}
	}
	if left := unharmed(f, c.operations, hit); len(left) > 0 {
		return life.Outcome{}, fmt.Errorf("it succeeded, and %v never failed", left)
	}
	if err := s.Cloud.ClearFaults(ctx, 0); err != nil {
		return life.Outcome{}, err
	}
	return life.Outcome{Cases: len(hit)}, c.end(ctx, s)
}

// end asserts that the course reached its goal, and that a destroy leaves nothing.
func (c course) end(ctx context.Context, s *life.Stack) error {
	if c.to != "" {
		if err := s.Converged(ctx, c.hostnames...); err != nil {
			return err
		}
		if out, err := s.Destroy(ctx); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	left, err := s.Living(ctx)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("left behind: %v", left)
	}
	return err
}

// told fails unless the engine's output says on which resource an operation failed, and why.
func told(output string, mode fault.Mode, o fault.Operation) error {
	where := life.Diagnosis(output, o.Token, o.Name)
	if o.Verb == "invoke" {
		where = life.Diagnosis(output, "", "")
	}
	words := map[fault.Mode]string{
		fault.Refuse: "api error AccessDenied", fault.Lose: "context deadline exceeded", fault.Throttle: "api error ThrottlingException",
		fault.Partial: "timeout while waiting for state",
	}
	word := words[mode]
	if strings.HasPrefix(o.Token, "cloudflare:") {
		switch mode {
		case fault.Refuse:
			word = "api error 10000: Authentication error"
		case fault.Throttle:
			word = "exceeded available rate limit retries"
		}
	}
	if !strings.Contains(where, word) || o.Verb == "invoke" && !strings.Contains(where, o.Token) {
		return fmt.Errorf("%s failed, and pulumi does not say %q of it: %s", o, word, output)
	}
	return nil
}

// single are the cases in which one creation of the course fails after it took effect, each in a life for itself.
func (c course) single() []life.Case {
	var cases []life.Case
	for _, o := range slices.Compact(slices.Clone(c.operations)) {
		if o.Verb != "create" {
			continue
		}
		for _, mode := range []fault.Mode{fault.Lose, fault.Partial} {
			if mode == fault.Partial && !canBePartial(o) {
				continue
			}
			cases = append(cases, life.Case{
				Name: fmt.Sprintf("%s: %s %s", c.name, mode, o), Start: c.start,
				Live: func(ctx context.Context, s *life.Stack) (life.Outcome, error) { return c.failing(ctx, s, mode, o) },
			})
		}
	}
	return cases
}

// canBePartial reports whether the provider waits for something after the operation.
func canBePartial(o fault.Operation) bool {
	return slices.ContainsFunc(aws.Manners().Waits, func(w fault.Wait) bool { return w.Verb == o.Verb && w.Token == o.Token })
}

// failing lets one operation fail, runs the course again, and takes the stack to its end.
func (c course) failing(ctx context.Context, s *life.Stack, mode fault.Mode, o fault.Operation) (life.Outcome, error) {
	var outcome life.Outcome
	if _, err := s.Cloud.AddFault(ctx, fault.Fault{Mode: mode, Verb: o.Verb, Token: o.Token, Name: o.Name}); err != nil {
		return outcome, err
	}
	out, err := c.run(ctx, s)
	if err == nil {
		return outcome, fmt.Errorf("%s failed, and pulumi did not: %s", o, out)
	}
	if !life.Failed(err) {
		return outcome, err
	}
	if err := told(out, mode, o); err != nil {
		return outcome, err
	}
	if err := s.Cloud.ClearFaults(ctx, 0); err != nil {
		return outcome, err
	}
	if mode == fault.Lose {
		return c.orphaned(ctx, s, o)
	}
	if out, err := c.run(ctx, s); err != nil {
		return outcome, fmt.Errorf("again: %w: %s", err, out)
	}
	return outcome, c.end(ctx, s)
}

// orphaned continues after a creation with a lost reply: it retries, and if that fails or leaves something, it deletes the resources
// that are not in the state.
func (c course) orphaned(ctx context.Context, s *life.Stack, o fault.Operation) (life.Outcome, error) {
	var outcome life.Outcome
	// retry runs a step. If an unknown resource makes it fail, retry runs the step again without that.
	retry := func(do func(context.Context) (string, error)) error {
		out, err := do(ctx)
		if err == nil {
			return nil
		}
		outcome.Stuck = firstError(out)
		deleted, err := deleteUnknown(ctx, s, o.Token)
		if err != nil {
			return err
		}
		if len(deleted) == 0 {
			return fmt.Errorf("again: no unknown %s, and yet: %s", o.Token, out)
		}
		outcome.Orphans = append(outcome.Orphans, deleted...)
		if out, err := do(ctx); err != nil {
			return fmt.Errorf("again, without what was unknown: %w: %s", err, out)
		}
		return nil
	}
	if err := retry(func(ctx context.Context) (string, error) { return c.run(ctx, s) }); err != nil {
		return outcome, err
	}
	if err := s.Converged(ctx, c.hostnames...); err != nil {
		return outcome, err
	}
	if err := retry(s.Destroy); err != nil {
		return outcome, err
	}
	deleted, err := deleteUnknown(ctx, s, o.Token)
	if err != nil {
		return outcome, err
	}
	outcome.Orphans = append(outcome.Orphans, deleted...)
	left, err := s.Living(ctx)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("left behind beside %v: %v", outcome.Orphans, left)
	}
	return outcome, err
}

// deleteUnknown deletes the resources of a kind that are in the cloud and not in the stack's state, and returns the kind once
// for each. What AWS made by itself, such as a VPC's main route table, is unknown too, but AWS refuses to delete that.
func deleteUnknown(ctx context.Context, s *life.Stack, token string) ([]string, error) {
	known, err := s.Known(ctx)
	if err != nil {
		return nil, err
	}
	living, err := s.Living(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, r := range living {
		if r.Type != token || known[r.ID] {
			continue
		}
		if err := s.Cloud.Delete(ctx, r.Type, r.ID); err == nil {
			out = append(out, r.Type)
		}
	}
	return out, nil
}

// firstError is the engine's first error about a resource, in one line.
func firstError(output string) string {
	for _, text := range strings.Split(life.Diagnosis(output, "", ""), "error: ")[1:] {
		text, _, _ = strings.Cut(text, "\n\n")
		if text = strings.Join(strings.Fields(text), " "); text != "update failed" {
			return text
		}
	}
	return "no error was told"
}
