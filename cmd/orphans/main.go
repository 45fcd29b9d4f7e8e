// Command orphans finds resources that belong to a stack and are not in its state, and imports or deletes them. A killed update, or one
// with a lost answer, leaves them.
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

Lists resources with the tags of STACK (Project and Stack) that are not in its state, and resources without tags that block the next update: routes, associations of route tables, DNS records that lead to the stack.

An update would create a second one of each, or fail because there is one. -import puts those that it would create into the state, and it takes them over. -delete deletes the rest. Both ask first. Refresh the stack before, to bring its state up to date: ` + "`pulumi refresh --clear-pending-creates`" + `.

Ends with 0 if nothing is left, with 3 if only resources of other kinds than the program's are left, which are never changed, with 2 for a wrong command line, and with 1 if more is left, or if something failed.

`

func main() { cli.Main("orphans", run) }

func run(ctx context.Context, args []string) error {
	flags := cli.NewFlags("orphans", usage, os.Stderr)
	var (
		adopt  = flags.Bool("import", false, "import resources that the next update would create")
		remove = flags.Bool("delete", false, "delete resources that are not imported")
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
