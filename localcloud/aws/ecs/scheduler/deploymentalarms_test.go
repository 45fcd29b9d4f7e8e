package scheduler_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/ecs/scheduler/schedulertest"
	"slipway/localcloud/cloud"
	"slipway/localcloud/pace"
)

// bakeTime is that of deployments that watch the stage's alarm.
const bakeTime = 3 * time.Second

// onAlarmStage runs the test on a stage with an alarm, in a bubble of time.
func onAlarmStage(t *testing.T, test func(t *testing.T, s *schedulertest.Stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := schedulertest.NewStage(t)
		s.Stop()
		s.NewScheduler()
		s.Scheduler.Pace = pace.Pace(bakeTime.Seconds() / 60)
		s.Run()
		s.Make(cloudwatch.MetricAlarm.Token, cloud.Map{
			"name": "errors", "namespace": cloudwatch.NamespaceELB, "metricName": cloudwatch.Target5XXCount, "statistic": cloudwatch.Sum, "period": 60.0,
			"dimensions":         cloud.Map{"LoadBalancer": "app/web/1", "TargetGroup": "targetgroup/tasks/2"},
			"comparisonOperator": "GreaterThanThreshold", "threshold": 0.0, "evaluationPeriods": 1.0,
		})
		test(t, s)
	})
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
	onAlarmStage(t, func(t *testing.T, s *schedulertest.Stage) {
		first, second := s.Revision("v1", ""), s.Revision("v2", "")
		service := s.Make(ecs.Service.Token, s.Watched(first, true, nil))
		s.Await("the first version to serve", baking(service, first))
		begun := time.Now()
		s.Await("the first deployment", completed(service, first))
		if took := time.Since(begun); took != bakeTime {
			t.Errorf("the first deployment was watched for %s, want %s", took, bakeTime)
		}

		begun = time.Now()
		if _, err := s.Edit(service, cloud.Map{"taskDefinition": second, "waitForSteadyState": true}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < bakeTime {
			t.Errorf("the provider waited for %s, want the bake time of %s at least", took, bakeTime)
		}
		s.Await("the second deployment", completed(service, second))

		third := s.Revision("v3", "")
		if _, err := s.Edit(service, cloud.Map{"taskDefinition": third, "waitForSteadyState": false}); err != nil {
			t.Fatal(err)
		}
		s.Await("the third version to serve", baking(service, third))
		status := cloud.StatusOf[ecs.ServiceStatus](s.Now(service))
		if len(status.Deployments) != 2 || status.Deployments[1].TaskDefinition != second || status.Deployments[1].Status != ecs.DeploymentActive {
			t.Errorf("while it bakes, the deployments are %+v", status.Deployments)
		}
		// Who turns the alarms off need not wait.
		begun = time.Now()
		if _, err := s.Edit(service, cloud.Map{"alarms": cloud.Map{"enable": false, "rollback": false, "alarmNames": []any{"errors"}}}); err != nil {
			t.Fatal(err)
		}
		s.Await("the third deployment", completed(service, third))
		if took := time.Since(begun); took != 0 {
			t.Errorf("without alarms it took %s", took)
		}
	})
}

func TestAlarmRollsBack(t *testing.T) {
	onAlarmStage(t, func(t *testing.T, s *schedulertest.Stage) {
		good, bad := s.Revision("good", ""), s.Revision("bad", "")
		service := s.Make(ecs.Service.Token, s.Watched(good, true, nil))
		s.Await("the good version", completed(service, good))
		if _, err := s.Edit(service, cloud.Map{"taskDefinition": bad}); err != nil {
			t.Fatal(err)
		}
		s.Await("the bad version to serve", baking(service, bad))
		s.SetAlarm(cloudwatch.AlarmAlarm)
		s.Await("the good version again", completed(service, good))
		s.Await("its tasks", s.Steady(service, good, 2))
		if r := s.Now(service); r.Inputs["taskDefinition"] != good || r.Outputs["taskDefinition"] != good {
			t.Errorf("a describe shows %v", r.Outputs["taskDefinition"])
		}
		events := s.Events(service)
		for _, want := range []string{"deployment failed: alarm detected.", "rolling back to deployment ecs-svc/"} {
			if !strings.Contains(events, want) {
				t.Errorf("no %q in\n%s", want, events)
			}
		}

		// A fix can be deployed while the alarm is still in ALARM, and is not watched.
		fixed := s.Revision("fixed", "")
		begun := time.Now()
		if _, err := s.Edit(service, cloud.Map{"taskDefinition": fixed, "waitForSteadyState": true}); err != nil {
			t.Fatal(err)
		}
		s.Await("the fixed version", completed(service, fixed))
		if took := time.Since(begun); took >= bakeTime {
			t.Errorf("a deployment that is not watched took %s", took)
		}
	})
}

// A deployment is not watched before one of its tasks runs, and is given up before all of them do.
func TestAlarmInTheMiddleOfARollout(t *testing.T) {
	onAlarmStage(t, func(t *testing.T, s *schedulertest.Stage) {
		good, bad := s.Revision("good", ""), s.Revision("bad", "")
		service := s.Make(ecs.Service.Token, s.Watched(good, true, nil))
		s.Await("the good version", completed(service, good))
		before := s.Running()
		start := make(chan struct{})
		s.OnBad(func(f *schedulertest.FakeTask) {
			<-start
			f.Run()
		})
		s.Mu.Lock()
		s.Sick = func(image string) bool { return image == "bad" }
		s.Mu.Unlock()
		if _, err := s.Edit(service, cloud.Map{"taskDefinition": bad, "healthCheckGracePeriodSeconds": 60.0}); err != nil {
			t.Fatal(err)
		}
		s.Await("tasks of the bad version", func(tx *cloud.Tx) bool { return len(s.Tasks(tx)[ecs.TaskPending]) == 2 })
		s.SetAlarm(cloudwatch.AlarmAlarm)
		synctest.Wait()
		if d := schedulertest.Primary(s.Now(service)); d.TaskDefinition != bad || d.RolloutState != ecs.RolloutInProgress {
			t.Errorf("before a task of it runs: %+v", d)
		}
		close(start)
		s.Await("the good version again", completed(service, good))
		if after := s.Running(); strings.Join(before, " ") != strings.Join(after, " ") {
			t.Errorf("the good tasks were %v and are %v", before, after)
		}
	})
}

func TestAlarmWithoutRollback(t *testing.T) {
	onAlarmStage(t, func(t *testing.T, s *schedulertest.Stage) {
		good, bad := s.Revision("good", ""), s.Revision("bad", "")
		service := s.Make(ecs.Service.Token, s.Watched(good, false, nil))
		s.Await("the good version", completed(service, good))
		if _, err := s.Edit(service, cloud.Map{"taskDefinition": bad}); err != nil {
			t.Fatal(err)
		}
		s.Await("the bad version to serve", baking(service, bad))
		s.SetAlarm(cloudwatch.AlarmAlarm)
		s.Await("the deployment to fail", func(tx *cloud.Tx) bool {
			d := schedulertest.Primary(tx.Get(service.Key))
			return d.TaskDefinition == bad && d.RolloutState == ecs.RolloutFailed && strings.HasSuffix(d.Reason, "alarm detected.")
		})
	})
}

// The first of the alarms and the circuit breaker fails a deployment, and the rollback is not watched.
func TestCircuitBreakerBesideAlarms(t *testing.T) {
	onAlarmStage(t, func(t *testing.T, s *schedulertest.Stage) {
		good, bad := s.Revision("good", ""), s.Revision("bad", "")
		service := s.Make(ecs.Service.Token, s.Watched(good, true, nil))
		s.Await("the good version", completed(service, good))
		s.OnBad(func(f *schedulertest.FakeTask) { f.Exit(1) })
		if _, err := s.Edit(service, cloud.Map{"taskDefinition": bad}); err != nil {
			t.Fatal(err)
		}
		s.Await("the good version again", func(tx *cloud.Tx) bool { return schedulertest.Primary(tx.Get(service.Key)).TaskDefinition == good })
		s.SetAlarm(cloudwatch.AlarmAlarm)
		s.Await("the rollback's end", completed(service, good))
		if events := s.Events(service); !strings.Contains(events, "deployment failed: tasks failed to start.") || strings.Contains(events, "alarm detected") {
			t.Errorf("events:\n%s", events)
		}
	})
}
