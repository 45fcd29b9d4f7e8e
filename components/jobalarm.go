package components

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// How long a failed run keeps the job's alarm on: a day, which is as far as an alarm looks back (EvaluationPeriods and Period of
// PutMetricAlarm in the CloudWatch API reference). So who looks in the morning sees that the night's run failed.
const (
	failurePeriod  = 3600 // seconds
	failurePeriods = 24
)

// newAlarm creates the alarm on the job's scheduled runs: one has failed, was skipped, or took longer than its timeout.
//
// The workflow ends in each of these cases as failed. Step Functions counts apart those that take longer than a timeout of the whole state
// machine, which it has none, and those that people stop (ExecutionsFailed, ExecutionsTimedOut and ExecutionsAborted in "Monitoring Step
// Functions metrics using Amazon CloudWatch" in its developer guide).
func (j *FargateJob) newAlarm(ctx *pulumi.Context, stateMachineARN pulumi.StringInput) error {
	name := j.name + "-failed"
	_, err := cloudwatch.NewMetricAlarm(ctx, name, &cloudwatch.MetricAlarmArgs{
		AlarmDescription:   pulumi.String("A scheduled run of job " + j.args.Name + " of stack " + ctx.Stack() + " failed in the last 24 hours"),
		Namespace:          pulumi.String("AWS/States"),
		MetricName:         pulumi.String("ExecutionsFailed"),
		Dimensions:         pulumi.StringMap{"StateMachineArn": stateMachineARN},
		Statistic:          pulumi.String("Sum"),
		Period:             pulumi.Int(failurePeriod),
		EvaluationPeriods:  pulumi.Int(failurePeriods),
		DatapointsToAlarm:  pulumi.Int(1),
		ComparisonOperator: pulumi.String("GreaterThanThreshold"),
		Threshold:          pulumi.Float64(0),
		TreatMissingData:   pulumi.String("notBreaching"), // there is no data while nothing runs
		Tags:               j.args.Tags.named(name),
	}, j.parent())
	return err
}
