// Command app is the service that slipway ships: a greeting, a health check, a version, a status page and a WebSocket
// room; and a worker. It is a binary that needs nothing from the file system it runs on.
//
//	app               serve until SIGTERM or SIGINT, then drain
//	app worker        take work until SIGTERM or SIGINT, then finish what is at hand
//	app enqueue TEXT  send a message to the queue that a worker takes from; for a job
//	app healthcheck   ask either of them for its health; for the container's health check, as scratch has no curl
//
// All configuration is read from the environment; see config.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run is main with its surroundings passed in. It returns nil after a drained shutdown.
func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	cfg, err := loadConfig(getenv)
	if err != nil {
		return err
	}
	do := serve
	switch {
	case slices.Equal(args, []string{"healthcheck"}):
		return healthcheck(ctx, cfg)
	case slices.Equal(args, []string{"worker"}):
		do = work
	case len(args) == 2 && args[0] == "enqueue":
		return enqueue(ctx, args[1], cfg, newLog(cfg, stdout))
	case len(args) > 0:
		return fmt.Errorf("unknown arguments %q: run 'app' to serve, 'app worker' to work, 'app enqueue TEXT' to send a message or 'app healthcheck' to probe", args)
	}

	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// The first signal drains. Signals then go back to the runtime, so a second one ends the drain at once.
	context.AfterFunc(ctx, stop)

	log := newLog(cfg, stdout)
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", cfg.address())
	if err != nil {
		return fmt.Errorf("listen on HOST and PORT: %w", err)
	}
	return do(ctx, listener, cfg, log)
}

func newLog(cfg config, out io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: cfg.logLevel}))
}
