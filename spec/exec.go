package spec

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Exec lets people run commands in the tasks, by ECS Exec. The commands run as root, and AWS supports it only in containers whose root
// file system can be written to ("Monitor Amazon ECS containers with ECS Exec", Considerations, in the ECS developer guide). So it is a
// tool for finding a fault, and off by default.
type Exec struct {
	Enabled      bool
	InProduction bool // also in a stack of production
}

var (
	// sessionActions let a session reach a task ("Task IAM role", ECS Exec permissions, in the ECS developer guide). They take no resource.
	sessionActions = []string{
		"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
	}
	// findLogGroup and writeSession log what is typed and shown ("Monitor Amazon ECS containers with ECS Exec", IAM permissions required
	// for Amazon CloudWatch Logs or Amazon S3 Logging). The first takes no single log group.
	findLogGroup = []string{"logs:DescribeLogGroups"}
	writeSession = []string{"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"}
)

// execPolicy is an upper bound for the policy that allows them.
const execPolicy = 700

// Permissions returns what the tasks' role needs, with the ARN of the log group that the sessions are logged to.
func (e Exec) Permissions(logGroupARN string) []Permission {
	if !e.Enabled {
		return nil
	}
	return []Permission{
		{Actions: slices.Concat(findLogGroup, sessionActions), Resources: []string{"*"}},
		{Actions: writeSession, Resources: []string{logGroupARN + ":*"}},
	}
}

// productionPattern matches the names of stacks that people depend on.
var productionPattern = regexp.MustCompile(`^prod(uction)?(-|$)`)

// Check reports what is not meant in the stack.
func (e Exec) Check(stack string) error {
	switch {
	case e.InProduction && !e.Enabled:
		return errors.New("is of no use without exec: true")
	case e.Enabled && !e.InProduction && productionPattern.MatchString(stack):
		return fmt.Errorf("lets people run commands as root in the tasks of stack %s; if that is meant, set execInProduction: true too", stack)
	}
	return nil
}
