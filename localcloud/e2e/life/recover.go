package life

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Recover repairs the stack as its owner would after the engine was killed, and returns the output.
func (s *Stack) Recover(ctx context.Context) (string, error) {
	cmd := s.Command(ctx)
	cmd.Path = filepath.Join(s.lab.root, "tools", "recover")
	cmd.Args = []string{cmd.Path, "local", "-yes"}
	cmd.Env = append(cmd.Env, "ORPHANS="+s.lab.bin("orphans"), "CHECK_STATE="+s.lab.bin("check-state"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("recover the stack: %w", err)
	}
	return string(out), err
}

// Hosts returns the process ids of the language hosts of an engine, given its own. They lead groups of their own, and outlive an engine
// that is killed by minutes.
func Hosts(engine int) []int {
	var hosts []int
	processes, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, stat := range processes {
		text, _ := os.ReadFile(stat) // there is none for an ended one
		// After the name, which can be anything in parentheses, come the state and the parent ("proc_pid_stat" in Linux's manual).
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(engine) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat))); err == nil {
			hosts = append(hosts, pid)
		}
	}
	return hosts
}

// goneTimeout is how long what an engine has started may outlive it.
const goneTimeout = 30 * time.Second

// Gone waits until all processes that a killed engine has started have ended, given the engine's process id.
func Gone(ctx context.Context, pid int) error {
	ctx, cancel := context.WithTimeout(ctx, goneTimeout)
	defer cancel()
	for syscall.Kill(-pid, 0) == nil {
		select {
		case <-ctx.Done():
			return fmt.Errorf("processes of the engine (process %d) outlive it by %s", pid, goneTimeout)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}
