// Command pin-images writes the images of a stack's running services into its checked-out config. The config is older if deployments
// are not committed, and a preview or an update would roll them back.
//
//	go run ./ci/pin-images STACK SERVICE…
//
// Services that do not run yet keep the image of the config.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"slipway/internal/cli"
	"slipway/internal/stack"
	"slipway/spec"
)

func main() {
	cli.Main("pin-images", func(ctx context.Context, args []string) error { return run(ctx, args, os.Stdout) })
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) < 2 {
		return errors.New("usage: go run ./ci/pin-images STACK SERVICE…")
	}
	s, err := stack.Open(ctx, ".", args[0])
	if err != nil {
		return err
	}
	outputs, err := s.Outputs(ctx)
	if err != nil {
		return err
	}
	configured, _, err := s.ConfiguredImages()
	if err != nil {
		return err
	}
	pinned := make(map[string]spec.Image)
	for _, service := range args[1:] {
		if _, there := configured[service]; !there {
			return fmt.Errorf("%s has no service %s; it has: %s", s.ConfigFile(), service, strings.Join(slices.Sorted(maps.Keys(configured)), ", "))
		}
		if image, runs := outputs.Images[service]; runs {
			pinned[service] = image
		} else {
			fmt.Fprintf(out, "Stack %s does not run service %s yet: its config stays as it is.\n", s.Name(), service)
		}
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
