// Package cloudwatch has the kinds of Amazon CloudWatch, a file each. What callers must be allowed follows, for the calls,
// the provider's own source, and for actions, resources and condition keys the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
// terraform-provider-aws, internal/service/cloudwatch
package cloudwatch

// MetricAlarmToken is the token of the one kind.
const MetricAlarmToken = "aws:cloudwatch/metricAlarm:MetricAlarm"

// Kinds returns the kinds and functions of the service.
func Kinds() []any { return []any{MetricAlarm} }
