package task

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticks is the unit of times in /proc, a hundredth of a second on every architecture that Go knows.
const ticks = time.Second / 100

// stat is what /proc/<pid>/stat says, by the field numbers of proc_pid_stat(5).
type stat [][]byte

func readStat(pid string) (stat, error) {
	content, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return nil, err
	}
	// The second field is the program's name in parentheses, which may hold spaces and parentheses itself.
	i := bytes.LastIndexByte(content, ')')
	if i < 0 {
		return nil, fmt.Errorf("process %s: malformed stat", pid)
	}
	fields := append(stat{nil, nil}, bytes.Fields(content[i+1:])...)
	if len(fields) < 24 {
		return nil, fmt.Errorf("process %s: malformed stat", pid)
	}
	return fields, nil
}

func (s stat) field(number int) string { return string(s[number-1]) }

func (s stat) number(number int) int64 {
	n, _ := strconv.ParseInt(s.field(number), 10, 64) // the kernel writes nothing but numbers there
	return n
}

// startTime says when a process started. One that has ended and was not waited for counts as gone.
func startTime(pid int) (string, error) {
	s, err := readStat(strconv.Itoa(pid))
	if err != nil {
		return "", err
	}
	if state := s.field(3); state == "Z" || state == "X" {
		return "", errors.New("the process has ended")
	}
	return s.field(22), nil
}

// fatal says whether the process has neither a handler for the signal nor ignores it, so that the signal would end it
// if it were not the first of its process namespace.
func fatal(pid int, signal syscall.Signal) bool {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		name, mask, _ := strings.Cut(line, ":")
		if name != "SigIgn" && name != "SigCgt" {
			continue
		}
		signals, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
		if err != nil || signals&(1<<(signal-1)) != 0 {
			return false
		}
	}
	return true
}

// usage adds up what the processes of the process groups use.
func usage(groups map[int]bool) (Usage, error) {
	var u Usage
	if len(groups) == 0 {
		return u, nil
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return u, err
	}
	for _, process := range processes {
		s, err := readStat(filepath.Base(process))
		// Processes end while we read.
		if err != nil || !groups[int(s.number(5))] {
			continue
		}
		// utime and stime, and those of the children it has waited for.
		u.CPU += time.Duration(s.number(14)+s.number(15)+s.number(16)+s.number(17)) * ticks
		u.Memory += s.number(24) * int64(os.Getpagesize())
	}
	return u, nil
}
