package spec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const testZone = "example.com"

var helloRoute = Route{"hello", "hello.example.com", EveryPath}

// routes draws distinct valid routes of a stack. Many of them overlap, and many share a narrow band, where they draw the same slots.
func routes(least int) *rapid.Generator[[]Route] {
	host := rapid.Custom(func(t *rapid.T) string {
		labels := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "app"}), 0, 2).Draw(t, "labels")
		return strings.Join(append(labels, testZone), ".")
	})
	long := strings.Repeat("x", 70)
	route := rapid.Custom(func(t *rapid.T) Route {
		hostname := host.Draw(t, "hostname")
		if rapid.Bool().Draw(t, "wildcard") {
			hostname = "*." + hostname
		}
		path := "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "api", "/", long}), 0, 3).Draw(t, "path"), "")
		path = path[:min(len(path), maxPathLength-1)]
		if rapid.Bool().Draw(t, "pattern") {
			at := rapid.IntRange(1, len(path)).Draw(t, "star")
			path = path[:at] + "*" + path[at:]
		}
		return Route{Service: rapid.SampledFrom([]string{"one", "two", "three"}).Draw(t, "service"), Hostname: hostname, Path: path}
	})
	anyone := func(r Route) Route { return Route{Hostname: r.Hostname, Path: r.Path} }
	return rapid.SliceOfNDistinct(route, least, 40, anyone)
}

// priorities returns the routes' priorities and skips the case if a band is too crowded for them.
func priorities(t *rapid.T, all []Route) map[Route]int {
	given, err := Priorities(testZone, all, nil)
	if err != nil {
		t.Skip(err)
	}
	return given
}

// matches reports whether a pattern with at most one "*" matches the text, or every text that another pattern matches.
func matches(pattern, text string) bool {
	prefix, suffix, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	return len(text) >= len(prefix)+len(suffix) && strings.HasPrefix(text, prefix) && strings.HasSuffix(text, suffix)
}

func TestPrioritiesAreUniqueAndInRange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := routes(1).Draw(t, "routes")
		for _, r := range all {
			if err := errors.Join(CheckHostname(r.Hostname, testZone), CheckPath(r.Path)); err != nil {
				t.Fatalf("drew an invalid route: %v", err)
			}
		}
		given := priorities(t, all)
		holders := make(map[int]Route)
		for r, priority := range given {
			if priority < 2 || priority > 50_000 || priority%priorityStep != 0 {
				t.Fatalf("%s has priority %d", r, priority)
			}
			if other, taken := holders[priority]; taken {
				t.Fatalf("%s and %s share priority %d", r, other, priority)
			}
			holders[priority] = r
		}
		if len(given) != len(all) {
			t.Fatalf("%d routes, %d priorities", len(all), len(given))
		}
	})
}

// If a route also matches every request for a second route, the second one comes first.
func TestPrioritiesPutTheMoreSpecificFirst(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		given := priorities(t, routes(10).Draw(t, "routes"))
		for narrow := range given {
			for wide := range given {
				sameHost := narrow.Hostname == wide.Hostname
				widerHost := !sameHost && strings.HasPrefix(wide.Hostname, "*.") && matches(wide.Hostname, narrow.Hostname)
				widerPath := sameHost && narrow.Path != wide.Path && matches(wide.Path, narrow.Path)
				if (widerHost || widerPath) && given[narrow] >= given[wide] {
					t.Fatalf("%s has priority %d, and the wider %s has %d", narrow, given[narrow], wide, given[wide])
				}
			}
		}
	})
}

// Routes come and go, and change their service, at random. A route that stays keeps its number, and no rule gets a number that another
// one holds. Rules of routes that are gone may still be there, as after a failed update.
func TestPrioritiesChangeWithoutCollisions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		held := HeldPriorities{}
		for range rapid.IntRange(2, 5).Draw(t, "steps") {
			given, err := Priorities(testZone, routes(1).Draw(t, "routes"), held)
			if err != nil {
				t.Skip(err)
			}
			for r, priority := range given {
				for _, number := range []int{priority - 1, priority} { // a canary's rule comes before its route's
					if holder, taken := held[number]; taken && holder.place() != r.place() {
						t.Fatalf("%s gets %d, which %s holds", r, number, holder)
					}
				}
				for number, holder := range held {
					if holder.place() == r.place() && slotOf(number) != slotOf(priority) {
						t.Fatalf("%s moves from %d to %d", r, number, priority)
					}
				}
			}
			next := HeldPriorities{}
			if rapid.Bool().Draw(t, "failed") {
				next = maps.Clone(held)
			}
			for r, priority := range given {
				next[priority], next[priority-1] = r, r
			}
			held = next
		}
	})
}

func TestPrioritiesDoNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := routes(10).Draw(t, "routes")
		one, other := priorities(t, all), priorities(t, rapid.Permutation(all).Draw(t, "permutation"))
		if !maps.Equal(one, other) {
			t.Fatalf("%v and %v", one, other)
		}
	})
}

// Stacks that were deployed when a service's name decided the number keep their numbers.
func TestPrioritiesStayAcrossVersions(t *testing.T) {
	t.Parallel()
	want := map[Route]int{
		{"login", "hello.example.com", "/login"}: 1090,
		{"api", "hello.example.com", "/api/*"}:   23250,
		{"hello", "hello.example.com", "/*"}:     26970,
		{"rest", "*.example.com", "/*"}:          49500,
	}
	held := HeldPriorities{}
	for r, priority := range want {
		held.Add(priority, Route{Hostname: r.Hostname, Path: r.Path})
	}
	got, err := Priorities(testZone, slices.Collect(maps.Keys(want)), held)
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("priorities are %v (%v), and were %v", got, err, want)
	}
}

// A route does not keep a number that is for something else, or where a more specific route belongs.
func TestPrioritiesAvoidWhatOthersHold(t *testing.T) {
	t.Parallel()
	free, err := Priorities(testZone, []Route{helloRoute}, nil)
	if err != nil {
		t.Fatal(err)
	}
	drawn := free[helloRoute]
	for name, held := range map[string]HeldPriorities{
		"another's rule":    {drawn: {Hostname: "b.example.com", Path: EveryPath}},
		"another's canary":  {drawn - 1: {Hostname: "b.example.com", Path: EveryPath}},
		"of several":        {drawn: {}},
		"of both":           {drawn: {Hostname: "b.example.com", Path: EveryPath}, drawn - 1: helloRoute},
		"in another's band": {2: helloRoute, drawn: {}},
		"of two load balancer": func() HeldPriorities {
			h := HeldPriorities{}
			h.Add(drawn, helloRoute)
			h.Add(drawn, Route{Hostname: "x"})
			return h
		}(),
	} {
		got, err := Priorities(testZone, []Route{helloRoute}, held)
		if err != nil || got[helloRoute] == drawn || got[helloRoute] == 2 {
			t.Errorf("%s: priority %d (%v), and %d is drawn first", name, got[helloRoute], err, drawn)
		}
	}
	kept, err := Priorities(testZone, []Route{helloRoute}, HeldPriorities{drawn + 10: helloRoute})
	if err != nil || kept[helloRoute] != drawn+10 {
		t.Errorf("priority %d is not kept: %d (%v)", drawn+10, kept[helloRoute], err)
	}
}

func TestPrioritiesRunOut(t *testing.T) {
	t.Parallel()
	var all []Route
	for i := range 100 { // "/xNN/*" on a wildcard, whose band has 75 slots
		all = append(all, Route{"hello", "*.example.com", fmt.Sprintf("/x%02d/*", i)})
	}
	if _, err := Priorities(testZone, all[:75], nil); err != nil {
		t.Errorf("as many routes as there are: %v", err)
	}
	if _, err := Priorities(testZone, all, nil); err == nil || !strings.Contains(err.Error(), "too many rules like it") {
		t.Errorf("a hundred routes in one band: %v", err)
	}
}

func TestBandsFitTheRange(t *testing.T) {
	t.Parallel()
	if last := priorityStep * slots; last > 50_000 {
		t.Errorf("the last priority is %d", last)
	}
	last := Route{Hostname: "*." + testZone, Path: EveryPath}.band(testZone)
	if last.first+last.width != slots {
		t.Errorf("the least specific band ends at slot %d of %d", last.first+last.width, slots)
	}
}
