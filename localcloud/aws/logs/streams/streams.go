// Package streams keeps the events of log groups, in files.
package streams

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"slipway/localcloud/aws/logs"
	"slipway/localcloud/cloud"
)

const (
	// streamSize is how large a stream's file becomes before it is put aside; one older file is kept.
	streamSize = 1 << 20
	// maxStreams is how many streams a group keeps: a service that crashes again and again makes a new one each time.
	maxStreams = 100
	// maxMessage is the longest message kept as one event.
	// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_InputLogEvent.html
	maxMessage = 256 << 10

	streamSuffix  = ".jsonl"
	rotatedSuffix = ".1" + streamSuffix
	// expiryCheck is how often events are looked for that their group no longer keeps.
	expiryCheck = time.Hour
)

// Event is one line that was written to a log group.
type Event struct {
	Time    time.Time `json:"time"`
	Stream  string    `json:"stream"`
	Message string    `json:"message"`
}

// Logs is CloudWatch Logs: what is written to the streams of log groups, in files that their groups own. Every stream has a
// bounded size, and the oldest events go first.
type Logs struct {
	store *cloud.Store
	dir   string

	mu      sync.Mutex
	open    map[string]*logStream // by path; those with a writer
	written chan struct{}         // closed by the next event
}

// Open keeps the streams in a folder, which it makes, private to the user, when the first event comes.
func Open(store *cloud.Store, dir string) *Logs {
	return &Logs{store: store, dir: dir, open: map[string]*logStream{}, written: make(chan struct{})}
}

// Run removes the streams of groups that are gone, and events older than their group keeps them, until the context ends.
func (l *Logs) Run(ctx context.Context) error {
	tick := time.NewTicker(expiryCheck)
	defer tick.Stop()
	groups := l.store.Watch(logs.LogGroup.Token)
	defer groups.Stop()
	for {
		if err := l.sweep(time.Now()); err != nil {
			return fmt.Errorf("clean up logs: %w", err)
		}
		select {
		case <-groups.C:
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// sweep removes what no group owns or keeps any more.
func (l *Logs) sweep(now time.Time) error {
	// The folders first: one that is seen here was made for a group that was there before.
	folders, err := os.ReadDir(l.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	keep := map[string]time.Duration{}
	l.store.View(func(tx *cloud.Tx) {
		for _, r := range tx.Everywhere(logs.LogGroup.Token) {
			keep[cloud.Peek[logs.LogGroupStatus](r).Folder] = logs.Retention(r)
		}
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range folders {
		retention, ok := keep[f.Name()]
		folder := filepath.Join(l.dir, f.Name())
		if !ok {
			err = errors.Join(err, os.RemoveAll(folder))
			continue
		}
		if retention > 0 {
			err = errors.Join(err, l.expire(folder, now.Add(-retention)))
		}
	}
	return err
}

// expire removes the files of a group that nothing was written to since.
func (l *Logs) expire(folder string, since time.Time) error {
	files, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, f := range files {
		info, e := f.Info()
		if e != nil || !info.ModTime().Before(since) || l.open[filepath.Join(folder, f.Name())] != nil {
			continue
		}
		err = errors.Join(err, os.Remove(filepath.Join(folder, f.Name())))
	}
	return err
}

// group returns the folder of a log group and how long it keeps events.
func (l *Logs) group(s cloud.Scope, name string) (folder string, retention time.Duration, err error) {
	l.store.View(func(tx *cloud.Tx) {
		r := tx.Get(cloud.Key{Scope: s, Token: logs.LogGroup.Token, ID: name})
		if r == nil {
			err = logs.LogGroupNotFound()
			return
		}
		folder, retention = filepath.Join(l.dir, cloud.Peek[logs.LogGroupStatus](r).Folder), logs.Retention(r)
	})
	return folder, retention, err
}

// Writer returns a writer to a stream of a group, which makes an event of each line. The group must exist, and writing fails once
// it is gone. What was not ended by a line break becomes an event when the writer is closed.
func (l *Logs) Writer(s cloud.Scope, group, stream string) (io.WriteCloser, error) {
	folder, _, err := l.group(s, group)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("open log stream %s: %w", stream, err)
	}
	path := filepath.Join(folder, fileName(stream))
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.open[path]
	if f == nil {
		if err := l.makeRoom(folder); err != nil {
			return nil, fmt.Errorf("open log stream %s: %w", stream, err)
		}
		f = &logStream{path: path}
		if err := f.reopen(); err != nil {
			return nil, fmt.Errorf("open log stream %s: %w", stream, err)
		}
		l.open[path] = f
	}
	f.writers++
	return &logWriter{logs: l, scope: s, group: group, stream: stream, file: f}, nil
}

// makeRoom removes the streams of a group that have been silent for longest, if it has too many. It is called with the lock held.
func (l *Logs) makeRoom(folder string) error {
	files, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	type silent struct {
		path string
		last time.Time
	}
	var streams []silent
	for _, f := range files {
		info, err := f.Info()
		if err == nil && isStream(f.Name()) {
			streams = append(streams, silent{filepath.Join(folder, f.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(streams, func(a, b silent) int { return a.last.Compare(b.last) })
	for excess := len(streams) - maxStreams + 1; excess > 0; excess-- {
		for _, s := range streams {
			if l.open[s.path] == nil {
				err = errors.Join(err, os.Remove(s.path), removeIfThere(rotated(s.path)))
				streams = slices.DeleteFunc(streams, func(o silent) bool { return o == s })
				break
			}
		}
	}
	return err
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// logStream is the file of a stream that has writers. The lock of Logs guards it.
type logStream struct {
	path    string
	file    *os.File
	size    int64
	writers int
}

func (f *logStream) reopen() error {
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.size = file, info.Size()
	return nil
}

func (f *logStream) append(raw []byte) error {
	if f.size+int64(len(raw)) > streamSize && f.size > 0 {
		if err := errors.Join(f.file.Close(), os.Rename(f.path, rotated(f.path)), f.reopen()); err != nil {
			return err
		}
	}
	n, err := f.file.Write(raw)
	f.size += int64(n)
	return err
}

// rotated returns the name that the file of a stream is put aside under.
func rotated(path string) string { return strings.TrimSuffix(path, streamSuffix) + rotatedSuffix }

// fileName makes a file's name of a stream's, in which a slash separates the container from the task. A dot is kept out of it, or
// a stream named "a.1" would share a file with the older events of a stream "a".
func fileName(stream string) string {
	return strings.ReplaceAll(url.PathEscape(stream), ".", "%2E") + streamSuffix
}

// isStream tells a stream's file from that of its older events.
func isStream(file string) bool {
	return strings.HasSuffix(file, streamSuffix) && !strings.HasSuffix(file, rotatedSuffix)
}

// logWriter makes events of what is written to it.
type logWriter struct {
	logs          *Logs
	scope         cloud.Scope
	group, stream string
	file          *logStream

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
	if folder != filepath.Dir(w.file.path) { // another group by now, under the same name
		return cloud.Errorf("ResourceNotFoundException", "The specified log stream does not exist.")
	}
	var raw []byte
	now := time.Now().UTC()
	for _, line := range lines {
		if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
			continue // CloudWatch takes no empty message
		}
		event, err := json.Marshal(Event{Time: now, Stream: w.stream, Message: string(line)})
		if err != nil {
			return fmt.Errorf("encode log event: %w", err)
		}
		raw = append(append(raw, event...), '\n')
	}
	l := w.logs
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := w.file.append(raw); err != nil {
		return fmt.Errorf("write to log stream %s: %w", w.stream, err)
	}
	close(l.written)
	l.written = make(chan struct{})
	return nil
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
	if w.file.writers--; w.file.writers == 0 {
		delete(l.open, w.file.path)
		err = errors.Join(err, w.file.file.Close())
	}
	return err
}

// Read yields the events of a group that are not older than since, those of all its streams together in the order of time. With
// follow it then waits for more, until the context ends; whoever takes so long that a stream's file is put aside twice meanwhile
// misses the events in between.
func (l *Logs) Read(ctx context.Context, s cloud.Scope, group string, since time.Time, follow bool) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		readers := map[string]*streamReader{}
		defer func() {
			for _, r := range readers {
				r.close()
			}
		}()
		groups := l.store.Watch(logs.LogGroup.Token)
		defer groups.Stop()
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
			events, err := readNew(folder, readers)
			if err != nil {
				yield(Event{}, fmt.Errorf("read log group %s: %w", group, err))
				return
			}
			slices.SortStableFunc(events, func(a, b Event) int { return a.Time.Compare(b.Time) })
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
			case <-groups.C: // the group may be gone
			case <-ctx.Done():
				return
			}
		}
	}
}

// readNew returns what was written to the streams in the folder since the readers looked last, and adds readers of new streams.
func readNew(folder string, readers map[string]*streamReader) ([]Event, error) {
	files, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	there := map[string]bool{}
	for _, f := range files {
		path := filepath.Join(folder, f.Name())
		if there[path] = isStream(f.Name()); there[path] && readers[path] == nil {
			readers[path] = &streamReader{path: path}
		}
	}
	var events []Event
	for path, r := range readers {
		more, err := r.read()
		if err != nil {
			return nil, err
		}
		events = append(events, more...)
		if !there[path] {
			r.close()
			delete(readers, path)
		}
	}
	return events, nil
}

// streamReader reads on in a stream, through the file's being put aside.
type streamReader struct {
	path string
	file *os.File
	rest []byte // the beginning of an event
}

func (r *streamReader) close() {
	if r.file != nil {
		_ = r.file.Close() // read only
		r.file = nil
	}
}

func (r *streamReader) read() ([]Event, error) {
	if r.file == nil {
		// The older file first; if there is none, the stream began with the other.
		for _, path := range []string{rotated(r.path), r.path} {
			file, err := os.Open(path)
			if err == nil {
				r.file = file
				break
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
		if r.file == nil {
			return nil, nil
		}
	}
	var events []Event
	for {
		// Whether there is a newer file is asked before the end is reached, so that nothing is written after it.
		newer, err := r.newer()
		if err != nil {
			return nil, err
		}
		raw, err := io.ReadAll(bufio.NewReader(r.file))
		if err != nil {
			return nil, err
		}
		raw = append(r.rest, raw...)
		end := bytes.LastIndexByte(raw, '\n') + 1
		for line := range bytes.Lines(raw[:end]) {
			var e Event
			if err := json.Unmarshal(line, &e); err == nil { // a line cut by a crash is skipped
				events = append(events, e)
			}
		}
		r.rest = bytes.Clone(raw[end:])
		if newer == nil {
			return events, nil
		}
		r.close()
		r.file, r.rest = newer, nil
	}
}

// newer opens the stream's file, if it is another one than that which is being read.
func (r *streamReader) newer() (*os.File, error) {
	reading, err := r.file.Stat()
	if err != nil {
		return nil, err
	}
	file, err := os.Open(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now, err := file.Stat()
	if err != nil || os.SameFile(reading, now) {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
