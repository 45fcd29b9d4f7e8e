package metrics

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"slipway/localcloud/aws"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/cloud"
	"slipway/localcloud/lb"
	"slipway/localcloud/schema"
)

// metricsStage is CloudWatch with a load balancer and tasks that are make-believe, and a clock that the test turns.
type metricsStage struct {
	*cloud.Cloud
	t       *testing.T
	metrics *Metrics
	now     time.Time

	mu    sync.Mutex
	asked int // how often the load balancer was called
	gone  bool
	total lb.ListenerMetrics
	group lb.TargetGroupMetrics
	usage []ecs.Usage
}

func (s *metricsStage) Metrics(key cloud.Key) (lb.Metrics, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.gone || key.ID != awstest.BalancerARN {
		return lb.Metrics{}, false
	}
	return lb.Metrics{
		Listeners:    map[string]lb.ListenerMetrics{awstest.ListenerARN: s.total},
		TargetGroups: map[string]lb.TargetGroupMetrics{awstest.GroupARN: s.group},
	}, true
}

func (s *metricsStage) Usage(key cloud.Key) []ecs.Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key.ID != awstest.ServiceARN {
		return nil
	}
	return s.usage
}

func newMetricsStage(t *testing.T) *metricsStage {
	t.Helper()
	store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s := &metricsStage{
		Cloud: cloud.New(store, cloud.Options{Schema: schema.SDKs{}}), t: t, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
	}
	s.Add(aws.Kinds()...)
	s.metrics = &Metrics{Store: store, Balancers: s, Tasks: s}
	return s
}

// alarm makes one on the 5xx answers of the targets, or with the change on something else.
func (s *metricsStage) alarm(change cloud.Map) *cloud.Resource {
	s.t.Helper()
	in := cloud.Map{
		"name": "errors", "namespace": cloudwatch.NamespaceELB, "metricName": cloudwatch.Target5XXCount, "statistic": cloudwatch.Sum, "period": 60.0,
		"dimensions":         cloud.Map{"LoadBalancer": "app/web/1", "TargetGroup": "targetgroup/tasks/3"},
		"comparisonOperator": "GreaterThanThreshold", "threshold": 0.0, "evaluationPeriods": 1.0,
	}
	for p, v := range change {
		if in[p] = v; v == nil {
			delete(in, p)
		}
	}
	checked, failures, err := s.Check(cloudwatch.MetricAlarm.Token, in)
	if err != nil || len(failures) > 0 {
		s.t.Fatal(failures, err)
	}
	r, err := s.Create(s.t.Context(), awstest.Caller, cloudwatch.MetricAlarm.Token, checked, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// requests plays so many requests, some of them answered with errors by the targets.
func (s *metricsStage) requests(n, failed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.Requests += n
	s.group.Requests += n
	s.group.Target2xx += n - failed
	s.group.Target5xx += failed
}

// refuse plays so many requests that no connection to a target could be made for.
func (s *metricsStage) refuse(n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.Requests += n
	s.total.ELB5xx += n
	s.total.ELB502 += n
	s.group.Requests += n
	s.group.ConnectionErrors += n
}

// pass moves the clock, in the controller's steps, and returns the state of the alarm.
func (s *metricsStage) pass(d time.Duration, alarm *cloud.Resource) string {
	s.t.Helper()
	end := s.now.Add(d)
	for {
		wake, err := s.metrics.step(s.now)
		if err != nil {
			s.t.Fatal(err)
		}
		if wake.IsZero() || wake.After(end) {
			s.now = end
			return s.state(alarm).State
		}
		s.now = wake
	}
}

func (s *metricsStage) state(alarm *cloud.Resource) (status cloudwatch.AlarmStatus) {
	s.Store.View(func(tx *cloud.Tx) { status = cloud.StatusOf[cloudwatch.AlarmStatus](tx.Get(alarm.Key)) })
	return status
}

func (s *metricsStage) want(what, got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: the alarm is %s, want %s", what, got, want)
	}
}

func TestAlarmOnErrors(t *testing.T) {
	s := newMetricsStage(t)
	s.requests(100, 50) // before any alarm watches
	alarm := s.alarm(cloud.Map{"treatMissingData": cloudwatch.MissingIsNotBreaching})
	s.want("at first", s.pass(59*time.Second, alarm), cloudwatch.AlarmInsufficientData)
	s.want("after a minute without requests", s.pass(time.Second, alarm), cloudwatch.AlarmOK)
	s.requests(10, 3)
	s.want("in the minute of the errors", s.pass(59*time.Second, alarm), cloudwatch.AlarmOK)
	s.want("after it", s.pass(time.Second, alarm), cloudwatch.AlarmAlarm)
	const reason = "Threshold Crossed: 1 out of the last 1 datapoints [3.0 (21/11/26 12:01:00)] was greater than the threshold (0.0) (minimum 1 datapoint for OK -> ALARM transition)."
	if got := s.state(alarm); got.Reason != reason || !got.UpdatedAt.Equal(s.now) {
		t.Errorf("reason %s at %s", got.Reason, got.UpdatedAt)
	}
	// A minute without errors has no data. The last there is counts until it is out of the evaluation range.
	s.requests(10, 0)
	s.want("a minute later", s.pass(time.Minute, alarm), cloudwatch.AlarmAlarm)
	s.want("two minutes later", s.pass(time.Minute, alarm), cloudwatch.AlarmAlarm)
	s.want("three minutes later", s.pass(time.Minute, alarm), cloudwatch.AlarmOK)
}

func TestAlarmOnARate(t *testing.T) {
	s := newMetricsStage(t)
	metric := func(name string) cloud.Map {
		return cloud.Map{"namespace": cloudwatch.NamespaceELB, "metricName": name, "stat": cloudwatch.Sum, "period": 60.0, "dimensions": cloud.Map{
			"LoadBalancer": "app/web/1", "TargetGroup": "targetgroup/tasks/3",
		}}
	}
	alarm := s.alarm(cloud.Map{
		"namespace": nil, "metricName": nil, "statistic": nil, "period": nil, "dimensions": nil, "threshold": 5.0,
		"metricQueries": []any{
			cloud.Map{"id": "rate", "expression": "IF(requests >= 10, 100 * (FILL(answers, 0) + FILL(connections, 0)) / requests, 0)", "returnData": true},
			cloud.Map{"id": "answers", "metric": metric(cloudwatch.Target5XXCount)},
			cloud.Map{"id": "connections", "metric": metric(cloudwatch.ConnectionErrorCount)},
			cloud.Map{"id": "requests", "metric": metric(cloudwatch.RequestCount)},
		},
	})
	s.pass(time.Second, alarm)
	s.requests(100, 0)
	s.want("without errors", s.pass(time.Minute, alarm), cloudwatch.AlarmOK)
	s.requests(100, 5)
	s.want("at the threshold", s.pass(time.Minute, alarm), cloudwatch.AlarmOK)
	s.requests(100, 6)
	s.want("above it", s.pass(time.Minute, alarm), cloudwatch.AlarmAlarm)
	s.requests(1000, 6)
	s.want("with more requests", s.pass(time.Minute, alarm), cloudwatch.AlarmOK)
	s.requests(100, 3)
	s.refuse(3)
	s.want("above it, with connections that failed", s.pass(time.Minute, alarm), cloudwatch.AlarmAlarm)
	s.refuse(9)
	s.want("with few requests", s.pass(time.Minute, alarm), cloudwatch.AlarmOK)
}

// An alarm with any period is evaluated every minute, on the minutes up to then.
func TestLongPeriodsSlide(t *testing.T) {
	s := newMetricsStage(t)
	alarm := s.alarm(cloud.Map{"period": 300.0, "threshold": 9.0, "metricName": cloudwatch.RequestCount})
	s.pass(time.Second, alarm)
	for minute, want := range []string{
		cloudwatch.AlarmOK, cloudwatch.AlarmOK, cloudwatch.AlarmAlarm, cloudwatch.AlarmAlarm, cloudwatch.AlarmAlarm, cloudwatch.AlarmAlarm, cloudwatch.AlarmAlarm, cloudwatch.AlarmOK,
	} {
		if minute < 4 {
			s.requests(4, 0)
		} else {
			s.requests(1, 0)
		}
		if got := s.pass(time.Minute, alarm); got != want {
			t.Errorf("after minute %d: %s, want %s", minute+1, got, want)
		}
	}
}

// An alarm on the failed runs of a job goes off after one, and stays on while that is within a day.
func TestAlarmOnExecutions(t *testing.T) {
	s := newMetricsStage(t)
	arn := "arn:aws:states:eu-central-1:000000000000:stateMachine:purge"
	run := func(status string) {
		t.Helper()
		if err := s.Store.Update(func(tx *cloud.Tx) error {
			machine := &cloud.Resource{
				Key:    cloud.Key{Scope: awstest.Caller.Scope, Token: sfn.StateMachineToken, ID: arn},
				Inputs: cloud.Map{"definition": "{}", "roleArn": "role"},
			}
			execution, err := sfn.Start(tx, machine, "", s.now)
			if err == nil {
				sfn.End(tx, execution, sfn.ExecutionStatus{Status: status}, s.now)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	run(sfn.Failed) // before any alarm watches
	alarm := s.alarm(cloud.Map{
		"namespace": cloudwatch.NamespaceStates, "metricName": cloudwatch.ExecutionsFailed, "dimensions": cloud.Map{"StateMachineArn": arn},
		"period": 3600.0, "evaluationPeriods": 24.0, "datapointsToAlarm": 1.0, "treatMissingData": cloudwatch.MissingIsNotBreaching,
	})
	s.want("without a run", s.pass(2*time.Minute, alarm), cloudwatch.AlarmOK)
	run(sfn.Succeeded)
	run(sfn.Aborted)
	s.want("after runs that did not fail", s.pass(2*time.Minute, alarm), cloudwatch.AlarmOK)
	run(sfn.Failed)
	s.want("after one that failed", s.pass(2*time.Minute, alarm), cloudwatch.AlarmAlarm)
	run(sfn.Succeeded)
	s.want("within the day", s.pass(23*time.Hour, alarm), cloudwatch.AlarmAlarm)
	s.want("after it", s.pass(4*time.Hour, alarm), cloudwatch.AlarmOK)
}

func TestUnwatchedCostsNothing(t *testing.T) {
	s := newMetricsStage(t)
	step := func() time.Time {
		wake, err := s.metrics.step(s.now)
		if err != nil {
			t.Fatal(err)
		}
		return wake
	}
	if wake := step(); !wake.IsZero() || s.asked != 0 {
		t.Errorf("without alarms it wakes at %s, after asking %d times", wake, s.asked)
	}
	alarm := s.alarm(cloud.Map{"evaluationPeriods": 4.0})
	s.pass(time.Hour, alarm)
	for _, h := range s.metrics.history {
		if len(h.minutes) != 6 {
			t.Errorf("%d minutes are kept, want those of the evaluation range", len(h.minutes))
		}
	}
	if err := s.Delete(t.Context(), awstest.Caller, alarm.Token, alarm.ID, 0); err != nil {
		t.Fatal(err)
	}
	asked := s.asked
	if wake := step(); !wake.IsZero() || s.asked != asked || len(s.metrics.history)+len(s.metrics.balancers) > 0 {
		t.Errorf("after the last alarm it wakes at %s and remembers %v", wake, s.metrics.history)
	}
}

// Minutes in which the machine slept have no data.
func TestSleep(t *testing.T) {
	s := newMetricsStage(t)
	alarm := s.alarm(cloud.Map{"metricName": cloudwatch.HealthyHostCount, "statistic": cloudwatch.Average, "comparisonOperator": "LessThanThreshold", "threshold": 1.0})
	s.group.HealthyHosts = 2
	s.want("awake", s.pass(2*time.Minute, alarm), cloudwatch.AlarmOK)
	s.now = s.now.Add(time.Hour + 17*time.Second)
	s.want("after an hour", s.pass(0, alarm), cloudwatch.AlarmInsufficientData)
	s.want("awake again", s.pass(time.Minute, alarm), cloudwatch.AlarmOK)
	if !s.metrics.minute.Equal(s.now.Truncate(time.Minute)) {
		t.Errorf("the minute begins at %s, and it is %s", s.metrics.minute, s.now)
	}
}

// value returns a statistic of a metric in a minute.
func value(b bucket, statistic string) any {
	if v, ok := b.statistic(statistic); ok {
		return v
	}
	return nil
}

func TestBalancerMetrics(t *testing.T) {
	s := newMetricsStage(t)
	s.total = lb.ListenerMetrics{Requests: 1000, ELB5xx: 100}
	s.group = lb.TargetGroupMetrics{Requests: 900, Target2xx: 900, HealthyHosts: 2}
	source := newBalancerSource(cloud.Key{Token: elbv2.LoadBalancer.Token, ID: awstest.BalancerARN}, s)
	check := func(when string, want map[string]map[string]any) {
		t.Helper()
		for name, statistics := range want {
			m := cloudwatch.Metric{Name: name, LoadBalancer: awstest.BalancerARN, TargetGroup: awstest.GroupARN}
			if strings.HasPrefix(name, "HTTPCode_ELB") {
				m.TargetGroup = ""
			}
			for statistic, want := range statistics {
				if got := value(source.bucket(m), statistic); got != want {
					t.Errorf("%s: %s of %s is %v, want %v", when, statistic, name, got, want)
				}
			}
		}
	}
	source.look()
	check("without requests", map[string]map[string]any{
		cloudwatch.RequestCount: {cloudwatch.Sum: 0.0}, cloudwatch.RequestCountPerTarget: {cloudwatch.Sum: 0.0}, cloudwatch.Target2XXCount: {cloudwatch.Sum: nil},
		cloudwatch.HealthyHostCount: {cloudwatch.Average: 2.0}, cloudwatch.UnHealthyHostCount: {cloudwatch.Maximum: 0.0}, cloudwatch.TargetResponseTime: {cloudwatch.Average: nil},
	})

	source.reset()
	s.total.Requests += 3 // none has a target
	s.total.ELB5xx++
	source.look()
	check("with requests that no target was chosen for", map[string]map[string]any{
		cloudwatch.RequestCount: {cloudwatch.Sum: 0.0}, cloudwatch.Target2XXCount: {cloudwatch.Sum: nil}, cloudwatch.ELB5XXCount: {cloudwatch.Sum: 1.0, cloudwatch.Average: 1.0}, cloudwatch.ELB4XXCount: {cloudwatch.Sum: nil},
		cloudwatch.RequestCountPerTarget: {cloudwatch.Sum: 0.0},
	})

	source.reset()
	s.total.Requests += 40
	s.total.ELB4xx += 2
	s.group = lb.TargetGroupMetrics{
		Requests: 940, Target2xx: 930, Target3xx: 4, Target4xx: 5, Target5xx: 1, ConnectionErrors: 3,
		Responses: 40, ResponseTime: 10 * time.Second, HealthyHosts: 4, UnhealthyHosts: 1,
	}
	source.look()
	s.group.HealthyHosts, s.group.UnhealthyHosts = 6, 0
	source.look()
	check("with requests", map[string]map[string]any{
		cloudwatch.RequestCount:          {cloudwatch.Sum: 40.0, cloudwatch.Average: 1.0, cloudwatch.Maximum: 1.0, cloudwatch.SampleCount: 40.0},
		cloudwatch.RequestCountPerTarget: {cloudwatch.Sum: 8.0},
		cloudwatch.Target2XXCount:        {cloudwatch.Sum: 30.0}, cloudwatch.Target3XXCount: {cloudwatch.Sum: 4.0}, cloudwatch.Target4XXCount: {cloudwatch.Sum: 5.0}, cloudwatch.Target5XXCount: {cloudwatch.Sum: 1.0},
		cloudwatch.ConnectionErrorCount: {cloudwatch.Sum: 3.0}, cloudwatch.ELB4XXCount: {cloudwatch.Sum: 2.0}, cloudwatch.ELB5XXCount: {cloudwatch.Sum: nil},
		cloudwatch.TargetResponseTime: {cloudwatch.Average: 0.25, cloudwatch.Sum: 10.0, cloudwatch.SampleCount: 40.0},
		cloudwatch.HealthyHostCount:   {cloudwatch.Minimum: 4.0, cloudwatch.Average: 5.0, cloudwatch.Maximum: 6.0}, cloudwatch.UnHealthyHostCount: {cloudwatch.Maximum: 1.0},
	})
	for name, want := range map[string]float64{cloudwatch.Target2XXCount: 30, cloudwatch.ConnectionErrorCount: 3} {
		if got := value(source.bucket(cloudwatch.Metric{Name: name, LoadBalancer: awstest.BalancerARN}), cloudwatch.Sum); got != want {
			t.Errorf("%s of all groups together is %v, want %v", name, got, want)
		}
	}

	// A load balancer that is started again counts from zero.
	source.reset()
	s.gone = true
	source.look()
	check("while it is gone", map[string]map[string]any{cloudwatch.RequestCount: {cloudwatch.Sum: nil}, cloudwatch.RequestCountPerTarget: {cloudwatch.Sum: nil}})
	s.gone, s.total, s.group = false, lb.ListenerMetrics{Requests: 7}, lb.TargetGroupMetrics{Requests: 7, Target2xx: 7, HealthyHosts: 1}
	source.look()
	check("after a restart", map[string]map[string]any{cloudwatch.RequestCount: {cloudwatch.Sum: 7.0}, cloudwatch.RequestCountPerTarget: {cloudwatch.Sum: 7.0}})
}

func TestServiceMetrics(t *testing.T) {
	s := newMetricsStage(t)
	source := newServiceSource(cloud.Key{Token: ecs.Service.Token, ID: awstest.ServiceARN}, s)
	cpu, memory := cloudwatch.Metric{Name: cloudwatch.CPUUtilization}, cloudwatch.Metric{Name: cloudwatch.MemoryUtilization}
	usage := func(task string, seconds float64, mebibytes int64) ecs.Usage {
		return ecs.Usage{Task: task, CPU: time.Duration(seconds * float64(time.Second)), Memory: mebibytes << 20, CPUUnits: 256, MemoryLimit: 512 << 20}
	}
	source.look(s.now)
	if value(source.bucket(cpu), cloudwatch.Average) != nil || value(source.bucket(memory), cloudwatch.Average) != nil {
		t.Error("a service without tasks uses something")
	}
	s.usage = []ecs.Usage{usage("a", 100, 128), usage("b", 200, 256)}
	source.look(s.now)
	// In ten seconds a task that has a quarter of a processor has two and a half to use.
	s.usage = []ecs.Usage{usage("a", 101, 128), usage("b", 210, 256), usage("c", 5, 512)}
	source.look(s.now.Add(10 * time.Second))
	for statistic, want := range map[string]any{cloudwatch.Minimum: 40.0, cloudwatch.Maximum: 100.0, cloudwatch.Average: 70.0} {
		if got := value(source.bucket(cpu), statistic); got != want {
			t.Errorf("%s of CPU utilization is %v, want %v", statistic, got, want)
		}
	}
	for statistic, want := range map[string]any{cloudwatch.Minimum: 25.0, cloudwatch.Maximum: 100.0, cloudwatch.SampleCount: 5.0} {
		if got := value(source.bucket(memory), statistic); got != want {
			t.Errorf("%s of memory utilization is %v, want %v", statistic, got, want)
		}
	}
}

// By the cloud's clock a minute may be shorter, and the controller keeps it by itself.
func TestMetricsKeepTheirPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMetricsStage(t)
		s.metrics.Pace = 0.1
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.metrics.Run(ctx) }()
		synctest.Wait()
		begun := time.Now()
		alarm := s.alarm(nil)
		s.requests(0, 0)
		synctest.Wait() // until it is watched
		s.requests(10, 3)
		err := s.Store.Wait(t.Context(), func(tx *cloud.Tx) (bool, error) {
			return cloud.StatusOf[cloudwatch.AlarmStatus](tx.Get(alarm.Key)).State == cloudwatch.AlarmAlarm, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != 6*time.Second {
			t.Errorf("a minute took %s, want 6 s", took)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	})
}
