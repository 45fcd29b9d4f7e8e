package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ago says how long ago something was, roughly.
func ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case d < 10*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds())/10*10)
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	case d < 60*24*time.Hour:
		return plural(int(d.Hours()/24), "day") + " ago"
	default:
		return "on " + t.UTC().Format("2006-01-02")
	}
}

// lasting is a duration in the two units that matter.
func lasting(d time.Duration) string {
	switch s := int(d.Seconds()); {
	case s < 1:
		return "under 1 s"
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	default:
		return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
	}
}

// shortDigest is the part of a digest that people compare: 12 digits.
func shortDigest(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	return hex[:min(len(hex), 12)]
}

func count(n int) string { return strconv.Itoa(n) }

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// list joins words for a sentence: a, b and c.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// firstLine keeps an error short enough for a row.
func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	if runes := []rune(s); len(runes) > 300 {
		s = string(runes[:299]) + "…"
	}
	return s
}
