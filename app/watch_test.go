package main

import "testing"

// If several paths have the greeting, the first of WATCH_PARAMETERS gives it, whichever was read first.
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
