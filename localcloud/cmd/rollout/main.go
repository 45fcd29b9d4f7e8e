// Command rollout takes a stack through good and bad versions under constant load, and prints what its clients saw of each.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"slipway/localcloud/e2e/rollout"
	"slipway/localcloud/e2e/stack"
)

const usage = `usage: rollout [flags]

Takes a stack on a local cloud of its own through new versions, canaries, scaling, a Spot interruption and bad versions, under
constant load: requests over HTTP/1.1 and HTTP/2, and open WebSockets. It prints a line of figures for each, and ends with 1 if
a request was dropped or a WebSocket lost, if a good version took too long, or if any other rule is broken, which it names. It
runs in the repository's folder, once everything is built.

  ALONE     until only the version answered that is to, from the beginning of the change
  TOOK      until the command that makes the change had ended
  TOLD      WebSockets that were told to reconnect (1001), and AGAIN those that did; LOST those that ended otherwise

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "rollout:", err)
		if f, ok := errors.AsType[*stack.Failure](err); ok {
			fmt.Fprint(os.Stderr, f.Output)
		}
		os.Exit(1)
	}
}

// errBroken is the error of figures that are not as they should be, which were printed.
var errBroken = errors.New("clients saw what they should not")

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("rollout", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	o := rollout.Options{Root: ".", Log: io.Discard}
	flags.IntVar(&o.Rate, "rate", 100, "`requests` a second")
	flags.IntVar(&o.Sockets, "sockets", 50, "`WebSockets` to hold open")
	flags.DurationVar(&o.Within, "within", 10*time.Second, "how long a good version may take until it answers alone")
	verbose := flags.Bool("v", false, "print what the commands print, too")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if *verbose {
		o.Log = os.Stderr
	}
	fmt.Println(rollout.Header())
	var broken error
	err := rollout.Run(ctx, o, func(f rollout.Figures) {
		fmt.Println(f)
		if len(f.Broken()) > 0 {
			broken = errBroken
		}
	})
	return errors.Join(err, broken)
}
