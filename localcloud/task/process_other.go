//go:build unix && !linux

package task

import (
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// startTime says when a process started. One that has ended and was not waited for counts as gone.
func startTime(pid int) (string, error) {
	out, err := exec.Command("ps", "-o", "stat=,lstart=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return "", err
	}
	state, started, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if strings.HasPrefix(state, "Z") {
		return "", errors.New("the process has ended")
	}
	return strings.TrimSpace(started), nil
}

// fatal is false: there are no process namespaces, so that signals do what they do.
func fatal(int, syscall.Signal) bool { return false }

// usage is unknown: there is no /proc.
func usage(map[int]bool) (Usage, error) { return Usage{}, errors.ErrUnsupported }
