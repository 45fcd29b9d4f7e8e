// Package scheduler has the kinds of Amazon EventBridge Scheduler, a file each. What callers must be allowed follows, for the calls, the
// provider's own source, and for actions and resources the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html
// terraform-provider-aws, internal/service/scheduler
package scheduler

// Tokens of the kinds.
const (
	ScheduleToken      = "aws:scheduler/schedule:Schedule"
	ScheduleGroupToken = "aws:scheduler/scheduleGroup:ScheduleGroup"
)

// Kinds returns the kinds and functions of the service.
func Kinds() []any { return []any{Schedule, ScheduleGroup} }
