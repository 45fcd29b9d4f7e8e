package scaling_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"slipway/localcloud/aws/appautoscaling"
	"slipway/localcloud/aws/appautoscaling/scaling"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/cloudwatch/metrics"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/ecs/scheduler/schedulertest"
	"slipway/localcloud/aws/sqs"
	"slipway/localcloud/cloud"
	"slipway/localcloud/lb"
	"slipway/localcloud/pace"
)

// scalingStage is a service of two running tasks that may have one to ten, without a scheduler. The test says what alarms see.
type scalingStage struct {
	*schedulertest.Stage
	service, target *cloud.Resource
	scaling         *scaling.Scaler
	now             time.Time
	values          map[cloud.Key]float64
}

func (s *scalingStage) Evaluated() <-chan struct{} { return nil }

func (s *scalingStage) Latest(alarm cloud.Key) (float64, bool) {
	v, ok := s.values[alarm]
	return v, ok
}

// scaled are inputs for the stage's service.
func scaled(more cloud.Map) cloud.Map {
	in := cloud.Map{"resourceId": "service/main/hello", "scalableDimension": "ecs:service:DesiredCount", "serviceNamespace": "ecs"}
	for p, v := range more {
		in[p] = v
	}
	return in
}

// tracking are inputs of a policy that keeps a metric of the service at 50 %.
func tracking(metric string, change cloud.Map) cloud.Map {
	config := cloud.Map{"targetValue": 50.0, "predefinedMetricSpecification": cloud.Map{"predefinedMetricType": "ECSServiceAverage" + metric + "Utilization"}}
	for p, v := range change {
		config[p] = v
	}
	return scaled(cloud.Map{"name": metric, "policyType": "TargetTrackingScaling", "targetTrackingScalingPolicyConfiguration": config})
}

func newScalingStage(t *testing.T) *scalingStage {
	t.Helper()
	s := &scalingStage{Stage: schedulertest.NewStage(t), now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), values: map[cloud.Key]float64{}}
	s.scaling = &scaling.Scaler{Store: s.Store, Alarms: s, Log: slog.New(slog.DiscardHandler)}
	s.Stop()
	s.service = s.Make(ecs.Service.Token, s.Stage.Service(s.Revision("v1", ""), cloud.Map{"waitForSteadyState": false}))
	s.target = s.Make(appautoscaling.ScalableTarget.Token, scaled(cloud.Map{"minCapacity": 1.0, "maxCapacity": 10.0}))
	s.run(2)
	return s
}

// change changes a stored resource.
func (s *scalingStage) change(r *cloud.Resource, change func(r *cloud.Resource)) {
	s.T.Helper()
	err := s.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(r.Key).Clone()
		change(r)
		tx.Put(r)
		return nil
	})
	if err != nil {
		s.T.Fatal(err)
	}
}

// run lets so many tasks of the service run, and nothing be deployed.
func (s *scalingStage) run(n int) {
	s.T.Helper()
	s.change(s.service, func(r *cloud.Resource) {
		status := cloud.StatusOf[ecs.ServiceStatus](r)
		status.Primary().Running, status.Primary().RolloutState = n, ecs.RolloutCompleted
		r.SetStatus(status)
	})
}

// see lets a policy's metric have a value: its alarms are what that makes of them.
func (s *scalingStage) see(policy *cloud.Resource, value float64) {
	s.T.Helper()
	of := cloud.StatusOf[appautoscaling.ScalingPolicyStatus](s.Stage.Now(policy))
	for name, breaching := range map[string]bool{of.High: value > 50, of.Low: value < 45} {
		if name == "" {
			continue
		}
		state := cloudwatch.AlarmOK
		if breaching {
			state = cloudwatch.AlarmAlarm
		}
		key := appautoscaling.AlarmKey(awstest.Caller.Scope, name)
		s.values[key] = value
		s.change(&cloud.Resource{Key: key}, func(r *cloud.Resource) { r.SetStatus(cloudwatch.AlarmStatus{State: state}) })
	}
}

// evaluate scales, some time later, and checks the service's desired count.
func (s *scalingStage) evaluate(after time.Duration, want int, why string) {
	s.T.Helper()
	s.now = s.now.Add(after)
	err := s.Store.Update(func(tx *cloud.Tx) error {
		s.scaling.Scale(tx, tx.Get(s.target.Key), s.now)
		return nil
	})
	if err != nil {
		s.T.Fatal(err)
	}
	s.wantDesired(want, why)
}

func (s *scalingStage) wantDesired(want int, why string) {
	s.T.Helper()
	r := s.Stage.Now(s.service)
	if got := ecs.Service.Inputs(r).DesiredCount; got != want || r.Outputs["desiredCount"] != float64(want) || schedulertest.Primary(r).Desired != want {
		s.T.Errorf("%s: %d tasks are wanted (outputs %v, deployment %d), want %d", why, got, r.Outputs["desiredCount"], schedulertest.Primary(r).Desired, want)
	}
}

func TestScaleByOnePolicy(t *testing.T) {
	s := newScalingStage(t)
	cpu := s.Make(appautoscaling.ScalingPolicy.Token, tracking("CPU", nil))
	s.evaluate(0, 2, "before there is data")
	s.see(cpu, 50)
	s.evaluate(time.Minute, 2, "at the target")
	s.see(cpu, 51)
	s.evaluate(time.Minute, 3, "above it")
	name := cloud.StatusOf[appautoscaling.ScalingPolicyStatus](cpu).High
	if got, want := s.Events(s.service), "Cause: monitor alarm "+name+" in state ALARM triggered policy CPU"; !strings.HasSuffix(got, want) {
		t.Errorf("events %s, want %s", got, want)
	}
	s.evaluate(time.Minute, 3, "while the third one starts")
	s.run(3)
	s.see(cpu, 100)
	s.evaluate(time.Minute, 6, "at twice the target")
	s.run(6)
	s.evaluate(time.Minute, 10, "at the maximum")
	s.run(10)
	s.see(cpu, 45)
	s.evaluate(time.Minute, 10, "a tenth below the target")
	s.see(cpu, 21)
	s.evaluate(time.Minute, 5, "further below")
	s.run(5)
	s.see(cpu, 0)
	s.evaluate(time.Minute, 1, "at the minimum")
}

func TestScaleFromNothing(t *testing.T) {
	s := newScalingStage(t)
	cpu := s.Make(appautoscaling.ScalingPolicy.Token, tracking("CPU", nil))
	s.change(s.target, func(r *cloud.Resource) { r.Inputs["minCapacity"] = 0.0 })
	s.see(cpu, 0)
	s.evaluate(0, 0, "without load")
	s.run(0)
	s.evaluate(time.Minute, 0, "without tasks")
	s.see(cpu, 500)
	s.evaluate(time.Minute, 1, "with load and without tasks")
}

func TestScaleBySeveralPolicies(t *testing.T) {
	s := newScalingStage(t)
	cpu, memory := s.Make(appautoscaling.ScalingPolicy.Token, tracking("CPU", nil)), s.Make(appautoscaling.ScalingPolicy.Token, tracking("Memory", nil))
	s.see(cpu, 100)
	s.see(memory, 20)
	s.evaluate(0, 4, "one wants more")
	s.run(4)
	s.see(memory, 75)
	s.evaluate(time.Minute, 8, "both want more")
	s.run(8)
	s.see(cpu, 20)
	s.see(memory, 50)
	s.evaluate(time.Minute, 8, "one wants fewer")
	s.see(memory, 30)
	s.evaluate(time.Minute, 5, "both want fewer")
	s.run(5)
	// A policy that never wants fewer does not keep the others from it.
	if _, err := s.Edit(memory, tracking("Memory", cloud.Map{"disableScaleIn": true})); err != nil {
		t.Fatal(err)
	}
	s.see(memory, 50)
	s.evaluate(time.Minute, 2, "the only one that may wants fewer")
	s.run(2)
	if _, err := s.Edit(cpu, tracking("CPU", cloud.Map{"disableScaleIn": true})); err != nil {
		t.Fatal(err)
	}
	s.see(cpu, 0)
	s.evaluate(time.Minute, 2, "none may want fewer")
}

func TestScaleOutCooldown(t *testing.T) {
	s := newScalingStage(t)
	s.scaling.Pace = 0.1 // 6 seconds
	cpu := s.Make(appautoscaling.ScalingPolicy.Token, tracking("CPU", cloud.Map{"scaleOutCooldown": 60.0}))
	s.see(cpu, 100)
	s.evaluate(0, 4, "at twice the target")
	s.run(4)
	s.see(cpu, 60) // 5 tasks are wanted: one more, and two have been added
	s.evaluate(5*time.Second, 4, "in the cooldown")
	s.see(cpu, 90) // 8 are wanted: four more, and two have been added
	s.evaluate(0, 6, "in the cooldown, with more load")
	s.run(6)
	s.see(cpu, 60)
	s.evaluate(5*time.Second, 6, "in the cooldown that has begun anew")
	s.evaluate(time.Second, 8, "after it")
}

func TestScaleInCooldown(t *testing.T) {
	s := newScalingStage(t)
	cpu := s.Make(appautoscaling.ScalingPolicy.Token, tracking("CPU", cloud.Map{"scaleInCooldown": 60.0}))
	s.see(cpu, 200)
	s.evaluate(0, 8, "at four times the target")
	s.run(8)
	s.see(cpu, 25)
	s.evaluate(time.Second, 4, "at half of it")
	s.run(4)
	s.evaluate(59*time.Second, 4, "in the cooldown")
	s.evaluate(time.Second, 2, "after it")
	s.run(2)
	s.see(cpu, 100)
	s.evaluate(time.Second, 4, "scaling out does not wait for it")
	s.run(4)
	s.see(cpu, 25)
	s.evaluate(time.Second, 2, "and ends it")
}

func TestWhatKeepsFromScaling(t *testing.T) {
	s := newScalingStage(t)
	cpu := s.Make(appautoscaling.ScalingPolicy.Token, tracking("CPU", nil))
	suspend := func(in, out bool) {
		s.change(s.target, func(r *cloud.Resource) {
			r.Inputs["suspendedState"] = cloud.Map{"dynamicScalingInSuspended": in, "dynamicScalingOutSuspended": out}
		})
	}
	suspend(false, true)
	s.see(cpu, 100)
	s.evaluate(0, 2, "scaling out is suspended")
	suspend(true, false)
	s.evaluate(time.Minute, 4, "only scaling in is suspended")
	s.run(4)
	s.see(cpu, 10)
	s.evaluate(time.Minute, 4, "scaling in is suspended")
	suspend(false, false)
	rollout := func(state string) {
		s.change(s.service, func(r *cloud.Resource) {
			status := cloud.StatusOf[ecs.ServiceStatus](r)
			status.Primary().RolloutState = state
			r.SetStatus(status)
		})
	}
	rollout(ecs.RolloutInProgress)
	s.evaluate(time.Minute, 4, "nothing is scaled in while something is deployed")
	s.see(cpu, 60)
	s.evaluate(time.Minute, 5, "but out")
	rollout(ecs.RolloutCompleted)
	s.run(5)
	s.change(s.service, func(r *cloud.Resource) {
		status := cloud.StatusOf[ecs.ServiceStatus](r)
		status.Status = ecs.ServiceDraining
		r.SetStatus(status)
	})
	s.evaluate(time.Minute, 5, "the service is being deleted")
}

func TestScheduledActions(t *testing.T) {
	s := newScalingStage(t)
	action := s.Make(appautoscaling.ScheduledAction.Token, scaled(cloud.Map{
		"name": "more", "schedule": "cron(0/10 * * * ? *)", "scalableTargetAction": cloud.Map{"minCapacity": 3.0},
	}))
	since := func(at time.Time) {
		s.change(action, func(r *cloud.Resource) { r.SetStatus(appautoscaling.ScheduledActionStatus{Since: at}) })
	}
	since(s.now)
	at := func(minute int, wake int) {
		t.Helper()
		var next time.Time
		err := s.Store.Update(func(tx *cloud.Tx) error {
			next = s.scaling.Schedule(tx, s.now.Add(time.Duration(minute)*time.Minute))
			return nil
		})
		if err != nil || !next.Equal(s.now.Add(time.Duration(wake)*time.Minute)) {
			t.Errorf("after minute %d it wakes at %s, %v", minute, next, err)
		}
	}
	bounds := func(low, high float64) {
		t.Helper()
		for _, m := range []cloud.Map{s.Stage.Now(s.target).Inputs, s.Stage.Now(s.target).Outputs} {
			if m["minCapacity"] != low || m["maxCapacity"] != high {
				t.Errorf("the bounds are %v and %v, want %g and %g", m["minCapacity"], m["maxCapacity"], low, high)
			}
		}
	}
	at(9, 10)
	s.wantDesired(2, "before it is due")
	at(10, 20)
	s.wantDesired(3, "when it is due")
	bounds(3, 10)

	set := func(low, high any) {
		s.change(action, func(r *cloud.Resource) {
			r.Inputs["scalableTargetAction"] = cloud.Map{"minCapacity": low, "maxCapacity": high}
		})
	}
	set(nil, 2.0)
	at(20, 30)
	s.wantDesired(3, "with a maximum that is less than the minimum")
	bounds(3, 10)
	set(0.0, 2.0)
	s.change(s.target, func(r *cloud.Resource) { r.Inputs["suspendedState"] = cloud.Map{"scheduledScalingSuspended": true} })
	at(30, 40)
	s.wantDesired(3, "while schedules are suspended")
	s.change(s.target, func(r *cloud.Resource) { r.Inputs["suspendedState"] = cloud.Map{} })
	at(40, 50)
	s.wantDesired(2, "with a maximum")
	bounds(0, 2)
	if got, want := s.Events(s.service), "Cause: scheduled action name more was triggered"; !strings.HasSuffix(got, want) {
		t.Errorf("events %s, want %s", got, want)
	}
	// An action that came due several times between two looks is done once.
	at(95, 100)
	if err := s.Delete(t.Context(), awstest.Caller, action.Token, action.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Store.Update(func(tx *cloud.Tx) error {
		if wake := s.scaling.Schedule(tx, s.now); !wake.IsZero() {
			t.Errorf("without actions it wakes at %s", wake)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// load is the load on a service's tasks together: a percentage of one task's memory, requests a minute, and messages in a queue.
type load struct {
	s *schedulertest.Stage

	mu       sync.Mutex
	percent  int64
	requests float64
	messages int
	total    float64 // of the requests until at
	at       time.Time
}

func (l *load) set(percent int64, requests float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count()
	l.percent, l.requests = percent, requests
}

func (l *load) count() {
	now := time.Now()
	if !l.at.IsZero() {
		l.total += l.requests * float64(now.Sub(l.at)) / float64(testPace.Real(time.Minute))
	}
	l.at = now
}

// Counts implements [metrics.QueueCounts].
func (l *load) Counts(*cloud.Resource) sqs.Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return sqs.Counts{Visible: l.messages}
}

// wait lets so many messages wait in the queue.
func (l *load) wait(messages int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.messages = messages
}

func (l *load) running() (tasks []*cloud.Resource) {
	l.s.Store.View(func(tx *cloud.Tx) { tasks = l.s.Tasks(tx)[ecs.TaskRunning] })
	return tasks
}

func (l *load) Usage(cloud.Key) (out []ecs.Usage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	running := l.running()
	for _, r := range running {
		out = append(out, ecs.Usage{Task: r.ID, CPUUnits: 256, Memory: l.percent * 1000 / int64(len(running)), MemoryLimit: 100_000})
	}
	return out
}

func (l *load) Metrics(key cloud.Key) (lb.Metrics, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count()
	return lb.Metrics{TargetGroups: map[string]lb.TargetGroupMetrics{
		l.s.BalancerGroup: {Requests: uint64(l.total), HealthyHosts: len(l.running())},
	}}, key.ID == awstest.BalancerARN
}

// loadedStage is a service under load with a cloud around it in which nothing but containers and load balancers is make-believe.
// It has two tasks, and may have up to six.
type loadedStage struct {
	*schedulertest.Stage
	load            *load
	revision        string
	service, target *cloud.Resource
}

const testPace = pace.Pace(0.1)

// newLoadedStage runs the stage until the test ends, which is in a bubble.
func newLoadedStage(t *testing.T) *loadedStage {
	t.Helper()
	s := &loadedStage{Stage: schedulertest.NewStage(t)}
	s.load = &load{s: s.Stage}
	metrics := &metrics.Metrics{Store: s.Store, Balancers: s.load, Tasks: s.load, Queues: s.load, Pace: testPace}
	scaling := &scaling.Scaler{Store: s.Store, Alarms: metrics, Pace: testPace, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, controller := range []interface{ Run(context.Context) error }{metrics, scaling} {
		running.Go(func() {
			if err := controller.Run(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("%T ended with %v", controller, err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	s.revision = s.Stage.Revision("v1", "")
	s.service = s.Make(ecs.Service.Token, s.Stage.Service(s.revision, nil))
	s.target = s.Make(appautoscaling.ScalableTarget.Token, scaled(cloud.Map{"minCapacity": 2.0, "maxCapacity": 6.0}))
	return s
}

// follow waits until so many tasks run, and checks how many of the cloud's minutes that took.
func (s *loadedStage) follow(n, from, to int) {
	s.T.Helper()
	begun, minute := time.Now(), testPace.Real(time.Minute)
	ctx, cancel := context.WithTimeout(s.T.Context(), time.Hour)
	defer cancel()
	if err := s.Store.Wait(ctx, func(tx *cloud.Tx) (bool, error) { return s.Steady(s.service, s.revision, n)(tx), nil }); err != nil {
		s.T.Fatalf("waiting for %d tasks: %v\n%s", n, err, s.Report())
	}
	if took := time.Since(begun); took < time.Duration(from)*minute || took > time.Duration(to)*minute {
		s.T.Errorf("%d tasks ran after %g minutes, want %d to %d", n, took.Seconds()/minute.Seconds(), from, to)
	}
}

// stays lets minutes of the cloud pass, and checks the desired count in each.
func (s *loadedStage) stays(n, minutes int) {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(s.T.Context(), time.Duration(minutes)*testPace.Real(time.Minute))
	defer cancel()
	err := s.Store.Wait(ctx, func(tx *cloud.Tx) (bool, error) {
		return schedulertest.Primary(tx.Get(s.service.Key)).Desired != n, nil
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		s.T.Errorf("instead of %d, %d tasks are wanted (%v)", n, schedulertest.Primary(s.Now(s.service)).Desired, err)
	}
}

// The backlog of a queue for each task decides how many run, down to none and up from there.
func TestServiceFollowsItsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLoadedStage(t)
		metric := func(id, namespace, name, stat string, dimensions ...any) cloud.Map {
			return cloud.Map{"id": id, "returnData": false, "metricStat": cloud.Map{"stat": stat, "metric": cloud.Map{"namespace": namespace, "metricName": name, "dimensions": dimensions}}}
		}
		dimension := func(name, value string) any { return cloud.Map{"name": name, "value": value} }
		s.Make(appautoscaling.ScalingPolicy.Token, tracking("Queue", cloud.Map{
			"targetValue": 10.0, "predefinedMetricSpecification": nil, "customizedMetricSpecification": cloud.Map{"metrics": []any{
				metric("messages", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", dimension("QueueName", "orders")),
				metric("tasks", "ECS/ContainerInsights", "RunningTaskCount", "Average", dimension("ClusterName", "main"), dimension("ServiceName", "hello")),
				cloud.Map{"id": "backlog", "expression": "IF(FILL(tasks, 0) > 0, messages / tasks, messages)", "returnData": true},
			}},
		}))
		edit := func(r *cloud.Resource, in cloud.Map) {
			t.Helper()
			if _, err := s.Edit(r, in); err != nil {
				t.Fatal(err)
			}
		}
		edit(s.target, scaled(cloud.Map{"minCapacity": 0.0, "maxCapacity": 6.0}))
		s.load.wait(40)
		s.stays(2, 30) // there is no queue, and so no data
		s.Make(sqs.QueueToken, cloud.Map{"name": "orders"})
		s.follow(6, 2, 5) // without Container Insights no task is counted, and the backlog is 40
		s.load.wait(0)
		s.follow(0, 14, 17)
		edit(s.Now(&cloud.Resource{Key: cloud.Key{Scope: s.service.Scope, Token: ecs.ClusterToken, ID: s.Cluster}}), cloud.Map{
			"name": "main", "settings": []any{cloud.Map{"name": "containerInsights", "value": "enabled"}},
		})
		s.load.wait(9)
		s.stays(0, 10)
		s.load.wait(21)
		s.follow(1, 2, 5)
		s.follow(3, 0, 4)
		s.load.wait(30)
		s.stays(3, 10)
	})
}

// Metrics, alarms, a service's scaling and its scheduler, together and on the cloud's clock.
func TestServiceFollowsItsLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLoadedStage(t)
		s.Make(appautoscaling.ScalingPolicy.Token, tracking("Memory", nil))
		s.load.set(190, 0) // 95 % for each of two tasks
		s.follow(4, 2, 4)
		s.load.set(60, 0) // 15 % for each of four
		s.follow(2, 14, 16)
		s.load.set(1000, 0)
		s.follow(4, 2, 4) // at most 100 % each
		s.follow(6, 0, 4)

		// A new version has as many tasks as the last one was scaled to.
		s.revision = s.Stage.Revision("v2", "")
		updated, err := s.Edit(s.service, cloud.Map{"taskDefinition": s.revision})
		if err != nil || updated.Outputs["desiredCount"] != 6.0 {
			t.Fatal(updated, err)
		}
		s.follow(6, 0, 1)

		action := s.Make(appautoscaling.ScheduledAction.Token, scaled(cloud.Map{
			"name": "less", "schedule": "rate(5 minutes)", "scalableTargetAction": cloud.Map{"minCapacity": 1.0, "maxCapacity": 3.0},
		}))
		s.follow(3, 5, 5)
		s.stays(3, 20) // with any load
		if err := s.Delete(t.Context(), awstest.Caller, action.Token, action.ID, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Edit(s.target, cloud.Map{"minCapacity": 5.0, "maxCapacity": 5.0}); err != nil {
			t.Fatal(err)
		}
		s.follow(5, 0, 0)

		s.load.set(0, 0)
		if err := s.Delete(t.Context(), awstest.Caller, s.target.Token, s.target.ID, 0); err != nil {
			t.Fatal(err)
		}
		s.stays(5, 20) // without scaling
	})
}

func TestServiceFollowsItsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLoadedStage(t)
		_, balancer, _ := strings.Cut(awstest.BalancerARN, ":loadbalancer/")
		group := s.BalancerGroup[strings.LastIndex(s.BalancerGroup, ":")+1:]
		s.Make(appautoscaling.ScalingPolicy.Token, scaled(cloud.Map{
			"name": "requests", "policyType": "TargetTrackingScaling", "targetTrackingScalingPolicyConfiguration": cloud.Map{
				"targetValue": 100.0, "scaleOutCooldown": 60.0, "scaleInCooldown": 120.0,
				"predefinedMetricSpecification": cloud.Map{"predefinedMetricType": "ALBRequestCountPerTarget", "resourceLabel": balancer + "/" + group},
			},
		}))
		s.load.set(0, 200)
		s.stays(2, 20)
		s.load.set(0, 480)
		s.follow(5, 2, 4)
		s.stays(5, 20)
		s.load.set(0, 130)
		s.follow(2, 14, 16)
		s.load.set(0, 10_000)
		s.follow(6, 2, 4)

		// What scales a service goes with it.
		if err := s.Delete(t.Context(), awstest.Caller, s.service.Token, s.service.ID, 0); err != nil {
			t.Fatal(err)
		}
		s.Store.View(func(tx *cloud.Tx) {
			for _, token := range []string{appautoscaling.ScalableTarget.Token, appautoscaling.ScalingPolicy.Token, cloudwatch.MetricAlarm.Token} {
				if left := tx.Everywhere(token); len(left) > 0 {
					t.Errorf("left of the service: %v", left)
				}
			}
		})
	})
}
