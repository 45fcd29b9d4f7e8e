// Package ask asks whoever sits at the terminal before something is changed.
package ask

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// isTerminal says whether a file is one that somebody may answer at: a character device, though not the one that CI gives to
// what is to read nothing.
func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// YesNo asks a question until the answer is yes or no. No answer at all, that is the end of the input, is no.
func YesNo(ctx context.Context, in io.Reader, out io.Writer, question string) (bool, error) {
	answers := make(chan string)
	asking, done := context.WithCancel(ctx)
	defer done()
	go func() { // which stays blocked in its read when ctx ends first, as the program does then
		defer close(answers)
		for lines := bufio.NewScanner(in); lines.Scan(); {
			select {
			case answers <- strings.ToLower(strings.TrimSpace(lines.Text())):
			case <-asking.Done():
				return
			}
		}
	}()
	for {
		fmt.Fprintf(out, "%s (yes/no) ", question)
		select {
		case <-ctx.Done():
			fmt.Fprintln(out)
			return false, context.Cause(ctx)
		case answer, more := <-answers:
			switch {
			case answer == "yes" || answer == "y":
				return true, nil
			case answer == "no" || answer == "n":
				return false, nil
			case !more:
				fmt.Fprintln(out)
				return false, nil
			}
		}
	}
}

// Confirmation returns how a command confirms what it is about to do: not at all if the answer is yes beforehand, as in CI, or
// else by asking at the terminal, without which there is an error.
func Confirmation(yes bool) (func(ctx context.Context, question string) (bool, error), error) {
	switch {
	case yes:
		return func(context.Context, string) (bool, error) { return true, nil }, nil
	case !isTerminal(os.Stdin):
		return nil, errors.New("there is no terminal to ask at; -yes does without asking")
	}
	return func(ctx context.Context, question string) (bool, error) {
		return YesNo(ctx, os.Stdin, os.Stdout, question)
	}, nil
}
