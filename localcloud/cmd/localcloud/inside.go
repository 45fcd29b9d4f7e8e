package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
)

// exitCode is the error of a command in a task that failed: this command then ends as that one did.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("the command ended with exit code %d", int(c)) }

// execute runs a command in a task.
func execute(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	container := flags.String("container", "", "the container; default the first essential one")
	if err := flags.Parse(args); err != nil {
		return err
	}
	rest := flags.Args()
	if len(rest) > 1 && rest[1] == "--" {
		rest = slices.Delete(rest, 1, 2)
	}
	if len(rest) < 2 {
		flags.Usage()
		return flag.ErrHelp
	}
	c, err := client(ctx, dir)
	if err != nil {
		return err
	}
	code, err := c.Exec(ctx, rest[0], *container, rest[1:], os.Stdin, os.Stdout, os.Stderr)
	if err == nil && code != 0 {
		return exitCode(code)
	}
	return err
}

// capture writes the packets of a task to a file, or to the standard output, until it is interrupted or the task ends.
func capture(ctx context.Context, dir string, flags *flag.FlagSet, args []string) (err error) {
	file := flags.String("file", "", "the pcap `FILE` to write; default the standard output")
	if err := parseOne(flags, args); err != nil {
		return err
	}
	c, err := client(ctx, dir)
	if err != nil {
		return err
	}
	out := io.WriteCloser(os.Stdout)
	if *file != "" {
		if out, err = os.Create(*file); err != nil {
			return fmt.Errorf("capture: %w", err)
		}
	}
	return cmp.Or(c.Capture(ctx, flags.Arg(0), out), closed(out))
}

// closed closes a file that was written, and says if it could not be.
func closed(f io.Closer) error {
	if err := f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
}
