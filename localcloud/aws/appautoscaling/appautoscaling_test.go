package appautoscaling_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/appautoscaling"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

// scaledStage is a service with two tasks behind a load balancer, to scale.
type scaledStage struct {
	*awstest.ECSStage
	service *cloud.Resource
}

func newScaledStage(t *testing.T) *scaledStage {
	t.Helper()
	s := &scaledStage{ECSStage: awstest.NewECSStage(t)}
	s.Add(cloudwatch.Kinds()...)
	s.Add(appautoscaling.Kinds()...)
	s.service = s.Make(ecs.ServiceToken, s.ECSStage.Service(nil))
	return s
}

func bounds(low, high float64) cloud.Map {
	return awstest.Scaled(cloud.Map{"minCapacity": low, "maxCapacity": high})
}

// tracking are inputs of a policy that keeps a metric at 60.
func tracking(metric string, change cloud.Map) cloud.Map {
	return awstest.Scaled(cloud.Map{"name": "track", "policyType": "TargetTrackingScaling", "targetTrackingScalingPolicyConfiguration": awstest.With(cloud.Map{
		"targetValue": 60.0, "predefinedMetricSpecification": cloud.Map{"predefinedMetricType": metric},
	}, change)})
}

// nightly are inputs of a scheduled action.
func nightly(change cloud.Map) cloud.Map {
	return awstest.With(awstest.Scaled(cloud.Map{
		"name": "night", "schedule": "cron(0 22 * * ? *)", "timezone": "Europe/Berlin",
		"scalableTargetAction": cloud.Map{"minCapacity": 1.0, "maxCapacity": 2.0},
	}), change)
}

// desired returns the service's desired count, which must be the same everywhere, and its newest event.
func (s *scaledStage) desired() (n int, event string) {
	s.T.Helper()
	s.Store.View(func(tx *cloud.Tx) {
		r := tx.Get(s.service.Key)
		status := cloud.StatusOf[ecs.ServiceStatus](r)
		n = cloud.InputsOf[ecs.ServiceSpec](r).DesiredCount
		if r.Outputs["desiredCount"] != float64(n) || status.Primary().Desired != n {
			s.T.Errorf("of the service: inputs %d, outputs %v, deployment %d", n, r.Outputs["desiredCount"], status.Primary().Desired)
		}
		if len(status.Events) > 0 {
			event = status.Events[len(status.Events)-1].Message
		}
	})
	return n, event
}

func (s *scaledStage) wantDesired(want int, cause string) {
	s.T.Helper()
	if n, event := s.desired(); n != want || !strings.HasSuffix(event, cause) {
		s.T.Errorf("%d tasks are wanted, because %q; want %d, because %q", n, event, want, cause)
	}
}

func TestScalableTarget(t *testing.T) {
	s := newScaledStage(t)
	_, before := s.desired()
	r := s.Make(appautoscaling.ScalableTargetToken, bounds(2, 4))
	if r.ID != awstest.ScaledService || r.Outputs["roleArn"] != awstest.ScaleRole || !strings.HasPrefix(r.Outputs["arn"].(string), "arn:aws:application-autoscaling:eu-central-1:000000000000:scalable-target/") {
		t.Errorf("id %s, role %v, arn %v", r.ID, r.Outputs["roleArn"], r.Outputs["arn"])
	}
	s.wantDesired(2, before)
	r, err := s.Edit(r, cloud.Map{"minCapacity": 3.0})
	if err != nil {
		t.Fatal(err)
	}
	s.wantDesired(3, "(service hello) Successfully set desired count to 3. Waiting for change to be fulfilled by ecs. Cause: minimum capacity was set to 3")
	if r, err = s.Edit(r, cloud.Map{"minCapacity": 0.0, "maxCapacity": 1.0}); err != nil {
		t.Fatal(err)
	}
	s.wantDesired(1, "Cause: maximum capacity was set to 1")
	_, err = s.Edit(r, cloud.Map{"minCapacity": 2.0})
	s.Refused(err, "ValidationException", "Maximum capacity cannot be less than minimum capacity")
	s.wantDesired(1, "maximum capacity was set to 1")

	// What belongs to the target goes with it. The number of tasks stays.
	s.Make(appautoscaling.ScalingPolicyToken, tracking(appautoscaling.ServiceCPU, nil))
	s.Make(appautoscaling.ScheduledActionToken, nightly(nil))
	s.Remove(r)
	s.wantDesired(1, "maximum capacity was set to 1")
	for _, token := range []string{appautoscaling.ScalableTargetToken, appautoscaling.ScalingPolicyToken, appautoscaling.ScheduledActionToken, cloudwatch.MetricAlarmToken} {
		if left := s.Living(token); len(left) > 0 {
			t.Errorf("left of the target: %v", left)
		}
	}

	// Registering brings the number within the bounds as well.
	r = s.Make(appautoscaling.ScalableTargetToken, bounds(2, 4))
	s.wantDesired(2, "minimum capacity was set to 2")
	s.Remove(r)
	s.Make(appautoscaling.ScalableTargetToken, bounds(0, 1))
	s.wantDesired(1, "maximum capacity was set to 1")
}

// Registering a target again changes it, except its tags. Its role is always ECS's service-linked one.
func TestScalableTargetAgain(t *testing.T) {
	s := newScaledStage(t)
	tagged := awstest.With(bounds(1, 4), cloud.Map{"tags": cloud.Map{"Stack": "dev"}})
	r := s.Make(appautoscaling.ScalableTargetToken, tagged)
	_, err := s.Try(appautoscaling.ScalableTargetToken, tagged)
	s.Refused(err, "ValidationException", "The scalable target that you tried to tag already exists.")
	again, err := s.Attempt(awstest.Here, appautoscaling.ScalableTargetToken, awstest.With(bounds(3, 4), cloud.Map{"roleArn": "arn:aws:iam::000000000000:role/scaler"}))
	if err != nil || again.Outputs["arn"] != r.Outputs["arn"] || again.Outputs["roleArn"] != awstest.ScaleRole {
		t.Errorf("registered again: %v, %v", again, err)
	}
	s.wantDesired(3, "minimum capacity was set to 3")
}

// What scales a service goes with it.
func TestRemoveService(t *testing.T) {
	s := newScaledStage(t)
	other := s.Make(ecs.ServiceToken, s.ECSStage.Service(cloud.Map{"name": "goodbye"}))
	for _, name := range []string{"hello", "goodbye"} {
		of := cloud.Map{"resourceId": "service/main/" + name}
		s.Make(appautoscaling.ScalableTargetToken, awstest.With(bounds(1, 4), of))
		s.Make(appautoscaling.ScalingPolicyToken, awstest.With(tracking(appautoscaling.ServiceCPU, nil), awstest.With(of, cloud.Map{"name": name})))
		s.Make(appautoscaling.ScheduledActionToken, awstest.With(nightly(nil), of))
	}
	remove := func(service *cloud.Resource, left int) {
		t.Helper()
		if err := s.Store.Update(func(tx *cloud.Tx) error {
			appautoscaling.ServiceRemoved(tx, tx.Get(service.Key))
			tx.Delete(service.Key)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for token, want := range map[string]int{
			ecs.ServiceToken: left, appautoscaling.ScalableTargetToken: left, appautoscaling.ScalingPolicyToken: left, appautoscaling.ScheduledActionToken: left, cloudwatch.MetricAlarmToken: 2 * left,
		} {
			if got := s.Living(token); len(got) != want {
				t.Errorf("of %s are left %v, want %d", token, got, want)
			}
		}
	}
	remove(other, 1)
	remove(s.service, 0)
}

func TestSetBounds(t *testing.T) {
	s := newScaledStage(t)
	key := s.Make(appautoscaling.ScalableTargetToken, bounds(1, 4)).Key
	set := func(low, high int) (err error) {
		if updateErr := s.Store.Update(func(tx *cloud.Tx) error {
			err = appautoscaling.SetBounds(tx, tx.Get(key), low, high, "it is night")
			return nil
		}); updateErr != nil {
			t.Fatal(updateErr)
		}
		return err
	}
	if err := set(3, 5); err != nil {
		t.Fatal(err)
	}
	s.wantDesired(3, "Cause: it is night")
	s.Refused(set(6, 5), "ValidationException", "Maximum capacity cannot be less")
	s.Store.View(func(tx *cloud.Tx) {
		r := tx.Get(key)
		for _, m := range []cloud.Map{r.Inputs, r.Outputs} {
			if m["minCapacity"] != 3.0 || m["maxCapacity"] != 5.0 {
				t.Errorf("a describe shows %v to %v", m["minCapacity"], m["maxCapacity"])
			}
		}
		if appautoscaling.ServiceOf(tx, r) == nil {
			t.Error("the target's service is not found")
		}
	})
}

func TestScalingRefusals(t *testing.T) {
	label := func(text string) cloud.Map {
		return cloud.Map{"predefinedMetricSpecification": cloud.Map{"predefinedMetricType": appautoscaling.RequestPerTarget, "resourceLabel": text}}
	}
	action := func(low, high any) cloud.Map {
		return cloud.Map{"scalableTargetAction": cloud.Map{"minCapacity": low, "maxCapacity": high}}
	}
	customized := func(metric cloud.Map) cloud.Map {
		return tracking(appautoscaling.ServiceCPU, cloud.Map{"predefinedMetricSpecification": nil, "customizedMetricSpecification": metric})
	}
	for _, tt := range []struct {
		name        string
		token       string
		in          cloud.Map
		code, words string
	}{
		{"bounds", appautoscaling.ScalableTargetToken, bounds(3, 2), "ValidationException", "Maximum capacity cannot be less than minimum capacity"},
		{"minimum", appautoscaling.ScalableTargetToken, bounds(-1, 2), "ValidationException", "Minimum capacity must be greater"},
		{"maximum", appautoscaling.ScalableTargetToken, bounds(0, -1), "ValidationException", "Maximum capacity must be greater"},
		{"no service", appautoscaling.ScalableTargetToken, awstest.With(bounds(1, 2), cloud.Map{"resourceId": "service/main/goodbye"}), "ValidationException", "ECS service doesn't exist: service/main/goodbye"},
		{"no service at all", appautoscaling.ScalableTargetToken, awstest.With(bounds(1, 2), cloud.Map{"resourceId": "cluster/main"}), "ValidationException", "ECS service doesn't exist: cluster/main"},
		{"namespace", appautoscaling.ScalableTargetToken, awstest.With(bounds(1, 2), cloud.Map{"serviceNamespace": "dynamodb"}), "Check", "scaling what belongs to dynamodb"},
		{"dimension", appautoscaling.ScalableTargetToken, awstest.With(bounds(1, 2), cloud.Map{"scalableDimension": "dynamodb:table:ReadCapacityUnits"}), "Check", "scaling dynamodb:table:ReadCapacityUnits"},

		{"no target of policy", appautoscaling.ScalingPolicyToken, awstest.With(tracking(appautoscaling.ServiceCPU, nil), cloud.Map{"resourceId": "service/main/goodbye"}), "ObjectNotFoundException", "resource ID: service/main/goodbye"},
		{"step scaling", appautoscaling.ScalingPolicyToken, awstest.With(tracking(appautoscaling.ServiceCPU, nil), cloud.Map{"policyType": "StepScaling"}), "Check", "a scaling policy of type StepScaling"},
		{"policy type", appautoscaling.ScalingPolicyToken, awstest.With(tracking(appautoscaling.ServiceCPU, nil), cloud.Map{"policyType": nil}), "Check", "a scaling policy of type StepScaling"},
		{"steps", appautoscaling.ScalingPolicyToken, awstest.With(tracking(appautoscaling.ServiceCPU, nil), cloud.Map{"stepScalingPolicyConfiguration": cloud.Map{"cooldown": 1.0}}), "Check", "step scaling"},
		{"two metrics", appautoscaling.ScalingPolicyToken, tracking(appautoscaling.ServiceCPU, cloud.Map{"customizedMetricSpecification": cloud.Map{"metricName": "Queue"}}), "ValidationException", "exactly one of PredefinedMetricSpecification"},
		{"unknown metric", appautoscaling.ScalingPolicyToken, customized(cloud.Map{"metricName": "Queue", "namespace": "Mine", "statistic": "Average"}), "ValidationException", `metrics of namespace "Mine"`},
		{"no statistic", appautoscaling.ScalingPolicyToken, customized(cloud.Map{"metricName": "CPUUtilization", "namespace": "AWS/ECS"}), "ValidationException", "MetricName, Namespace, Period and Statistic"},
		{"no result", appautoscaling.ScalingPolicyToken, customized(cloud.Map{"metrics": []any{cloud.Map{"id": "a", "expression": "b / m"}, cloud.Map{
			"id": "m", "returnData": false, "metricStat": cloud.Map{"stat": "Average", "metric": cloud.Map{"metricName": "ApproximateNumberOfMessagesVisible", "namespace": "AWS/SQS", "dimensions": []any{cloud.Map{"name": "QueueName", "value": "orders"}}}},
		}}}), "ValidationException", "Unresolvable id 'b'"},
		{"metric", appautoscaling.ScalingPolicyToken, tracking("DynamoDBReadCapacityUtilization", nil), "Check", "scaling by DynamoDBReadCapacityUtilization"},
		{"no configuration", appautoscaling.ScalingPolicyToken, awstest.With(tracking(appautoscaling.ServiceCPU, nil), cloud.Map{"targetTrackingScalingPolicyConfiguration": nil}), "ValidationException", "require a target tracking"},
		{"no metric", appautoscaling.ScalingPolicyToken, tracking(appautoscaling.ServiceCPU, cloud.Map{"predefinedMetricSpecification": nil}), "ValidationException", "exactly one of PredefinedMetricSpecification"},
		{"value", appautoscaling.ScalingPolicyToken, tracking(appautoscaling.ServiceCPU, cloud.Map{"targetValue": 0.0}), "ValidationException", "Target value must be greater than 0"},
		{"cooldown", appautoscaling.ScalingPolicyToken, tracking(appautoscaling.ServiceCPU, cloud.Map{"scaleInCooldown": -1.0}), "ValidationException", "Cooldowns must be 0"},
		{"label of CPU", appautoscaling.ScalingPolicyToken, tracking(appautoscaling.ServiceCPU, cloud.Map{"predefinedMetricSpecification": cloud.Map{
			"predefinedMetricType": appautoscaling.ServiceCPU, "resourceLabel": "app/web/1/targetgroup/tasks/2",
		}}), "ValidationException", "A resource label must not be specified"},
		{"no label", appautoscaling.ScalingPolicyToken, tracking(appautoscaling.RequestPerTarget, nil), "ValidationException", "must be of the form app/"},
		{"label", appautoscaling.ScalingPolicyToken, tracking(appautoscaling.RequestPerTarget, label("web/1/targetgroup/tasks/2")), "ValidationException", "must be of the form app/"},
		{"label of nothing", appautoscaling.ScalingPolicyToken, tracking(appautoscaling.RequestPerTarget, label("app/web/1/targetgroup/tasks/2")), "ValidationException", "The load balancer does not route traffic to the target group."},

		{"no target of action", appautoscaling.ScheduledActionToken, nightly(cloud.Map{"resourceId": "service/main/goodbye"}), "ObjectNotFoundException", "resource ID: service/main/goodbye"},
		{"schedule", appautoscaling.ScheduledActionToken, nightly(cloud.Map{"schedule": "every night"}), "ValidationException", "want at(…), rate(…) or cron(…)"},
		{"cron", appautoscaling.ScheduledActionToken, nightly(cloud.Map{"schedule": "cron(0 22 * *)"}), "ValidationException", "cron(0 22 * *)"},
		{"zone", appautoscaling.ScheduledActionToken, nightly(cloud.Map{"timezone": "Europe/Entenhausen"}), "ValidationException", "Europe/Entenhausen"},
		{"start", appautoscaling.ScheduledActionToken, nightly(cloud.Map{"startTime": "tomorrow"}), "Check", "valid RFC3339 date"},
		{"end", appautoscaling.ScheduledActionToken, nightly(cloud.Map{"endTime": "2026-11-21"}), "Check", "valid RFC3339 date"},
		{"no action", appautoscaling.ScheduledActionToken, nightly(action(nil, nil)), "ValidationException", "At least one of minimum and maximum"},
		{"bounds of action", appautoscaling.ScheduledActionToken, nightly(action(3.0, 2.0)), "ValidationException", "Maximum capacity cannot be less"},
		{"minimum of action", appautoscaling.ScheduledActionToken, nightly(action(-1.0, nil)), "Check", "to be at least (0), got -1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScaledStage(t)
			if tt.token != appautoscaling.ScalableTargetToken {
				s.Make(appautoscaling.ScalableTargetToken, bounds(1, 4))
			}
			_, err := s.Try(tt.token, tt.in)
			s.In(t).Refused(err, tt.code, tt.words)
			s.wantDesired(2, "")
		})
	}
}

// alarm describes an alarm and checks that it watches the metric.
func (s *scaledStage) alarm(name string, metric cloudwatch.MetricStatistic) (out string) {
	s.T.Helper()
	s.Store.View(func(tx *cloud.Tx) {
		r := tx.Get(appautoscaling.AlarmKey(awstest.Here.Scope, name))
		if r == nil {
			out = "none"
			return
		}
		s.Outputs(r)
		a := cloudwatch.AlarmOf(r)
		if m := a.Metrics[a.Watched]; m != metric || a.TreatMissingData != cloudwatch.MissingIsMissing {
			s.T.Errorf("%s watches %+v, want %+v", name, m, metric)
		}
		out = fmt.Sprintf("%d of %d times %s %s %g", a.DatapointsToAlarm, a.EvaluationPeriods, a.Period, a.Comparison, a.Threshold)
	})
	return out
}

func TestTargetTracking(t *testing.T) {
	s := newScaledStage(t)
	s.Make(appautoscaling.ScalableTargetToken, bounds(1, 4))
	r := s.Make(appautoscaling.ScalingPolicyToken, tracking(appautoscaling.ServiceCPU, nil))
	if r.ID != "track" || !strings.HasSuffix(r.Outputs["arn"].(string), ":resource/ecs/service/main/hello:policyName/track") {
		t.Errorf("id %s, arn %v", r.ID, r.Outputs["arn"])
	}
	names := cloud.StatusOf[appautoscaling.ScalingPolicyStatus](r)
	for i, name := range []string{names.High, names.Low} {
		if want := "arn:aws:cloudwatch:eu-central-1:000000000000:alarm:" + name; untyped.List(r.Outputs["alarmArns"])[i] != want {
			t.Errorf("alarm ARNs %v, want %s", r.Outputs["alarmArns"], want)
		}
	}
	metric := cloudwatch.MetricStatistic{Metric: cloudwatch.Metric{Scope: awstest.Here.Scope, Namespace: cloudwatch.NamespaceECS, Name: cloudwatch.CPUUtilization, Service: s.service.ID}, Statistic: cloudwatch.Average}
	alarms := func(high, low string) {
		t.Helper()
		for name, want := range map[string]string{names.High: high, names.Low: low} {
			if got := s.alarm(name, metric); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	}
	alarms("3 of 3 times 1m0s GreaterThanThreshold 60", "15 of 15 times 1m0s LessThanThreshold 54")
	config := func(metric string, change cloud.Map) cloud.Map {
		return cloud.Map{"targetTrackingScalingPolicyConfiguration": tracking(metric, change)["targetTrackingScalingPolicyConfiguration"]}
	}
	r, err := s.Edit(r, config(appautoscaling.ServiceCPU, cloud.Map{"targetValue": 70.0}))
	if err != nil || cloud.StatusOf[appautoscaling.ScalingPolicyStatus](r) != names {
		t.Fatal(err, cloud.StatusOf[appautoscaling.ScalingPolicyStatus](r))
	}
	alarms("3 of 3 times 1m0s GreaterThanThreshold 70", "15 of 15 times 1m0s LessThanThreshold 63")
	if r, err = s.Edit(r, config(appautoscaling.ServiceMemory, cloud.Map{"disableScaleIn": true})); err != nil {
		t.Fatal(err)
	}
	metric.Metric.Name = cloudwatch.MemoryUtilization
	alarms("3 of 3 times 1m0s GreaterThanThreshold 60", "none")
	if n := len(untyped.List(r.Outputs["alarmArns"])); n != 1 {
		t.Errorf("%d alarms", n)
	}

	_, err = s.Try(appautoscaling.ScalingPolicyToken, awstest.With(tracking(appautoscaling.ServiceMemory, nil), cloud.Map{"name": "more"}))
	s.In(t).Refused(err, "ValidationException", "Only one TargetTrackingScaling policy")
	if _, err = s.Try(appautoscaling.ScalingPolicyToken, tracking(appautoscaling.ServiceCPU, nil)); !errors.Is(err, cloud.ErrUnimplemented) {
		t.Errorf("a second policy of the name: %v", err)
	}
	alarms("3 of 3 times 1m0s GreaterThanThreshold 60", "none")
	s.Remove(r)
	alarms("none", "none")
}

func TestTrackingOfRequests(t *testing.T) {
	s := newScaledStage(t)
	target := s.Make(appautoscaling.ScalableTargetToken, bounds(1, 4))
	group := s.TargetGroup.Outputs["arnSuffix"].(string)
	balancer := strings.SplitN(s.Now(s.TargetGroup).Outputs["loadBalancerArns"].([]any)[0].(string), ":loadbalancer/", 2)
	r := s.Make(appautoscaling.ScalingPolicyToken, tracking(appautoscaling.RequestPerTarget, cloud.Map{"predefinedMetricSpecification": cloud.Map{
		"predefinedMetricType": appautoscaling.RequestPerTarget, "resourceLabel": balancer[1] + "/" + group,
	}}))
	metric := cloudwatch.MetricStatistic{Metric: cloudwatch.Metric{
		Scope: awstest.Here.Scope, Namespace: cloudwatch.NamespaceELB, Name: cloudwatch.RequestCountPerTarget, LoadBalancer: strings.Join(balancer, ":loadbalancer/"), TargetGroup: s.TargetGroup.ID,
	}, Statistic: cloudwatch.Sum}
	if got := s.alarm(cloud.StatusOf[appautoscaling.ScalingPolicyStatus](r).High, metric); got != "3 of 3 times 1m0s GreaterThanThreshold 60" {
		t.Error(got)
	}
	// Another target group of that load balancer says nothing of the service.
	listener := s.Make(elbv2.ListenerToken, awstest.With(awstest.ListenerOn(&cloud.Resource{Key: cloud.Key{ID: metric.Metric.LoadBalancer}}, nil), cloud.Map{"port": 8081.0}))
	other := s.Make(elbv2.TargetGroupToken, s.Targets(cloud.Map{"name": "others"}))
	s.Make(elbv2.ListenerRuleToken, awstest.Rule(listener, other, nil))
	_, err := s.Try(appautoscaling.ScalingPolicyToken, awstest.With(tracking(appautoscaling.RequestPerTarget, cloud.Map{"predefinedMetricSpecification": cloud.Map{
		"predefinedMetricType": appautoscaling.RequestPerTarget, "resourceLabel": balancer[1] + "/" + fmt.Sprint(other.Outputs["arnSuffix"]),
	}}), cloud.Map{"name": "others"}))
	s.Refused(err, "ValidationException", "The target group of the resource label must be attached to the ECS service")
	s.Store.View(func(tx *cloud.Tx) {
		if policies := appautoscaling.PoliciesOf(tx, tx.Get(target.Key)); len(policies) != 1 || policies[0].ID != r.ID {
			t.Errorf("the policies of the target are %v", policies)
		}
	})
}

func TestDue(t *testing.T) {
	day := func(clock string) time.Time {
		at, err := time.Parse(time.DateTime, "2026-11-21 "+clock)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	noon := day("12:00:00")
	tenth := func(d time.Duration) time.Duration { return d / 10 }
	for _, tt := range []struct {
		schedule, start, end string
		want                 time.Time
	}{
		{"at(2026-11-21T12:30:00)", "", "", day("12:30:00")},
		{"at(2026-11-21T12:00:00)", "", "", time.Time{}},
		{"rate(10 minutes)", "", "", day("12:01:00")},
		{"rate(10 minutes)", "2026-11-21T12:00:30Z", "", day("12:00:30")},
		{"rate(10 minutes)", "2026-11-21T11:00:00Z", "", day("12:01:00")},
		{"rate(10 minutes)", "", "2026-11-21T12:00:30Z", time.Time{}},
		{"rate(10 minutes)", "", "2026-11-21T12:01:00Z", day("12:01:00")},
		{"cron(15 * * * ? *)", "", "", day("12:15:00")},
		{"cron(15 * * * ? *)", "2026-11-21T14:00:00+01:00", "", day("13:00:00")},
		{"cron(15 * * * ? *)", "", "2026-11-21T12:14:59Z", time.Time{}},
	} {
		r := &cloud.Resource{Inputs: cloud.Map{"name": "night", "schedule": tt.schedule, "startTime": tt.start, "endTime": tt.end}}
		r.SetStatus(appautoscaling.ScheduledActionStatus{Since: noon})
		if got := appautoscaling.Due(r, tenth); !got.Equal(tt.want) {
			t.Errorf("%s from %q to %q: %s, want %s", tt.schedule, tt.start, tt.end, got, tt.want)
		}
	}
}

// An action counts from its making and from changes of its schedule, but not from others.
func TestScheduledActionCounts(t *testing.T) {
	s := newScaledStage(t)
	s.Make(appautoscaling.ScalableTargetToken, bounds(1, 4))
	r := s.Make(appautoscaling.ScheduledActionToken, nightly(nil))
	if !strings.HasSuffix(r.Outputs["arn"].(string), ":resource/ecs/service/main/hello:scheduledActionName/night") {
		t.Errorf("arn %v", r.Outputs["arn"])
	}
	since := func() time.Time { return cloud.StatusOf[appautoscaling.ScheduledActionStatus](s.Now(r)).Since }
	made := since()
	if _, err := s.Edit(r, cloud.Map{"scalableTargetAction": cloud.Map{"minCapacity": 0.0, "maxCapacity": 2.0}}); err != nil {
		t.Fatal(err)
	}
	if !since().Equal(made) {
		t.Error("with other bounds it counts from now")
	}
	if _, err := s.Edit(r, cloud.Map{"schedule": "rate(1 hour)"}); err != nil {
		t.Fatal(err)
	}
	if !since().After(made) {
		t.Error("with another schedule it counts from before")
	}
	if r, err := s.Edit(r, cloud.Map{"startTime": "2026-12-01T08:00:00+01:00"}); err != nil {
		t.Fatal(err)
	} else if d, err := s.Diff(r.Token, r.Inputs, r.Outputs, awstest.With(r.Inputs, cloud.Map{"startTime": "2026-12-01T07:00:00Z"})); err != nil || len(d.Changed) > 0 {
		t.Errorf("the same time in another zone changes %v, %v", d.Changed, err)
	}
	s.wantDesired(2, "")
}
