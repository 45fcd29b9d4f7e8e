// Package cli has what the project's commands share: how they end, and how they refuse a wrong command line.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Main runs a command and exits. An interrupt ends the command's context. A command that failed ends with 1, and its error is printed.
// With an error from [Said] it ends with that exit code.
func Main(name string, run func(ctx context.Context, args []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	os.Exit(code(name, err, os.Stderr))
}

// code returns the exit code for a command's error. It prints the error first, if it is not printed yet.
func code(name string, err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	if s, ok := errors.AsType[*said](err); ok {
		return s.code
	}
	fmt.Fprintf(stderr, "%s: %v\n", name, err)
	return 1
}

// said is an error that the command has printed already.
type said struct {
	code int
	text string
}

func (s *said) Error() string { return s.text }

// Said returns an error that ends a command with an exit code and without output, because the command has printed everything.
func Said(code int, text string) error { return &said{code, text} }

// ErrUsage is the error of a wrong command line, or of one that asks for help.
var ErrUsage = Said(2, "usage")

// Flags are a command's flags.
type Flags struct{ *flag.FlagSet }

// NewFlags returns the flags of a command. Its usage begins with a text, ends with the flags, and is printed on out.
func NewFlags(name, usage string, out io.Writer) Flags {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprint(out, usage)
		flags.PrintDefaults()
	}
	return Flags{flags}
}

// Parse reads the command line. Its error is [ErrUsage].
func (f Flags) Parse(args []string) error {
	if err := f.FlagSet.Parse(args); err != nil {
		return ErrUsage // the flag set has printed why
	}
	return nil
}

// Refuse says what is wrong with the command line, and then how to use the command. It returns [ErrUsage].
func (f Flags) Refuse(complaint string) error {
	fmt.Fprintf(f.Output(), "%s: %s\n\n", f.Name(), complaint)
	f.Usage()
	return ErrUsage
}
