// Package streams keeps the events of log groups, in a database.
package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"slipway/localcloud/aws/logs"
	"slipway/localcloud/cloud"

	"go.etcd.io/bbolt"
)

const (
	// maxStream is how many bytes of events a stream keeps: the oldest go first.
	maxStream = 2 << 20
	// maxStreams is how many streams a group keeps: a service that crashes again and again makes a new one each time.
	maxStreams = 100
	// maxMessage is the longest message kept as one event.
	// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_InputLogEvent.html
	maxMessage = 256 << 10

	// expiryCheck is how often events are looked for that their group no longer keeps.
	expiryCheck = time.Hour
)

// Event is one line that was written to a log group.
type Event struct {
	Time    time.Time
	Stream  string
	Message string
}

// Logs is CloudWatch Logs: the events of log groups' streams. It has a separate file, so no change of a resource waits for tasks'
// output.
type Logs struct {
	store *cloud.Store
	db    *bbolt.DB

	mu      sync.Mutex
	open    map[place]*stream // those with a writer
	written chan struct{}     // closed by the next event
}

// Open keeps the streams in a file. It creates the file, private to the user, if there is none.
func Open(store *cloud.Store, path string) (*Logs, error) {
	// As with the store, a killed process loses nothing without a sync.
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true, NoFreelistSync: true})
	if err != nil {
		return nil, fmt.Errorf("open logs %s: %w", path, err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucketIfNotExists(groups); return err }); err != nil {
		return nil, errors.Join(fmt.Errorf("open logs %s: %w", path, err), db.Close())
	}
	return &Logs{store: store, db: db, open: map[place]*stream{}, written: make(chan struct{})}, nil
}

// Close closes the file. Nothing can be written or read any more.
func (l *Logs) Close() error { return errors.Join(l.db.Sync(), l.db.Close()) }

// Run removes the streams of groups that are gone, and events older than their group keeps them, until the context ends.
func (l *Logs) Run(ctx context.Context) error {
	tick := time.NewTicker(expiryCheck)
	defer tick.Stop()
	changes := l.store.Watch(logs.LogGroup.Token)
	defer changes.Stop()
	for {
		if err := l.sweep(time.Now()); err != nil {
			return fmt.Errorf("clean up logs: %w", err)
		}
		select {
		case <-changes.C:
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// sweep removes what no group owns or keeps any more.
func (l *Logs) sweep(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.db.Update(func(tx *bbolt.Tx) error {
		// This folder belongs to an earlier group.
		keep := map[string]time.Duration{}
		l.store.View(func(tx *cloud.Tx) {
			for _, r := range tx.Everywhere(logs.LogGroup.Token) {
				keep[cloud.Peek[logs.LogGroupStatus](r).Folder] = logs.Retention(r)
			}
		})
		all := tx.Bucket(groups)
		for _, folder := range names(all) {
			retention, ok := keep[folder]
			switch {
			case !ok:
				if err := all.DeleteBucket([]byte(folder)); err != nil {
					return err
				}
			case retention > 0:
				if err := expire(all.Bucket([]byte(folder)), now.Add(-retention), l.opened(folder)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// opened finds the streams of a group with a writer. Its callers hold the lock.
func (l *Logs) opened(folder string) func(name string) *stream {
	return func(name string) *stream { return l.open[place{folder, name}] }
}

// group returns the folder of a log group and how long it keeps events.
func (l *Logs) group(s cloud.Scope, name string) (folder string, retention time.Duration, err error) {
	l.store.View(func(tx *cloud.Tx) {
		r := tx.Get(cloud.Key{Scope: s, Token: logs.LogGroup.Token, ID: name})
		if r == nil {
			err = logs.LogGroupNotFound()
			return
		}
		folder, retention = cloud.Peek[logs.LogGroupStatus](r).Folder, logs.Retention(r)
	})
	return folder, retention, err
}
