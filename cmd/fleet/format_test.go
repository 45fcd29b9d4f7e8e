package main

import (
	"testing"
	"time"
)

func TestAgo(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for before, want := range map[time.Duration]string{
		-time.Minute:        "just now", // another machine's clock
		0:                   "just now",
		9 * time.Second:     "just now",
		10 * time.Second:    "10 s ago",
		59 * time.Second:    "50 s ago",
		60 * time.Second:    "1 min ago",
		119 * time.Second:   "1 min ago",
		time.Hour:           "1 h ago",
		23 * time.Hour:      "23 h ago",
		24 * time.Hour:      "1 day ago",
		49 * time.Hour:      "2 days ago",
		70 * 24 * time.Hour: "on 2026-09-12",
	} {
		if got := ago(now.Add(-before), now); got != want {
			t.Errorf("%s before now is %q, want %q", before, got, want)
		}
	}
}

func TestLasting(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "under 1 s", time.Second: "1 s", 59900 * time.Millisecond: "59 s", time.Minute: "1 min 0 s",
		131 * time.Second: "2 min 11 s", time.Hour: "1 h 0 min", 90 * time.Minute: "1 h 30 min",
	} {
		if got := lasting(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

func TestShortDigest(t *testing.T) {
	for digest, want := range map[string]string{
		"": "", "sha256:": "", "sha256:abc": "abc", "sha256:0123456789abcdef": "0123456789ab", "nonsense": "",
	} {
		if got := shortDigest(digest); got != want {
			t.Errorf("%q is %q, want %q", digest, got, want)
		}
	}
}

func TestList(t *testing.T) {
	for want, words := range map[string][]string{"": nil, "a": {"a"}, "a and b": {"a", "b"}, "a, b and c": {"a", "b", "c"}} {
		if got := list(words); got != want {
			t.Errorf("%v is %q, want %q", words, got, want)
		}
	}
}
