package main

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// status answers GET /status from the dependency checks. It runs them at most once per maxAge, for any number of requests, so the page
// cannot be used to overload a dependency.
type status struct {
	checks  []Check
	timeout time.Duration
	maxAge  time.Duration
	version string
	log     *slog.Logger

	mu   sync.Mutex // held while the checks run: those who ask meanwhile wait for that result
	last report
}

// report is the body of GET /status. It has the names and health of dependencies, but neither their addresses nor errors: the page is
// public, the log is not.
type report struct {
	Status    string        `json:"status"` // ok, or failed if one check is
	Version   string        `json:"version"`
	CheckedAt time.Time     `json:"checked_at"`
	Checks    []checkResult `json:"checks"`
}

type checkResult struct {
	Name       string  `json:"name"`
	Status     string  `json:"status"` // ok or failed
	DurationMS float64 `json:"duration_ms"`
}

func (s *status) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	current := s.current(r.Context())
	code := http.StatusOK
	if current.Status != "ok" {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, current)
}

// current returns a report no older than maxAge.
func (s *status) current(ctx context.Context) report {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.CheckedAt.IsZero() || time.Since(s.last.CheckedAt) >= s.maxAge {
		s.last = s.run(ctx)
	}
	return s.last
}

// run runs all checks at once, within the time-out.
func (s *status) run(ctx context.Context) report {
	// All callers share the result, so it must not fail because the first one hung up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
	defer cancel()

	results := make([]checkResult, len(s.checks))
	var running sync.WaitGroup
	for i, check := range s.checks {
		running.Go(func() {
			start := time.Now()
			err := check.Check(ctx)
			results[i] = checkResult{Name: check.Name(), Status: "ok", DurationMS: milliseconds(time.Since(start))}
			if err != nil {
				results[i].Status = "failed"
				s.log.LogAttrs(ctx, slog.LevelWarn, "check failed",
					slog.String("check", check.Name()), slog.String("error", err.Error()))
			}
		})
	}
	running.Wait()

	overall := "ok"
	for _, result := range results {
		if result.Status != "ok" {
			overall = "failed"
		}
	}
	return report{Status: overall, Version: s.version, CheckedAt: time.Now().UTC(), Checks: results}
}

// milliseconds is d as JSON shows durations: a number that people and log queries read without a unit table.
func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}
