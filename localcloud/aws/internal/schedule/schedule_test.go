package schedule

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAfter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ schedule, zone, from, want string }{
		{"at(2026-11-21T18:00:00)", "UTC", "2026-11-21T12:00:00Z", "2026-11-21T18:00:00Z"},
		{"at(2026-11-21T18:00:00)", "Europe/Berlin", "2026-11-21T12:00:00Z", "2026-11-21T17:00:00Z"},
		{"at(2026-11-21T18:00:00)", "UTC", "2026-11-21T18:00:00Z", ""},
		{"rate(5 minutes)", "UTC", "2026-11-21T12:00:30Z", "2026-11-21T12:05:30Z"},
		{"rate(1 day)", "UTC", "2026-11-21T12:00:00Z", "2026-11-22T12:00:00Z"},
		{"cron(30 6 ? * MON *)", "UTC", "2026-11-21T12:00:00Z", "2026-11-23T06:30:00Z"},
		{"cron(0 8 ? * MON-FRI *)", "Europe/Berlin", "2026-11-20T07:00:00Z", "2026-11-23T07:00:00Z"},
		{"cron(0/15 * * * ? *)", "UTC", "2026-11-21T12:01:00Z", "2026-11-21T12:15:00Z"},
		{"cron(*/20 12,18 * * ? *)", "UTC", "2026-11-21T12:40:00Z", "2026-11-21T18:00:00Z"},
		{"cron(0 0 1 JAN ? 2027-2029)", "UTC", "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"},
		{"cron(0 0 29 2 ? *)", "UTC", "2026-11-21T12:00:00Z", "2028-02-29T00:00:00Z"},
		{"cron(0 0 31 2 ? *)", "UTC", "2026-11-21T12:00:00Z", ""},
		{"cron(0 0 1 1 ? 2020)", "UTC", "2026-11-21T12:00:00Z", ""},
		// Clocks go forward at two on 28 March 2027.
		{"cron(30 2 * * ? *)", "Europe/Berlin", "2027-03-27T12:00:00Z", "2027-03-29T00:30:00Z"},
	} {
		s, err := Parse(tt.schedule, tt.zone)
		if err != nil {
			t.Error(err)
			continue
		}
		from, err := time.Parse(time.RFC3339, tt.from)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if next := s.After(from); !next.IsZero() {
			got = next.UTC().Format(time.RFC3339)
		}
		if got != tt.want {
			t.Errorf("%s after %s is %q, want %q", tt.schedule, tt.from, got, tt.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                      "want at(…), rate(…) or cron(…)",
		"daily":                                 "want at(…), rate(…) or cron(…)",
		"every(5 minutes)":                      "want at(…), rate(…) or cron(…)",
		"at(tomorrow)":                          "cannot parse",
		"rate(5)":                               "is none of minute",
		"rate(0 minutes)":                       "not a positive number",
		"rate(99999999 days)":                   "too long",
		"cron(0 8 * * *)":                       "has 6 fields, and this one 5",
		"cron(0 8 * * * *)":                     "must be ?",
		"cron(0 8 ? * ? *)":                     "must be ?",
		"cron(60 8 * * ? *)":                    `field minutes, "60": "60" is not within 0-59`,
		"cron(0 8 ? * FRI-MON *)":               "MON is before FRI",
		"cron(0 8 L * ? *)":                     "does not model L, W and #",
		"cron(0/x 8 * * ? *)":                   `"x" is not a step`,
		"cron(1/9223372036854775807 8 * * ? *)": "is not a step",
		"cron(? 8 * * ? *)":                     "is not within 0-59",
		"cron(0 8 * * ? 2026-202600)":           "is not within 1970-2199",
	} {
		if _, err := Parse(text, "UTC"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, err := Parse("rate(1 day)", "Mars/Olympus"); err == nil || !strings.Contains(err.Error(), "Mars/Olympus") {
		t.Errorf("got %v", err)
	}
}

// What comes next is later, fits, and nothing between fits.
func TestCronSkipsNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := &cron{
			minutes: []int{rapid.IntRange(0, 59).Draw(t, "minute"), rapid.IntRange(0, 59).Draw(t, "another")},
			hours:   []int{rapid.IntRange(0, 23).Draw(t, "hour")},
		}
		if rapid.Bool().Draw(t, "by weekday") {
			c.weekdays = []int{rapid.IntRange(1, 7).Draw(t, "weekday")}
		}
		from := time.Unix(rapid.Int64Range(1.7e9, 1.9e9).Draw(t, "from"), 0).UTC()
		fit := func(at time.Time) bool {
			return fits(c.minutes, at.Minute()) && fits(c.hours, at.Hour()) && fits(c.weekdays, int(at.Weekday())+1)
		}
		next := c.after(from)
		if !next.After(from) || !fit(next) {
			t.Fatalf("after %s comes %s", from, next)
		}
		for at := from.Truncate(time.Minute).Add(time.Minute); at.Before(next); at = at.Add(time.Minute) {
			if fit(at) {
				t.Fatalf("after %s comes %s, and %s is left out", from, next, at)
			}
		}
	})
}
