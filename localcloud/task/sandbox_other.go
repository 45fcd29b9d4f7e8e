//go:build unix && !linux

package task

import (
	"net/netip"
	"syscall"
)

// network is the machine's: nobody asks before a task listens.
type network struct{}

func newNetwork(netip.Addr) *network { return nil }

func canWatch() bool { return false }

// isolation is none: namespaces, and the guarantee that a child ends with its parent, are Linux's own.
func isolation(string) (Isolation, error) { return IsolationNone, nil }

func newSandbox(_ Isolation, s surroundings) (sandbox, error) {
	return newBare(s, &syscall.SysProcAttr{Setpgid: true})
}
