// Command pin-images writes the images that a stack runs into its checked-out config, which may be older, so that a preview or
// an update changes no image that it is not meant to change.
//
//	go run ./ci/pin-images STACK
//
// Services that the config does not have are left out, as are those that do not run yet.
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
	"syscall"

	"slipway/internal/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pin-images:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: go run ./ci/pin-images STACK")
	}
	s, err := stack.Open(ctx, ".", args[0])
	if err != nil {
		return err
	}
	outputs, err := s.Outputs(ctx)
	if err != nil {
		return err
	}
	configured, err := s.ConfiguredImages()
	if err != nil {
		return err
	}
	pinned := make(map[string]stack.Image)
	for service, image := range outputs.Images {
		if _, there := configured[service]; there {
			pinned[service] = image
		}
	}
	if len(pinned) == 0 {
		fmt.Fprintf(out, "Stack %s runs none of its services yet: its config stays as it is.\n", s.Name())
		return nil
	}
	draft, err := s.Draft(ctx, pinned)
	if err != nil {
		return err
	}
	defer draft.Discard()
	if err := draft.Save(); err != nil {
		return err
	}
	for _, service := range slices.Sorted(maps.Keys(pinned)) {
		fmt.Fprintf(out, "Service %s of stack %s runs %s.\n", service, s.Name(), pinned[service])
	}
	return nil
}
