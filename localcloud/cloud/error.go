package cloud

import (
	"errors"
	"fmt"
)

// Error is a refusal by the cloud: a code that programs match on and a message for people, both worded as the real service
// words them.
type Error struct {
	Code    string
	Message string
	// InUse says that a deletion or an update was refused because something is still in use, so it may succeed later.
	InUse bool
}

// Errorf makes an Error.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// InUsef makes an Error that is InUse.
func InUsef(code, format string, args ...any) *Error {
	e := Errorf(code, format, args...)
	e.InUse = true
	return e
}

func (e *Error) Error() string { return "api error " + e.Code + ": " + e.Message }

// Code returns the code of the Error that err wraps, or "".
func Code(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// ErrUnimplemented is returned for a kind or a function that the cloud does not model.
var ErrUnimplemented = errors.New("not modelled by the local cloud")

// Failure is one thing wrong with one input property, found before anything is created.
type Failure struct {
	Property string // a path such as "healthCheck.interval"
	Reason   string
}
