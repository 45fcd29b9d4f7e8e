package awsconfig

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/smithy-go"
)

func TestReason(t *testing.T) {
	t.Parallel()
	said := &smithy.GenericAPIError{Code: "AccessDenied", Message: "not authorized"}
	operation := &smithy.OperationError{ServiceID: "ECS", OperationName: "ListTasks", Err: fmt.Errorf("https response error: %w", said)}
	for want, err := range map[string]error{
		"ECS ListTasks: AccessDenied: not authorized": fmt.Errorf("find: %w", operation),
		"AccessDenied: not authorized":                said,
		"no route to host":                            errors.New("no route to host"),
	} {
		if got := Reason(err); got != want {
			t.Errorf("reason of %q is %q, want %q", err, got, want)
		}
	}
}
