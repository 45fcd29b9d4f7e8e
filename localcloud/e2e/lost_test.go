package e2e

import (
	"flag"
	"path/filepath"
	"slices"
	"testing"

	"slipway/localcloud/daemon"
	"slipway/localcloud/e2e/life"
	"slipway/localcloud/fault"
)

var lost = flag.Bool("lost", false, "lose the reply of every creation, which takes minutes")

// Every single creation takes effect and its reply is lost, once. Recovery finds what there is, takes over what it can, deletes the
// rest, and gets further each time.
func TestLostReplies(t *testing.T) {
	if !*lost {
		t.Skip("takes minutes: go test ./e2e -run TestLostReplies -lost")
	}
	ctx := t.Context()
	lab, err := life.NewLab(ctx, root, t.TempDir(), "local")
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
	for range layers {
		if err == nil {
			break
		}
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
	if hits := len(faults[0].Hits); hits < 40 {
		t.Errorf("only %d replies were lost", hits)
	}
	if err := s.Converged(ctx, "hello.slipway.test"); err != nil {
		t.Error(err)
	}
	if out, err := s.Destroy(ctx); err != nil {
		t.Errorf("%v: %s", err, tail(out))
	}
	left, err := s.Living(ctx)
	// A task definition that is not deregistered stays, known or not: it is what ECS rolls back to, and costs nothing.
	left = slices.DeleteFunc(left, func(r daemon.Resource) bool { return r.Type == "aws:ecs/taskDefinition:TaskDefinition" })
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}
