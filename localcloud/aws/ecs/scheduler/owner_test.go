package scheduler_test

import (
	"strings"
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
		spec.LoadBalancers, spec.Deployment, spec.Service, spec.Family = nil, "", "", "alone"
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
	// It is not on Spot capacity, and so is not interrupted; one that is goes by the name of its family, and no other takes its place.
	family := ecs.Task.Inputs(alone).Family
	if _, err := s.Scheduler.Interrupt(family); err == nil || !strings.Contains(err.Error(), family+" has no running task on FARGATE_SPOT") {
		t.Errorf("a task on demand: %v", err)
	}
	s.Store.View(func(tx *cloud.Tx) {
		if status := s.Status(tx, left.Name); status.StoppedReason != "Service deleted" {
			t.Errorf("the task of a deleted service stopped with %q", status.StoppedReason)
		}
		if status := s.Status(tx, alone.Name); status.DesiredStatus != ecs.TaskRunning {
			t.Errorf("the task without a service is to be %s: %s", status.DesiredStatus, status.StoppedReason)
		}
	})

	var spot *cloud.Resource
	if err := s.Store.Update(func(tx *cloud.Tx) (err error) {
		spec := *ecs.Task.Inputs(alone)
		spec.CapacityProvider = ecs.FargateSpot
		spot, err = ecs.AddTask(tx, service.Scope, spec)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s.Await("a running task on Spot", func(tx *cloud.Tx) bool { return s.Status(tx, spot.Name).LastStatus == ecs.TaskRunning })
	if id, err := s.Scheduler.Interrupt(family); err != nil || id != ecs.TaskID(spot.ID) {
		t.Errorf("interrupted %s: %v", id, err)
	}
	s.Await("the end of the task", func(tx *cloud.Tx) bool { return s.Status(tx, spot.Name).LastStatus == ecs.TaskStopped })
	s.Store.View(func(tx *cloud.Tx) {
		if status := s.Status(tx, spot.Name); status.StopCode != ecs.StopSpotInterruption {
			t.Errorf("it stopped as %+v", status)
		}
	})
}
