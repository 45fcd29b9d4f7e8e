package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Lock is what a backend other than Pulumi Cloud keeps while an update of a stack runs (lockContent in pulumi's
// pkg/backend/diy/lock.go). Previews take none.
type Lock struct {
	Username string    `json:"username"`
	Hostname string    `json:"hostname"`
	PID      int       `json:"pid"`
	Since    time.Time `json:"timestamp"`

	// Abandoned is true if the process that took the lock is known to be gone, as after a kill.
	Abandoned bool `json:"-"`
}

// ownerGone reports whether the process that took the lock is known to be gone.
func (l Lock) ownerGone() bool {
	if host, err := os.Hostname(); err != nil || host != l.Hostname {
		return false
	}
	process, err := os.FindProcess(l.PID)
	if err != nil {
		return false
	}
	return errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// Locks knows which of a project's stacks are locked. A look-up starts no process.
type Locks struct{ dir string }

// Locks finds the place of the backend's locks. The Pulumi CLI does not show them, so only those of a backend in a folder, file://…,
// are visible.
func (p *Project) Locks(ctx context.Context) (Locks, error) {
	var who struct{ URL string }
	if err := p.query(ctx, &who, "whoami", "--json"); err != nil {
		return Locks{}, fmt.Errorf("ask which backend keeps the stacks of project %s: %w", p.name, err)
	}
	return locksOf(who.URL, p.name)
}

func locksOf(backend, project string) (Locks, error) {
	path, isFolder := strings.CutPrefix(backend, "file://")
	if !isFolder {
		return Locks{}, nil
	}
	path, _, _ = strings.Cut(path, "?")
	path, err := url.PathUnescape(path)
	if err != nil {
		return Locks{}, fmt.Errorf("read the backend's URL %s: %w", backend, err)
	}
	if rest, inHome := strings.CutPrefix(path, "~"); inHome {
		home, err := os.UserHomeDir()
		if err != nil {
			return Locks{}, fmt.Errorf("read the backend's URL %s: %w", backend, err)
		}
		path = filepath.Join(home, rest)
	}
	// Such a backend has one organization, with this name (projectReferenceStore in pkg/backend/diy/store.go).
	return Locks{filepath.Join(path, ".pulumi", "locks", "organization", project)}, nil
}

// Visible reports whether Of can find locks.
func (l Locks) Visible() bool { return l.dir != "" }

// Of returns the lock of a stack and true, or false if there is none, or none is visible.
func (l Locks) Of(stack string) (Lock, bool, error) {
	if !l.Visible() {
		return Lock{}, false, nil
	}
	files, err := filepath.Glob(filepath.Join(l.dir, filepath.Base(stack), "*.json"))
	if err != nil {
		return Lock{}, false, fmt.Errorf("look for locks of stack %s: %w", stack, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // released meanwhile
		}
		if err != nil {
			return Lock{}, false, fmt.Errorf("read a lock of stack %s: %w", stack, err)
		}
		var lock Lock
		if err := json.Unmarshal(text, &lock); err != nil {
			continue // being written
		}
		if lock.Abandoned = lock.ownerGone(); lock.Abandoned {
			// It may have released the lock, and ended, after the lock was read.
			if _, err := os.Stat(file); err != nil {
				continue
			}
		}
		return lock, true, nil
	}
	return Lock{}, false, nil
}
