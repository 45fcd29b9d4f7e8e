package scheduler_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"slipway/localcloud/aws/ec2"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/ecs/scheduler/schedulertest"
	"slipway/localcloud/cloud"
)

// A task is found by its id, and as the oldest of its service; what runs in it does so in the first essential container.
func TestExecFindsTheTask(t *testing.T) {
	s := schedulertest.NewStage(t)
	revision := s.Revision("v1", "")
	service := s.Make(ecs.Service.Token, s.Service(revision, nil))
	s.Await("a steady state", s.Steady(service, revision, 2))
	ids, oldest := map[string]bool{}, ""
	s.Store.View(func(tx *cloud.Tx) {
		var started *cloud.Resource
		for _, r := range ecs.TasksOf(tx, service) {
			ids[ecs.TaskID(r.ID)] = true
			if started == nil || cloud.Peek[ecs.TaskStatus](r).StartedAt.Before(cloud.Peek[ecs.TaskStatus](started).StartedAt) {
				started = r
			}
		}
		oldest = ecs.TaskID(started.ID)
	})
	run := func(name, container string) (string, int, error) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		code, err := s.Scheduler.Exec(t.Context(), name, container, []string{"ls", "/"}, nil, w, nil)
		_ = w.Close()
		said, _ := io.ReadAll(r)
		return string(said), code, err
	}
	for id := range ids {
		if said, code, err := run(id, ""); err != nil || code != 7 || said != "[ls /] in main of "+id {
			t.Errorf("in %s: %q, %d, %v", id, said, code, err)
		}
	}
	for name, want := range map[string]string{"hello": oldest, service.ID: oldest} {
		if said, _, err := run(name, "sidecar"); err != nil || said != "[ls /] in sidecar of "+want {
			t.Errorf("in %s: %q, %v", name, said, err)
		}
		key, err := s.Scheduler.InterfaceOf(name)
		if err != nil || key.Token != ec2.NetworkInterfaceToken {
			t.Errorf("the interface of %s: %v, %v", name, key, err)
		}
	}
	if _, _, err := run("goodbye", ""); err == nil || !strings.Contains(err.Error(), "no task has the id goodbye, and there is no service goodbye; there is hello") {
		t.Errorf("what there is not: %v", err)
	}
	if _, err := s.Edit(service, cloud.Map{"desiredCount": 0.0}); err != nil {
		t.Fatal(err)
	}
	s.Await("no tasks", s.Steady(service, revision, 0))
	if _, _, err := run("hello", ""); err == nil || !strings.Contains(err.Error(), "hello has no running task") {
		t.Errorf("without tasks: %v", err)
	}
}
