package daemon

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// execClient is a client whose commands are run by the function.
func execClient(t *testing.T, run running) Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("task") == "none" {
			http.Error(w, "there is no such task", http.StatusBadRequest)
			return
		}
		serveExec(w, run)
	}))
	t.Cleanup(s.Close)
	return Client{Info: Info{Control: strings.TrimPrefix(s.URL, "http://")}}
}

// A command has its client's streams, whatever they hold, and its client its exit code.
func TestExecCarriesStreams(t *testing.T) {
	c := execClient(t, func(_ context.Context, stdin, stdout, stderr *os.File) (int, error) {
		_, err := io.Copy(stdout, stdin)
		_, _ = stderr.WriteString("the end")
		return 7, err
	})
	long := bytes.Repeat([]byte("0123456789\x00\xff"), 100_000)
	var stdout, stderr bytes.Buffer
	code, err := c.Exec(t.Context(), "hello", "", []string{"cat"}, bytes.NewReader(long), &stdout, &stderr)
	if err != nil || code != 7 || !bytes.Equal(stdout.Bytes(), long) || stderr.String() != "the end" {
		t.Errorf("code %d, %v, %d bytes, %q", code, err, stdout.Len(), stderr.String())
	}
	if _, err := c.Exec(t.Context(), "none", "", []string{"cat"}, &stdout, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "there is no such task") {
		t.Errorf("a task that there is not: %v", err)
	}
	c = execClient(t, func(context.Context, *os.File, *os.File, *os.File) (int, error) {
		return 0, errors.New("no such program")
	})
	if _, err := c.Exec(t.Context(), "hello", "", []string{"cat"}, &stdout, io.Discard, io.Discard); err == nil || err.Error() != "no such program" {
		t.Errorf("a program that there is not: %v", err)
	}
}

// When the client goes, so does the command.
func TestExecEndsWithItsClient(t *testing.T) {
	ended := make(chan struct{})
	begun := make(chan struct{})
	c := execClient(t, func(ctx context.Context, _, _, _ *os.File) (int, error) {
		close(begun)
		<-ctx.Done()
		close(ended)
		return 0, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	stdin, _ := io.Pipe() // says nothing
	if _, err := c.Exec(ctx, "hello", "", []string{"sleep"}, stdin, io.Discard, io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-ended
}

// A command that does not read its input ends with its client all the same.
func TestExecEndsWithItsClientThoughItDoesNotRead(t *testing.T) {
	ended := make(chan struct{})
	c := execClient(t, func(ctx context.Context, _, _, _ *os.File) (int, error) {
		<-ctx.Done()
		close(ended)
		return 0, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// A pipe has room for two frames, so that whoever wants to write the third to it waits. When the fifth is read, all of these are sent.
	stdin := &endless{of: 5, call: cancel}
	if _, err := c.Exec(ctx, "hello", "", []string{"sleep"}, stdin, io.Discard, io.Discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-ended
}

// endless is input without an end, which calls a function when it is read for that time.
type endless struct {
	of   int
	call func()
}

func (e *endless) Read(b []byte) (int, error) {
	if e.of--; e.of == 0 {
		e.call()
	}
	return len(b), nil
}

// A command that closes its input, or ends, does not keep what its client still sends: the client goes on to the end of its own.
func TestExecDiscardsInputThatNobodyReads(t *testing.T) {
	drained := make(chan struct{})
	c := execClient(t, func(_ context.Context, stdin, _, _ *os.File) (int, error) {
		_ = stdin.Close()
		<-drained
		return 0, nil
	})
	long := bytes.NewReader(make([]byte, 20*maxFrame))
	stdin := io.MultiReader(long, readerFunc(func([]byte) (int, error) {
		close(drained)
		return 0, io.EOF
	}))
	if code, err := c.Exec(t.Context(), "hello", "", []string{"true"}, stdin, io.Discard, io.Discard); err != nil || code != 0 {
		t.Errorf("code %d, %v", code, err)
	}
}

type readerFunc func(b []byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// However long a client takes for a part of the output of a command that has ended, it gets the rest.
func TestOutputIsReadWhenTheGraceIsOver(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	o := &output{file: r}
	if _, err := w.WriteString("the rest"); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	o.end()
	if err := r.SetReadDeadline(time.Now().Add(-time.Second)); err != nil { // the client has taken the grace
		t.Fatal(err)
	}
	if got, err := io.ReadAll(o); err != nil || string(got) != "the rest" {
		t.Errorf("%q, %v", got, err)
	}
}
