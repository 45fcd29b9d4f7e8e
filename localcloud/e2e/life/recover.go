package life

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"time"
)

// Recover brings the stack back as its owner would after the engine was killed, and returns what was said.
func (s *Stack) Recover(ctx context.Context) (string, error) {
	cmd := s.Command(ctx)
	cmd.Path = filepath.Join(s.lab.root, "tools", "recover")
	cmd.Args = []string{cmd.Path, "local", "-yes"}
	cmd.Env = append(cmd.Env, "ORPHANS="+s.lab.bin("orphans"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("recover the stack: %w", err)
	}
	return string(out), err
}

// goneTimeout is how long what an engine has started may outlive it.
const goneTimeout = 30 * time.Second

// Gone waits until nothing runs any more of what a killed engine has started, given the engine's process id.
func Gone(ctx context.Context, pid int) error {
	ctx, cancel := context.WithTimeout(ctx, goneTimeout)
	defer cancel()
	for syscall.Kill(-pid, 0) == nil {
		select {
		case <-ctx.Done():
			return fmt.Errorf("what the engine (process %d) has started outlives it by %s", pid, goneTimeout)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}
