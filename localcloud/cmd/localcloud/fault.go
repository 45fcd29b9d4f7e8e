package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"slipway/localcloud/fault"
)

func faults(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error {
	var f fault.Fault
	flags.StringVar((*string)(&f.Verb), "operation", "", "add: only create, read, update, delete or invoke")
	flags.StringVar(&f.Token, "token", "", "add: only kinds and functions whose token matches, such as 'aws:ec2/*'")
	flags.StringVar(&f.Name, "name", "", "add: only resources whose name in the program matches")
	flags.IntVar(&f.Nth, "nth", 1, "add: the first of these operations that fails")
	flags.IntVar(&f.Count, "count", 1, "add: how many fail from there on; -1 for all")
	flags.BoolVar(&f.Each, "each", false, "add: count for each resource by itself")
	flags.StringVar(&f.Code, "code", "", "add refuse: the error code; default AccessDenied")
	flags.StringVar(&f.Message, "message", "", "add refuse: the error message")
	flags.DurationVar(&f.Delay, "delay", 0, "add slow: how much longer")
	flags.IntVar(&f.Times, "times", 0, "add throttle: how many requests of each operation; default as many as make the provider give up")
	asJSON := flags.Bool("json", false, "list: print JSON")
	what := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		what, args = args[0], args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	c, err := client(ctx, dir)
	if err != nil {
		return err
	}
	switch {
	case what == "add" && flags.NArg() == 1:
		f.Mode = fault.Mode(flags.Arg(0))
		added, err := c.AddFault(ctx, f)
		if err == nil {
			fmt.Printf("fault %d: %s %s\n", added.ID, added.Mode, added.Operations())
		}
		return err
	case what == "list" && flags.NArg() == 0:
		all, err := c.Faults(ctx)
		if err != nil {
			return err
		}
		if *asJSON {
			return json.NewEncoder(os.Stdout).Encode(all)
		}
		return printFaults(all)
	case what == "clear" && flags.NArg() <= 1:
		id := 0
		if flags.NArg() == 1 {
			if id, err = strconv.Atoi(flags.Arg(0)); err != nil || id < 1 {
				return fmt.Errorf("fault clear: %q is not the id of a fault", flags.Arg(0))
			}
		}
		return c.ClearFaults(ctx, id)
	}
	flags.Usage()
	return flag.ErrHelp
}

// printFaults lists the faults, each with the operations that it hit.
func printFaults(all []fault.Planned) error {
	t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	for _, f := range all {
		fmt.Fprintf(t, "%d\t%s\t%s\t%d hit\n", f.ID, f.Mode, f.Operations(), len(f.Hits))
		for _, o := range f.Hits {
			fmt.Fprintf(t, "\t\t  %s\n", o)
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print faults: %w", err)
	}
	return nil
}
