package streams

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"slipway/localcloud/aws/logs"
	"slipway/localcloud/cloud"

	"go.etcd.io/bbolt"
)

// Read yields the events of a group that are not older than since, those of all its streams together in the order of time. With follow
// it then waits for more, until the context ends. A reader that is slower than a stream's retention misses the events in between.
func (l *Logs) Read(ctx context.Context, s cloud.Scope, group string, since time.Time, follow bool) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		last := map[string][]byte{} // the last key read, by stream
		changes := l.store.Watch(logs.LogGroup.Token)
		defer changes.Stop()
		for {
			l.mu.Lock()
			written := l.written
			l.mu.Unlock()
			folder, retention, err := l.group(s, group)
			if err != nil {
				yield(Event{}, err)
				return
			}
			if kept := time.Now().Add(-retention); retention > 0 && since.Before(kept) {
				since = kept
			}
			events, err := l.news(folder, last)
			if err != nil {
				yield(Event{}, fmt.Errorf("read log group %s: %w", group, err))
				return
			}
			for _, e := range events {
				if !e.Time.Before(since) && !yield(e, nil) {
					return
				}
			}
			if !follow {
				return
			}
			select {
			case <-written:
			case <-changes.C: // the group may be gone
			case <-ctx.Done():
				return
			}
		}
	}
}

// news returns the events of a group's streams after the keys, and moves the keys on.
func (l *Logs) news(folder string, last map[string][]byte) ([]Event, error) {
	var events []Event
	err := l.db.View(func(tx *bbolt.Tx) error {
		group := tx.Bucket(groups).Bucket([]byte(folder))
		if group == nil {
			return nil
		}
		for _, stream := range names(group) {
			var more []Event
			more, last[stream] = after(group.Bucket([]byte(stream)), stream, last[stream])
			events = append(events, more...)
		}
		return nil
	})
	slices.SortStableFunc(events, func(a, b Event) int { return a.Time.Compare(b.Time) })
	return events, err
}
