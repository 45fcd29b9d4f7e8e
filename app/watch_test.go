package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// A path is read at once, and then again within the interval, at moments that chance spreads. A read that fails keeps the settings.
func TestWatchSpreadsItsReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval, most = time.Minute, 40
		ctx, stop := context.WithCancel(t.Context())
		begun := time.Now()
		var read []time.Time
		s := newSettings([]watched{{"/app", interval}})
		s.watch(ctx, func(context.Context, string) (map[string]string, error) {
			if read = append(read, time.Now()); len(read) == most {
				stop()
			}
			if len(read) == 1 {
				return map[string]string{"greeting": "good morning"}, nil
			}
			return nil, errors.New("throttled")
		}, slog.New(slog.NewTextHandler(io.Discard, nil)))
		if len(read) != most || !read[0].Equal(begun) || s.greeting("hello") != "good morning" {
			t.Errorf("read %d times, first after %s; the greeting is %q", len(read), read[0].Sub(begun), s.greeting("hello"))
		}
		pauses := map[time.Duration]bool{}
		for i := range read[1:] {
			pause := read[i+1].Sub(read[i])
			if pauses[pause] = true; pause > interval || pause < interval*3/4 {
				t.Errorf("read again after %s", pause)
			}
		}
		if len(pauses) < 2 {
			t.Error("tasks that start together would ask together each time")
		}
	})
}

// Several paths can have the greeting. The first path in WATCH_PARAMETERS counts, also if it was read later.
func TestFirstPathDecides(t *testing.T) {
	paths := []watched{{path: "/team"}, {path: "/app"}, {path: "/all"}}
	s := newSettings(paths)
	s.put("/all", map[string]string{"greeting": "of all"})
	s.put("/app", map[string]string{"greeting": "of the app"})
	s.put("/team", map[string]string{"limit": "3"})
	for range 100 {
		if got := s.greeting("hello"); got != "of the app" {
			t.Fatalf("the greeting is %q", got)
		}
	}
}
