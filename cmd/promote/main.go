// Command promote brings to a stack, byte for byte, the images that another stack runs, or those that it ran before.
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
	"time"

	"slipway/internal/ask"
	"slipway/internal/smoke"
	"slipway/internal/stack"
)

const usage = `usage: promote [flags] SOURCE TARGET [SERVICE…]
       promote -rollback [flags] STACK [SERVICE…]

Brings the images that stack SOURCE runs to stack TARGET, by digest: of the services given, or of all that both have. SOURCE's
last update must have succeeded and its services must pass their smoke test now. What would happen is shown, and asked for. If
SOURCE's secrets have a passphrase of their own, PULUMI_CONFIG_PASSPHRASE_SOURCE is it.
With -preview, what would happen is shown, and nothing more; -save-digests keeps what that would be promoted.
With -digest, given once for each service, exactly these images are promoted: nothing is if SOURCE runs others by now.
With -rollback, a stack goes back to the images of its last successful update that ran others.

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case errors.Is(err, errDeclined):
		fmt.Fprintln(os.Stderr, "Nothing was changed.")
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "promote:", err)
		os.Exit(1)
	}
}

// errUsage is the error of a command line that does not make sense, which has been said.
var errUsage = errors.New("usage")

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("promote", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	var (
		rollback = flags.Bool("rollback", false, "go back to the images of the last successful update that ran others")
		preview  = flags.Bool("preview", false, "show what would happen, and change nothing")
		yes      = flags.Bool("yes", false, "do not ask, as CI needs it")
		save     = flags.String("save-digests", "", "write to `file` what would be promoted, as -digest takes it, a line for each service")
		wait     = flags.Duration("wait", time.Minute, "how long the updated services may take to pass their smoke test")
		dir      = flags.String("C", ".", "the Pulumi project's `folder`")
	)
	digests := digests{}
	flags.Func("digest", "`service=sha256:…` that SOURCE has to run, or nothing is promoted; once for each service, without its name if there is one", digests.add)
	if err := flags.Parse(args); err != nil {
		return errUsage
	}

	stacks := 2 // that are named
	if *rollback {
		stacks = 1
	}
	names, complaint := flags.Args(), ""
	switch {
	case len(names) < stacks && *rollback:
		complaint = "name the stack to roll back"
	case len(names) < stacks:
		complaint = "name two stacks: from which, and to which"
	case *rollback && (len(digests) > 0 || *save != ""):
		complaint = "digests are for a promotion: a rollback finds its own"
	case stacks == 2 && names[0] == names[1]:
		complaint = "a stack cannot be promoted to itself"
	}
	for _, name := range names {
		if strings.HasPrefix(name, "-") {
			complaint = name + ": flags go first, before the names of stacks"
		}
	}
	if complaint != "" {
		fmt.Fprintf(flags.Output(), "promote: %s; -help shows how\n", complaint)
		return errUsage
	}

	project, err := stack.OpenProject(ctx, *dir)
	if err != nil {
		return err
	}
	target, err := project.Stack(ctx, names[stacks-1])
	if err != nil {
		return err
	}
	confirm, err := ask.Confirmation(*yes || *preview)
	if err != nil {
		return err
	}
	p := &promotion{
		services: names[stacks:], digests: digests, save: *save, wait: *wait, smoke: smoke.Run, out: os.Stdout, confirm: confirm, preview: *preview,
	}
	if *rollback {
		return p.rollback(ctx, pulumiStack{target})
	}
	if passphrase := os.Getenv("PULUMI_CONFIG_PASSPHRASE_SOURCE"); passphrase != "" {
		if project, err = stack.OpenProject(ctx, *dir, "PULUMI_CONFIG_PASSPHRASE="+passphrase); err != nil {
			return err
		}
	}
	source, err := project.Stack(ctx, names[0])
	if err != nil {
		return err
	}
	return p.promote(ctx, pulumiStack{source}, pulumiStack{target})
}

// pulumiStack is a stack of Pulumi's as a promotion needs it.
type pulumiStack struct{ *stack.Stack }

func (s pulumiStack) Draft(ctx context.Context, images map[string]stack.Image) (draft, error) {
	return s.Stack.Draft(ctx, images)
}
