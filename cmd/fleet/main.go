// Command fleet serves a web page that shows every stack of the project: its versions, their health, the last update with its author
// and result, drift, and running deployments.
//
//	go run ./cmd/fleet [-listen 127.0.0.1:8190] [-dir .] [-drift 10m] [stack…]
//
// It reads Pulumi's state and history with the Pulumi CLI, and makes each service's checks. It changes nothing, and knows no secrets.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"slipway/internal/cli"
	"slipway/internal/stack"
)

func main() {
	cli.Main("fleet", func(ctx context.Context, args []string) error { return run(ctx, args, os.Stderr) })
}

const usage = `usage: fleet [flags] [stack…]

Shows the project's stacks, all of them unless some are named, on a web page.
`

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := cli.NewFlags("fleet", usage, out)
	listen := flags.String("listen", "127.0.0.1:8190", "`address` to serve the page on")
	dir := flags.String("dir", ".", "`folder` of the Pulumi project")
	drift := flags.Duration("drift", 10*time.Minute, "how often to look for drift; 0: never")
	if err := flags.Parse(args); err != nil {
		return err
	}

	project, err := stack.OpenProject(ctx, *dir)
	if err != nil {
		return err
	}
	source, err := newPulumi(ctx, project)
	if err != nil {
		return err
	}
	pace := defaultPace
	pace.drift = *drift
	observer := newObserver(source, newAsker().ask, flags.Args(), pace)

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w; choose another address with -listen, or with LISTEN= of `make fleet`", *listen, err)
	}
	if !isLoopback(listener.Addr()) {
		fmt.Fprintf(out, "warning: anyone who reaches %s can see the page: it has no password\n", listener.Addr())
	}
	fmt.Fprintf(out, "the fleet of project %s is at http://%s/; ^C ends\n", project.Name(), listener.Addr())
	return serve(ctx, listener, newServer(project.Name(), *listen, observer), observer)
}

// serve observes and serves until ctx ends.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, observer *observer) error {
	ctx, cancel := context.WithCancel(ctx)
	var observing sync.WaitGroup
	observing.Go(func() { observer.run(ctx) })
	defer observing.Wait()
	defer cancel()

	server := &http.Server{
		Handler: handler,
		// The streams of /events end with it, so they do not delay the shutdown.
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve the page: %w", err)
	case <-ctx.Done():
	}
	grace, cancelGrace := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancelGrace()
	if err := server.Shutdown(grace); err != nil {
		return fmt.Errorf("end the server: %w", err)
	}
	return nil
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
