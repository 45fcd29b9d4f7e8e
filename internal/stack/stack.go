package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"regexp"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"

	"slipway/internal/smoke"
	"slipway/spec"
)

// Stack is an existing stack of a project.
type Stack struct {
	project *Project
	stack   auto.Stack
}

// Open opens a stack of the project in a folder.
func Open(ctx context.Context, dir, name string) (*Stack, error) {
	project, err := OpenProject(ctx, dir)
	if err != nil {
		return nil, err
	}
	return project.Stack(ctx, name)
}

// Name is the stack's name, as given to open it.
func (s *Stack) Name() string { return s.stack.Name() }

// Project is the project that the stack belongs to.
func (s *Stack) Project() *Project { return s.project }

// Outputs are the stack's outputs, as main.go exports them. Maps are by service, unless they say otherwise.
type Outputs struct {
	URLs                map[string]string       `json:"urls"`
	Checks              map[string]smoke.Checks `json:"checks"` // nil if an older program made the last update
	Images              map[string]spec.Image   `json:"images"` // deployed by its last update
	Canaries            map[string]spec.Image   `json:"canaries"`
	Before              map[string]spec.Image   `json:"beforeImages"` // of a service's before container, if it has its own image
	Services            map[string]string       `json:"services"`
	LogGroups           map[string]string       `json:"logGroups"`
	Jobs                map[string]spec.Run     `json:"jobs"` // by job
	Cluster             string                  `json:"cluster"`
	LoadBalancerDNSName string                  `json:"loadBalancerDnsName"`

	Domains Domains `json:"-"` // in which services may be called
}

// Outputs reads the stack's outputs. Those of a stack that has never been updated, or was destroyed, are zero.
func (s *Stack) Outputs(ctx context.Context) (Outputs, error) {
	// The CLI calls the state's encryption service before it shows any of it.
	if err := s.CheckState(ctx); err != nil {
		return Outputs{}, err
	}
	// Not the Automation API's Outputs: it asks for the plain text of secrets and so for the passphrase.
	var outputs Outputs
	if err := s.project.query(ctx, &outputs, "stack", "output", "--json", "--stack", s.Name()); err != nil {
		return Outputs{}, fmt.Errorf("read the outputs of stack %s: %w", s.Name(), err)
	}
	if err := outputs.checkNames(); err != nil {
		return Outputs{}, fmt.Errorf("read the outputs of stack %s: %w", s.Name(), err)
	}
	outputs.Domains = s.project.Domains()
	return outputs, nil
}

// serviceName matches the names of services and jobs that main.go accepts.
var serviceName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// checkNames returns an error for an impossible name of a service or a job. Names are shown on terminals, and a state's writers can put anything
// into it.
func (o Outputs) checkNames() error {
	for _, names := range []iter.Seq[string]{maps.Keys(o.URLs), maps.Keys(o.Checks), maps.Keys(o.Images), maps.Keys(o.Canaries), maps.Keys(o.Before), maps.Keys(o.Jobs)} {
		for name := range names {
			if !serviceName.MatchString(name) {
				return fmt.Errorf("no service or job can be called %q", name)
			}
		}
	}
	return nil
}

// ErrNotBegun is in the errors of [Stack.Up] that leave the stack unchanged.
var ErrNotBegun = errors.New("the update did not begin")

// Up updates the stack to its configuration file and the program, and shows its progress. The stack's history keeps the message and the
// person who made the update. When ctx ends, Pulumi stops as it does on one ^C: it completes running operations and releases the stack.
func (s *Stack) Up(ctx context.Context, message string, progress io.Writer) error {
	if ctx.Err() != nil {
		return fmt.Errorf("update of stack %s: %w: %w", s.Name(), ErrNotBegun, context.Cause(ctx))
	}
	if err := s.prepare(ctx); err != nil {
		return fmt.Errorf("update of stack %s: %w: %w", s.Name(), ErrNotBegun, err)
	}
	_, err := s.stack.Up(ctx, optup.Message(message+", by "+deployer()), optup.ShowSecrets(false),
		optup.ProgressStreams(progress), optup.ErrorProgressStreams(progress), optup.SuppressOutputs())
	if err != nil {
		return s.explain(ctx, "update", err)
	}
	return nil
}

// Follow updates the stack as [Stack.Up] does. It hands the engine's events to see, and calls tick in every period between them, never
// both at once.
func (s *Stack) Follow(ctx context.Context, message string, see func(events.EngineEvent), period time.Duration, tick func()) error {
	if ctx.Err() != nil {
		return fmt.Errorf("update of stack %s: %w: %w", s.Name(), ErrNotBegun, context.Cause(ctx))
	}
	if err := s.prepare(ctx); err != nil {
		return fmt.Errorf("update of stack %s: %w: %w", s.Name(), ErrNotBegun, err)
	}
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	reader := readEventsAnd(see, ticker.C, tick)
	_, err := s.stack.Up(ctx, optup.Message(message+", by "+deployer()), optup.ShowSecrets(false), optup.EventStreams(reader.stream),
		optup.SuppressProgress(), optup.SuppressOutputs())
	reader.end()
	if err != nil {
		return s.explain(ctx, "update", err)
	}
	return nil
}

// Plain is a text of the engine without its directives for colours.
func Plain(text string) string { return strings.TrimSpace(colors.ReplaceAllString(text, "")) }

// explain shortens an error of the Automation API, which repeats the whole progress.
func (s *Stack) explain(ctx context.Context, operation string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s of stack %s: %w", operation, s.Name(), context.Cause(ctx))
	}
	if auto.IsConcurrentUpdateError(err) {
		return fmt.Errorf("%s of stack %s: %w, because another one is running; wait for it, or if it was killed: pulumi cancel --stack %s",
			operation, s.Name(), ErrNotBegun, s.Name())
	}
	reason, _, _ := strings.Cut(err.Error(), "\n")
	return fmt.Errorf("%s of stack %s: %w", operation, s.Name(), errors.New(reason))
}
