package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"slipway/localcloud/aws/logs/streams"
	"slipway/localcloud/aws/sqs/queues"
	"slipway/localcloud/ca"
	"slipway/localcloud/cloud"
	"slipway/localcloud/oidc"
	"slipway/localcloud/registry"
	"slipway/localcloud/task"
)

// stopGrace is what tasks get to end in when the daemon stops; the stop of a cloud is no deployment that drops nothing.
const stopGrace = 2 * time.Second

// folder has the data in a daemon's folder.
type folder struct {
	dir       string
	store     *cloud.Store
	logs      *streams.Logs
	queues    *queues.Queues
	authority *ca.Authority
	tokens    *oidc.Issuer
	images    *registry.Registry
	runner    *task.Runner
}

// makeFolder returns the absolute path of the folder, which it makes if there is none.
func makeFolder(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the local cloud's folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the local cloud's folder: %w", err)
	}
	return dir, nil
}

// openFolder opens everything in a folder that there is. The store comes first: it is locked while another daemon has the folder.
func openFolder(dir string) (*folder, error) {
	store, err := cloud.Open(filepath.Join(dir, "cloud.db"))
	if err != nil {
		return nil, fmt.Errorf("%w; is another local cloud running on this folder?", err)
	}
	f := &folder{dir: dir, store: store}
	if err := f.open(); err != nil {
		return nil, errors.Join(err, f.closeFiles())
	}
	return f, nil
}

// open opens everything but the store.
func (f *folder) open() (err error) {
	if f.logs, err = streams.Open(f.store, filepath.Join(f.dir, "logs.db")); err != nil {
		return err
	}
	if f.queues, err = queues.Open(f.store, filepath.Join(f.dir, "queues.db")); err != nil {
		return err
	}
	if f.authority, err = ca.Open(filepath.Join(f.dir, "ca")); err != nil {
		return err
	}
	if f.tokens, err = oidc.Open(f.dir); err != nil {
		return err
	}
	if f.images, err = registry.Open(filepath.Join(f.dir, "registry")); err != nil {
		return err
	}
	tasks := filepath.Join(f.dir, "tasks")
	// A daemon that was killed leaves its tasks running, or their folders behind.
	if _, err = task.CleanUp(tasks); err != nil {
		return err
	}
	f.runner, err = task.NewRunner(tasks)
	return err
}

// close ends the tasks, and then closes their logs.
func (f *folder) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopGrace)
	defer cancel()
	f.runner.Close(ctx)
	return f.closeFiles()
}

// closeFiles closes what was opened, the store last.
func (f *folder) closeFiles() error {
	var errs []error
	if f.queues != nil {
		errs = append(errs, f.queues.Close())
	}
	if f.logs != nil {
		errs = append(errs, f.logs.Close())
	}
	return errors.Join(append(errs, f.store.Close())...)
}

// lookInterval is how often a daemon looks whether its folder is still there.
const lookInterval = time.Second

// watchFolder returns an error when the folder was deleted: then no command can find this daemon, to query or stop it.
func watchFolder(ctx context.Context, dir, token string) error {
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
		if replaced(dir, token) {
			return fmt.Errorf("%s was deleted, and the local cloud ends with it", dir)
		}
	}
}
