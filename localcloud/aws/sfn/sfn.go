// Package sfn has the kinds of AWS Step Functions, a file each. What callers must be allowed follows, for the calls, the provider's own
// source, and for actions and resources the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html
// terraform-provider-aws, internal/service/sfn
package sfn

// The tokens of the kinds.
const (
	StateMachineToken = "aws:sfn/stateMachine:StateMachine"
	executionToken    = "aws:sfn/execution:Execution"
)

// Kinds returns the kinds and functions of the service.
func Kinds() []any { return []any{StateMachine, Execution} }
