package main

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// watched is a path of parameters that are re-read every so often.
type watched struct {
	path     string
	interval time.Duration
}

// settings are what may change while the service runs: parameters of AWS Systems Manager, below the paths in WATCH_PARAMETERS. A path
// that cannot be read leaves its settings as they were, and is logged.
type settings struct {
	paths  []watched // the first of them that has a setting decides
	mu     sync.RWMutex
	values map[string]map[string]string // by path
}

func newSettings(paths []watched) *settings {
	return &settings{paths: paths, values: map[string]map[string]string{}}
}

// greeting returns the parameter greeting, or the other one if no path has it.
func (s *settings) greeting(fallback string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, w := range s.paths {
		if value, ok := s.values[w.path]["greeting"]; ok {
			return value
		}
	}
	return fallback
}

// put replaces the settings of a path, and reports whether that changes them.
func (s *settings) put(path string, values map[string]string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, known := s.values[path]
	s.values[path] = values
	return !known || !maps.Equal(old, values)
}

// watch reads the paths, and then again and again until ctx ends. It returns when all of them have ended.
func (s *settings) watch(ctx context.Context, read func(context.Context, string) (map[string]string, error), log *slog.Logger) {
	var running sync.WaitGroup
	for _, w := range s.paths {
		running.Go(func() {
			tick := time.NewTicker(w.interval)
			defer tick.Stop()
			for {
				values, err := read(ctx, w.path)
				switch {
				case ctx.Err() != nil:
					return
				case err != nil:
					log.Warn("settings not read", "path", w.path, "error", err.Error())
				case s.put(w.path, values):
					log.Info("settings read", "path", w.path, "count", len(values)) // a value may be a secret
				}
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	running.Wait()
}
