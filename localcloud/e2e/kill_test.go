package e2e

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"slipway/localcloud/daemon"
	"slipway/localcloud/e2e/life"
)

var kills = flag.Int("kills", 0, "how many times something is killed while the engine works on a stack; by default 4, with -full 134, of which 100 are the engine")

// Work is a run in which the engine is killed.
type work struct {
	name   string
	args   []string // the engine's
	config string   // the stack's, meanwhile and afterwards

	// start is its first state. Without a kill, it takes this long, and at most this many resources more or fewer exist meanwhile.
	start   *life.State
	took    time.Duration
	changes int
}

// A kill ends a process without a chance to put anything in order, while the engine is at work.
type kill struct {
	*work
	daemon bool // it is the cloud's daemon that is killed, and not the engine
	// The random source of the moment; drawn again if that was too late.
	random *rand.Rand
	// Killed counts the victims that were at work.
	killed *atomic.Int64
}

// A moment is after a while, or, if changes is not zero, when so many things have come or gone.
type moment struct {
	after   time.Duration
	changes int
}

func (m moment) String() string {
	if m.changes > 0 {
		return fmt.Sprintf("after %d changes", m.changes)
	}
	return "after " + m.after.Round(time.Millisecond).String()
}

// TestKills kills the engine, or the cloud, at random moments of a run. It asserts that recovery brings the stack to its goal, and that
// a destroy leaves only what recovery keeps.
func TestKills(t *testing.T) {
	shares(t)
	ctx := sweepContext(t)
	begun := time.Now()
	n := cmp.Or(*kills, 4)
	if *full {
		n = cmp.Or(*kills, 134)
	}
	lab, err := life.NewLab(ctx, binaries, root, t.TempDir(), "local", "v2")
	if err != nil {
		t.Fatal(err)
	}
	local, err := os.ReadFile(filepath.Join(root, "Pulumi.local.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	// A scheduled job has kinds of its own, and a schedule has no tags by which recovery could find it. So has a worker that is called and
	// scales.
	const repository = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/hello"
	text := string(local) + "      calls: [mailer]\n      secretsFrom: {FLAG: \"arn:aws:ssm:eu-central-1:000000000000:parameter" + life.Parameter + "\"}\n" +
		"    mailer:\n      image: " + repository + ":local\n      port: 8080\n      stopTimeout: 10\n" +
		"      scaling: {max: 2, queue: {arn: \"arn:aws:sqs:eu-central-1:000000000000:orders\", messagesPerTask: 10}}\n" +
		"  slipway:jobs:\n    purge: {service: hello, command: [healthcheck], schedule: " + neverDue + "}\n"
	before, after := filepath.Join(t.TempDir(), "before.yaml"), filepath.Join(t.TempDir(), "after.yaml")
	err = errors.Join(
		os.WriteFile(before, []byte(text), 0o600),
		os.WriteFile(after, []byte(strings.Replace(text, "/hello:local", "/hello:v2", 1)), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	works := []*work{
		{name: "up", args: []string{"up"}, config: before},
		{name: "destroy", args: []string{"destroy"}, config: before},
		{name: "update", args: []string{"up"}, config: after},
	}
	if err := measure(ctx, lab, works[0], works[1:]...); err != nil {
		t.Fatal(err)
	}
	for _, w := range works {
		t.Logf("%s takes %s, and changes up to %d things", w.name, w.took.Round(time.Millisecond), w.changes)
	}

	var killed atomic.Int64
	var cases []life.Case
	for i := range n {
		k := kill{work: works[i%len(works)], daemon: i%4 == 3, random: rand.New(rand.NewPCG(*seed, uint64(i))), killed: &killed}
		victim := "engine"
		if k.daemon {
			victim = "cloud"
		}
		cases = append(cases, life.Case{Name: fmt.Sprintf("%d %s: %s killed", i, k.name, victim), Start: k.start, Live: k.live})
	}
	report := life.Sweep(ctx, cases, runtime.NumCPU(), os.Stderr)
	fmt.Printf("kills: %d killed at work, and %d drawn again that came too late: %s, with seed %d, in %s\n",
		killed.Load(), report.Missed, report, *seed, time.Since(begun).Round(time.Second))
	if err := report.Err(); err != nil {
		t.Error(err)
	}
	if int(killed.Load()) != n {
		t.Errorf("%d were killed at work, and not %d", killed.Load(), n)
	}
}

// measure measures the works without kills. The first brings up the stack with which the others begin.
func measure(ctx context.Context, lab *life.Lab, up *work, others ...*work) error {
	s, err := lab.Begin(ctx, up.config)
	if err != nil {
		return err
	}
	if up.start, err = s.Save(ctx); err != nil {
		return err
	}
	is, err := up.measure(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, w := range others {
		w.start = is
		group.Go(func() error {
			_, err := w.measure(ctx)
			return err
		})
	}
	return group.Wait()
}

// measure does the work, and returns its end.
func (w *work) measure(ctx context.Context) (end *life.State, err error) {
	return w.start.Then(ctx, func(s *life.Stack) error {
		e, err := w.begin(ctx, s)
		if err != nil {
			return err
		}
		begun := time.Now()
		w.changes = e.watch(ctx, s, func(int) bool { return false })
		<-e.ended
		w.took = time.Since(begun)
		if !e.ProcessState.Success() {
			return fmt.Errorf("%s: %s: %s", w.name, e.ProcessState, e.said.String())
		}
		return nil
	})
}

// An engine is at work until ended is closed.
type engine struct {
	*exec.Cmd
	said  bytes.Buffer
	ended chan struct{}
}

// begin puts an engine to work.
func (w *work) begin(ctx context.Context, s *life.Stack) (*engine, error) {
	if err := s.Configure(w.config); err != nil {
		return nil, err
	}
	e := &engine{Cmd: s.Command(ctx, append(w.args, "--yes", "--skip-preview", "--suppress-progress")...), ended: make(chan struct{})}
	e.Stdout, e.Stderr = &e.said, &e.said
	e.WaitDelay = time.Second // its children may keep its output open
	if err := e.Start(); err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	go func() {
		defer close(e.ended)
		_ = e.Wait() // killed, or failed for want of a cloud, or done before that
	}()
	return e, nil
}

// watch counts how many more, or fewer, things there are than in the beginning, until that is enough or the engine's end. It
// returns the most.
func (e *engine) watch(ctx context.Context, s *life.Stack, enough func(changes int) bool) int {
	most := 0
	before, err := s.Living(ctx)
	for now := before; err == nil && !enough(most); now, err = s.Living(ctx) {
		most = max(most, len(before)-len(now), len(now)-len(before))
		select {
		case <-e.ended:
			return most
		case <-time.After(time.Millisecond):
		}
	}
	return most
}

// live runs the engine, kills it or the cloud, recovers, and takes the stack to its end.
func (k kill) live(ctx context.Context, s *life.Stack) (life.Outcome, error) {
	m := moment{after: time.Duration(k.random.Int64N(int64(k.took)))}
	if k.random.IntN(2) == 0 {
		m.changes = 1 + k.random.IntN(max(1, k.changes))
	}
	outcome := life.Outcome{Detail: m.String()}
	struck := k.strike(ctx, s, m)
	// The next start of a killed cloud ends its tasks, with or without the engine.
	if err := errors.Join(struck, s.StartCloud(ctx)); err != nil {
		return outcome, err
	}
	k.killed.Add(1)
	recovery, err := s.Recover(ctx)
	if err != nil {
		return outcome, fmt.Errorf("%w: %s", err, tail(recovery))
	}
	if err := s.Converged(ctx, "hello.slipway.test"); err != nil {
		return outcome, err
	}
	if out, err := s.Destroy(ctx); err != nil {
		return outcome, fmt.Errorf("%w: %s", err, tail(out))
	}
	left, err := s.Living(ctx)
	if err != nil {
		return outcome, err
	}
	for _, r := range left {
		if !kept(r) {
			return outcome, fmt.Errorf("left behind: %v; recovery said: %s", left, recovery)
		}
		outcome.Orphans = append(outcome.Orphans, r.Type)
	}
	return outcome, nil
}

// kept reports whether recovery keeps a resource that is in no state: ECS rolls back to a revision of a task definition, and it costs
// nothing.
func kept(r daemon.Resource) bool { return r.Type == "aws:ecs/taskDefinition:TaskDefinition" }

// strike puts an engine to work and kills it, or its cloud, at a moment. Its error is [life.ErrMissed] if the work was done by
// then.
func (k kill) strike(ctx context.Context, s *life.Stack, m moment) error {
	e, err := k.begin(ctx, s)
	if err != nil {
		return err
	}
	if m.changes > 0 {
		e.watch(ctx, s, func(changes int) bool { return changes >= m.changes })
	} else {
		select {
		case <-time.After(m.after):
		case <-e.ended:
		}
	}
	if k.daemon {
		if err := s.KillCloud(); err != nil {
			return err
		}
	} else {
		hosts := life.Hosts(e.Process.Pid)
		if err := e.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("kill the engine: %w", err)
		}
		defer func() {
			for _, host := range hosts {
				_ = syscall.Kill(-host, syscall.SIGKILL) // it may have ended
			}
		}()
	}
	select {
	case <-e.ended:
	case <-time.After(3 * time.Minute): // the program asks for a minute about its deployment
		_ = e.Cancel()
		<-e.ended
		return fmt.Errorf("the engine goes on without its cloud: %s", e.said.String())
	}
	if err := life.Gone(ctx, e.Process.Pid); err != nil {
		return err
	}
	// An ended process can get a signal until its parent has waited for it: only its exit status shows whether it was killed. If its
	// cloud was killed, its failure shows it.
	status, _ := e.ProcessState.Sys().(syscall.WaitStatus)
	if k.daemon && !e.ProcessState.Success() || !k.daemon && status.Signaled() {
		return nil
	}
	return life.ErrMissed
}

// tail is the end of a program's output.
func tail(said string) string {
	const lines = 60
	all := strings.Split(said, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
