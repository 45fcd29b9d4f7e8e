// Command smoke checks deployed services from outside.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"slipway/internal/cli"
	"slipway/internal/smoke"
	"slipway/internal/stack"
)

const usage = `usage: smoke [flags] URL…
       smoke [flags] -stack STACK

Checks services from outside, as their users do: TLS, the redirect from plain HTTP, the 404 of an unknown host name, and each service's own checks. For a stack they are in its services' configuration (healthCheck and smoke), for a URL in the flags; without any, the service must answer. It trusts the system's roots (SSL_CERT_FILE) and uses the environment's proxy
(HTTPS_PROXY, HTTP_PROXY). It ends with 1 if a check failed.

`

func main() {
	cli.Main("smoke", func(ctx context.Context, args []string) error { return run(ctx, args, os.Stdout, os.Stderr) })
}

// options are the command line's options.
type options struct {
	expected            smoke.Target // for every service; its paths only for URLs
	stack, service, dir string
	urls                []string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	var targets []smoke.Target
	for _, url := range o.urls {
		targets = append(targets, smoke.Target{URL: url, Checks: o.expected.Checks})
	}
	if o.stack != "" {
		if targets, err = targetsOf(ctx, o.dir, o.stack, o.service); err != nil {
			return err
		}
	}
	for i := range targets {
		targets[i].Version, targets[i].Wait, targets[i].Expiry = o.expected.Version, o.expected.Wait, o.expected.Expiry
	}
	return check(ctx, targets, stdout)
}

func parse(args []string, stderr io.Writer) (options, error) {
	flags := cli.NewFlags("smoke", usage, stderr)
	var o options
	e := &o.expected
	flags.StringVar(&o.stack, "stack", "", "check the services in this `stack`'s outputs")
	flags.StringVar(&o.service, "service", "", "with -stack: check only this `service`")
	flags.StringVar(&o.dir, "C", ".", "with -stack: the Pulumi project's `folder`")
	expiry := flags.Int("expiry", int(smoke.Expiry/(24*time.Hour)), "the certificate must be valid for this many `days`")
	flags.DurationVar(&e.Wait, "wait", 0, "retry failing checks for this long")
	flags.StringVar(&e.Version, "version", "",
		"the `version` that services must answer with, if they have one; or the digest sha256:… that they must run; any if empty")
	flags.StringVar(&e.HealthPath, "health", "", "with URLs: `path` that must answer 200")
	flags.StringVar(&e.HealthCodes, "health-codes", "", "with URLs: the allowed `codes` of its answer, such as 200-299")
	flags.StringVar(&e.VersionPath, "version-path", "", "with URLs: `path` that must answer with the version")
	flags.StringVar(&e.WebSocketPath, "websocket", "", "with URLs: `path` of a WebSocket that echoes")
	flags.Func("path", "with URLs: `path` that must answer without an error; may be repeated", func(path string) error {
		e.Paths = append(e.Paths, path)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	e.HealthRouted = true
	e.Expiry = time.Duration(*expiry) * 24 * time.Hour
	o.urls = flags.Args()
	if complaint := o.complaint(); complaint != "" {
		return o, flags.Refuse(complaint)
	}
	return o, nil
}

// complaint returns what is wrong with the options, or "".
func (o options) complaint() string {
	e := o.expected
	paths := e.HealthPath + e.HealthCodes + e.VersionPath + e.WebSocketPath + strings.Join(e.Paths, "")
	switch {
	case o.stack == "" && len(o.urls) == 0:
		return "give URLs, or -stack"
	case o.stack != "" && len(o.urls) > 0:
		return "give URLs or -stack, not both"
	case o.stack == "" && o.service != "":
		return "-service goes with -stack"
	case o.stack != "" && paths != "":
		return "paths go with URLs: a stack's services have them in their configuration"
	case o.stack == "" && smoke.IsDigest(e.Version):
		return "a digest goes with -stack: the image behind a URL is not known"
	case o.stack == "" && e.Version != "" && e.VersionPath == "":
		return "-version goes with -stack, or with -version-path"
	case e.Expiry < 0 || e.Wait < 0:
		return "-expiry and -wait cannot be negative"
	}
	return ""
}

// targetsOf returns a stack's services, or one of them.
func targetsOf(ctx context.Context, dir, name, service string) ([]smoke.Target, error) {
	opened, err := stack.Open(ctx, dir, name)
	if err != nil {
		return nil, err
	}
	outputs, err := opened.Outputs(ctx)
	if err != nil {
		return nil, err
	}
	services := outputs.Deployed()
	if len(services) == 0 {
		return nil, fmt.Errorf("stack %s has no services; is it up?", name)
	}
	if service != "" {
		if !slices.Contains(services, service) {
			return nil, fmt.Errorf("stack %s has no service %s; there are: %s", name, service, strings.Join(services, ", "))
		}
		services = []string{service}
	}
	targets := make([]smoke.Target, len(services))
	for i, s := range services {
		if targets[i], err = outputs.Target(s); err != nil {
			return nil, fmt.Errorf("stack %s: %w", name, err)
		}
	}
	return targets, nil
}

// check checks all services at once and writes their reports in order.
func check(ctx context.Context, targets []smoke.Target, w io.Writer) error {
	reports, errs := make([]smoke.Report, len(targets)), make([]error, len(targets))
	var running sync.WaitGroup
	for i, target := range targets {
		running.Go(func() { reports[i], errs[i] = smoke.Run(ctx, target) })
	}
	running.Wait()
	for i, report := range reports {
		if errs[i] == nil {
			errs[i] = errors.Join(report.Write(w), report.Err())
		}
	}
	return errors.Join(errs...)
}
