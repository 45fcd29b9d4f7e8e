//go:build unix && !linux

package task

import (
	"errors"
	"net/netip"
	"syscall"
)

// network is the machine's: a task's calls are not checked.
type network struct{}

func newNetwork(netip.Addr) *network { return nil }

func canWatch() bool { return false }

// isolation is none: namespaces, and the guarantee that a child ends with its parent, are Linux's own.
func isolation(string) (Isolation, error) { return IsolationNone, nil }

func newSandbox(_ Isolation, s surroundings) (sandbox, error) {
	return newBare(s, &syscall.SysProcAttr{Setpgid: true})
}

// place is the machine's network, as there are no network namespaces.
type (
	place struct{}
	space struct{}
)

func newPlace(*Interface) *place { return nil }

func (*place) space() (*space, error) { return nil, nil }

func (*place) close() {}

func tryContainer(string) error {
	return errors.New("tasks have network interfaces on Linux alone")
}
