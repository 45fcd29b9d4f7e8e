//go:build unix

package stack

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// shown is an update's output, read line by line.
type shown struct {
	*io.PipeWriter
	lines *bufio.Scanner
}

func newShown() shown {
	r, w := io.Pipe()
	return shown{w, bufio.NewScanner(r)}
}

func (s shown) until(t *testing.T, line string) {
	t.Helper()
	for s.lines.Scan() {
		if s.lines.Text() == line {
			return
		}
	}
	t.Errorf("Pulumi did not show %q", line)
}

// An interrupted update gets one signal, and Up waits for it.
func TestUpIsInterruptedOnce(t *testing.T) {
	s := open(t, project(t, nil))
	t.Setenv("FAKE_PULUMI_PATIENCE", "300ms")
	t.Setenv("GITHUB_ACTOR", "ada")
	ctx, cancel := context.WithCancelCause(t.Context())
	progress, read := newShown(), make(chan struct{})
	go func() {
		defer close(read)
		progress.until(t, "updating")
		cancel(errors.New("interrupt signal received"))
		progress.until(t, "interrupted once")
		progress.until(t, "cleaned up")
	}()
	err := s.Up(ctx, "a message", progress)
	progress.Close()
	if err == nil || errors.Is(err, ErrNotBegun) || !strings.Contains(err.Error(), "interrupt signal received") {
		t.Errorf("error %v", err)
	}
	<-read
	log, err := os.ReadFile(filepath.Join(os.Getenv(fakeFolder), "log"))
	if err != nil || !strings.Contains(string(log), "a message, by ada") {
		t.Errorf("the CLI was called so (%v), without who makes the update:\n%s", err, log)
	}

	if err := s.Up(ctx, "a message", io.Discard); !errors.Is(err, ErrNotBegun) {
		t.Errorf("after the interrupt: %v", err)
	}
}

// A second ^C ends Pulumi at once, as Pulumi says itself.
func TestLaterInterruptsArePassedOn(t *testing.T) {
	s := open(t, project(t, nil))
	t.Setenv("FAKE_PULUMI_PATIENCE", "1m")
	ctx, cancel := context.WithCancel(t.Context())
	progress, read := newShown(), make(chan struct{})
	go func() {
		defer close(read)
		progress.until(t, "updating")
		cancel()
		progress.until(t, "interrupted once")
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			t.Error(err)
		}
		progress.until(t, "interrupted twice")
	}()
	err := s.Up(ctx, "a message", progress)
	progress.Close()
	if err == nil {
		t.Error("an interrupted update succeeded")
	}
	<-read
}
