package streams

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"slipway/localcloud/cloud"

	"go.etcd.io/bbolt"
)

// stream is a stream that has writers. The lock of Logs guards it.
type stream struct {
	place
	size    int
	writers int
}

// Writer returns a writer to a stream of a group, which makes an event of each line. The group must exist, and writing fails once it is
// gone. A last line without a line break becomes an event when the writer is closed.
func (l *Logs) Writer(s cloud.Scope, group, name string) (io.WriteCloser, error) {
	folder, _, err := l.group(s, group)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := place{folder, name}
	to := l.open[at]
	if to == nil {
		to = &stream{place: at}
		if err := l.db.Update(to.begin(l)); err != nil {
			return nil, fmt.Errorf("open log stream %s: %w", name, err)
		}
		l.open[at] = to
	}
	to.writers++
	return &logWriter{logs: l, scope: s, group: group, stream: name, to: to}, nil
}

// begin finds the stream, or makes room for it and makes it.
func (s *stream) begin(l *Logs) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		group, err := tx.Bucket(groups).CreateBucketIfNotExists([]byte(s.folder))
		if err != nil {
			return err
		}
		if events := group.Bucket([]byte(s.stream)); events != nil {
			s.size = bytesIn(events)
			return nil
		}
		if err := makeRoom(group, l.opened(s.folder)); err != nil {
			return err
		}
		_, err = group.CreateBucket([]byte(s.stream))
		return err
	}
}

// logWriter turns written lines into events.
type logWriter struct {
	logs          *Logs
	scope         cloud.Scope
	group, stream string
	to            *stream

	mu      sync.Mutex
	partial []byte // the beginning of a line
	closed  bool
}

func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, fmt.Errorf("write to log stream %s: %w", w.stream, os.ErrClosed)
	}
	w.partial = append(w.partial, p...)
	var lines [][]byte
	rest := w.partial
	for {
		line, after, ok := bytes.Cut(rest, []byte("\n"))
		if !ok && len(rest) < maxMessage {
			break
		}
		if !ok || len(line) > maxMessage {
			line, after = rest[:maxMessage], rest[maxMessage:]
		}
		lines, rest = append(lines, line), after
	}
	err := w.put(lines)
	w.partial = append([]byte(nil), rest...)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// put appends the lines to the stream as events of this moment.
func (w *logWriter) put(lines [][]byte) error {
	if len(lines) == 0 {
		return nil
	}
	folder, _, err := w.logs.group(w.scope, w.group)
	if err != nil {
		return err
	}
	if folder != w.to.folder { // another group by now, under the same name
		return streamNotFound()
	}
	l := w.logs
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.db.Update(func(tx *bbolt.Tx) error { return w.to.append(tx, lines) }); err != nil {
		return fmt.Errorf("write to log stream %s: %w", w.stream, err)
	}
	close(l.written)
	l.written = make(chan struct{})
	return nil
}

func streamNotFound() error {
	return cloud.Errorf("ResourceNotFoundException", "The specified log stream does not exist.")
}

func (s *stream) append(tx *bbolt.Tx, lines [][]byte) error {
	group := tx.Bucket(groups).Bucket([]byte(s.folder))
	if group == nil || group.Bucket([]byte(s.stream)) == nil { // the group has just gone
		return streamNotFound()
	}
	events, now := group.Bucket([]byte(s.stream)), time.Now()
	for _, line := range lines {
		if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
			continue // CloudWatch takes no empty message
		}
		number, err := events.NextSequence()
		if err != nil {
			return err
		}
		if err := events.Put(key(now, number), line); err != nil {
			return err
		}
		s.size += len(line)
	}
	size, err := shrink(events, s.size)
	s.size = size
	return err
}

func (w *logWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	var err error
	if len(w.partial) > 0 {
		err = w.put([][]byte{w.partial})
	}
	l := w.logs
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.to.writers--; w.to.writers == 0 {
		delete(l.open, w.to.place)
	}
	return err
}
