package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/e2e/life"
	"slipway/localcloud/e2e/walk"
)

// The stack of another name takes the place of the old one: everybody is served meanwhile, by the same service, and what the old
// one's end takes with it is nothing that the new one needs.
func TestStackRename(t *testing.T) {
	ctx := sweepContext(t)
	lab, err := life.NewLabOf(ctx, filepath.Join("testdata", "walker"), root, t.TempDir(), walk.Versions[:2]...)
	if err != nil {
		t.Fatal(err)
	}
	before := walk.Config{
		CIDR: "10.7.0.0/16", Zones: 2, IPv6: true, IdleTimeout: 60, Tag: "one",
		Services: map[string]walk.Service{"web": walk.NewService("v1", "s.slipway.test", "*.slipway.test"), "api": walk.NewService("v2", "s.slipway.test")},
	}
	api := before.Services["api"]
	api.Paths = []string{"/api/*"}
	before.Services["api"] = api
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
	expect := walk.Expectation{Before: []walk.Config{before}, After: before, Settled: true, Begun: time.Now()}
	if err := w.stack.Rename(ctx, "renamed"); err != nil {
		t.Fatal(err)
	}
	if out, err := w.stack.Up(ctx); err != nil {
		t.Errorf("bring up the renamed stack: %v: %s", err, out)
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
