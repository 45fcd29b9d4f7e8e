package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"slipway/localcloud/e2e/walk"
)

// How many tasks there are while a stack walks.

// often is how long to wait before the tasks are counted again.
const often = 200 * time.Millisecond

// running counts the running tasks of each service and each canary, by the names of their resources.
func (w *walker) running(ctx context.Context) (map[string]int, error) {
	status, err := w.stack.Cloud.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("count the tasks: %w", err)
	}
	running := map[string]int{}
	for _, s := range status.Services {
		// Pulumi's name of the service: the stack's, the service's and eight characters.
		name := strings.TrimPrefix(s.Name[:len(s.Name)-len("-1234567")], walk.Stack+"-")
		running[name] += s.Running
	}
	return running, nil
}

// tasks waits until as many tasks run as should.
func (w *walker) tasks(ctx context.Context, c walk.Config) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		running, err := w.running(ctx)
		if err != nil {
			return err
		}
		wrong := c.Tasks()
		maps.DeleteFunc(wrong, func(name string, should walk.Range) bool {
			return running[name] >= should.Least && running[name] <= should.Most
		})
		if len(wrong) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("so many tasks should run, of the services that have others: %v; these run: %v", wrong, running)
		case <-time.After(often):
		}
	}
}

// census counts the tasks again and again.
type census struct {
	first  map[string]int
	cancel context.CancelFunc
	ended  sync.WaitGroup
	fewest map[string]int
	err    error
}

// count begins a census of the numbers that running returns.
func count(ctx context.Context, running func(context.Context) (map[string]int, error)) (*census, error) {
	first, err := running(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &census{first: first, cancel: cancel, fewest: maps.Clone(first)}
	c.ended.Go(func() { c.err = c.run(ctx, running) })
	return c, nil
}

// run counts until the census is stopped.
func (c *census) run(ctx context.Context, running func(context.Context) (map[string]int, error)) error {
	for ctx.Err() == nil {
		now, err := running(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		for name, n := range c.fewest {
			if err == nil {
				c.fewest[name] = min(n, now[name])
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(often):
		}
	}
	return nil
}

// stop ends the census, and returns the fewest tasks of each service that existed at the beginning. The error says what stopped the
// count.
func (c *census) stop() (map[string]int, error) {
	c.cancel()
	c.ended.Wait()
	return c.fewest, c.err
}

// A census that cannot count any more has not found that there were enough.
func TestCensusFails(t *testing.T) {
	t.Parallel()
	broken, asked := errors.New("the cloud does not answer"), 0
	again := make(chan struct{})
	c, err := count(t.Context(), func(context.Context) (map[string]int, error) {
		if asked++; asked > 1 {
			close(again)
			return nil, broken
		}
		return map[string]int{"web": 2}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	<-again
	c.ended.Wait()
	if fewest, err := c.stop(); !errors.Is(err, broken) {
		t.Errorf("it counted %v (%v)", fewest, err)
	}
}

func TestCensus(t *testing.T) {
	t.Parallel()
	const counts = 3
	asked, thrice := 0, make(chan struct{})
	c, err := count(t.Context(), func(ctx context.Context) (map[string]int, error) {
		if asked++; asked > counts {
			close(thrice)
			<-ctx.Done()
			return nil, ctx.Err() // as a request that is cut off
		}
		return map[string]int{"web": []int{2, 1, 3}[asked-1], "new": asked}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	<-thrice
	if fewest, err := c.stop(); err != nil || fewest["web"] != 1 || fewest["new"] != 1 {
		t.Errorf("it counted %v (%v)", fewest, err)
	}
}
