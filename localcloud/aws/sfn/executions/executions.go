// Package executions does the work of Step Functions: it runs the executions of state machines.
package executions

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/cloud"
	"slipway/localcloud/pace"
)

// Executor runs the executions of all state machines. All its data is in the store.
type Executor struct {
	Store *cloud.Store
	// Clock is that of waits: turned forward, they end.
	Clock *pace.Clock
	// Began is when this cloud began to run: executions from before have ended with the one before it.
	Began time.Time
}

// Run runs executions until ctx ends.
func (e *Executor) Run(ctx context.Context) error {
	err := e.Store.Update(func(tx *cloud.Tx) error {
		for _, r := range tx.Everywhere(sfn.Execution.Token) {
			if cloud.Peek[sfn.ExecutionStatus](r).Begun.Before(e.Began) {
				sfn.End(tx, r, sfn.ExecutionStatus{Status: sfn.Failed, Error: "States.Runtime", Cause: "The local cloud was restarted."}, e.Clock.Now())
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("end executions: %w", err)
	}
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var work sync.WaitGroup
	defer work.Wait()
	store := e.Store.Watch()
	defer store.Stop()
	begun := map[cloud.Key]context.CancelFunc{}
	for {
		there := map[cloud.Key]*sfn.ExecutionSpec{}
		_ = store.Update(func(tx *cloud.Tx) error {
			for _, r := range tx.Everywhere(sfn.Execution.Token) {
				if sfn.Execution.Alive(r) {
					there[r.Key] = sfn.Execution.Inputs(r)
				}
			}
			return nil
		})
		for key, leave := range begun {
			if there[key] == nil {
				leave()
				delete(begun, key)
			}
		}
		for key, spec := range there {
			if begun[key] != nil {
				continue
			}
			var followed context.Context
			followed, begun[key] = context.WithCancel(running)
			work.Go(func() {
				if err := e.execute(followed, key, spec); err != nil {
					stop(fmt.Errorf("%s: %w", key.ID, err))
				}
			})
		}
		if pace.Await(running, store.C, time.Time{}) != nil {
			return context.Cause(running)
		}
	}
}

// execute runs an execution to its end, and stores that. Its error comes from the store.
func (e *Executor) execute(ctx context.Context, key cloud.Key, spec *sfn.ExecutionSpec) error {
	last := sfn.ExecutionStatus{Status: sfn.Succeeded}
	m, err := sfn.Parse(spec.Definition)
	if err == nil {
		err = (&execution{Executor: e, key: key, spec: spec}).machine(ctx, m, map[string]any{})
	}
	select {
	case <-ctx.Done(): // it was aborted, or the cloud ends
		return nil
	default:
	}
	failed, ok := errors.AsType[*failure](err)
	switch {
	case ok:
		last = sfn.ExecutionStatus{Status: sfn.Failed, Error: failed.name, Cause: failed.cause}
	case err != nil:
		return err
	}
	return e.Store.Update(func(tx *cloud.Tx) error {
		if r := tx.Get(key); r != nil {
			sfn.End(tx, r, last, e.Clock.Now())
		}
		return nil
	})
}

// failure is an error of a state, by its name in the States Language.
type failure struct{ name, cause string }

func (f *failure) Error() string { return f.name + ": " + f.cause }
