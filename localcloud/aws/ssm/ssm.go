// Package ssm has the kinds of AWS Systems Manager, a file each. What callers must be allowed follows, for the calls, the
// provider's own source, and for actions, resources and condition keys the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
// terraform-provider-aws, internal/service/ssm
package ssm

// ParameterToken is the token of the one kind.
const ParameterToken = "aws:ssm/parameter:Parameter"

// Kinds returns the kinds and functions of the service.
func Kinds() []any { return []any{Parameter} }
