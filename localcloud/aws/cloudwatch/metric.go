package cloudwatch

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/cloud"
)

// The namespaces of the metrics that the local cloud counts.
const (
	NamespaceELB = "AWS/ApplicationELB"
	NamespaceECS = "AWS/ECS"
	NamespaceSQS = "AWS/SQS"
	// NamespaceStates has those of Step Functions.
	NamespaceStates = "AWS/States"
	// NamespaceInsights has metrics of clusters with Container Insights.
	NamespaceInsights = "ECS/ContainerInsights"
)

// The metrics that it counts of them.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
// https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
const (
	RequestCount          = "RequestCount"
	RequestCountPerTarget = "RequestCountPerTarget"
	Target2XXCount        = "HTTPCode_Target_2XX_Count"
	Target3XXCount        = "HTTPCode_Target_3XX_Count"
	Target4XXCount        = "HTTPCode_Target_4XX_Count"
	Target5XXCount        = "HTTPCode_Target_5XX_Count"
	ConnectionErrorCount  = "TargetConnectionErrorCount"
	ELB4XXCount           = "HTTPCode_ELB_4XX_Count"
	ELB5XXCount           = "HTTPCode_ELB_5XX_Count"
	TargetResponseTime    = "TargetResponseTime"
	HealthyHostCount      = "HealthyHostCount"
	UnHealthyHostCount    = "UnHealthyHostCount"
	CPUUtilization        = "CPUUtilization"
	MemoryUtilization     = "MemoryUtilization"
	RunningTaskCount      = "RunningTaskCount"
	MessagesVisible       = "ApproximateNumberOfMessagesVisible"
	MessagesNotVisible    = "ApproximateNumberOfMessagesNotVisible"
	MessagesDelayed       = "ApproximateNumberOfMessagesDelayed"
	AgeOfOldestMessage    = "ApproximateAgeOfOldestMessage"
	ExecutionsFailed      = "ExecutionsFailed"
	ExecutionsSucceeded   = "ExecutionsSucceeded"
	ExecutionsAborted     = "ExecutionsAborted"
)

// The statistics of a metric over a period.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
const (
	Sum         = "Sum"
	Average     = "Average"
	Minimum     = "Minimum"
	Maximum     = "Maximum"
	SampleCount = "SampleCount"
)

// Metric is a series that the local cloud counts. The zero Metric is one that never has any data.
type Metric struct {
	Scope     cloud.Scope
	Namespace string
	Name      string
	// LoadBalancer, TargetGroup, Service, Queue and StateMachine are ARNs of the source. Without a target group it is the whole load balancer, without a
	// load balancer the one that uses the target group.
	LoadBalancer, TargetGroup, Service, Queue, StateMachine string
}

// metricKind is what CloudWatch has of a metric.
type metricKind struct {
	unit       string
	statistics []string
	// dimensions are the metric's sets of dimensions, each sorted and joined. Those with an availability zone, and a cluster's without
	// a service, are not counted.
	dimensions []string
}

const (
	byBalancer = "LoadBalancer"
	byGroup    = "LoadBalancer, TargetGroup"
	byTarget   = "TargetGroup"
	byService  = "ClusterName, ServiceName"
	byQueue    = "QueueName"
	byMachine  = "StateMachineArn"
)

// The local cloud does not have every statistic of AWS for some metrics: for response times only their sum and number, and for sampled
// values only statistics that do not depend on the sampling rate.
var metricKinds = func() map[string]map[string]metricKind {
	all := []string{Sum, Average, Minimum, Maximum, SampleCount}
	sampled := []string{Average, Minimum, Maximum}
	requests := metricKind{"Count", all, []string{byBalancer, byGroup}}
	errors := metricKind{"Count", all, []string{byBalancer}}
	hosts := metricKind{"Count", sampled, []string{byGroup}}
	use := metricKind{"Percent", sampled, []string{byService}}
	messages := metricKind{"Count", sampled, []string{byQueue}}
	runs := metricKind{"Count", all, []string{byMachine}}
	return map[string]map[string]metricKind{
		NamespaceELB: {
			RequestCount: requests, Target2XXCount: requests, Target3XXCount: requests, Target4XXCount: requests,
			Target5XXCount: requests, ConnectionErrorCount: requests, ELB4XXCount: errors, ELB5XXCount: errors,
			HealthyHostCount: hosts, UnHealthyHostCount: hosts,
			RequestCountPerTarget: {"Count", []string{Sum}, []string{byTarget, byGroup}},
			TargetResponseTime:    {"Seconds", []string{Average, Sum, SampleCount}, []string{byBalancer, byGroup}},
		},
		NamespaceECS:      {CPUUtilization: use, MemoryUtilization: use},
		NamespaceInsights: {RunningTaskCount: {"Count", sampled, []string{byService}}},
		NamespaceSQS: {
			MessagesVisible: messages, MessagesNotVisible: messages, MessagesDelayed: messages,
			AgeOfOldestMessage: {"Seconds", sampled, []string{byQueue}},
		},
		NamespaceStates: {ExecutionsFailed: runs, ExecutionsSucceeded: runs, ExecutionsAborted: runs},
	}
}()

// findMetricKind finds a metric, or says which ones the local cloud has.
func findMetricKind(namespace, name string) (metricKind, error) {
	kinds, ok := metricKinds[namespace]
	if !ok {
		return metricKind{}, fmt.Errorf("metrics of namespace %q, other than those of %s: %w",
			namespace, strings.Join(slices.Sorted(maps.Keys(metricKinds)), ", "), cloud.ErrUnimplemented)
	}
	k, ok := kinds[name]
	if !ok {
		return metricKind{}, fmt.Errorf("metric %s %s: %w", namespace, name, cloud.ErrUnimplemented)
	}
	return k, nil
}

// checkStatistic refuses a statistic that the local cloud does not have for the metric.
func (k metricKind) checkStatistic(name, statistic string) error {
	if !slices.Contains(k.statistics, statistic) {
		return fmt.Errorf("statistic %s of metric %s: %w", statistic, name, cloud.ErrUnimplemented)
	}
	return nil
}

// metricOf returns the series that a namespace, a name and dimensions mean. Whether there is anything to count CloudWatch
// does not ask, and neither does this.
func metricOf(s cloud.Scope, namespace, name string, dimensions map[string]string) (Metric, error) {
	k, err := findMetricKind(namespace, name)
	if err != nil {
		return Metric{}, err
	}
	if by := strings.Join(slices.Sorted(maps.Keys(dimensions)), ", "); !slices.Contains(k.dimensions, by) {
		return Metric{}, fmt.Errorf("metric %s by dimensions %q, other than by %q: %w", name, by, k.dimensions, cloud.ErrUnimplemented)
	}
	m := Metric{Scope: s, Namespace: namespace, Name: name}
	switch namespace {
	case NamespaceStates:
		m.StateMachine = dimensions["StateMachineArn"]
		return m, nil
	case NamespaceSQS:
		m.Queue = arns.New(s, "sqs", dimensions["QueueName"])
		return m, nil
	case NamespaceECS, NamespaceInsights:
		m.Service = arns.New(s, "ecs", "service/"+dimensions["ClusterName"]+"/"+dimensions["ServiceName"])
		return m, nil
	}
	if suffix := dimensions["LoadBalancer"]; suffix != "" {
		m.LoadBalancer = arns.New(s, "elasticloadbalancing", "loadbalancer/"+suffix)
	}
	if suffix := dimensions["TargetGroup"]; suffix != "" {
		m.TargetGroup = arns.New(s, "elasticloadbalancing", suffix)
	}
	return m, nil
}
