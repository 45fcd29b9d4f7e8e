// Command run runs a stack's job and shows what it logs.
package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"slipway/internal/awsconfig"
	"slipway/internal/cli"
	"slipway/internal/jobs"
	"slipway/internal/stack"
)

const usage = `usage: run [flags] STACK JOB [-- ARGUMENTS…]

Runs a job of STACK once: starts its task, prints what it logs, and ends with the exit code of its container. The arguments follow the job's command. An interrupt (^C, or SIGTERM from CI) tells the task to stop, and waits until it has. So does the job's timeout.

It ends with 1 if the task could not be run to its end.

`

func main() {
	cli.Main("run", func(ctx context.Context, args []string) error { return run(ctx, args, os.Stdout, os.Stderr) })
}

// order is what the command line asks for.
type order struct {
	stack, job, dir string
	arguments       []string
}

func parse(args []string, stderr io.Writer) (order, error) {
	flags := cli.NewFlags("run", usage, stderr)
	var o order
	flags.StringVar(&o.dir, "C", ".", "the Pulumi project's `folder`")
	// The flag set takes a "--" for the end of its flags, also where it comes before the names.
	if i := slices.Index(args, "--"); i >= 0 {
		args, o.arguments = args[:i], args[i+1:]
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() < 2:
		return o, flags.Refuse("name a stack and one of its jobs")
	case flags.NArg() > 2:
		return o, flags.Refuse("the job's own arguments come after --")
	case strings.HasPrefix(flags.Arg(0), "-") || strings.HasPrefix(flags.Arg(1), "-"):
		return o, flags.Refuse("flags come before the names")
	}
	o.stack, o.job = flags.Arg(0), flags.Arg(1)
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	opened, err := stack.Open(ctx, o.dir, o.stack)
	if err != nil {
		return err
	}
	outputs, err := opened.Outputs(ctx)
	if err != nil {
		return err
	}
	what, found := outputs.Jobs[o.job]
	if !found {
		return fmt.Errorf("stack %s has no job %s; it has: %s", o.stack, o.job, names(outputs))
	}
	job := jobs.Job{Name: o.job, Cluster: outputs.Cluster, Run: what}
	options, err := opened.AWS()
	if err != nil {
		return err
	}
	return finish(runner(options, stdout, stderr).Run(ctx, job, o.arguments...))
}

func names(outputs stack.Outputs) string {
	if len(outputs.Jobs) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(outputs.Jobs)), ", ")
}

// runner returns a runner that prints what the job logs on stdout, and everything else on stderr.
func runner(options awsconfig.Options, stdout, stderr io.Writer) jobs.Runner {
	return jobs.Runner{
		Options: options,
		Say:     func(text string) { fmt.Fprintln(stderr, "run: "+text) },
		Line:    func(text string) { fmt.Fprintln(stdout, text) },
	}
}

// finish ends the command as the job ended.
func finish(result jobs.Result, err error) error {
	switch {
	case err != nil:
		return err
	case result.Failed():
		fmt.Fprintf(os.Stderr, "run: task %s ended with exit code %d: %s\n", result.Task, result.ExitCode, result.Reason)
		return cli.Said(result.ExitCode, result.Reason)
	}
	return nil
}
