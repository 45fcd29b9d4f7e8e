package streams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/logs"
	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

const logGroupName = "/app/hello"

// logCloud is a cloud with log groups, and their logs.
type logCloud struct {
	t     testing.TB
	cloud *cloud.Cloud
	logs  *Logs
}

func newLogs(t testing.TB) *logCloud {
	t.Helper()
	store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	c := cloud.New(store, cloud.Options{Schema: schema.SDKs{}})
	c.Add(logs.LogGroup)
	kept, err := Open(store, filepath.Join(t.TempDir(), "logs.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	return &logCloud{t: t, cloud: c, logs: kept}
}

// kept returns the groups that have events, and how many bytes of them there are.
func (c *logCloud) kept() (folders []string, size int) {
	c.t.Helper()
	if err := c.logs.db.View(func(tx *bbolt.Tx) error {
		folders = names(tx.Bucket(groups))
		for _, folder := range folders {
			group := tx.Bucket(groups).Bucket([]byte(folder))
			for _, stream := range names(group) {
				size += bytesIn(group.Bucket([]byte(stream)))
			}
		}
		return nil
	}); err != nil {
		c.t.Fatal(err)
	}
	return folders, size
}

func (c *logCloud) group(retention int) {
	c.t.Helper()
	if _, err := c.cloud.Create(c.t.Context(), awstest.InFrankfurt, logs.LogGroup.Token, cloud.Map{"name": logGroupName, "retentionInDays": float64(retention)}, 0); err != nil {
		c.t.Fatal(err)
	}
}

func (c *logCloud) deleteGroup() {
	c.t.Helper()
	if err := c.cloud.Delete(c.t.Context(), awstest.InFrankfurt, logs.LogGroup.Token, logGroupName, 0); err != nil {
		c.t.Fatal(err)
	}
}

func (c *logCloud) writer(stream string) io.WriteCloser {
	c.t.Helper()
	w, err := c.logs.Writer(awstest.InFrankfurt.Scope, logGroupName, stream)
	if err != nil {
		c.t.Fatal(err)
	}
	return w
}

func (c *logCloud) write(w io.Writer, text string) {
	c.t.Helper()
	if n, err := io.WriteString(w, text); err != nil || n != len(text) {
		c.t.Fatal(n, err)
	}
}

// read returns the messages of the group as they are.
func (c *logCloud) read(since time.Time) []string {
	c.t.Helper()
	var out []string
	for e, err := range c.logs.Read(c.t.Context(), awstest.InFrankfurt.Scope, logGroupName, since, false) {
		if err != nil {
			c.t.Fatal(err)
		}
		out = append(out, e.Stream+": "+e.Message)
	}
	return out
}

func (c *logCloud) wants(got []string, want ...string) {
	c.t.Helper()
	if !slices.Equal(got, want) {
		c.t.Errorf("got %q, want %q", got, want)
	}
}

func TestLogsAreLinesOfStreams(t *testing.T) {
	c := newLogs(t)
	if _, err := c.logs.Writer(awstest.InFrankfurt.Scope, logGroupName, "a"); cloud.Code(err) != "ResourceNotFoundException" {
		t.Errorf("a writer without a group: %v", err)
	}
	c.group(0)
	c.wants(c.read(time.Time{}))
	a, b := c.writer("main/a"), c.writer("main/b.1")
	c.write(a, "one\ntw")
	c.write(b, "three\r\n\n")
	c.write(a, "o\nfour")
	c.wants(c.read(time.Time{}), "main/a: one", "main/b.1: three", "main/a: two")
	now := time.Now()
	if err := errors.Join(a.Close(), a.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("writing to a closed stream: %v", err)
	}
	c.wants(c.read(now), "main/a: four")
	again := c.writer("main/a")
	c.write(again, "five\n")
	c.wants(c.read(now), "main/a: four", "main/a: five")
	_ = again.Close()
}

func TestLogsFollow(t *testing.T) {
	c := newLogs(t)
	c.group(0)
	a := c.writer("a")
	c.write(a, "before\n")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var got []string
	var last error
	for e, err := range c.logs.Read(ctx, awstest.InFrankfurt.Scope, logGroupName, time.Time{}, true) {
		if last = err; err != nil {
			break
		}
		got = append(got, e.Message)
		switch e.Message {
		case "before":
			c.write(a, "after\n")
		case "after":
			b := c.writer("b")
			c.write(b, "elsewhere\n")
			_ = b.Close()
		case "elsewhere":
			_ = a.Close()
			c.deleteGroup()
		}
	}
	c.wants(got, "before", "after", "elsewhere")
	if cloud.Code(last) != "ResourceNotFoundException" {
		t.Errorf("following a group that is deleted ends with %v", last)
	}
}

func TestLogsAreBounded(t *testing.T) {
	c := newLogs(t)
	c.group(0)
	w := c.writer("a")
	line := strings.Repeat("x", 1000)
	const lines = 4000 // some 4 MB, twice what a stream keeps
	for i := range lines {
		c.write(w, fmt.Sprintf("%d %s\n", i, line))
	}
	c.write(w, strings.Repeat("y", maxMessage+10)+"\n") // two events
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, size := c.kept(); size > maxStream {
		t.Errorf("%d bytes kept", size)
	}
	if info, err := os.Stat(c.logs.db.Path()); err != nil || info.Size() > 8*maxStream {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
	got := c.read(time.Time{})
	if n := len(got); n < 1000 || n > lines/2+200 || !strings.HasSuffix(got[n-1], "yyyyyyyyyy") || len(got[n-1]) != len("a: ")+10 || !strings.HasPrefix(got[n-3], "a: 3999 ") {
		t.Fatalf("%d events, the last %.20q and %.20q", n, got[n-3], got[n-1])
	}
	for i := 1; i < len(got)-2; i++ {
		var before, this int
		if _, err := fmt.Sscanf(got[i-1]+" "+got[i], "a: %d "+line+" a: %d", &before, &this); err != nil || this != before+1 {
			t.Fatalf("after event %d comes %d, %v", before, this, err)
		}
	}
}

func TestLogStreamsAreBounded(t *testing.T) {
	c := newLogs(t)
	c.group(0)
	open := c.writer("open")
	defer func() { _ = open.Close() }()
	c.write(open, "still\n")
	for i := range maxStreams + 10 {
		w := c.writer(fmt.Sprintf("task/%d", i))
		c.write(w, "line\n")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got := c.read(time.Time{})
	if len(got) != maxStreams || !slices.Contains(got, "open: still") || !slices.Contains(got, fmt.Sprintf("task/%d: line", maxStreams+9)) {
		t.Errorf("%d streams are left, want %d, the open one and the newest among them", len(got), maxStreams)
	}
}

func TestLogsGoWithTheirGroup(t *testing.T) {
	c := newLogs(t)
	c.group(0)
	w := c.writer("a")
	c.write(w, "old\n")
	awstest.Run(t, c.logs.Run)
	c.deleteGroup()
	if _, err := w.Write([]byte("late\n")); cloud.Code(err) != "ResourceNotFoundException" {
		t.Errorf("writing to a group that is gone: %v", err)
	}
	c.group(0)
	if _, err := w.Write([]byte("late\n")); cloud.Code(err) != "ResourceNotFoundException" {
		t.Errorf("writing to a stream of the former group: %v", err)
	}
	_ = w.Close()
	c.wants(c.read(time.Time{}))
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	deadline := time.After(10 * time.Second)
	for {
		left, _ := c.kept()
		if len(left) == 0 {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("left: %v", left)
		}
	}
}

func TestLogRetention(t *testing.T) {
	c := newLogs(t)
	c.group(1)
	for _, stream := range []string{"old", "new"} {
		w := c.writer(stream)
		c.write(w, "line\n")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-25 * time.Hour)
	folders, _ := c.kept()
	stream := func(tx *bbolt.Tx, name string) *bbolt.Bucket {
		return tx.Bucket(groups).Bucket([]byte(folders[0])).Bucket([]byte(name))
	}
	if err := c.logs.db.Update(func(tx *bbolt.Tx) error {
		old := stream(tx, "old")
		first, _ := old.Cursor().First()
		return errors.Join(old.Delete(first), old.Put(key(past, 1), []byte("line")))
	}); err != nil {
		t.Fatal(err)
	}
	c.wants(c.read(time.Time{}), "new: line")
	if err := c.logs.sweep(time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := c.logs.db.View(func(tx *bbolt.Tx) error {
		if stream(tx, "old") != nil {
			t.Error("the expired stream is still there")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	c.wants(c.read(time.Time{}), "new: line")
}

// However a text is cut into writes, its lines are its events.
func TestLogLinesSurviveCutting(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newLogs(t)
		c.group(0)
		w := c.writer("a")
		parts := rapid.SliceOf(rapid.StringMatching(`[ab\n]{0,6}`)).Draw(rt, "parts")
		for _, p := range parts {
			c.write(w, p)
		}
		if err := w.Close(); err != nil {
			rt.Fatal(err)
		}
		var want []string
		for line := range strings.SplitSeq(strings.Join(parts, ""), "\n") {
			if line != "" {
				want = append(want, "a: "+line)
			}
		}
		if got := c.read(time.Time{}); !slices.Equal(got, want) {
			rt.Fatalf("got %q, want %q", got, want)
		}
	})
}
