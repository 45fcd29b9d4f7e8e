package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"slipway/localcloud/e2e/life"
	"slipway/localcloud/fault"
)

// Every single creation takes effect and its reply is lost, once. Recovery finds the resources, imports those that it can, deletes the
// rest, and gets further each time.
func TestLostReplies(t *testing.T) {
	if !*full {
		t.Skip("takes minutes: go test ./e2e -run TestLostReplies -full")
	}
	ctx := sweepContext(t)
	begun := time.Now()
	lab, err := life.NewLab(ctx, binaries, root, t.TempDir(), "local")
	if err != nil {
		t.Fatal(err)
	}
	s, err := lab.Begin(ctx, filepath.Join(root, "Pulumi.local.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.End(ctx)
	if _, err := s.Cloud.AddFault(ctx, fault.Fault{Mode: fault.Lose, Verb: "create", Each: true}); err != nil {
		t.Fatal(err)
	}
	out, err := s.Up(ctx)
	const layers = 20 // of things that need others, at most
	recoveries := 0
	for ; err != nil && recoveries < layers; recoveries++ {
		if !life.Failed(err) {
			t.Fatalf("%v: %s", err, out)
		}
		out, err = s.Recover(ctx)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	faults, err := s.Cloud.Faults(ctx)
	if err != nil {
		t.Fatal(err)
	}
	lost := len(faults[0].Hits)
	if lost < 40 {
		t.Errorf("only %d replies were lost", lost)
	}
	if err := s.Converged(ctx, "hello.slipway.test"); err != nil {
		t.Error(err)
	}
	if out, err := s.Destroy(ctx); err != nil {
		t.Errorf("%v: %s", err, tail(out))
	}
	left, err := s.Living(ctx)
	unkept := slices.DeleteFunc(slices.Clone(left), kept)
	if err != nil || len(unkept) > 0 {
		t.Errorf("left behind: %v (%v)", unkept, err)
	}
	fmt.Printf("lost replies: %d, of every creation once, %d recoveries, %d left behind and %d kept, in %s\n",
		lost, recoveries, len(unkept), len(left)-len(unkept), time.Since(begun).Round(time.Second))
}
