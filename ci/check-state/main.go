// Command check-state fails if the state of a stack that pull requests can write names plugins other than the program's, or configures
// them differently. Scripts run it before every use of such a state by the engine; internal/stack does it by itself.
//
//	go run ./ci/check-state STACK
//
// It runs nothing that the state names. States of other stacks are not checked.
package main

import (
	"context"
	"errors"

	"slipway/internal/cli"
	"slipway/internal/stack"
)

func main() { cli.Main("check-state", run) }

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: go run ./ci/check-state STACK")
	}
	s, err := stack.Open(ctx, ".", args[0])
	if err != nil {
		return err
	}
	return s.CheckState(ctx)
}
