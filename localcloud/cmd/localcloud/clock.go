package main

import (
	"context"
	"flag"
	"fmt"
	"time"
)

// clock shows the cloud's clock, after it has turned it forward if it is told to.
func clock(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 1 {
		flags.Usage()
		return flag.ErrHelp
	}
	c, err := client(ctx, dir)
	if err != nil {
		return err
	}
	now, err := c.Turn(ctx, flags.Arg(0))
	if err == nil {
		fmt.Println(now.Format(time.RFC3339))
	}
	return err
}
