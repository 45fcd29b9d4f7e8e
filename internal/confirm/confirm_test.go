package confirm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAsk(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]struct {
		answer bool
		asked  int
	}{
		"yes\n":            {true, 1},
		" Y \n":            {true, 1},
		"no\n":             {false, 1},
		"":                 {false, 1},
		"yes":              {true, 1},
		"maybe\n\nyes\n":   {true, 3},
		"yess\nno\nyes\n":  {false, 2},
		"well\nlet's see:": {false, 3},
	} {
		var out bytes.Buffer
		answer, err := New(strings.NewReader(input), &out).YesNo(t.Context(), "Promote?")
		if asked := strings.Count(out.String(), "Promote? (yes/no) "); answer != want.answer || asked != want.asked || err != nil {
			t.Errorf("%q: %t, asked %d times (%v), want %+v", input, answer, asked, err, want)
		}
	}
}

func TestNobodyAnswersAt(t *testing.T) {
	t.Parallel()
	pipe, mouth, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer mouth.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "answers"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{pipe, null, file} {
		if isTerminal(f) {
			t.Errorf("%s is taken for a terminal", f.Name())
		}
		f.Close()
		if isTerminal(f) {
			t.Errorf("%s, closed, is taken for a terminal", f.Name())
		}
	}
}

func TestAskEndsWithItsContext(t *testing.T) {
	t.Parallel()
	silence, mouth := io.Pipe()
	defer mouth.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupt := errors.New("interrupt")
	cancel(interrupt)
	if answer, err := New(silence, io.Discard).YesNo(ctx, "Promote?"); answer || !errors.Is(err, interrupt) {
		t.Errorf("%t, %v", answer, err)
	}
}

// Each question gets the answer that is typed after it. An answer to an interrupted question goes to the next one.
func TestAskTwice(t *testing.T) {
	t.Parallel()
	in, keys := io.Pipe()
	defer keys.Close()
	a := New(in, io.Discard)
	for i, text := range []string{"yes\n", "no\n", "y\n"} {
		go func() { _, _ = io.WriteString(keys, text) }()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		answer, err := a.YesNo(ctx, "Promote?")
		cancel()
		if want := i != 1; answer != want || err != nil {
			t.Fatalf("the answer to question %d, %q, is taken for %t (%v)", i+1, text, answer, err)
		}
	}

	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.YesNo(interrupted, "Promote?"); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(keys, "yes\n") }()
	if answer, err := a.YesNo(t.Context(), "Promote?"); !answer || err != nil {
		t.Errorf("after an interrupted question the answer is %t (%v)", answer, err)
	}
}
