package scheduler_test

import (
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/ecs/scheduler/schedulertest"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/task"
)

// halfSpot places the first task on Fargate and the others on Fargate Spot.
var halfSpot = cloud.Map{"capacityProviderStrategies": []any{
	cloud.Map{"capacityProvider": ecs.Fargate, "base": 1.0, "weight": 0.0},
	cloud.Map{"capacityProvider": ecs.FargateSpot, "weight": 1.0},
}}

func TestSpotInterruption(t *testing.T) {
	s := schedulertest.NewStage(t)
	revision := s.Revision("v1", "")
	service := s.Make(ecs.Service.Token, s.Service(revision, halfSpot))
	s.Await("a steady state", s.Steady(service, revision, 2))
	s.Mu.Lock()
	s.KeepDraining = true // as a target group with a long deregistration delay does
	s.Mu.Unlock()
	// What is known of the target when its task is told to stop, which is while connections still drain.
	var atStop []elbv2.Target
	s.Mu.Lock()
	for _, f := range s.Started {
		f.OnStop = func() {
			s.Store.View(func(tx *cloud.Tx) {
				group := tx.Get(cloud.Key{Scope: awstest.Caller.Scope, Token: elbv2.TargetGroup.Token, ID: s.BalancerGroup})
				if target, ok := elbv2.TargetHealth(group, s.Status(tx, f.Spec.ID).Address, 8080); ok {
					atStop = append(atStop, target)
				}
			})
		}
	}
	s.Mu.Unlock()
	victim, err := s.Scheduler.Interrupt("hello")
	if err != nil {
		t.Fatal(err)
	}
	f := s.Container(victim)
	<-f.Done()
	if status, _ := f.Watch(); status.StopCode != task.StopSpotInterruption || status.StoppedReason != "Your Spot Task was interrupted." {
		t.Errorf("the containers were stopped for %s: %s", status.StopCode, status.StoppedReason)
	}
	if len(atStop) != 1 || atStop[0].State != elbv2.TargetDraining {
		t.Errorf("when it was told to stop, the target of the interrupted task was %+v", atStop)
	}
	s.Await("the end of the task", func(tx *cloud.Tx) bool { return s.Status(tx, victim).LastStatus == ecs.TaskStopped })
	s.Await("a replacement", s.Replaced(service, revision, 2))
	s.Store.View(func(tx *cloud.Tx) {
		if status := s.Status(tx, victim); status.StopCode != "SpotInterruption" || status.StoppedReason != "Your Spot Task was interrupted." || status.Failed {
			t.Errorf("the task stopped as %+v", status)
		}
		providers := map[string]int{}
		for _, r := range s.Tasks(tx)[ecs.TaskRunning] {
			providers[ecs.Task.Inputs(r).CapacityProvider]++
		}
		if providers[ecs.Fargate] != 1 || providers[ecs.FargateSpot] != 1 {
			t.Errorf("tasks by capacity provider: %v", providers)
		}
	})
	if d := schedulertest.Primary(s.Now(service)); d.FailedTasks != 0 || d.RolloutState != ecs.RolloutCompleted {
		t.Errorf("the deployment is %+v", d)
	}
}

func TestCrash(t *testing.T) {
	s := schedulertest.NewStage(t)
	revision := s.Revision("v1", "")
	service := s.Make(ecs.Service.Token, s.Service(revision, nil))
	s.Await("a steady state", s.Steady(service, revision, 2))
	victim, err := s.Scheduler.Crash(service.ID)
	if err != nil {
		t.Fatal(err)
	}
	s.Await("the end of the task", func(tx *cloud.Tx) bool { return s.Status(tx, victim).LastStatus == ecs.TaskStopped })
	s.Await("a replacement", s.Replaced(service, revision, 2))
	s.Store.View(func(tx *cloud.Tx) {
		status := s.Status(tx, victim)
		if status.StopCode != ecs.StopEssentialContainerExited || *status.Containers[0].ExitCode != 137 {
			t.Errorf("the task stopped as %+v", status)
		}
	})
}

func TestInterruptAndCrashRefuse(t *testing.T) {
	s := schedulertest.NewStage(t)
	refused := func(err error, words string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want %s", err, words)
		}
	}
	_, err := s.Scheduler.Interrupt("hello")
	refused(err, "there are no services")
	revision := s.Revision("v1", "")
	service := s.Make(ecs.Service.Token, s.Service(revision, nil))
	s.Await("a steady state", s.Steady(service, revision, 2))
	_, err = s.Scheduler.Interrupt("hello")
	refused(err, "service hello has no running task on FARGATE_SPOT")
	_, err = s.Scheduler.Crash("goodbye")
	refused(err, "there is no service goodbye; there is hello")
	if _, err := s.Edit(service, cloud.Map{"desiredCount": 0.0}); err != nil {
		t.Fatal(err)
	}
	s.Await("no tasks", s.Steady(service, revision, 0))
	_, err = s.Scheduler.Crash("hello")
	refused(err, "service hello has no running task")
}

func TestUsageOfAService(t *testing.T) {
	s := schedulertest.NewStage(t)
	revision := s.Revision("v1", "")
	service := s.Make(ecs.Service.Token, s.Service(revision, nil))
	s.Await("a steady state", s.Steady(service, revision, 2))
	for _, f := range s.Started {
		f.Mu.Lock()
		f.Measured = task.Usage{CPU: 3 * time.Second, Memory: 64 << 20}
		f.Mu.Unlock()
	}
	usage := s.Scheduler.Usage(service.Key)
	if len(usage) != 2 {
		t.Fatalf("got %v", usage)
	}
	for _, u := range usage {
		if u.CPU != 3*time.Second || u.Memory != 64<<20 || u.CPUUnits != 256 || u.MemoryLimit != 512<<20 {
			t.Errorf("got %+v", u)
		}
	}
}
