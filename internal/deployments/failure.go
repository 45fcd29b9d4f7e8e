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

// credentialsError says that there are no credentials for AWS.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return "get AWS credentials: " + reason(e.err) }
func (e *credentialsError) Unwrap() error { return e.err }

// forbidden reports whether the error says that the caller has no permission, or no credentials.
func forbidden(err error) bool {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return strings.HasPrefix(api.ErrorCode(), "AccessDenied") // ECS adds "Exception" to it, STS does not
	}
	_, ok := errors.AsType[*credentialsError](err)
	return ok && !transient(err)
}

// transient reports whether a retry may succeed.
func transient(err error) bool {
	api, answered := errors.AsType[smithy.APIError](err)
	_, unasked := errors.AsType[*credentialsError](err)
	switch {
	case errors.Is(err, errNoService), unasked && fromInstance(err):
		return false
	case answered && api.ErrorFault() == smithy.FaultServer:
		return true
	case !answered && !unasked: // a network error, or an answer that is not from AWS
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// fromInstance reports whether the SDK asked the instance metadata service, as it does if it finds no other credentials. Outside of EC2
// that does not answer, and the network is not to blame.
func fromInstance(err error) bool {
	operation, ok := errors.AsType[*smithy.OperationError](err)
	return ok && operation.ServiceID == "ec2imds"
}

// reason says why a call failed.
func reason(err error) string {
	if e, ok := errors.AsType[*credentialsError](err); ok {
		return e.Error()
	}
	if _, answered := errors.AsType[smithy.APIError](err); !answered && errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %s", timeout)
	}
	return awsconfig.Reason(err)
}
