// Command promote brings to a stack, byte for byte, the images that another stack runs, or those that it ran before.
package main

import (
	"context"
	"os"
	"strings"
	"time"

	"slipway/internal/cli"
	"slipway/internal/confirm"
	"slipway/internal/smoke"
	"slipway/internal/stack"
	"slipway/spec"
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

func main() { cli.Main("promote", run) }

func run(ctx context.Context, args []string) error {
	flags := cli.NewFlags("promote", usage, os.Stderr)
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
		return err
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
		return flags.Refuse(complaint)
	}

	project, err := stack.OpenProject(ctx, *dir)
	if err != nil {
		return err
	}
	target, err := project.Stack(ctx, names[stacks-1])
	if err != nil {
		return err
	}
	confirmed, err := confirm.Unless(*yes || *preview)
	if err != nil {
		return err
	}
	p := &promotion{
		services: names[stacks:], digests: digests, save: *save, wait: *wait, smoke: smoke.Run, out: os.Stdout, confirm: confirmed, preview: *preview,
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

func (s pulumiStack) Draft(ctx context.Context, images map[string]spec.Image) (draft, error) {
	return s.Stack.Draft(ctx, images)
}
