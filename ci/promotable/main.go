// Command promotable prints what a promotion from one stack to another would bring, as SERVICE=DIGEST in a line of words: every
// service that both have, at the digest that the source runs.
//
//	go run ./ci/promotable SOURCE TARGET [SERVICE=DIGEST…]
//
// It fails if the source does not run the digests that are given: something else was deployed there since. If the source's
// secrets have a passphrase of their own, PULUMI_CONFIG_PASSPHRASE_SOURCE is it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"slipway/internal/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "promotable:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, said io.Writer) error {
	if len(args) < 2 {
		return errors.New("usage: go run ./ci/promotable SOURCE TARGET [SERVICE=DIGEST…]")
	}
	target, err := stack.Open(ctx, ".", args[1])
	if err != nil {
		return err
	}
	configured, _, err := target.ConfiguredImages()
	if err != nil {
		return err
	}
	var environment []string
	if passphrase := os.Getenv("PULUMI_CONFIG_PASSPHRASE_SOURCE"); passphrase != "" {
		environment = append(environment, "PULUMI_CONFIG_PASSPHRASE="+passphrase)
	}
	project, err := stack.OpenProject(ctx, ".", environment...)
	if err != nil {
		return err
	}
	source, err := project.Stack(ctx, args[0])
	if err != nil {
		return err
	}
	outputs, err := source.Outputs(ctx)
	if err != nil {
		return err
	}
	digests, err := promotable(outputs.Images, configured, args[2:])
	if err != nil {
		return fmt.Errorf("promote from %s to %s: %w", args[0], args[1], err)
	}
	for _, service := range slices.Sorted(maps.Keys(outputs.Images)) {
		if _, both := configured[service]; !both {
			fmt.Fprintf(said, "Service %s is left out: the configuration of stack %s does not have it.\n", service, args[1])
		}
	}
	fmt.Fprintln(out, strings.Join(digests, " "))
	return nil
}

// promotable returns SERVICE=DIGEST of the services that run and are configured. What is expected, in the same form, must run.
func promotable(runs, configured map[string]stack.Image, expected []string) ([]string, error) {
	for _, e := range expected {
		service, digest, _ := strings.Cut(e, "=")
		if runs[service].Digest != digest || digest == "" {
			return nil, fmt.Errorf("service %s runs as %s, not as %s: something else was deployed since, and is promoted by its own job",
				service, runs[service], digest)
		}
	}
	var digests []string
	for _, service := range slices.Sorted(maps.Keys(runs)) {
		if _, both := configured[service]; !both {
			continue
		}
		if runs[service].Digest == "" {
			return nil, fmt.Errorf("service %s runs as %s, a tag, which can mean another image tomorrow: configure it by digest", service, runs[service])
		}
		digests = append(digests, service+"="+runs[service].Digest)
	}
	if len(digests) == 0 {
		return nil, errors.New("they have no service in common")
	}
	return digests, nil
}
