package spec

import (
	"testing"

	"pgregory.net/rapid"
)

// Two patterns overlap if, and only if, some short text over their letters matches both; and one that includes another matches all
// that the other does.
func TestPatterns(t *testing.T) {
	t.Parallel()
	var texts []string
	var grow func(text string)
	grow = func(text string) {
		texts = append(texts, text)
		if len(text) < 6 {
			grow(text + "a")
			grow(text + "b")
		}
	}
	grow("")
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*?]{0,3}`)
		a, b := pattern.Draw(t, "a"), pattern.Draw(t, "b")
		both, all := false, true
		for _, text := range texts {
			inA, inB := wildcardsMeet(a, text), wildcardsMeet(b, text)
			both = both || inA && inB
			all = all && (inA || !inB)
		}
		if got := wildcardsMeet(a, b); got != both {
			t.Errorf("%s and %s overlap: %t", a, b, got)
		}
		if includes(a, b) && !all {
			t.Errorf("%s does not include %s", a, b)
		}
	})
}
