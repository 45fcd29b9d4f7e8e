package main

import (
	"context"
	"flag"
	"fmt"

	"slipway/localcloud/daemon"
)

func interrupt(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	return actOnTask(ctx, dir, flags, args, "task %s was given two minutes' warning\n", daemon.Client.Interrupt)
}

func crash(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	return actOnTask(ctx, dir, flags, args, "task %s was killed\n", daemon.Client.Crash)
}

// actOnTask lets something happen to a task of the service that the arguments name, and prints which task it was.
func actOnTask(
	ctx context.Context, dir string, flags *flag.FlagSet, args []string,
	said string, happen func(c daemon.Client, ctx context.Context, service string) (taskID string, err error),
) error {
	if err := parseOne(flags, args); err != nil {
		return err
	}
	c, err := client(ctx, dir)
	if err != nil {
		return err
	}
	taskID, err := happen(c, ctx, flags.Arg(0))
	if err != nil {
		return err
	}
	fmt.Printf(said, taskID)
	return nil
}
