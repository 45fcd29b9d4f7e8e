package awsconfig

import (
	"errors"
	"fmt"

	"github.com/aws/smithy-go"
)

// Reason shortens an error of the SDK to the operation and the service's answer. An error without an answer stays unchanged.
func Reason(err error) string {
	api, answered := errors.AsType[smithy.APIError](err)
	if !answered {
		return err.Error()
	}
	said := fmt.Sprintf("%s: %s", api.ErrorCode(), api.ErrorMessage())
	if operation, known := errors.AsType[*smithy.OperationError](err); known {
		return fmt.Sprintf("%s %s: %s", operation.ServiceID, operation.OperationName, said)
	}
	return said
}
