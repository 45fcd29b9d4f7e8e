package wildcard

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, text string
		plain, other  bool // without escapes, and with them
	}{
		{"", "", true, true},
		{"", "a", false, false},
		{"*", "", true, true},
		{"?", "", false, false},
		{"a*", "a/b", true, true},
		{"a?c", "abc", true, true},
		{"a?c", "ac", false, false},
		{`a\*`, `a\b`, true, false},
		{`a\*`, "a*", false, true},
		{`a\?`, "ab", false, false},
		{`a\b`, "ab", false, true},
		{`a\`, `a\`, true, true},
		{"A", "a", false, false},
	} {
		if got := Match(tt.pattern, tt.text); got != tt.plain {
			t.Errorf("%q matches %q: %t", tt.pattern, tt.text, got)
		}
		if got := CompileEscaped(tt.pattern).Match(tt.text); got != tt.other {
			t.Errorf("%q, with escapes, matches %q: %t", tt.pattern, tt.text, got)
		}
	}
}

func TestMatchAny(t *testing.T) {
	t.Parallel()
	patterns := []Pattern{Compile("a*"), Compile("b")}
	for text, want := range map[string]bool{"ab": true, "b": true, "bc": false} {
		if got := MatchAny(patterns, text); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

// Matching agrees with the regular expression that a pattern stands for.
func TestMatchAgreesWithRegexp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*?.]{0,8}`).Draw(t, "pattern")
		text := rapid.StringMatching(`[ab.]{0,12}`).Draw(t, "text")
		expression := regexp.MustCompile("^" + strings.NewReplacer("*", ".*", "?", ".", ".", `\.`).Replace(pattern) + "$")
		if got, want := Match(pattern, text), expression.MatchString(text); got != want {
			t.Errorf("%q matches %q: %v, want %v", pattern, text, got, want)
		}
		if got, want := CompileEscaped(pattern).Match(text), expression.MatchString(text); got != want {
			t.Errorf("%q, with escapes, matches %q: %v, want %v", pattern, text, got, want)
		}
	})
}

// This would take longer than the universe has if each * were tried at each place.
func TestHostilePatternIsFast(t *testing.T) {
	t.Parallel()
	if Match(strings.Repeat("a*", 60)+"b", strings.Repeat("a", 10_000)) {
		t.Error("it matches a text without a b")
	}
}
