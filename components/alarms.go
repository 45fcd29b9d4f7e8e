package components

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// alarmPeriod is in seconds. Load balancers report to CloudWatch once a minute ("CloudWatch metrics for your Application
	// Load Balancer" in its user guide).
	alarmPeriod = 60
	// minRequests is how many requests a minute must have for their share of errors to mean anything.
	minRequests = 10
)

// newAlarms creates the alarms on a target group: the tasks fail too many requests, or the load balancer finds tasks unhealthy for
// long. It returns the alarms in the form for ECS.
//
// A request fails if a task answers it with 5xx, or if no connection to a task can be made, as after a crash. The load balancer then
// answers by itself. It counts such answers for no target group, but it counts the connections for one (HTTPCode_ELB_5XX_Count and
// TargetConnectionErrorCount in "CloudWatch metrics for your Application Load Balancer").
//
// They exist even if they do not make deployments fail: the AWS provider cannot remove a service's alarms again, it can only make ECS
// ignore them.
func (s *FargateService) newAlarms(ctx *pulumi.Context, name string, target *lb.TargetGroup) (ecs.ServiceAlarmsPtrInput, error) {
	const namespace = pulumi.String("AWS/ApplicationELB")
	dimensions := pulumi.StringMap{"LoadBalancer": s.args.Listener.LoadBalancerARNSuffix, "TargetGroup": target.ArnSuffix}
	sum := func(id, metric string) cloudwatch.MetricAlarmMetricQueryArgs {
		return cloudwatch.MetricAlarmMetricQueryArgs{
			Id: pulumi.String(id),
			Metric: cloudwatch.MetricAlarmMetricQueryMetricArgs{
				Namespace:  namespace,
				MetricName: pulumi.String(metric),
				Dimensions: dimensions,
				Stat:       pulumi.String("Sum"),
				Period:     pulumi.Int(alarmPeriod),
			},
		}
	}
	// Without requests or tasks there is no data. That must not fail a deployment.
	const missing = pulumi.String("notBreaching")
	errors, err := cloudwatch.NewMetricAlarm(ctx, name+"-errors", &cloudwatch.MetricAlarmArgs{
		AlarmDescription: pulumi.Sprintf("More than %d %% of the requests are answered with 5xx, or cannot be sent to a task", s.args.Deployment.ErrorPercent),
		MetricQueries: cloudwatch.MetricAlarmMetricQueryArray{
			cloudwatch.MetricAlarmMetricQueryArgs{
				Id:    pulumi.String("rate"),
				Label: pulumi.String("failed requests in percent"),
				// Without errors there is no data about them.
				Expression: pulumi.Sprintf("IF(requests >= %d, 100 * (FILL(answers, 0) + FILL(connections, 0)) / requests, 0)", minRequests),
				ReturnData: pulumi.Bool(true),
			},
			sum("answers", "HTTPCode_Target_5XX_Count"),
			sum("connections", "TargetConnectionErrorCount"),
			sum("requests", "RequestCount"),
		},
		ComparisonOperator: pulumi.String("GreaterThanThreshold"),
		Threshold:          pulumi.Float64(s.args.Deployment.ErrorPercent),
		EvaluationPeriods:  pulumi.Int(1),
		TreatMissingData:   missing,
		Tags:               s.args.Tags.named(name + "-errors"),
	}, s.parent())
	if err != nil {
		return nil, err
	}
	unhealthy, err := cloudwatch.NewMetricAlarm(ctx, name+"-unhealthy", &cloudwatch.MetricAlarmArgs{
		AlarmDescription: pulumi.String("A task was unhealthy all the time"),
		Namespace:        namespace,
		MetricName:       pulumi.String("UnHealthyHostCount"),
		Dimensions:       dimensions,
		// The minimum of a period: a task that is replaced at once raises no alarm.
		Statistic:          pulumi.String("Minimum"),
		Period:             pulumi.Int(alarmPeriod),
		ComparisonOperator: pulumi.String("GreaterThanThreshold"),
		Threshold:          pulumi.Float64(0),
		EvaluationPeriods:  pulumi.Int(2),
		TreatMissingData:   missing,
		Tags:               s.args.Tags.named(name + "-unhealthy"),
	}, s.parent())
	if err != nil {
		return nil, err
	}
	return ecs.ServiceAlarmsArgs{
		AlarmNames: pulumi.StringArray{errors.Name, unhealthy.Name},
		Enable:     pulumi.Bool(s.args.Deployment.Alarms),
		Rollback:   pulumi.Bool(s.args.Deployment.Alarms),
	}, nil
}
