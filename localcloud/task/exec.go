package task

import (
	"context"
	"fmt"
	"os"
)

// Exec runs a command in a container that is running, as the container's user, and returns its exit code. The command ends when ctx does.
// Exec closes stdin when the command has it, so that a writer learns that nobody reads any more.
func (t *Task) Exec(ctx context.Context, container string, args []string, stdin, stdout, stderr *os.File) (code int, err error) {
	c, box := t.runningContainer(container)
	if box == nil {
		return 0, fmt.Errorf("run %q in container %s of task %s: it is not running", args, container, t.spec.ID)
	}
	cmd := c.command
	cmd.args, cmd.stdin, cmd.stdout, cmd.stderr = args, stdin, stdout, stderr
	process, err := box.start(cmd)
	if err != nil {
		return 0, fmt.Errorf("run %q in container %s of task %s: %w", args, container, t.spec.ID, err)
	}
	_ = stdin.Close()
	stop := context.AfterFunc(ctx, func() { _ = killGroup(process.Pid) })
	defer stop()
	state, err := process.Wait()
	if err != nil {
		return 0, fmt.Errorf("wait for %q in container %s of task %s: %w", args, container, t.spec.ID, err)
	}
	return exitCode(state), ctx.Err()
}

// runningContainer returns a container of that name and its surroundings, which are nil if it does not run.
func (t *Task) runningContainer(name string) (*container, sandbox) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.containers {
		if c.spec.Name == name && c.process != nil {
			return c, c.box
		}
	}
	return nil, nil
}
