package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cron is a calendar of six fields, each the set of values that fit. Every value fits a nil set.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
type cron struct {
	minutes, hours, days, months, weekdays, years []int
}

// field describes the allowed values of a field of a cron expression.
type field struct {
	name      string
	low, high int
	names     []string // that stand for the values, from low on
}

var (
	months   = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	weekdays = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

	fields = []field{
		{"minutes", 0, 59, nil},
		{"hours", 0, 23, nil},
		{"day-of-month", 1, 31, nil},
		{"month", 1, 12, months},
		{"day-of-week", 1, 7, weekdays},
		{"year", 1970, 2199, nil},
	}
)

func parseCron(text string) (*cron, error) {
	parts := strings.Fields(text)
	if len(parts) != len(fields) {
		return nil, fmt.Errorf("a cron expression has %d fields, and this one %d", len(fields), len(parts))
	}
	c := &cron{}
	sets := []*[]int{&c.minutes, &c.hours, &c.days, &c.months, &c.weekdays, &c.years}
	for i, f := range fields {
		var err error
		if *sets[i], err = f.parse(parts[i]); err != nil {
			return nil, fmt.Errorf("field %s, %q: %w", f.name, parts[i], err)
		}
	}
	const day, weekday = 2, 4
	if (parts[day] == "?") == (parts[weekday] == "?") {
		return nil, fmt.Errorf("one of day-of-month and day-of-week, and not both, must be ?")
	}
	return c, nil
}

// parse returns the values that fit, or nil for all.
func (f field) parse(text string) ([]int, error) {
	if text == "*" || text == "?" && strings.HasPrefix(f.name, "day") {
		return nil, nil
	}
	var set []int
	for part := range strings.SplitSeq(text, ",") {
		span, step, stepped := strings.Cut(part, "/")
		low, high, err := f.span(span, stepped)
		if err != nil {
			return nil, err
		}
		by := 1
		if stepped {
			if by, err = strconv.Atoi(step); err != nil || by < 1 || by > f.high {
				return nil, fmt.Errorf("%q is not a step", step)
			}
		}
		for v := low; v <= high; v += by {
			set = append(set, v)
		}
	}
	return set, nil
}

// span reads a value, a range, or * before a step, which a value alone begins without end.
func (f field) span(text string, stepped bool) (low, high int, err error) {
	if text == "*" && stepped {
		return f.low, f.high, nil
	}
	first, last, ranged := strings.Cut(text, "-")
	if low, err = f.value(first); err != nil {
		return 0, 0, err
	}
	switch {
	case ranged:
		if high, err = f.value(last); err == nil && high < low {
			err = fmt.Errorf("%s is before %s", last, first)
		}
	case stepped:
		high = f.high
	default:
		high = low
	}
	return low, high, err
}

func (f field) value(text string) (int, error) {
	if i := slices.Index(f.names, strings.ToUpper(text)); i >= 0 {
		return f.low + i, nil
	}
	if strings.ContainsAny(text, "LW#") {
		return 0, fmt.Errorf("the local cloud does not model L, W and #")
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.low || n > f.high {
		return 0, fmt.Errorf("%q is not within %d-%d", text, f.low, f.high)
	}
	return n, nil
}

func fits(set []int, v int) bool { return set == nil || slices.Contains(set, v) }

// after returns the first minute after t that fits, by the clock of t's time zone; zero if there is none in the next decades. It leaves
// out a time that the zone skips on that day.
func (c *cron) after(t time.Time) time.Time {
	const horizon = 29 * 366 // days: a leap day falls on each day of the week within 28 years
	year, month, day := t.Date()
	for range horizon {
		noon := time.Date(year, month, day, 12, 0, 0, 0, t.Location())
		year, month, day = noon.Date()
		if fits(c.years, year) && fits(c.months, int(month)) && fits(c.days, day) && fits(c.weekdays, int(noon.Weekday())+1) {
			if found := c.within(noon, t); !found.IsZero() {
				return found
			}
		}
		day++
	}
	return time.Time{}
}

// within returns the first minute of a day, after t, that fits.
func (c *cron) within(day, t time.Time) time.Time {
	for hour := range 24 {
		for minute := range 60 {
			if !fits(c.hours, hour) || !fits(c.minutes, minute) {
				continue
			}
			at := time.Date(day.Year(), day.Month(), day.Day(), hour, minute, 0, 0, day.Location())
			if at.After(t) && at.Hour() == hour && at.Minute() == minute {
				return at
			}
		}
	}
	return time.Time{}
}
