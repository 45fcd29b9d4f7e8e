package cloudwatch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws"
	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/cloud"
)

// errorsAlarm is an alarm on the answers of a load balancer's targets.
func errorsAlarm(change cloud.Map) cloud.Map {
	return awstest.With(cloud.Map{
		"name": "errors", "comparisonOperator": "GreaterThanOrEqualToThreshold", "threshold": 1.0, "evaluationPeriods": 3.0,
		"datapointsToAlarm": 2.0, "namespace": cloudwatch.NamespaceELB, "metricName": cloudwatch.Target5XXCount, "statistic": cloudwatch.Sum, "period": 60.0,
		"dimensions": cloud.Map{"LoadBalancer": "app/web/1", "TargetGroup": "targetgroup/tasks/2"},
	}, change)
}

// rateAlarm is an alarm on an expression.
func rateAlarm(expression string, change cloud.Map, more ...any) cloud.Map {
	metric := func(name string) cloud.Map {
		return cloud.Map{
			"namespace": cloudwatch.NamespaceELB, "metricName": name, "stat": cloudwatch.Sum, "period": 60.0, "dimensions": cloud.Map{"LoadBalancer": "app/web/1"},
		}
	}
	return awstest.With(cloud.Map{
		"name": "rate", "comparisonOperator": "GreaterThanThreshold", "threshold": 5.0, "evaluationPeriods": 1.0,
		"metricQueries": append([]any{
			cloud.Map{"id": "rate", "expression": expression, "returnData": true},
			cloud.Map{"id": "errors", "metric": metric(cloudwatch.Target5XXCount)},
			cloud.Map{"id": "requests", "metric": metric(cloudwatch.RequestCount)},
		}, more...),
	}, change)
}

func TestMetricAlarm(t *testing.T) {
	c := awstest.New(t, aws.Kinds()...)
	r := c.Make(cloudwatch.MetricAlarmToken, errorsAlarm(nil))
	if r.ID != "errors" || r.Outputs["arn"] != "arn:aws:cloudwatch:eu-central-1:000000000000:alarm:errors" {
		t.Errorf("id %s, arn %v", r.ID, r.Outputs["arn"])
	}
	if s := cloud.StatusOf[cloudwatch.AlarmStatus](r); s.State != cloudwatch.AlarmInsufficientData || s.Reason != "Unchecked: Initial alarm creation" {
		t.Errorf("a new alarm is %+v", s)
	}
	a := cloudwatch.AlarmOf(r)
	balancer := "arn:aws:elasticloadbalancing:eu-central-1:000000000000:"
	want := cloudwatch.Metric{
		Scope: awstest.Here.Scope, Namespace: cloudwatch.NamespaceELB, Name: cloudwatch.Target5XXCount,
		LoadBalancer: balancer + "loadbalancer/app/web/1", TargetGroup: balancer + "targetgroup/tasks/2",
	}
	if m := a.Metrics[a.Watched]; m.Metric != want || m.Statistic != cloudwatch.Sum {
		t.Errorf("it watches %+v", m)
	}
	if a.Period != time.Minute || a.EvaluationPeriods != 3 || a.DatapointsToAlarm != 2 || a.TreatMissingData != cloudwatch.MissingIsMissing {
		t.Errorf("it is %+v", a)
	}
	if !a.Breaching(1) || a.Breaching(0.9) {
		t.Error("it breaches at another value than 1")
	}

	// An update keeps the state; a new alarm with the same name replaces the old one.
	err := c.Store.Update(func(tx *cloud.Tx) error {
		r := tx.Get(r.Key).Clone()
		r.SetStatus(cloudwatch.AlarmStatus{State: cloudwatch.AlarmAlarm})
		tx.Put(r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r, err = c.Edit(r, cloud.Map{"threshold": 7.0}); err != nil || cloudwatch.AlarmOf(r).Threshold != 7 || cloud.StatusOf[cloudwatch.AlarmStatus](r).State != cloudwatch.AlarmAlarm {
		t.Errorf("after an update: %v, %+v", err, r)
	}
	r = c.Make(cloudwatch.MetricAlarmToken, errorsAlarm(cloud.Map{"threshold": 9.0}))
	if cloudwatch.AlarmOf(r).Threshold != 9 || cloud.StatusOf[cloudwatch.AlarmStatus](r).State != cloudwatch.AlarmAlarm {
		t.Errorf("after another of that name: %+v", r)
	}
	c.Store.View(func(tx *cloud.Tx) {
		if cloudwatch.InAlarm(tx, awstest.Here.Scope, []string{"nothing", "errors"}) != "errors" || cloudwatch.InAlarm(tx, awstest.Here.Scope, []string{"nothing"}) != "" {
			t.Error("the alarm in ALARM is not found")
		}
		if got := ecs.BakeTime(tx, awstest.Here.Scope, []string{"nothing", "errors"}); got != 3*time.Minute {
			t.Errorf("bake time %s", got)
		}
	})
	c.Remove(r)
	if left := c.Left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestMetricAlarmOfAnExpression(t *testing.T) {
	c := awstest.New(t, aws.Kinds()...)
	a := cloudwatch.AlarmOf(c.Make(cloudwatch.MetricAlarmToken, rateAlarm("IF(requests > 10, percent, 0)", nil,
		cloud.Map{"id": "percent", "expression": "100 * errors / requests"})))
	values := map[string]float64{"errors": 2, "requests": 40}
	value := func(id string) (float64, bool) {
		v, ok := values[id]
		return v, ok
	}
	if v, ok := a.Value(value); v != 5 || !ok || a.Breaching(v) {
		t.Errorf("got %v, %v", v, ok)
	}
	delete(values, "errors")
	if v, ok := a.Value(value); v != 0 || !ok {
		t.Errorf("without errors: %v, %v", v, ok)
	}
	delete(values, "requests")
	if v, ok := a.Value(value); ok {
		t.Errorf("without requests: %v", v)
	}
}

func TestMetricsThatAreCounted(t *testing.T) {
	balancer := cloud.Map{"LoadBalancer": "app/web/1"}
	group := awstest.With(balancer, cloud.Map{"TargetGroup": "targetgroup/tasks/2"})
	service := cloud.Map{"ClusterName": "main", "ServiceName": "hello"}
	for _, tt := range []struct {
		namespace, name, statistic string
		dimensions                 cloud.Map
		refused                    string
	}{
		{cloudwatch.NamespaceELB, cloudwatch.RequestCount, cloudwatch.Sum, balancer, ""},
		{cloudwatch.NamespaceELB, cloudwatch.RequestCount, cloudwatch.Average, group, ""},
		{cloudwatch.NamespaceELB, cloudwatch.RequestCountPerTarget, cloudwatch.Sum, cloud.Map{"TargetGroup": "targetgroup/tasks/2"}, ""},
		{cloudwatch.NamespaceELB, cloudwatch.RequestCountPerTarget, cloudwatch.Sum, group, ""},
		{cloudwatch.NamespaceELB, cloudwatch.Target2XXCount, cloudwatch.Sum, group, ""},
		{cloudwatch.NamespaceELB, cloudwatch.Target3XXCount, cloudwatch.SampleCount, group, ""},
		{cloudwatch.NamespaceELB, cloudwatch.Target4XXCount, cloudwatch.Sum, balancer, ""},
		{cloudwatch.NamespaceELB, cloudwatch.ELB4XXCount, cloudwatch.Sum, balancer, ""},
		{cloudwatch.NamespaceELB, cloudwatch.ELB5XXCount, cloudwatch.Maximum, balancer, ""},
		{cloudwatch.NamespaceELB, cloudwatch.TargetResponseTime, cloudwatch.Average, group, ""},
		{cloudwatch.NamespaceELB, cloudwatch.HealthyHostCount, cloudwatch.Minimum, group, ""},
		{cloudwatch.NamespaceELB, cloudwatch.UnHealthyHostCount, cloudwatch.Maximum, group, ""},
		{cloudwatch.NamespaceECS, cloudwatch.CPUUtilization, cloudwatch.Average, service, ""},
		{cloudwatch.NamespaceECS, cloudwatch.MemoryUtilization, cloudwatch.Maximum, service, ""},

		{cloudwatch.NamespaceInsights, cloudwatch.RunningTaskCount, cloudwatch.Average, service, ""},
		{cloudwatch.NamespaceSQS, cloudwatch.MessagesVisible, cloudwatch.Maximum, cloud.Map{"QueueName": "orders"}, ""},
		{cloudwatch.NamespaceSQS, cloudwatch.AgeOfOldestMessage, cloudwatch.Maximum, cloud.Map{"QueueName": "orders"}, ""},

		{cloudwatch.NamespaceStates, cloudwatch.ExecutionsFailed, cloudwatch.Sum, cloud.Map{"StateMachineArn": "arn:aws:states:eu-central-1:000000000000:stateMachine:a"}, ""},
		{cloudwatch.NamespaceStates, "ExecutionTime", cloudwatch.Sum, cloud.Map{"StateMachineArn": "a"}, "metric AWS/States ExecutionTime"},

		{"AWS/RDS", "CPUUtilization", cloudwatch.Average, nil, `metrics of namespace "AWS/RDS"`},
		{cloudwatch.NamespaceSQS, cloudwatch.MessagesVisible, cloudwatch.Sum, cloud.Map{"QueueName": "orders"}, "statistic Sum"},
		{cloudwatch.NamespaceInsights, "CpuUtilized", cloudwatch.Average, service, "metric ECS/ContainerInsights CpuUtilized"},
		{cloudwatch.NamespaceELB, "ConsumedLCUs", cloudwatch.Sum, balancer, "metric AWS/ApplicationELB ConsumedLCUs"},
		{cloudwatch.NamespaceELB, cloudwatch.RequestCount, "p99", balancer, "statistic p99"},
		{cloudwatch.NamespaceELB, cloudwatch.TargetResponseTime, cloudwatch.Maximum, balancer, "statistic Maximum of metric TargetResponseTime"},
		{cloudwatch.NamespaceELB, cloudwatch.RequestCountPerTarget, cloudwatch.Average, group, "statistic Average of metric RequestCountPerTarget"},
		{cloudwatch.NamespaceELB, cloudwatch.RequestCount, cloudwatch.Sum, cloud.Map{"AvailabilityZone": "eu-central-1a", "LoadBalancer": "app/web/1"}, `by dimensions "AvailabilityZone, LoadBalancer"`},
		{cloudwatch.NamespaceELB, cloudwatch.HealthyHostCount, cloudwatch.Average, balancer, `by dimensions "LoadBalancer"`},
		{cloudwatch.NamespaceELB, cloudwatch.ELB5XXCount, cloudwatch.Sum, group, `by dimensions "LoadBalancer, TargetGroup"`},
		{cloudwatch.NamespaceECS, cloudwatch.CPUUtilization, cloudwatch.Average, cloud.Map{"ClusterName": "main"}, `by dimensions "ClusterName"`},
		{cloudwatch.NamespaceECS, cloudwatch.CPUUtilization, cloudwatch.Sum, service, "statistic Sum"},
	} {
		t.Run(fmt.Sprintf("%s %s %v", tt.name, tt.statistic, tt.dimensions), func(t *testing.T) {
			c := awstest.New(t, aws.Kinds()...)
			statistic := cloud.Map{"statistic": tt.statistic}
			if strings.HasPrefix(tt.statistic, "p") {
				statistic = cloud.Map{"statistic": nil, "extendedStatistic": tt.statistic}
			}
			_, err := c.Try(cloudwatch.MetricAlarmToken, awstest.With(errorsAlarm(cloud.Map{
				"namespace": tt.namespace, "metricName": tt.name, "dimensions": tt.dimensions,
			}), statistic))
			if tt.refused == "" && err != nil {
				t.Error(err)
			}
			if tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused) || !strings.Contains(err.Error(), cloud.ErrUnimplemented.Error())) {
				t.Errorf("got %v, want a refusal of %s", err, tt.refused)
			}
		})
	}
}

func TestMetricAlarmRefusals(t *testing.T) {
	for _, tt := range []struct {
		name        string
		in          cloud.Map
		code, words string
	}{
		{"operator", errorsAlarm(cloud.Map{"comparisonOperator": "Equal"}), "Check", "expected comparisonOperator to be one of"},
		{"anomalies", errorsAlarm(cloud.Map{"comparisonOperator": "GreaterThanUpperThreshold"}), "Check", "anomaly detection"},
		{"no periods", errorsAlarm(cloud.Map{"evaluationPeriods": 0.0}), "Check", "expected evaluationPeriods to be at least (1), got 0"},
		{"no datapoints", errorsAlarm(cloud.Map{"datapointsToAlarm": 0.0}), "Check", "expected datapointsToAlarm to be at least (1), got 0"},
		{"too many datapoints", errorsAlarm(cloud.Map{"datapointsToAlarm": 4.0}), "ValidationError", "DatapointsToAlarm must be less than or equal"},
		{"period", errorsAlarm(cloud.Map{"period": 90.0}), "Check", "expected period to be one of [10 20 30], got 90"},
		{"short period", errorsAlarm(cloud.Map{"period": 10.0}), "ValidationError", "Only a period greater than 60s is supported"},
		{"a week", errorsAlarm(cloud.Map{"period": 86400.0}), "ValidationError", "EvaluationPeriods * Period must be <= 86400"},
		{"statistic", errorsAlarm(cloud.Map{"statistic": "Median"}), "Check", "expected statistic to be one of"},
		{"extended statistic", errorsAlarm(cloud.Map{"statistic": nil, "extendedStatistic": "median"}), "Check", "invalid statistic, see:"},
		{"both statistics", errorsAlarm(cloud.Map{"extendedStatistic": "p99"}), "Check", `"extendedStatistic": conflicts with statistic`},
		{"no statistic", errorsAlarm(cloud.Map{"statistic": nil}), "Check", "One of `statistic` or `extended_statistic` must be set"},
		{"no metric", errorsAlarm(cloud.Map{"metricName": nil}), "ValidationError", "MetricName"},
		{"unit", errorsAlarm(cloud.Map{"unit": "Requests"}), "Check", "expected unit to be one of"},
		{"missing data", errorsAlarm(cloud.Map{"treatMissingData": "zero"}), "Check", "expected treatMissingData to be one of"},
		{"actions", errorsAlarm(cloud.Map{"alarmActions": []any{"arn:aws:sns:eu-central-1:000000000000:page"}}), "Check", "an action that is to follow an alarm"},
		{"too many actions", errorsAlarm(cloud.Map{"okActions": []any{"a", "b", "c", "d", "e", "f"}}), "Check", "supports 5 item maximum"},
		{"metric and queries", rateAlarm("errors", cloud.Map{"metricName": cloudwatch.RequestCount}), "Check", `"metricName": conflicts with metricQueries`},
		{"period and queries", rateAlarm("errors", cloud.Map{"period": 60.0}), "Check", `"period": conflicts with metricQueries`},
		{"threshold and metric id", errorsAlarm(cloud.Map{"thresholdMetricId": "e1"}), "Check", `"threshold": conflicts with thresholdMetricId`},

		{"function", rateAlarm("AVG(errors)", nil), "Check", "does not model AVG"},
		{"unresolvable", rateAlarm("errors / request", nil), "ValidationError", "Unresolvable id 'request'"},
		{"circle", rateAlarm("errors + more", nil, cloud.Map{"id": "more", "expression": "rate * 2"}), "ValidationError", "depends on itself"},
		{"ids", rateAlarm("errors", nil, cloud.Map{"id": "Rate", "expression": "errors"}), "ValidationError", `The id "Rate"`},
		{"same id", rateAlarm("errors", nil, cloud.Map{"id": "errors", "expression": "requests"}), "ValidationError", "not unique: errors"},
		{"two results", rateAlarm("errors", nil, cloud.Map{"id": "more", "expression": "errors", "returnData": true}), "ValidationError", "Exactly one element"},
		{"both", rateAlarm("errors", nil, cloud.Map{"id": "more", "expression": "errors", "metric": cloud.Map{
			"namespace": cloudwatch.NamespaceELB, "metricName": cloudwatch.RequestCount, "stat": cloudwatch.Sum, "period": 60.0,
		}}), "Check", "No metric_query may have both"},
		{"neither", rateAlarm("errors", nil, cloud.Map{"id": "more"}), "ValidationError", "exactly one of MetricStat and Expression"},
		{"periods differ", rateAlarm("errors", nil, cloud.Map{"id": "more", "metric": cloud.Map{
			"namespace": cloudwatch.NamespaceELB, "metricName": cloudwatch.RequestCount, "stat": cloudwatch.Sum, "period": 120.0, "dimensions": cloud.Map{"LoadBalancer": "app/web/1"},
		}}), "ValidationError", "Period must be the same"},
		{"another account", rateAlarm("errors", nil, cloud.Map{"id": "more", "expression": "errors", "accountId": "111111111111"}), "Check", "metrics of another account"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := awstest.New(t, aws.Kinds()...)
			_, err := c.Try(cloudwatch.MetricAlarmToken, tt.in)
			c.Refused(err, tt.code, tt.words)
		})
	}
}

// A metric in a unit that it does not have has no data, as with AWS.
func TestMetricAlarmOfAnotherUnit(t *testing.T) {
	c := awstest.New(t, aws.Kinds()...)
	a := cloudwatch.AlarmOf(c.Make(cloudwatch.MetricAlarmToken, errorsAlarm(cloud.Map{"unit": "Percent"})))
	if m := a.Metrics[a.Watched]; m.Metric != (cloudwatch.Metric{}) {
		t.Errorf("it watches %+v", m)
	}
}
