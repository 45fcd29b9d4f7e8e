// Command orphans finds what belongs to a stack and is not in its state, as an update leaves it that was killed, or whose answer
// was lost, and imports or deletes it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	confirmation "slipway/internal/ask"
	"slipway/internal/stack"
)

const usage = `usage: orphans [flags] STACK

Lists what carries the tags of STACK (Project and Stack) and is not in its state, and what has no tags but is in the way of the
next update: routes, associations of route tables, DNS records that lead to the stack.

An update creates a second one of what it does not know, or fails because there is one. With -import what it would create is put
into the state, and it takes that over; with -delete the rest is deleted. Both ask first. Refresh the stack before, so that the
state is true: ` + "`pulumi refresh --clear-pending-creates`" + `.

Ends with 0 if nothing is left, with 3 if it is only what is not of the program's kinds, which is never changed, with 2 if the
command line makes no sense, and with 1 if more is left, or if something failed.

`

// foreignLeft is the exit code where nothing is left but what is not of the program's kinds: it is in nobody's way.
const foreignLeft = 3

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case errors.Is(err, errForeign): // which has been shown
		os.Exit(foreignLeft)
	case errors.Is(err, errLeft), errors.Is(err, errDeclined): // which has been shown, and said
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "orphans:", err)
		os.Exit(1)
	}
}

// errUsage is the error of a command line that does not make sense, which has been said.
var errUsage = errors.New("usage")

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("orphans", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	var (
		adopt  = flags.Bool("import", false, "import what the next update would create")
		remove = flags.Bool("delete", false, "delete what is not imported")
		yes    = flags.Bool("yes", false, "do not ask, as CI needs it")
		dir    = flags.String("C", ".", "the Pulumi project's `folder`")
	)
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	complaint := ""
	switch {
	case flags.NArg() != 1:
		complaint = "name one stack"
	case strings.HasPrefix(flags.Arg(0), "-"):
		complaint = flags.Arg(0) + ": flags come before the name of the stack"
	}
	if complaint != "" {
		fmt.Fprintf(flags.Output(), "orphans: %s\n\n", complaint)
		flags.Usage()
		return errUsage
	}

	s := &search{adopt: *adopt, delete: *remove, out: os.Stdout}
	if *adopt || *remove {
		var err error
		if s.confirm, err = confirmation.Confirmation(*yes); err != nil {
			return err
		}
	}
	opened, err := stack.Open(ctx, *dir, flags.Arg(0))
	if err != nil {
		return err
	}
	s.project = opened.Project().Name()
	return s.run(ctx, opened)
}
