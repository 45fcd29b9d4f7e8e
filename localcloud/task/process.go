package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// processFile names the file in a container's folder that says which process runs it.
const processFile = "process.json"

// identity tells a process from a later one with the same number.
type identity struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // as the system writes it
}

// running says whether this very process is still there.
func (p identity) running() bool {
	started, err := startTime(p.PID)
	return err == nil && started == p.Started
}

// record leaves word of a process for a later daemon.
func record(dir string, pid int) error {
	started, err := startTime(pid)
	if err != nil {
		return err
	}
	content, err := json.Marshal(identity{pid, started})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, processFile), content, 0o600)
}

// CleanUp kills the processes that an earlier runner left behind in dir and removes what they had written; it returns
// how many there were. Images stay. Call it before [NewRunner], while no other runner uses dir.
//
// On Linux there are none to kill, as they end with their runner; on other systems this is what ends them.
func CleanUp(dir string) (killed int, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "tasks", "*", "*", processFile))
	if err != nil {
		return 0, fmt.Errorf("clean up tasks in %s: %w", dir, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return killed, fmt.Errorf("clean up tasks in %s: %w", dir, err)
		}
		var p identity
		if json.Unmarshal(content, &p) != nil || p.PID <= 1 {
			continue // cut short by a crash: the process was not running yet
		}
		if !p.running() {
			continue
		}
		if err := killGroup(p.PID); err != nil {
			return killed, fmt.Errorf("kill left-over process %d: %w", p.PID, err)
		}
		killed++
		if err := awaitEnd(p, 10*time.Second); err != nil {
			return killed, err
		}
	}
	partial, err := filepath.Glob(filepath.Join(dir, "images", ".extract-*"))
	if err != nil {
		return killed, fmt.Errorf("clean up tasks in %s: %w", dir, err)
	}
	for _, name := range append(partial, filepath.Join(dir, "tasks")) {
		if err := removeAll(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return killed, fmt.Errorf("clean up tasks in %s: %w", dir, err)
		}
	}
	return killed, nil
}

// killGroup kills a process and those that it started and that stayed in its process group.
func killGroup(pid int) error {
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// awaitEnd waits for a process that is not our child, so no signal reports its end.
func awaitEnd(p identity, timeout time.Duration) error {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(timeout); time.Now().Before(deadline); <-look.C {
		if !p.running() {
			return nil
		}
	}
	return fmt.Errorf("process %d is still there %s after SIGKILL", p.PID, timeout)
}
