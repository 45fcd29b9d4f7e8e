package spec

// FlowLogs says whether a network's connections are recorded.
type FlowLogs struct {
	// RetentionDays is how long CloudWatch Logs keeps the records; 0 records nothing.
	RetentionDays int
}

// Enabled reports whether connections are recorded.
func (f FlowLogs) Enabled() bool { return f.RetentionDays != 0 }

// Problems reports a retention that CloudWatch Logs does not have.
func (f FlowLogs) Problems() Problems {
	var found Problems
	if f.Enabled() {
		found.AddValue(f.RetentionDays, CheckLogRetention(f.RetentionDays), "retentionDays")
	}
	return found
}

// Calls returns the calls that flow logs make with their role, and that a permissions boundary has to allow.
func (f FlowLogs) Calls() []Call {
	if !f.Enabled() {
		return nil
	}
	const group = "arn:*:logs:*:*:log-group:*"
	return []Call{
		{"flowLogs", FlowLogsRole, "logs:CreateLogStream", group},
		{"flowLogs", FlowLogsRole, "logs:DescribeLogGroups", "*"},
		{"flowLogs", FlowLogsRole, "logs:DescribeLogStreams", group},
		{"flowLogs", FlowLogsRole, "logs:PutLogEvents", group},
	}
}
