package deployments

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"slipway/internal/awsconfig"
)

// credentialsError says that there is nothing to ask AWS with.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return "get AWS credentials: " + reason(e.err) }
func (e *credentialsError) Unwrap() error { return e.err }

// forbidden reports whether the error says that the caller may not ask, or has no credentials at all.
func forbidden(err error) bool {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return strings.HasPrefix(api.ErrorCode(), "AccessDenied") // ECS's has "Exception" after it, STS's has not
	}
	_, ok := errors.AsType[*credentialsError](err)
	return ok && !transient(err)
}

// transient reports whether the same question may be answered the next time.
func transient(err error) bool {
	api, answered := errors.AsType[smithy.APIError](err)
	_, unasked := errors.AsType[*credentialsError](err)
	switch {
	case errors.Is(err, errNoService), unasked && fromInstance(err):
		return false
	case answered && api.ErrorFault() == smithy.FaultServer:
		return true
	case !answered && !unasked: // the network's fault, or an answer that is not AWS's
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// fromInstance reports whether the instance metadata service was asked, where the SDK looks when there are no credentials
// anywhere else. Outside of EC2 nobody answers there, which is no fault of the network.
func fromInstance(err error) bool {
	operation, ok := errors.AsType[*smithy.OperationError](err)
	return ok && operation.ServiceID == "ec2imds"
}

// reason says why a question was not answered.
func reason(err error) string {
	if e, ok := errors.AsType[*credentialsError](err); ok {
		return e.Error()
	}
	if _, answered := errors.AsType[smithy.APIError](err); !answered && errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %s", timeout)
	}
	return awsconfig.Reason(err)
}
