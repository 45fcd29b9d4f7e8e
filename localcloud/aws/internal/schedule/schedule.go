// Package schedule reads the schedules of Application Auto Scaling: at(yyyy-mm-ddThh:mm:ss), rate(value unit) and cron(minutes
// hours day-of-month month day-of-week year).
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScheduledAction.html
package schedule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	_ "time/tzdata" // every machine must know the time zones
)

// Schedule says when something happens: once, at an interval, or by the calendar. Only one of the three is set.
type Schedule struct {
	// At is the one time.
	At time.Time
	// Every is the interval.
	Every time.Duration

	cron *cron
	zone *time.Location
}

// Parse reads a schedule. The time zone, by default UTC, is that of dates and of the calendar.
func Parse(text, zone string) (*Schedule, error) {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("time zone %q: %w", zone, err)
	}
	s := &Schedule{zone: location}
	kind, rest, ok := strings.Cut(text, "(")
	inner, closed := strings.CutSuffix(rest, ")")
	if !ok || !closed {
		return nil, fmt.Errorf("schedule %q: want at(…), rate(…) or cron(…)", text)
	}
	switch kind {
	case "at":
		s.At, err = time.ParseInLocation("2006-01-02T15:04:05", inner, location)
	case "rate":
		s.Every, err = parseRate(inner)
	case "cron":
		s.cron, err = parseCron(inner)
	default:
		err = errors.New("want at(…), rate(…) or cron(…)")
	}
	if err != nil {
		return nil, fmt.Errorf("schedule %q: %w", text, err)
	}
	return s, nil
}

// After returns when the schedule next comes due after a time; zero for never. An interval counts from that time.
func (s *Schedule) After(t time.Time) time.Time {
	switch {
	case s.cron != nil:
		return s.cron.after(t.In(s.zone))
	case s.Every > 0:
		return t.Add(s.Every)
	case s.At.After(t):
		return s.At
	}
	return time.Time{}
}

func parseRate(text string) (time.Duration, error) {
	value, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(value)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%q is not a positive number", value)
	}
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	each, ok := units[strings.TrimSuffix(unit, "s")]
	if !ok {
		return 0, fmt.Errorf("%q is none of minute, minutes, hour, hours, day and days", unit)
	}
	const most = 100 * 365 * 24 * time.Hour
	if time.Duration(n) > most/each {
		return 0, fmt.Errorf("%d %s is too long", n, unit)
	}
	return time.Duration(n) * each, nil
}
