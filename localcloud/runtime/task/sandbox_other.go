//go:build unix && !linux

package task

import "syscall"

// isolation is none: namespaces, and the guarantee that a child ends with its parent, are Linux's own.
func isolation(string) (Isolation, error) { return IsolationNone, nil }

func newSandbox(_ Isolation, s surroundings) (sandbox, error) {
	return newBare(s, &syscall.SysProcAttr{Setpgid: true})
}
