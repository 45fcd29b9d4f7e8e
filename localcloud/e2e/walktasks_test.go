package e2e

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
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
}

// count begins a census.
func (w *walker) count(ctx context.Context) (*census, error) {
	first, err := w.running(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	c := &census{first: first, cancel: cancel, fewest: maps.Clone(first)}
	c.ended.Go(func() {
		for ctx.Err() == nil {
			if now, err := w.running(ctx); err == nil {
				for name, n := range c.fewest {
					c.fewest[name] = min(n, now[name])
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(often):
			}
		}
	})
	return c, nil
}

// stop ends the census, and returns the fewest tasks that there were of each service that was there when it began.
func (c *census) stop() map[string]int {
	c.cancel()
	c.ended.Wait()
	return c.fewest
}
