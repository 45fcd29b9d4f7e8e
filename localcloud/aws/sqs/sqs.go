// Package sqs has the kinds of Amazon SQS, a file each. What callers must be allowed follows, for the calls, the provider's own source,
// and for actions, resources and condition keys the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
// terraform-provider-aws, internal/service/sqs
package sqs

// QueueToken is the token of the one kind.
const QueueToken = "aws:sqs/queue:Queue"

// Kinds returns the kinds and functions of the service.
func Kinds() []any { return []any{Queue} }
