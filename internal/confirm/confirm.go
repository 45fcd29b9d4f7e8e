// Package confirm asks the person at the terminal before a command changes something.
package confirm

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// IsTerminal reports whether a person may answer at a file: it is a character device, but not the null device of CI.
func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// Asker asks questions one after the other. An input must have only one, because a second one would miss what the first has read.
type Asker struct {
	out   io.Writer
	lines *bufio.Scanner
	// reading is the awaited line. It outlives a question whose context ends, because a read cannot be cancelled.
	reading chan line
}

// line is one line of the input, or its end.
type line struct {
	text string
	ok   bool
}

// New returns an asker that asks on out and reads answers from in. It reads no line without a question.
func New(in io.Reader, out io.Writer) *Asker {
	return &Asker{out: out, lines: bufio.NewScanner(in)}
}

// YesNo asks a question until the answer is yes or no. The end of the input is no.
func (a *Asker) YesNo(ctx context.Context, question string) (bool, error) {
	for {
		fmt.Fprintf(a.out, "%s (yes/no) ", question)
		answer, err := a.next(ctx)
		if err != nil || !answer.ok {
			fmt.Fprintln(a.out)
			return false, err
		}
		switch strings.ToLower(strings.TrimSpace(answer.text)) {
		case "yes", "y":
			return true, nil
		case "no", "n":
			return false, nil
		}
	}
}

// Text asks for a text until the check takes it. An empty answer is the preset one, if there is one.
func (a *Asker) Text(ctx context.Context, question, preset string, check func(string) error) (string, error) {
	if preset != "" {
		question += " [" + preset + "]"
	}
	for {
		fmt.Fprintf(a.out, "%s: ", question)
		answer, err := a.next(ctx)
		if err == nil && !answer.ok {
			err = errors.New("there is no answer to read; run it at a terminal")
		}
		if err != nil {
			fmt.Fprintln(a.out)
			return "", err
		}
		text := cmp.Or(strings.TrimSpace(answer.text), preset)
		if err := check(text); err != nil {
			fmt.Fprintf(a.out, "  %v\n", err)
			continue
		}
		return text, nil
	}
}

// next waits for the next line.
func (a *Asker) next(ctx context.Context) (line, error) {
	if a.reading == nil {
		read := make(chan line, 1)
		go func() {
			ok := a.lines.Scan()
			read <- line{a.lines.Text(), ok}
		}()
		a.reading = read
	}
	select {
	case <-ctx.Done():
		return line{}, context.Cause(ctx)
	case l := <-a.reading:
		a.reading = nil
		return l, nil
	}
}

// Unless returns how a command asks for confirmation: not at all if yes is given, as in CI. Otherwise it asks at the terminal, and
// fails without one.
func Unless(yes bool) (func(ctx context.Context, question string) (bool, error), error) {
	switch {
	case yes:
		return func(context.Context, string) (bool, error) { return true, nil }, nil
	case !isTerminal(os.Stdin):
		return nil, errors.New("there is no terminal to ask at; use -yes to skip the question")
	}
	return New(os.Stdin, os.Stdout).YesNo, nil
}
