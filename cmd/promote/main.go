// Command promote gives a stack exactly the images that another stack runs, or those that it ran before.
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

Gives stack TARGET the images that stack SOURCE runs, by digest: for the named services, or for all that both have. SOURCE's last update must have succeeded and its services must pass their smoke test now. The command shows the change and asks first. If SOURCE's secrets have another passphrase, set PULUMI_CONFIG_PASSPHRASE_SOURCE.
With -preview, it only shows the change; -save-digests saves the digests that it would promote.
With -digest, given once for each service, exactly these images are promoted, or nothing if SOURCE runs others by now.
With -rollback, a stack returns to the images of its last successful update with others.

`

func main() { cli.Main("promote", run) }

func run(ctx context.Context, args []string) error {
	flags := cli.NewFlags("promote", usage, os.Stderr)
	var (
		rollback = flags.Bool("rollback", false, "return to the images of the last successful update with others")
		preview  = flags.Bool("preview", false, "show the change, and make none")
		yes      = flags.Bool("yes", false, "do not ask, as CI needs it")
		save     = flags.String("save-digests", "", "write the digests to promote to `file`, in the form of -digest, a line for each service")
		wait     = flags.Duration("wait", time.Minute, "how long the updated services may take to pass their smoke test")
		dir      = flags.String("C", ".", "the Pulumi project's `folder`")
	)
	digests := digests{}
	flags.Func("digest", "`service=sha256:…` that SOURCE must run, or nothing is promoted; once for each service, without its name if there is one", digests.add)
	if err := flags.Parse(args); err != nil {
		return err
	}

	stacks := 2 // names on the command line
	if *rollback {
		stacks = 1
	}
	names, complaint := flags.Args(), ""
	switch {
	case len(names) < stacks && *rollback:
		complaint = "name the stack to roll back"
	case len(names) < stacks:
		complaint = "name two stacks: SOURCE and TARGET"
	case *rollback && (len(digests) > 0 || *save != ""):
		complaint = "digests are for a promotion: a rollback finds them itself"
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

// pulumiStack is a Pulumi stack with the calls that a promotion needs.
type pulumiStack struct{ *stack.Stack }

func (s pulumiStack) Draft(ctx context.Context, images map[string]spec.Image) (draft, error) {
	return s.Stack.Draft(ctx, images)
}
