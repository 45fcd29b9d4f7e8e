package life

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Case is one life in which something goes wrong.
type Case struct {
	Name string
	// Start is the state in which the life begins.
	Start *State
	// Live makes something fail, recovers, and reports the final result. If it returns [ErrMissed], the case is repeated from its
	// start.
	Live func(ctx context.Context, s *Stack) (Outcome, error)
}

// ErrMissed says that nothing failed: the operation was over before the failure.
var ErrMissed = errors.New("nothing went wrong")

// maxLives bounds how often a case is lived until something goes wrong.
const maxLives = 20

// Outcome is what became of a stack.
type Outcome struct {
	// Cases is how many things went wrong; zero counts as one.
	Cases int
	// Detail says what failed, if the case's name does not.
	Detail string
	// Stuck says why a repetition did not bring the stack to its goal; empty if it did.
	Stuck string
	// Orphans are the kinds of the things that the stack's state did not know and a destroy left behind.
	Orphans []string
}

// Report is what became of all cases.
type Report struct {
	Cases, Converged, Orphans int
	// Missed are the lives in which nothing went wrong. They count for nothing.
	Missed int
	// Unclean lists the cases that were stuck or left orphans, and Failed those in which something happened that never
	// should.
	Unclean []string
	Failed  []string
}

// Sweep runs the cases, several at a time, each on its own copy. It reports each once it is over.
func Sweep(ctx context.Context, cases []Case, workers int, tell io.Writer) Report {
	var mu sync.Mutex
	var report Report
	queue := make(chan Case)
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for c := range queue {
				outcome, missed, err := c.run(ctx)
				mu.Lock()
				report.Missed += missed
				report.add(c.Name, outcome, err, tell)
				mu.Unlock()
			}
		})
	}
	for _, c := range cases {
		select {
		case queue <- c:
		case <-ctx.Done():
		}
	}
	close(queue)
	running.Wait()
	if ctx.Err() != nil {
		report.Failed = append(report.Failed, fmt.Sprintf("the sweep: %v", context.Cause(ctx)))
	}
	return report
}

// run lives the case until something goes wrong in it.
func (c Case) run(ctx context.Context) (o Outcome, missed int, err error) {
	for range maxLives {
		if o, err = c.once(ctx); !errors.Is(err, ErrMissed) {
			break
		}
		missed++
	}
	return o, missed, err
}

func (c Case) once(ctx context.Context) (Outcome, error) {
	s, err := c.Start.Resume(ctx)
	if err != nil {
		return Outcome{}, err
	}
	defer s.End(ctx)
	return c.Live(ctx, s)
}

func (r *Report) add(name string, o Outcome, err error, tell io.Writer) {
	o.Cases = max(o.Cases, 1)
	r.Cases += o.Cases
	r.Orphans += len(o.Orphans)
	line := name
	if o.Detail != "" {
		line += " " + o.Detail
	}
	switch {
	case err != nil:
		line += ": " + err.Error()
		r.Failed = append(r.Failed, line)
		fmt.Fprintln(tell, "FAILED", line)
		return
	case o.Stuck == "" && len(o.Orphans) == 0:
		r.Converged += o.Cases
		fmt.Fprintln(tell, "clean ", line)
		return
	case o.Stuck == "":
		r.Converged += o.Cases
	default:
		line += ": stuck: " + o.Stuck
	}
	if len(o.Orphans) > 0 {
		line += fmt.Sprintf(": left behind %v", o.Orphans)
	}
	r.Unclean = append(r.Unclean, line)
	fmt.Fprintln(tell, "orphan", line)
}

// String is the report in one line.
func (r Report) String() string {
	return fmt.Sprintf("%d cases, %d converged, %d orphans, %d failed", r.Cases, r.Converged, r.Orphans, len(r.Failed))
}

// Err is the failures, or nil.
func (r Report) Err() error {
	var errs []error
	for _, f := range r.Failed {
		errs = append(errs, errors.New(f))
	}
	return errors.Join(errs...)
}
