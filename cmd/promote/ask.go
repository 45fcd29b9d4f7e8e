package main

import (
	"bufio"
	"context"
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

// ask asks a question until the answer is yes or no. No answer at all, that is the end of the input, is no.
func ask(ctx context.Context, in io.Reader, out io.Writer, question string) (bool, error) {
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
