package e2e

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/daemon"
	"slipway/localcloud/e2e/life"
	"slipway/localcloud/e2e/walk"
)

// The renamed stack replaces the old one. All clients are served meanwhile, by the same service and by as many tasks, and the old one's
// end deletes nothing that the new one needs. This also holds if the update is killed just after the records have moved, and if the
// next one is interrupted while it waits for resolvers to forget the old one.
func TestStackRename(t *testing.T) {
	shares(t)
	ctx := sweepContext(t)
	lab, err := life.NewLabOf(ctx, binaries, filepath.Join("testdata", "walker"), root, t.TempDir(), walk.Versions[:2]...)
	if err != nil {
		t.Fatal(err)
	}
	before := walk.Config{
		Region: "eu-central-1", CIDR: "10.7.0.0/16", Zones: 2, IPv6: true, Egress: "public", IdleTimeout: 60, TTL: 60, Tag: "one",
		Services: map[string]walk.Service{"web": walk.NewService("v1", "s.slipway.test", "*.slipway.test"), "api": walk.NewService("v2", "s.slipway.test")},
	}
	api := before.Services["api"]
	api.Paths = []string{"/api/*"}
	before.Services["api"] = api
	web := before.Services["web"]
	const scaled = 3
	web.Scaling = &walk.Scaling{Min: 1, Max: scaled, Requests: 1} // the load exceeds it all the time
	before.Services["web"] = web
	w := &walker{lab: lab, dir: t.TempDir()}
	if err := w.begin(ctx, before); err != nil {
		t.Fatal(err)
	}
	defer w.stack.End(ctx)

	targets := walk.Targets(before, before)
	probe, err := w.probe(ctx, targets)
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Stop()
	if err := answered(ctx, probe, len(targets), time.Time{}); err != nil {
		t.Fatal(err)
	}
	err = w.until(ctx, "the service has scaled", func(status *daemon.Status) bool { return serviceOf(status, "local-web-").Running == scaled })
	if err != nil {
		t.Fatal(err)
	}
	expect := walk.Expectation{Before: []walk.Config{before}, After: before, Settled: true, Begun: time.Now()}
	if err := w.stack.Rename(ctx, "renamed"); err != nil {
		t.Fatal(err)
	}
	began := 0 // tasks that the service of the new name began with
	err = w.killOnceMoved(ctx, "renamed", func(status *daemon.Status) { began = cmp.Or(began, serviceOf(status, "renamed-web-").Desired) })
	if err != nil {
		t.Fatal(err)
	}
	if began != scaled {
		t.Errorf("the service began with %d tasks, want the %d that ran before", began, scaled)
	}
	w.interruptTheWait(ctx, t)
	out, err := w.stack.Pulumi(ctx, "up", "--yes", "--skip-preview")
	if err != nil {
		t.Errorf("bring up the renamed stack: %v: %s", err, out)
	}
	if !strings.Contains(out, waiting) {
		t.Errorf("after an update that was interrupted while it waited, the next one does not wait: %s", out)
	}
	expect.Ended = time.Now()
	if err := answered(ctx, probe, len(targets), expect.Ended); err != nil {
		t.Error(err)
	}
	for _, c := range expect.Judge(observe(targets, probe.Stop())) {
		t.Error(c)
	}
	// The old stack's end leaves the records by which ACM renews the new one's certificate.
	if out, err := w.stack.Pulumi(ctx, "preview", "--refresh", "--diff", "--expect-no-changes"); err != nil {
		t.Errorf("what the renamed stack has made is not there: %s", out)
	}
	status, err := w.stack.Cloud.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	validated := false
	for _, r := range status.DNS {
		validated = validated || strings.Contains(r.Content, "acm-validations")
	}
	if !validated {
		t.Errorf("no record validates the certificate: %v", status.DNS)
	}
	if out, err := w.stack.Destroy(ctx); err != nil {
		t.Errorf("%v: %s", err, tail(out))
	}
	if left, err := w.stack.Living(ctx); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// serviceOf returns the service whose name begins so.
func serviceOf(status *daemon.Status, name string) daemon.Service {
	for _, s := range status.Services {
		if strings.HasPrefix(s.Name, name) {
			return s
		}
	}
	return daemon.Service{}
}

// killOnceMoved makes an update, and kills the engine and the program when the records lead to the load balancer whose name begins so.
// Until then it reports the cloud's state.
func (w *walker) killOnceMoved(ctx context.Context, balancer string, tell func(*daemon.Status)) error {
	killed, kill := context.WithCancel(ctx)
	defer kill()
	up := w.stack.Command(killed, "up", "--yes", "--skip-preview", "--suppress-progress")
	if err := up.Start(); err != nil {
		return err
	}
	err := w.until(ctx, "the records lead to "+balancer+"…", func(status *daemon.Status) bool {
		tell(status)
		moved := 0
		for _, r := range status.DNS {
			if strings.HasSuffix(r.Content, ".elb.amazonaws.com") {
				if !strings.HasPrefix(r.Content, balancer) {
					return false
				}
				moved++
			}
		}
		return moved > 0
	})
	kill()
	_ = up.Wait() // it was killed
	if err != nil {
		return err
	}
	if out, err := w.stack.Pulumi(ctx, "cancel", "--yes"); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// waiting is what an update says when it waits for resolvers to forget the old load balancer.
const waiting = "DNS records lead to another load balancer"

// interruptTheWait makes an update and interrupts it once it waits, as ^C does. The outputs about the old load balancer, for the next
// update, stay unchanged.
func (w *walker) interruptTheWait(ctx context.Context, t *testing.T) {
	t.Helper()
	outputs := func() string {
		var all strings.Builder
		for _, name := range []string{"loadBalancerDnsName", "network", "dnsTtl"} {
			out, err := w.stack.Pulumi(ctx, "stack", "output", "--json", name)
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			all.WriteString(out)
		}
		return all.String()
	}
	before := outputs()
	up := w.stack.Command(ctx, "up", "--yes", "--skip-preview")
	progress, err := up.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	waited := false
	var said strings.Builder
	for lines := bufio.NewScanner(progress); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if !waited && strings.Contains(lines.Text(), waiting) {
			waited = true
			if err := up.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := up.Wait(); err == nil || !waited {
		t.Errorf("the update was to be interrupted while it waited (it waited: %t), and ended with %v: %s", waited, err, said.String())
	}
	if after := outputs(); after != before {
		t.Errorf("after an update that was interrupted while it waited, the outputs are\n%swant\n%s", after, before)
	}
}

// until waits until the cloud is as it should be.
func (w *walker) until(ctx context.Context, what string, so func(*daemon.Status) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		status, err := w.stack.Cloud.Status(ctx)
		if err != nil {
			return fmt.Errorf("wait until %s: %w", what, err)
		}
		if so(status) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
