package walk

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestSampleHasEveryKind(t *testing.T) {
	t.Parallel()
	known := Kinds()
	all := slices.Sorted(slices.Values(slices.Concat(sample...)))
	if all = slices.Compact(all); !slices.Equal(all, slices.Sorted(slices.Values(known))) {
		t.Errorf("the sample has the kinds %q, and there are %q", all, known)
	}
	for seed := range uint64(6) {
		for i, w := range Sample(seed) {
			if !w.has(sample[i]) || len(w.Steps) > mostSteps {
				t.Errorf("seed %d: walk %d has %d steps, and not all of %v", seed, i, len(w.Steps), sample[i])
			}
		}
	}
}

// The kinds to draw from are given in a shell, separated by commas.
func TestKindsCanBeGiven(t *testing.T) {
	t.Parallel()
	for _, name := range Kinds() {
		if strings.ContainsAny(name, `,'"$`) {
			t.Errorf("%q cannot be given", name)
		}
	}
}

func TestSameSeedSameWalk(t *testing.T) {
	t.Parallel()
	o := Options{Seed: 7, Steps: 50, Most: 3, Kinds: Kinds()}
	sample, walk := Sample(o.Seed), New(o)
	// Go visits a map in another order each time, and by chance in the same one.
	for range 4 {
		if !reflect.DeepEqual(Sample(o.Seed), sample) {
			t.Error("a sample is another the next time")
		}
		if !reflect.DeepEqual(New(o), walk) {
			t.Error("a walk is another the next time")
		}
	}
	again := o
	again.Seed = 8
	if reflect.DeepEqual(walk, New(again)) {
		t.Error("another seed gives the same walk")
	}
}

// Every kind has changes, alone and with others, and only those that must be refused are wrong.
func TestWalksAreRight(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for seed := range uint64(10) {
		w := New(Options{Seed: seed, Steps: 100, Most: 1 + int(seed%3), Kinds: Kinds()})
		now := []Config{w.First}
		if problems := w.First.Problems(); len(problems) > 0 {
			t.Errorf("seed %d begins with %v", seed, problems)
		}
		for n, s := range w.Steps {
			for _, k := range s.Kinds {
				seen[k]++
			}
			if !reflect.DeepEqual(s.Before, now) {
				t.Errorf("seed %d, step %d does not begin where the last one ended", seed, n)
			}
			now = s.leaves()
			for _, before := range s.Before {
				if before.refuses(s.Config) != (s.Outcome == Refused) {
					t.Errorf("seed %d, step %d, %s: %v, %v", seed, n, s, s.Config.Problems(), before.Forbids(s.Config))
				}
			}
			if broken := strings.Contains(s.Config.YAML(), ":"+Sick+`"`) || strings.Contains(s.Config.YAML(), ":"+Exits+`"`); broken != (s.Outcome == Fails) {
				t.Errorf("seed %d, step %d, %s: a version that does not work: %v", seed, n, s, broken)
			}
			changes := s.Config.YAML() != s.Before[0].YAML()
			if !changes && !slices.Contains([]string{"back", "mend", "elsewhere"}, s.Kinds[0]) { // perhaps with the version that was there before
				t.Errorf("seed %d, step %d, %s changes nothing", seed, n, s)
			}
			if (s.Outcome == Interrupted) != (s.Operation > 0 && s.Verb != "") {
				t.Errorf("seed %d, step %d, %s: operation %d of %q is refused", seed, n, s, s.Operation, s.Verb)
			}
		}
	}
	for _, name := range Kinds() {
		if seen[name] < 5 {
			t.Errorf("%q was drawn %d times", name, seen[name])
		}
	}
}

func TestLeaves(t *testing.T) {
	t.Parallel()
	before := configOf(routes{"web": {{"a.slipway.test", "b.slipway.test", "x.dev.slipway.test"}, nil}})
	for name, tt := range map[string]struct {
		after []string
		want  bool
	}{
		"the same":                 {[]string{"a.slipway.test", "b.slipway.test", "x.dev.slipway.test"}, false},
		"a name goes":              {[]string{"a.slipway.test", "x.dev.slipway.test"}, false},
		"a wildcard comes":         {[]string{"a.slipway.test", "b.slipway.test", "x.dev.slipway.test", "*.slipway.test"}, false},
		"a wildcard comes instead": {[]string{"a.slipway.test", "x.dev.slipway.test", "*.slipway.test"}, true},
		"one that is no good":      {[]string{"a.slipway.test", "b.slipway.test", "*.slipway.test"}, false},
	} {
		after := configOf(routes{"web": {tt.after, nil}})
		if got := (Step{Before: []Config{before}, Config: after}).Leaves(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// The update after a failed one fixes it or goes back.
func TestFailuresAreMended(t *testing.T) {
	t.Parallel()
	w := New(Options{Seed: 1, Steps: 200, Most: 2, Kinds: Kinds()})
	ways := map[string]int{}
	for n, s := range w.Steps {
		if s.Outcome != Fails && s.Outcome != Interrupted {
			continue
		}
		next := w.Steps[n+1]
		ways[next.Kinds[0]]++
		if next.Outcome != Succeeds && (next.Outcome != Interrupted || len(next.Before) > 2) {
			t.Errorf("step %d, %s, is followed by %s", n, s, next)
		}
		if next.Kinds[0] == "back" && next.Config.YAML() != s.Before[0].YAML() {
			t.Errorf("step %d, %s, is followed by one that goes elsewhere", n, s)
		}
	}
	for _, way := range []string{"back", "mend", "again", "elsewhere"} {
		if ways[way] == 0 {
			t.Errorf("nothing is followed by %q: %v", way, ways)
		}
	}
}
