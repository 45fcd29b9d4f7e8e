// Localcloud is a cloud on this machine: Pulumi's engine attaches to it as if it were AWS and Cloudflare, and a program's tasks really
// run.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"slipway/localcloud/daemon"
)

const usage = `usage: localcloud [-dir DIR] COMMAND [flags] [arguments]

  start      start the local cloud in the background
  stop       stop it; its content is there again after the next start
  status     show what is alive in it
  env        print shell exports that point the pulumi command at it; with -clients also curl, Go programs and browsers
  wait       wait until every service is in a steady state
  endpoints  show the addresses at which services answer
  get        fetch a URL from a service, resolved by the cloud's DNS and trusting its authority
  logs       show what tasks logged
  token      print an identity token such as GitHub gives a job, for roles that trust it
  interrupt  take back the capacity of a Spot task of a service, with two minutes' warning
  crash      kill a task of a service
  exec       run a command in a task
  capture    write the packets that a task sends and is sent, as a pcap file
  clock      show the cloud's clock, or turn it forward, as in +24h, so that schedules come due
  fault      make operations fail: refused, throttled, slow, half done, or done with the reply lost
  change     change a resource behind the engine's back
  delete     delete a resource behind the engine's back
  put-secret, put-parameter
             keep a secret of Secrets Manager, or a parameter of Systems Manager, that no stack makes
  reset      stop it and forget everything in it

DIR is the folder of the local cloud's data; default $LOCALCLOUD_DIR, which ` + "`localcloud env`" + ` exports, or .localcloud. ` + "`localcloud COMMAND -h`" + ` lists a command's flags.
`

// A command reads its flags, which it declares on the set, and runs.
type command func(ctx context.Context, dir string, flags *flag.FlagSet, args []string) error

var commands = map[string]command{
	"start": start, "serve": serve, "stop": stop, "reset": reset, "env": env,
	"status": status, "endpoints": endpoints, "get": get, "logs": logs,
	"wait": wait, "token": token, "change": change, "delete": remove,
	"put-secret": putSecret, "put-parameter": putParameter,
	"interrupt": interrupt, "crash": crash, "clock": clock, "fault": faults, "exec": execute, "capture": capture,
}

// parseOne parses the flags of a command that takes one argument.
func parseOne(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return flag.ErrHelp
	}
	return nil
}

const services = "\n  SERVICE is its name in the configuration, as in hello, or with the stack, as in local/hello, or that in `localcloud status`"

const tasks = "\n  TASK is its id, or its service as for `localcloud logs`: then it is the service's oldest"

const value = "\n  Without a VALUE it is read from standard input. It prints the ARN."

// arguments has the commands' arguments after their flags.
var arguments = map[string]string{
	"clock":      " [+DURATION]\n  DURATION is as in 24h or 1h30m; it only turns forward",
	"put-secret": " NAME [VALUE]" + value, "put-parameter": " NAME [VALUE]" + value,
	"get": " URL", "delete": " ID",
	"exec": " TASK -- COMMAND [ARGUMENTS]" + tasks, "capture": " TASK" + tasks,
	"logs": " [SERVICE]" + services, "interrupt": " SERVICE" + services, "crash": " SERVICE" + services,
	"fault":  "\n  as in `localcloud fault add [flags] MODE`, `localcloud fault list` and `localcloud fault clear [ID]`\n  MODE is refuse, lose (do it, and lose the reply), slow, throttle or partial (do it, and wait without success)",
	"change": " ID PROPERTY=JSON…\n  ID is a resource's in `localcloud status`; null removes a property",
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	code, ended := errors.AsType[exitCode](err)
	switch {
	case ended:
		os.Exit(int(code))
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "localcloud:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("localcloud", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), usage) }
	dir := flags.String("dir", cmp.Or(os.Getenv(daemon.DirVariable), ".localcloud"), "folder of the local cloud's data")
	if err := flags.Parse(args); err != nil {
		return err
	}
	name := flags.Arg(0)
	cmd, ok := commands[name]
	if !ok {
		if name != "" {
			fmt.Fprintf(flags.Output(), "localcloud: there is no command %s\n\n", name)
		}
		flags.Usage()
		return flag.ErrHelp
	}
	own := flag.NewFlagSet("localcloud "+name, flag.ContinueOnError)
	own.Usage = func() {
		fmt.Fprintf(own.Output(), "usage: localcloud %s [flags]%s\n", name, arguments[name])
		own.PrintDefaults()
	}
	return cmd(ctx, *dir, own, flags.Args()[1:])
}
