package scheduler_test

import (
	"testing"

	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/ecs/scheduler/schedulertest"
	"slipway/localcloud/cloud"
)

// RunTask and EventBridge's schedules start tasks without a service, and no service stops them.
func TestOnlyTasksOfADeletedServiceStopWithIt(t *testing.T) {
	s := schedulertest.NewStage(t)
	revision := s.Revision("good", "")
	service := s.Make(ecs.Service.Token, s.Service(revision, nil))
	var alone, left *cloud.Resource
	s.Await("a running task", func(tx *cloud.Tx) bool { return len(s.Tasks(tx)[ecs.TaskRunning]) > 0 })
	if err := s.Store.Update(func(tx *cloud.Tx) (err error) {
		spec := *ecs.Task.Inputs(s.Tasks(tx)[ecs.TaskRunning][0])
		spec.LoadBalancers, spec.Deployment, spec.Service = nil, "", ""
		if alone, err = ecs.AddTask(tx, service.Scope, spec); err != nil {
			return err
		}
		spec.Service = service.ID + "-deleted"
		left, err = ecs.AddTask(tx, service.Scope, spec)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s.Await("the task of a deleted service stopped, and the one that has none running", func(tx *cloud.Tx) bool {
		return s.Status(tx, left.Name).LastStatus == ecs.TaskStopped && s.Status(tx, alone.Name).LastStatus == ecs.TaskRunning
	})
	s.Store.View(func(tx *cloud.Tx) {
		if status := s.Status(tx, left.Name); status.StoppedReason != "Service deleted" {
			t.Errorf("the task of a deleted service stopped with %q", status.StoppedReason)
		}
		if status := s.Status(tx, alone.Name); status.DesiredStatus != ecs.TaskRunning {
			t.Errorf("the task without a service is to be %s: %s", status.DesiredStatus, status.StoppedReason)
		}
	})
}
