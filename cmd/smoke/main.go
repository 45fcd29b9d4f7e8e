// Command smoke checks from outside that deployed services answer as they should.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"slipway/internal/smoke"
	"slipway/internal/stack"
)

const usage = `usage: smoke [flags] URL…
       smoke [flags] -stack STACK

Checks services from outside, as their users reach them: TLS, the redirect from plain HTTP, the 404 of an unknown host name,
health, version, and that a WebSocket echoes. It trusts the system's roots (SSL_CERT_FILE) and uses the environment's proxy
(HTTPS_PROXY, HTTP_PROXY). It ends with 1 if a check failed.

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "smoke:", err)
		os.Exit(1)
	}
}

// errUsage is the error of a command line that does not make sense, which has been said.
var errUsage = errors.New("usage")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("smoke", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	var (
		target    smoke.Target
		stackName = flags.String("stack", "", "check the services of this `stack`, by its output urls")
		service   = flags.String("service", "", "with -stack: check this `service` alone")
		dir       = flags.String("C", ".", "with -stack: the Pulumi project's `folder`")
		expiry    = flags.Int("expiry", int(smoke.Expiry/(24*time.Hour)), "the certificate must be valid for this many `days`")
	)
	flags.StringVar(&target.Version, "version", "", "the `version` that /version must say; any if empty")
	flags.DurationVar(&target.Wait, "wait", 0, "repeat what fails for as long as this")
	flags.StringVar(&target.HealthPath, "health", smoke.HealthPath, "`path` that must answer 200")
	flags.StringVar(&target.VersionPath, "version-path", smoke.VersionPath, "`path` that must answer the version")
	flags.StringVar(&target.WebSocketPath, "websocket", "/ws", "`path` of a WebSocket that echoes; no check if empty")
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	target.Expiry = time.Duration(*expiry) * 24 * time.Hour

	complaint := ""
	switch {
	case *stackName == "" && flags.NArg() == 0:
		complaint = "give URLs, or -stack"
	case *stackName != "" && flags.NArg() > 0:
		complaint = "give URLs or -stack, not both"
	case *stackName == "" && *service != "":
		complaint = "-service goes with -stack"
	case *expiry < 0 || target.Wait < 0:
		complaint = "-expiry and -wait cannot be negative"
	}
	if complaint != "" {
		fmt.Fprintf(stderr, "smoke: %s\n\n", complaint)
		flags.Usage()
		return errUsage
	}

	urls := flags.Args()
	if *stackName != "" {
		var err error
		if urls, err = urlsOf(ctx, *dir, *stackName, *service); err != nil {
			return err
		}
	}
	return check(ctx, target, urls, stdout)
}

// urlsOf returns the URLs of a stack's services, or of one of them.
func urlsOf(ctx context.Context, dir, name, service string) ([]string, error) {
	opened, err := stack.Open(ctx, dir, name)
	if err != nil {
		return nil, err
	}
	outputs, err := opened.Outputs(ctx)
	if err != nil {
		return nil, err
	}
	if len(outputs.URLs) == 0 {
		return nil, fmt.Errorf("stack %s has no output urls; is it up?", name)
	}
	services := slices.Sorted(maps.Keys(outputs.URLs))
	if service != "" {
		if outputs.URLs[service] == "" {
			return nil, fmt.Errorf("stack %s has no service %s; there are: %s", name, service, strings.Join(services, ", "))
		}
		services = []string{service}
	}
	urls := make([]string, len(services))
	for i, s := range services {
		urls[i] = outputs.URLs[s]
	}
	return urls, nil
}

// check checks all services at once and writes their reports in order.
func check(ctx context.Context, target smoke.Target, urls []string, w io.Writer) error {
	reports, errs := make([]smoke.Report, len(urls)), make([]error, len(urls))
	var running sync.WaitGroup
	for i, url := range urls {
		running.Go(func() {
			target := target
			target.URL = url
			reports[i], errs[i] = smoke.Run(ctx, target)
		})
	}
	running.Wait()
	for i, report := range reports {
		if errs[i] == nil {
			errs[i] = errors.Join(report.Write(w), report.Err())
		}
	}
	return errors.Join(errs...)
}
