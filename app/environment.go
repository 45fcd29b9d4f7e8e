package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// environment reads typed variables and collects all their errors, so one failed start shows everything. An empty variable counts as
// unset: a task definition can only blank what an image sets, not remove it.
type environment struct {
	getenv   func(string) string
	problems []error
}

// err joins the problems found so far; nil if there are none.
func (e *environment) err() error {
	if len(e.problems) == 0 {
		return nil
	}
	return fmt.Errorf("the environment cannot be used:\n%w", errors.Join(e.problems...))
}

// refuse records a wrong value of the variable.
func (e *environment) refuse(name, value, want string) {
	e.problems = append(e.problems, fmt.Errorf("%s=%q: want %s", name, clip(value), want))
}

func (e *environment) text(name, fallback string) string {
	if value := e.getenv(name); value != "" {
		return value
	}
	return fallback
}

// integer reads a number from 1 to most.
func (e *environment) integer(name string, fallback, most int) int {
	value := e.getenv(name)
	if value == "" {
		return fallback
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		e.refuse(name, value, fmt.Sprintf("a whole number from 1 to %d", most))
		return fallback
	}
	return n
}

func (e *environment) duration(name string, fallback, least, most time.Duration) time.Duration {
	value := e.getenv(name)
	if value == "" {
		return fallback
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < least || d > most {
		e.refuse(name, value, fmt.Sprintf("a duration from %s to %s, such as %s", least, most, fallback))
		return fallback
	}
	return d
}

func (e *environment) level(name string, fallback slog.Level) slog.Level {
	value := e.getenv(name)
	if value == "" {
		return fallback
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(value)); err != nil {
		e.refuse(name, value, "debug, info, warn or error")
		return fallback
	}
	return level
}

// list splits a comma-separated variable; spaces around the entries and empty entries do not count.
func (e *environment) list(name string) []string {
	var entries []string
	for entry := range strings.SplitSeq(e.getenv(name), ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			entries = append(entries, entry)
		}
	}
	return entries
}

// pairs splits a list of name=value entries, in which anything can be percent-encoded ("W3C Baggage", as OpenTelemetry's variables have
// it). A value may be a secret, and is not shown.
func (e *environment) pairs(name string) map[string]string {
	pairs := map[string]string{}
	for _, entry := range e.list(name) {
		key, value, found := strings.Cut(entry, "=")
		key, keyErr := url.PathUnescape(strings.TrimSpace(key))
		value, valueErr := url.PathUnescape(strings.TrimSpace(value))
		if !found || key == "" || keyErr != nil || valueErr != nil {
			e.refuse(name, "…", "name=value entries, comma-separated and percent-encoded")
			continue
		}
		pairs[key] = value
	}
	return pairs
}

// maxTextBytes bounds what strangers can make us repeat in logs, errors and answers.
const maxTextBytes = 256

// clip returns at most the first maxTextBytes of s, as valid UTF-8.
func clip(s string) string {
	if len(s) > maxTextBytes {
		s = s[:maxTextBytes]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
