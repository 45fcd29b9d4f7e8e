package main

import "testing"

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
