package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// unlock removes the locks that killed runs of Pulumi left on the local stacks. Nothing else would release them. The state is in the
// local cloud's own folder, so a process that holds a lock runs on this machine.
func unlock(state string) error {
	// pulumi/pulumi pkg/backend/diy/lock.go: .pulumi/locks/organization/PROJECT/STACK/ID.json
	files, err := filepath.Glob(filepath.Join(state, ".pulumi", "locks", "*", "*", "*", "*.json"))
	if err != nil {
		return fmt.Errorf("look for locks of killed runs: %w", err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return fmt.Errorf("look for locks of killed runs: %w", err)
		}
		var holder struct {
			PID int `json:"pid"`
		}
		if err := json.Unmarshal(raw, &holder); err != nil || holder.PID <= 0 || syscall.Kill(holder.PID, 0) == nil {
			continue // an unknown form of lock, or one whose holder lives
		}
		fmt.Fprintf(os.Stderr, "releasing the lock of a run of Pulumi that was killed (process %d)\n", holder.PID)
		if err := os.Remove(f); err != nil {
			return fmt.Errorf("release the lock of a killed run: %w", err)
		}
	}
	return nil
}
