// Command orphans finds what belongs to a stack and is not in its state, as an update leaves it that was killed, or whose answer
// was lost, and imports or deletes it.
package main

import (
	"context"
	"os"
	"strings"

	"slipway/internal/cli"
	"slipway/internal/confirm"
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

func main() { cli.Main("orphans", run) }

func run(ctx context.Context, args []string) error {
	flags := cli.NewFlags("orphans", usage, os.Stderr)
	var (
		adopt  = flags.Bool("import", false, "import what the next update would create")
		remove = flags.Bool("delete", false, "delete what is not imported")
		yes    = flags.Bool("yes", false, "do not ask, as CI needs it")
		dir    = flags.String("C", ".", "the Pulumi project's `folder`")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	complaint := ""
	switch {
	case flags.NArg() != 1:
		complaint = "name one stack"
	case strings.HasPrefix(flags.Arg(0), "-"):
		complaint = flags.Arg(0) + ": flags come before the name of the stack"
	}
	if complaint != "" {
		return flags.Refuse(complaint)
	}

	s := &search{adopt: *adopt, delete: *remove, out: os.Stdout}
	if *adopt || *remove {
		var err error
		if s.confirm, err = confirm.Unless(*yes); err != nil {
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
