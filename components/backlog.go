package components

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/appautoscaling"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// The SDK's names for the parts of a metric of one's own.
type (
	customMetric     = appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationArgs
	metricQueries    = appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricArray
	metricQuery      = appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricArgs
	metricStat       = appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricMetricStatArgs
	metric           = appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricMetricStatMetricArgs
	metricDimensions = appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricMetricStatMetricDimensionArray
	metricDimension  = appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricMetricStatMetricDimensionArgs
)

// backlog is the messages of a queue for each task that runs: those that wait, and those that are being worked on, or the tasks would go
// while they work on the last ones ("Create a target tracking scaling policy for Application Auto
// Scaling using metric math" in its user guide). Without tasks it is all that wait, so that they start the first task.
func backlog(queue *spec.QueueScaling, cluster, service pulumi.StringInput) *customMetric {
	messages := func(id, name string) metricQuery {
		return metricQuery{Id: pulumi.String(id), ReturnData: pulumi.Bool(false), MetricStat: metricStat{Stat: pulumi.String("Maximum"), Metric: metric{
			Namespace: pulumi.String("AWS/SQS"), MetricName: pulumi.String(name),
			Dimensions: metricDimensions{metricDimension{Name: pulumi.String("QueueName"), Value: pulumi.String(queue.Name())}},
		}}}
	}
	return &customMetric{Metrics: metricQueries{
		messages("waiting", "ApproximateNumberOfMessagesVisible"),
		messages("taken", "ApproximateNumberOfMessagesNotVisible"),
		metricQuery{Id: pulumi.String("tasks"), ReturnData: pulumi.Bool(false), MetricStat: metricStat{Stat: pulumi.String("Average"), Metric: metric{
			Namespace: pulumi.String("ECS/ContainerInsights"), MetricName: pulumi.String("RunningTaskCount"),
			Dimensions: metricDimensions{
				metricDimension{Name: pulumi.String("ClusterName"), Value: cluster},
				metricDimension{Name: pulumi.String("ServiceName"), Value: service},
			},
		}}},
		metricQuery{
			Id: pulumi.String("backlog"), ReturnData: pulumi.Bool(true), Label: pulumi.String("messages for each task"),
			Expression: pulumi.String("IF(FILL(tasks, 0) > 0, (waiting + taken) / tasks, waiting)"),
		},
	}}
}
