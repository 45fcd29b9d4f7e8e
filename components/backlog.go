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

// backlog is how many messages of a queue each running task has ("Create a target tracking scaling policy for Application Auto Scaling
// using metric math" in its user guide). Messages in work count too: otherwise scaling in would end the task that works on the last one.
// Without tasks only the waiting messages count, and start the first task.
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
