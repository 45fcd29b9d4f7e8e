package main

import (
	"context"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"slipway/internal/jobs"
	"slipway/internal/stack"
)

// source reads what Pulumi knows about the stacks. Only domains and locks are cheap: everything else starts a process, but for the
// last run of a job, which AWS is asked for.
type source interface {
	list(ctx context.Context) ([]stack.Summary, error)
	deployment(ctx context.Context, name string) (apitype.DeploymentV3, error)
	history(ctx context.Context, name string) ([]stack.Update, error)
	placement(ctx context.Context, name string) (stack.Placement, error)
	drift(ctx context.Context, name string) ([]stack.Change, error)
	lastRun(ctx context.Context, name, stateMachineARN string) (jobs.LastRun, error)
	domains() stack.Domains // in which services may be called
	lock(name string) (stack.Lock, bool, error)
	showsLocks() bool // whether lock can find locks
}

// pulumi is the source that uses the Pulumi CLI.
type pulumi struct {
	project   *stack.Project
	locks     stack.Locks
	processes chan struct{} // holds one for each process that may run

	mu     sync.Mutex
	opened map[string]*stack.Stack
}

func newPulumi(ctx context.Context, project *stack.Project) (*pulumi, error) {
	locks, err := project.Locks(ctx)
	if err != nil {
		return nil, err
	}
	return &pulumi{project: project, locks: locks, processes: make(chan struct{}, 2), opened: map[string]*stack.Stack{}}, nil
}

func (p *pulumi) list(ctx context.Context) ([]stack.Summary, error) {
	return one(ctx, p, func() ([]stack.Summary, error) { return p.project.Stacks(ctx) })
}

func (p *pulumi) deployment(ctx context.Context, name string) (apitype.DeploymentV3, error) {
	return of(ctx, p, name, func(s *stack.Stack) (apitype.DeploymentV3, error) { return s.Deployment(ctx) })
}

func (p *pulumi) history(ctx context.Context, name string) ([]stack.Update, error) {
	// Two: the first may still be running.
	return of(ctx, p, name, func(s *stack.Stack) ([]stack.Update, error) { return s.History(ctx, 2) })
}

func (p *pulumi) placement(ctx context.Context, name string) (stack.Placement, error) {
	return of(ctx, p, name, func(s *stack.Stack) (stack.Placement, error) { return s.Placement(ctx) })
}

func (p *pulumi) drift(ctx context.Context, name string) ([]stack.Change, error) {
	return of(ctx, p, name, func(s *stack.Stack) ([]stack.Change, error) { return s.Drift(ctx) })
}

func (p *pulumi) lastRun(ctx context.Context, name, stateMachineARN string) (jobs.LastRun, error) {
	s, err := p.open(ctx, name)
	if err != nil {
		return jobs.LastRun{}, err
	}
	options, err := s.AWS()
	if err != nil {
		return jobs.LastRun{}, err
	}
	return jobs.Last(ctx, options, stateMachineARN)
}

func (p *pulumi) domains() stack.Domains { return p.project.Domains() }

func (p *pulumi) lock(name string) (stack.Lock, bool, error) { return p.locks.Of(name) }

func (p *pulumi) showsLocks() bool { return p.locks.Visible() }

// of runs a query of one stack.
func of[T any](ctx context.Context, p *pulumi, name string, ask func(*stack.Stack) (T, error)) (T, error) {
	return one(ctx, p, func() (T, error) {
		s, err := p.open(ctx, name)
		if err != nil {
			var none T
			return none, err
		}
		return ask(s)
	})
}

// one waits until a process may be started.
func one[T any](ctx context.Context, p *pulumi, ask func() (T, error)) (T, error) {
	select {
	case p.processes <- struct{}{}:
		defer func() { <-p.processes }()
		return ask()
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func (p *pulumi) open(ctx context.Context, name string) (*stack.Stack, error) {
	p.mu.Lock()
	s := p.opened[name]
	p.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := p.project.Stack(ctx, name)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened[name] = s
	return s, nil
}
