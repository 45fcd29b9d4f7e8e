package runtime

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/cloud"
)

// bakeTime is that of deployments that watch the stage's alarm.
const bakeTime = 3 * time.Second

// onAlarmStage runs the test on a stage with an alarm, in a bubble of time.
func onAlarmStage(t *testing.T, test func(t *testing.T, s *ecsStage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newECSStage(t)
		s.stop()
		s.newScheduler()
		s.scheduler.Pace = Pace(bakeTime.Seconds() / 60)
		s.run()
		s.create(cloudwatch.MetricAlarm.Token, cloud.Map{
			"name": "errors", "namespace": cloudwatch.NamespaceELB, "metricName": cloudwatch.Target5XXCount, "statistic": cloudwatch.Sum, "period": 60.0,
			"dimensions":         cloud.Map{"LoadBalancer": "app/web/1", "TargetGroup": "targetgroup/tasks/2"},
			"comparisonOperator": "GreaterThanThreshold", "threshold": 0.0, "evaluationPeriods": 1.0,
		})
		test(t, s)
	})
}

// setAlarm puts the stage's alarm into a state.
func (s *ecsStage) setAlarm(state string) {
	s.t.Helper()
	err := s.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Everywhere(cloudwatch.MetricAlarm.Token)[0].Clone()
		r.SetStatus(cloudwatch.AlarmStatus{State: state})
		tx.Put(r)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// watched is a service whose deployments watch the alarm.
func (s *ecsStage) watched(revision string, rollback bool, change cloud.Map) cloud.Map {
	in := s.service(revision, cloud.Map{
		"alarms":             cloud.Map{"enable": true, "rollback": rollback, "alarmNames": []any{"errors"}},
		"waitForSteadyState": false,
	})
	for p, v := range change {
		in[p] = v
	}
	return in
}

// completed is a condition: the service's deployment of the revision has completed, and is the only one.
func completed(service *cloud.Resource, revision string) func(*cloud.Tx) bool {
	return func(tx *cloud.Tx) bool {
		status := cloud.StatusOf[ecs.ServiceStatus](tx.Get(service.Key))
		d := status.Primary()
		return d.TaskDefinition == revision && d.RolloutState == ecs.RolloutCompleted && len(status.Deployments) == 1
	}
}

// baking is a condition: all tasks run the revision, and the deployment is still in progress.
func baking(service *cloud.Resource, revision string) func(*cloud.Tx) bool {
	return func(tx *cloud.Tx) bool {
		status := cloud.StatusOf[ecs.ServiceStatus](tx.Get(service.Key))
		d := status.Primary()
		return d.TaskDefinition == revision && status.Steady && d.RolloutState == ecs.RolloutInProgress
	}
}

func TestDeploymentCompletesAfterItsBakeTime(t *testing.T) {
	onAlarmStage(t, func(t *testing.T, s *ecsStage) {
		first, second := s.revision("v1", ""), s.revision("v2", "")
		service := s.create(ecs.Service.Token, s.watched(first, true, nil))
		s.await("the first version to serve", baking(service, first))
		begun := time.Now()
		s.await("the first deployment", completed(service, first))
		if took := time.Since(begun); took != bakeTime {
			t.Errorf("the first deployment was watched for %s, want %s", took, bakeTime)
		}

		begun = time.Now()
		if _, err := s.update(service, cloud.Map{"taskDefinition": second, "waitForSteadyState": true}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < bakeTime {
			t.Errorf("the provider waited for %s, want the bake time of %s at least", took, bakeTime)
		}
		s.await("the second deployment", completed(service, second))

		third := s.revision("v3", "")
		if _, err := s.update(service, cloud.Map{"taskDefinition": third, "waitForSteadyState": false}); err != nil {
			t.Fatal(err)
		}
		s.await("the third version to serve", baking(service, third))
		status := cloud.StatusOf[ecs.ServiceStatus](s.now(service))
		if len(status.Deployments) != 2 || status.Deployments[1].TaskDefinition != second || status.Deployments[1].Status != ecs.DeploymentActive {
			t.Errorf("while it bakes, the deployments are %+v", status.Deployments)
		}
		// Who turns the alarms off need not wait.
		begun = time.Now()
		if _, err := s.update(service, cloud.Map{"alarms": nil}); err != nil {
			t.Fatal(err)
		}
		s.await("the third deployment", completed(service, third))
		if took := time.Since(begun); took != 0 {
			t.Errorf("without alarms it took %s", took)
		}
	})
}

func TestAlarmRollsBack(t *testing.T) {
	onAlarmStage(t, func(t *testing.T, s *ecsStage) {
		good, bad := s.revision("good", ""), s.revision("bad", "")
		service := s.create(ecs.Service.Token, s.watched(good, true, nil))
		s.await("the good version", completed(service, good))
		if _, err := s.update(service, cloud.Map{"taskDefinition": bad}); err != nil {
			t.Fatal(err)
		}
		s.await("the bad version to serve", baking(service, bad))
		s.setAlarm(cloudwatch.AlarmAlarm)
		s.await("the good version again", completed(service, good))
		s.await("its tasks", s.steady(service, good, 2))
		if r := s.now(service); r.Inputs["taskDefinition"] != good || r.Outputs["taskDefinition"] != good {
			t.Errorf("a describe shows %v", r.Outputs["taskDefinition"])
		}
		events := s.events(service)
		for _, want := range []string{"deployment failed: alarm detected.", "rolling back to deployment ecs-svc/"} {
			if !strings.Contains(events, want) {
				t.Errorf("no %q in\n%s", want, events)
			}
		}

		// What mends it can be deployed while the alarm still is in ALARM, and is not watched.
		mended := s.revision("mended", "")
		begun := time.Now()
		if _, err := s.update(service, cloud.Map{"taskDefinition": mended, "waitForSteadyState": true}); err != nil {
			t.Fatal(err)
		}
		s.await("the mended version", completed(service, mended))
		if took := time.Since(begun); took >= bakeTime {
			t.Errorf("a deployment that is not watched took %s", took)
		}
	})
}

// A deployment is not watched before one of its tasks runs, and is given up before all of them do.
func TestAlarmInTheMiddleOfARollout(t *testing.T) {
	onAlarmStage(t, func(t *testing.T, s *ecsStage) {
		good, bad := s.revision("good", ""), s.revision("bad", "")
		service := s.create(ecs.Service.Token, s.watched(good, true, nil))
		s.await("the good version", completed(service, good))
		before := s.running()
		start := make(chan struct{})
		s.onBad(func(f *fakeTask) {
			<-start
			f.run()
		})
		s.mu.Lock()
		s.sick = func(image string) bool { return image == "bad" }
		s.mu.Unlock()
		if _, err := s.update(service, cloud.Map{"taskDefinition": bad, "healthCheckGracePeriodSeconds": 60.0}); err != nil {
			t.Fatal(err)
		}
		s.await("tasks of the bad version", func(tx *cloud.Tx) bool { return len(s.tasks(tx)[ecs.TaskPending]) == 2 })
		s.setAlarm(cloudwatch.AlarmAlarm)
		synctest.Wait()
		if d := primary(s.now(service)); d.TaskDefinition != bad || d.RolloutState != ecs.RolloutInProgress {
			t.Errorf("before a task of it runs: %+v", d)
		}
		close(start)
		s.await("the good version again", completed(service, good))
		if after := s.running(); strings.Join(before, " ") != strings.Join(after, " ") {
			t.Errorf("the good tasks were %v and are %v", before, after)
		}
	})
}

func TestAlarmWithoutRollback(t *testing.T) {
	onAlarmStage(t, func(t *testing.T, s *ecsStage) {
		good, bad := s.revision("good", ""), s.revision("bad", "")
		service := s.create(ecs.Service.Token, s.watched(good, false, nil))
		s.await("the good version", completed(service, good))
		if _, err := s.update(service, cloud.Map{"taskDefinition": bad}); err != nil {
			t.Fatal(err)
		}
		s.await("the bad version to serve", baking(service, bad))
		s.setAlarm(cloudwatch.AlarmAlarm)
		s.await("the deployment to fail", func(tx *cloud.Tx) bool {
			d := primary(tx.Get(service.Key))
			return d.TaskDefinition == bad && d.RolloutState == ecs.RolloutFailed && strings.HasSuffix(d.Reason, "alarm detected.")
		})
	})
}

// Of the alarms and the circuit breaker, the one that is first gives a deployment up, and what goes back is not watched.
func TestCircuitBreakerBesideAlarms(t *testing.T) {
	onAlarmStage(t, func(t *testing.T, s *ecsStage) {
		good, bad := s.revision("good", ""), s.revision("bad", "")
		service := s.create(ecs.Service.Token, s.watched(good, true, nil))
		s.await("the good version", completed(service, good))
		s.onBad(func(f *fakeTask) { f.exit(1) })
		if _, err := s.update(service, cloud.Map{"taskDefinition": bad}); err != nil {
			t.Fatal(err)
		}
		s.await("the good version again", func(tx *cloud.Tx) bool { return primary(tx.Get(service.Key)).TaskDefinition == good })
		s.setAlarm(cloudwatch.AlarmAlarm)
		s.await("the rollback's end", completed(service, good))
		if events := s.events(service); !strings.Contains(events, "deployment failed: tasks failed to start.") || strings.Contains(events, "alarm detected") {
			t.Errorf("events:\n%s", events)
		}
	})
}
