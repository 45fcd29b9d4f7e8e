// Package logs has the kinds of Amazon CloudWatch Logs, a file each. What callers must be allowed follows, for the calls,
// the provider's own source, and for actions, resources and condition keys the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
// terraform-provider-aws, internal/service/logs
package logs

// LogGroupToken is the token of the one kind.
const LogGroupToken = "aws:cloudwatch/logGroup:LogGroup"

// Kinds returns the kinds and functions of the service.
func Kinds() []any { return []any{LogGroup} }
