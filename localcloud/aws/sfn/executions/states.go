package executions

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/cloud"
)

// execution is one execution under way.
type execution struct {
	*Executor
	key  cloud.Key
	spec *sfn.ExecutionSpec
}

// machine runs a state machine, or a branch of one, from its first state to its last. The data is the states' input and output.
// https://states-language.net/spec.html
func (e *execution) machine(ctx context.Context, m *sfn.Machine, data map[string]any) error {
	for name := m.StartAt; name != ""; {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := m.States[name]
		next, err := e.state(ctx, s, data)
		attempts := map[int]int{} // by retrier
		for err != nil {
			pause, again := retry(s.Retry, attempts, err)
			if !again {
				break
			}
			if err := e.wait(ctx, pause); err != nil {
				return err
			}
			next, err = e.state(ctx, s, data)
		}
		if err != nil {
			i := slices.IndexFunc(s.Catch, func(c sfn.Catcher) bool { return matches(c.ErrorEquals, err) })
			if i < 0 {
				return err
			}
			next = s.Catch[i].Next
		}
		name = next
	}
	return nil
}

// state runs one state, and returns the next one's name; empty for none.
func (e *execution) state(ctx context.Context, s sfn.State, data map[string]any) (next string, err error) {
	switch s.Type {
	case "Fail":
		return "", &failure{s.Error, s.Cause}
	case "Wait":
		err = e.wait(ctx, time.Duration(s.Seconds)*time.Second)
	case "Choice":
		for _, c := range s.Choices {
			if present(data, c.Variable) == *c.IsPresent {
				return c.Next, nil
			}
		}
		return s.Default, nil
	case "Task":
		var result map[string]any
		if result, err = e.task(ctx, s); err == nil {
			if field, ok := strings.CutPrefix(s.ResultPath, "$."); ok {
				data[field] = result
			}
		}
	case "Parallel":
		err = e.parallel(ctx, s.Branches, data)
	}
	return s.Next, err
}

// parallel runs branches at the same time. The first one that fails ends the others: the task of another branch is stopped.
func (e *execution) parallel(ctx context.Context, branches []sfn.Machine, data map[string]any) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ends := make(chan error)
	for _, branch := range branches {
		go func() { ends <- e.machine(ctx, &branch, maps.Clone(data)) }()
	}
	var first error
	for range branches {
		if err := <-ends; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

// wait waits by the cloud's clock.
func (e *execution) wait(ctx context.Context, d time.Duration) error {
	until := e.Clock.Now().Add(d)
	for {
		turned := e.Clock.Turned()
		left := until.Sub(e.Clock.Now())
		if left <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-turned:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
	}
}

// retry returns how long to wait before a state that failed runs again, and whether it does.
// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
func retry(retriers []sfn.Retrier, attempts map[int]int, err error) (pause time.Duration, again bool) {
	const usualAttempts, usualInterval, usualRate = 3, 1, 2.0
	for i, r := range retriers {
		if !matches(r.ErrorEquals, err) {
			continue
		}
		most, interval, rate := usualAttempts, usualInterval, usualRate
		if r.MaxAttempts != nil {
			most = *r.MaxAttempts
		}
		if r.IntervalSeconds > 0 {
			interval = r.IntervalSeconds
		}
		if r.BackoffRate > 0 {
			rate = r.BackoffRate
		}
		if attempts[i] >= most {
			return 0, false
		}
		pause = time.Duration(float64(interval) * math.Pow(rate, float64(attempts[i])) * float64(time.Second))
		attempts[i]++
		return pause, true
	}
	return 0, false
}

// matches reports whether an error is one of the named ones.
func matches(names []string, err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && (slices.Contains(names, "States.ALL") || slices.Contains(names, f.name) ||
		slices.Contains(names, "States.TaskFailed") && f.name != "States.Timeout")
}

// present reports whether data has something at a path, such as $.running.TaskArns[0].
func present(data any, path string) bool {
	for _, part := range strings.Split(strings.TrimPrefix(path, "$."), ".") {
		name, index, indexed := strings.Cut(strings.TrimSuffix(part, "]"), "[")
		object, ok := data.(map[string]any)
		if !ok {
			return false
		}
		if data, ok = object[name]; !ok {
			return false
		}
		if !indexed {
			continue
		}
		list, _ := data.([]any)
		i, err := strconv.Atoi(index)
		if err != nil || i >= len(list) {
			return false
		}
		data = list[i]
	}
	return true
}
