package spec

import "strings"

// RolePath is the path of every role that a component creates. A policy can allow the deploying role to create roles under it and no
// others ("IAM identifiers" in the IAM user guide).
const RolePath = "/slipway/"

// Role is a role that components create, by the end of its name.
type Role string

// The roles of a service and of a job.
const (
	ExecutionRole Role = "execution" // ECS starts tasks with it
	TaskRole      Role = "task"      // the tasks themselves have it
	ScheduleRole  Role = "schedule"  // EventBridge Scheduler starts runs of a job with it
	RunRole       Role = "run"       // Step Functions runs a job's task with it
)

// FlowLogsRole is a network's: VPC flow logs write records with it.
const FlowLogsRole Role = "flow-logs"

// Of returns the name of a component's role, without what Pulumi appends.
func (r Role) Of(component string) string { return component + "-" + string(r) }

// End returns a pattern for the end of such roles' names, with what Pulumi appends. That has a fixed length. So the pattern for jobs' run
// roles does not match the task role of a service called run, which is dev-run-task-1a2b3c4.
func (r Role) End() string { return r.Of("") + "-" + strings.Repeat("?", autoNameSuffix-1) }

// arns is a pattern for the ARNs of such roles in every account.
func (r Role) arns() string { return "arn:*:iam::*:role" + RolePath + "*" + r.End() }
