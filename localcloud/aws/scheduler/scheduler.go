// Package scheduler has the kinds of Amazon EventBridge Scheduler, a file each. What callers must be allowed follows, for the calls, the
// provider's own source, and for actions and resources the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html
// terraform-provider-aws, internal/service/scheduler
package scheduler

// ScheduleToken is the token of the one kind.
const ScheduleToken = "aws:scheduler/schedule:Schedule"

// Kinds returns the kinds and functions of the service.
func Kinds() []any { return []any{Schedule} }
