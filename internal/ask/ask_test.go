package ask

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAsk(t *testing.T) {
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
		answer, err := YesNo(t.Context(), strings.NewReader(input), &out, "Promote?")
		if asked := strings.Count(out.String(), "Promote? (yes/no) "); answer != want.answer || asked != want.asked || err != nil {
			t.Errorf("%q: %t, asked %d times (%v), want %+v", input, answer, asked, err, want)
		}
	}
}

func TestNobodyAnswersAt(t *testing.T) {
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
	silence, mouth := io.Pipe()
	defer mouth.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupt := errors.New("interrupt")
	cancel(interrupt)
	if answer, err := YesNo(ctx, silence, io.Discard, "Promote?"); answer || !errors.Is(err, interrupt) {
		t.Errorf("%t, %v", answer, err)
	}
}
