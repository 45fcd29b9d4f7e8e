package main

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"sync"
	"time"
)

// watched is a path of parameters that are re-read every so often.
type watched struct {
	path     string
	interval time.Duration
}

// pause returns how long to wait before the path is read again: up to a quarter less than the interval, by chance. Tasks that a deployment
// starts together would otherwise ask together each time, and Parameter Store answers 40 requests a second of an account.
func (w watched) pause() time.Duration {
	return w.interval - rand.N(w.interval/4+1) //nolint:gosec // guards nothing
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
				case <-time.After(w.pause()):
				case <-ctx.Done():
					return
				}
			}
		})
	}
	running.Wait()
}
