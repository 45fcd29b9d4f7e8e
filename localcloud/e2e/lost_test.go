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

// lostKinds are those whose creation is lost: all but the roles' policies. One that the state does not know keeps its role from being
// deleted; on AWS the provider deletes what a refresh found in the role, which the local cloud does not model.
var lostKinds = []string{
	"aws:acm/*", "aws:cloudwatch/*", "aws:ec2/*", "aws:ecs/*", "aws:iam/role:Role", "aws:lb/*", "aws:secretsmanager/*", "aws:vpc/*", "cloudflare:*",
}

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
	for _, token := range lostKinds {
		if _, err := s.Cloud.AddFault(ctx, fault.Fault{Mode: fault.Lose, Verb: "create", Token: token, Each: true}); err != nil {
			t.Fatal(err)
		}
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
	hits := 0
	for _, f := range faults {
		hits += len(f.Hits)
	}
	if hits < 35 {
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
