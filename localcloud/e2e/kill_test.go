package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"slipway/localcloud/e2e/life"
)

var (
	kills    = flag.Int("kills", 4, "how many times something is killed while it works on a stack")
	killSeed = flag.Uint64("kill-seed", 1, "what the moments of the kills are drawn with")
)

// A kill ends a process without a chance to put anything in order, while the engine works on a stack.
type kill struct {
	course string   // up, update or destroy
	args   []string // the engine's
	config string   // the stack's, meanwhile and afterwards
	daemon bool     // it is the cloud's daemon that is killed, and not the engine
	// It is killed after a while, or, if changes is not zero, when so many things have come or gone.
	after   time.Duration
	changes int
}

func (k kill) String() string {
	victim, moment := "engine", "after "+k.after.Round(time.Millisecond).String()
	if k.daemon {
		victim = "cloud"
	}
	if k.changes > 0 {
		moment = fmt.Sprintf("after %d changes", k.changes)
	}
	return fmt.Sprintf("%s: %s killed %s", k.course, victim, moment)
}

// TestKills kills the engine, or the cloud, at random moments, and asserts that recovery brings the stack to where it was going,
// and that a destroy leaves nothing.
func TestKills(t *testing.T) {
	ctx := t.Context()
	begun := time.Now()
	lab, err := life.NewLab(ctx, root, t.TempDir(), "local", "v2")
	if err != nil {
		t.Fatal(err)
	}
	before := filepath.Join(root, "Pulumi.local.yaml")
	text, err := os.ReadFile(before)
	if err != nil {
		t.Fatal(err)
	}
	updated := filepath.Join(t.TempDir(), "Pulumi.local.yaml")
	if err := os.WriteFile(updated, bytes.Replace(text, []byte("/hello:local"), []byte("/hello:v2"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	begin := func(up bool) (*life.State, time.Duration) {
		s, err := lab.Begin(ctx, before)
		if err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		if up {
			if out, err := s.Up(ctx); err != nil {
				s.End(ctx)
				t.Fatalf("%v: %s", err, out)
			}
		}
		took := time.Since(started)
		state, err := s.Save(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return state, took
	}
	empty, _ := begin(false)
	full, longest := begin(true)

	random := rand.New(rand.NewPCG(*killSeed, 0))
	var cases []life.Case
	for i := range *kills {
		k := kill{daemon: i%4 == 3, after: time.Duration(random.Int64N(int64(longest)))}
		if random.IntN(2) == 0 {
			const things = 45 // that a default stack consists of, about
			k.changes = 1 + random.IntN(things)
		}
		start := full
		switch i % 3 {
		case 0:
			k.course, k.args, k.config, start = "up", []string{"up"}, before, empty
		case 1:
			k.course, k.args, k.config = "destroy", []string{"destroy"}, before
		case 2:
			k.course, k.args, k.config = "update", []string{"up"}, updated
			k.changes %= 8 // a task definition, tasks and their interfaces
		}
		cases = append(cases, life.Case{Name: fmt.Sprintf("%d %s", i, k), Start: start, Live: k.live})
	}
	report := life.Sweep(ctx, cases, runtime.NumCPU(), os.Stderr)
	fmt.Printf("kills: %s, with seed %d, in %s\n", report, *killSeed, time.Since(begun).Round(time.Second))
	if err := report.Err(); err != nil {
		t.Error(err)
	}
}

// live lets the engine work, kills what is to be killed, recovers, and takes the stack to its end.
func (k kill) live(ctx context.Context, s *life.Stack) (life.Outcome, error) {
	var none life.Outcome
	if err := s.Configure(k.config); err != nil {
		return none, err
	}
	var said bytes.Buffer
	engine := s.Command(ctx, append(k.args, "--yes", "--skip-preview", "--suppress-progress")...)
	engine.Stdout, engine.Stderr = &said, &said
	engine.WaitDelay = time.Second // what it has started may hold its output open
	if err := engine.Start(); err != nil {
		return none, fmt.Errorf("start the engine: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = engine.Wait() // killed, or failed for want of a cloud, or done before that
	}()
	k.await(ctx, s, ended)
	if k.daemon {
		if err := s.KillCloud(); err != nil {
			return none, err
		}
	} else {
		_ = engine.Process.Signal(syscall.SIGKILL) // it may be done
	}
	select {
	case <-ended:
	case <-time.After(time.Minute):
		_ = syscall.Kill(-engine.Process.Pid, syscall.SIGKILL)
		return none, fmt.Errorf("the engine goes on without its cloud: %s", said.String())
	}
	if err := life.Gone(ctx, engine.Process.Pid); err != nil {
		return none, err
	}
	if err := s.StartCloud(ctx); err != nil {
		return none, err
	}
	recovery, err := s.Recover(ctx)
	if err != nil {
		return none, fmt.Errorf("%w: %s", err, tail(recovery))
	}
	if err := s.Converged(ctx, "hello.slipway.test"); err != nil {
		return none, err
	}
	if out, err := s.Destroy(ctx); err != nil {
		return none, fmt.Errorf("%w: %s", err, tail(out))
	}
	left, err := s.Living(ctx)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("left behind: %v; recovery said: %s", left, recovery)
	}
	return none, err
}

// await blocks until the moment of the kill, or the end of what is to be killed.
func (k kill) await(ctx context.Context, s *life.Stack, ended <-chan struct{}) {
	moment := time.After(k.after)
	if k.changes > 0 {
		reached := make(chan time.Time)
		moment = reached
		go func() {
			defer close(reached)
			before, err := s.Living(ctx)
			for now := before; err == nil && changes(len(before), len(now)) < k.changes; now, err = s.Living(ctx) {
				select {
				case <-ended:
					return
				case <-time.After(time.Millisecond):
				}
			}
		}()
	}
	select {
	case <-moment:
	case <-ended:
	}
}

func changes(before, now int) int { return max(before-now, now-before) }

// tail is the end of what a program said.
func tail(said string) string {
	const lines = 60
	all := strings.Split(said, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
