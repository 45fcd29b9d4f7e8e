package runtime

import (
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
	"slipway/localcloud/task"
)

// halfSpot places the first task on Fargate and the others on Fargate Spot.
var halfSpot = cloud.Map{"capacityProviderStrategies": []any{
	cloud.Map{"capacityProvider": ecs.Fargate, "base": 1.0, "weight": 0.0},
	cloud.Map{"capacityProvider": ecs.FargateSpot, "weight": 1.0},
}}

// status returns that of the task with the short id.
func (s *ecsStage) status(tx *cloud.Tx, id string) ecs.TaskStatus {
	for _, r := range tx.Everywhere(ecs.Task.Token) {
		if r.Name == id {
			return cloud.StatusOf[ecs.TaskStatus](r)
		}
	}
	return ecs.TaskStatus{}
}

// container returns what plays the containers of the task with the short id.
func (s *ecsStage) container(id string) *fakeTask {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.started, func(f *fakeTask) bool { return f.spec.ID == id })
	return s.started[i]
}

// replaced is a condition: so many tasks run, and the service is in a steady state.
func (s *ecsStage) replaced(service *cloud.Resource, revision string, n int) func(*cloud.Tx) bool {
	steady := s.steady(service, revision, n)
	return func(tx *cloud.Tx) bool { return len(s.tasks(tx)[ecs.TaskRunning]) == n && steady(tx) }
}

func TestSpotInterruption(t *testing.T) {
	s := newECSStage(t)
	revision := s.revision("v1", "")
	service := s.create(ecs.Service.Token, s.service(revision, halfSpot))
	s.await("a steady state", s.steady(service, revision, 2))
	s.mu.Lock()
	s.keepDraining = true // as a target group with a long deregistration delay does
	s.mu.Unlock()
	// What is known of the target when its task is told to stop, which is while connections still drain.
	var atStop []elbv2.Target
	s.mu.Lock()
	for _, f := range s.started {
		f.onStop = func() {
			s.Store.View(func(tx *cloud.Tx) {
				group := tx.Get(cloud.Key{Scope: tester.Scope, Token: elbv2.TargetGroup.Token, ID: s.balancerGroup})
				if target, ok := elbv2.TargetHealth(group, s.status(tx, f.spec.ID).PrivateIP, 8080); ok {
					atStop = append(atStop, target)
				}
			})
		}
	}
	s.mu.Unlock()
	victim, err := s.scheduler.Interrupt("hello")
	if err != nil {
		t.Fatal(err)
	}
	f := s.container(victim)
	<-f.Done()
	if status, _ := f.Watch(); status.StopCode != task.StopSpotInterruption || status.StoppedReason != "Your Spot Task was interrupted." {
		t.Errorf("the containers were stopped for %s: %s", status.StopCode, status.StoppedReason)
	}
	if len(atStop) != 1 || atStop[0].State != elbv2.TargetDraining {
		t.Errorf("when it was told to stop, the target of the interrupted task was %+v", atStop)
	}
	s.await("the end of the task", func(tx *cloud.Tx) bool { return s.status(tx, victim).LastStatus == ecs.TaskStopped })
	s.await("a replacement", s.replaced(service, revision, 2))
	s.Store.View(func(tx *cloud.Tx) {
		if status := s.status(tx, victim); status.StopCode != "SpotInterruption" || status.StoppedReason != "Your Spot Task was interrupted." || status.Failed {
			t.Errorf("the task stopped as %+v", status)
		}
		providers := map[string]int{}
		for _, r := range s.tasks(tx)[ecs.TaskRunning] {
			providers[ecs.Task.Of(r).CapacityProvider]++
		}
		if providers[ecs.Fargate] != 1 || providers[ecs.FargateSpot] != 1 {
			t.Errorf("tasks by capacity provider: %v", providers)
		}
	})
	if d := primary(s.now(service)); d.FailedTasks != 0 || d.RolloutState != ecs.RolloutCompleted {
		t.Errorf("the deployment is %+v", d)
	}
}

func TestCrash(t *testing.T) {
	s := newECSStage(t)
	revision := s.revision("v1", "")
	service := s.create(ecs.Service.Token, s.service(revision, nil))
	s.await("a steady state", s.steady(service, revision, 2))
	victim, err := s.scheduler.Crash(service.ID)
	if err != nil {
		t.Fatal(err)
	}
	s.await("the end of the task", func(tx *cloud.Tx) bool { return s.status(tx, victim).LastStatus == ecs.TaskStopped })
	s.await("a replacement", s.replaced(service, revision, 2))
	s.Store.View(func(tx *cloud.Tx) {
		status := s.status(tx, victim)
		if status.StopCode != ecs.StopEssentialContainerExited || *status.Containers[0].ExitCode != 137 {
			t.Errorf("the task stopped as %+v", status)
		}
	})
}

func TestMishapsThatCannotHappen(t *testing.T) {
	s := newECSStage(t)
	refused := func(err error, words string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want %s", err, words)
		}
	}
	_, err := s.scheduler.Interrupt("hello")
	refused(err, "there are no services")
	revision := s.revision("v1", "")
	service := s.create(ecs.Service.Token, s.service(revision, nil))
	s.await("a steady state", s.steady(service, revision, 2))
	_, err = s.scheduler.Interrupt("hello")
	refused(err, "service hello has no running task on FARGATE_SPOT")
	_, err = s.scheduler.Crash("goodbye")
	refused(err, "there is no service goodbye; there is hello")
	if _, err := s.update(service, cloud.Map{"desiredCount": 0.0}); err != nil {
		t.Fatal(err)
	}
	s.await("no tasks", s.steady(service, revision, 0))
	_, err = s.scheduler.Crash("hello")
	refused(err, "service hello has no running task")
}

func TestUsageOfAService(t *testing.T) {
	s := newECSStage(t)
	revision := s.revision("v1", "")
	service := s.create(ecs.Service.Token, s.service(revision, nil))
	s.await("a steady state", s.steady(service, revision, 2))
	for _, f := range s.started {
		f.mu.Lock()
		f.usage = task.Usage{CPU: 3 * time.Second, Memory: 64 << 20}
		f.mu.Unlock()
	}
	usage := s.scheduler.Usage(service.Key)
	if len(usage) != 2 {
		t.Fatalf("got %v", usage)
	}
	for _, u := range usage {
		if u.CPU != 3*time.Second || u.Memory != 64<<20 || u.CPUUnits != 256 || u.MemoryLimit != 512<<20 {
			t.Errorf("got %+v", u)
		}
	}
}
