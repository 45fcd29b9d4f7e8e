package appautoscaling

import (
	"reflect"

	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/cloud"
)

// CustomMetric is a metric of one's own to scale by: one of CloudWatch's, or an expression over several.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_CustomizedMetricSpecification.html
type CustomMetric struct {
	metricName
	Statistic string `json:"statistic"`
	Unit      string `json:"unit"`
	Metrics   []struct {
		ID         string `json:"id"`
		Expression string `json:"expression"`
		Label      string `json:"label"`
		MetricStat *struct {
			Metric metricName `json:"metric"`
			Stat   string     `json:"stat"`
			Unit   string     `json:"unit"`
		} `json:"metricStat"`
		ReturnData *bool `json:"returnData"` // by default true
	} `json:"metrics"`
}

type metricName struct {
	MetricName string `json:"metricName"`
	Namespace  string `json:"namespace"`
	Dimensions []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"dimensions"`
}

// inputs returns the name as an alarm has it.
func (n metricName) inputs() cloud.Map {
	dimensions := cloud.Map{}
	for _, d := range n.Dimensions {
		dimensions[d.Name] = d.Value
	}
	return cloud.Map{"metricName": n.MetricName, "namespace": n.Namespace, "dimensions": dimensions}
}

// minute is the period of the alarms, in seconds.
const minute = 60.0

// metric returns the inputs of an alarm on the metric, if CloudWatch takes them.
func (m *CustomMetric) metric(s cloud.Scope) (cloud.Map, error) {
	in := m.inputs()
	alarm := onThreshold(in, "GreaterThanThreshold", 1, scaleOutPeriods)
	alarm["name"] = "TargetTracking"
	if err := cloudwatch.CheckAlarm(s, alarm); err != nil {
		return nil, cloud.Errorf("ValidationException", "%s", err)
	}
	return in, nil
}

func (m *CustomMetric) inputs() cloud.Map {
	if len(m.Metrics) == 0 {
		in := m.metricName.inputs()
		in["statistic"] = m.Statistic
		if m.Unit != "" {
			in["unit"] = m.Unit
		}
		return in
	}
	var queries []any
	for _, q := range m.Metrics {
		query := cloud.Map{"id": q.ID, "returnData": q.ReturnData == nil || *q.ReturnData}
		if q.Label != "" {
			query["label"] = q.Label
		}
		if q.Expression != "" {
			query["expression"] = q.Expression
		}
		if q.MetricStat != nil {
			metric := q.MetricStat.Metric.inputs()
			metric["stat"], metric["period"] = q.MetricStat.Stat, minute
			if q.MetricStat.Unit != "" {
				metric["unit"] = q.MetricStat.Unit
			}
			query["metric"] = metric
		}
		queries = append(queries, query)
	}
	return cloud.Map{"metricQueries": queries}
}

// sameMetric reports whether two policies are about the same metric.
func (t *TargetTracking) sameMetric(other *TargetTracking) bool {
	return reflect.DeepEqual(t.PredefinedMetricSpecification, other.PredefinedMetricSpecification) &&
		reflect.DeepEqual(t.CustomizedMetricSpecification, other.CustomizedMetricSpecification)
}
