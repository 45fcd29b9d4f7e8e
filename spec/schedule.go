package spec

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// errSchedule says what a schedule looks like.
var errSchedule = errors.New("must be cron(minute hour day month weekday year), rate(5 minutes) or at(2026-12-31T23:59:00)")

var ratePattern = regexp.MustCompile(`^[1-9][0-9]* (minute|hour|day)s?$`)

// CheckExpression reports what is not a schedule expression of EventBridge Scheduler. It checks the whole expression, because EventBridge
// Scheduler's own refusal does not say what is wrong with it.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
func CheckExpression(expression string) error {
	kind, rest, found := strings.Cut(expression, "(")
	inner, closed := strings.CutSuffix(rest, ")")
	if !found || !closed {
		return errSchedule
	}
	switch kind {
	case "cron":
		return checkCron(inner)
	case "rate":
		if !ratePattern.MatchString(inner) {
			return errors.New("a rate is a number and a unit, as in rate(5 minutes); the unit is minutes, hours or days")
		}
		return nil
	case "at":
		if _, err := time.Parse("2006-01-02T15:04:05", inner); err != nil {
			return errors.New("a time is written as in at(2026-12-31T23:59:00)")
		}
		return nil
	}
	return errSchedule
}

// cronField is a field of a cron expression, with the values that it takes.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
type cronField struct {
	name        string
	least, most int
	names       []string       // that stand for the values, from the least on
	special     *regexp.Regexp // what else the field takes
}

// cronFields are the six fields, in order.
var cronFields = []cronField{
	{name: "minute", most: 59},
	{name: "hour", most: 23},
	{name: "day", least: 1, most: 31, special: regexp.MustCompile(`^(L|LW|([1-9]|[12][0-9]|3[01])W)$`)},
	{name: "month", least: 1, most: 12, names: []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{
		name: "weekday", least: 1, most: 7, names: []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"},
		special: regexp.MustCompile(`^(L|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(L|#[1-5]))$`),
	},
	{name: "year", least: 1970, most: 2199},
}

// Positions in a cron expression.
const (
	cronDay     = 2
	cronWeekday = 4
)

// anyDay stands in one of the two fields of days, which the other one decides.
const anyDay = "?"

func checkCron(inner string) error {
	texts := strings.Fields(inner)
	if len(texts) != len(cronFields) {
		return fmt.Errorf("a cron expression has six fields (minute hour day month weekday year), and this one %d", len(texts))
	}
	if (texts[cronDay] == anyDay) == (texts[cronWeekday] == anyDay) {
		return errors.New("one of day and weekday must be ?, and not both")
	}
	for i, field := range cronFields {
		if err := field.check(texts[i]); err != nil {
			return fmt.Errorf("%s %q: %w", field.name, texts[i], err)
		}
	}
	return nil
}

func (f cronField) check(text string) error {
	if text == anyDay && (f.name == "day" || f.name == "weekday") {
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		if f.special != nil && f.special.MatchString(part) {
			if strings.Contains(part, "#") && part != text {
				return errors.New("an expression with # stands alone")
			}
			continue
		}
		if err := f.checkSpan(part); err != nil {
			return err
		}
	}
	return nil
}

// checkSpan checks a value, a range or *, and how often it counts.
func (f cronField) checkSpan(text string) error {
	span, step, stepped := strings.Cut(text, "/")
	if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1 || n > f.most) {
		return fmt.Errorf("the number after / must be from 1 to %d", f.most)
	}
	if span == "*" {
		return nil
	}
	first, last, ranged := strings.Cut(span, "-")
	low, err := f.value(first)
	if err != nil || !ranged {
		return err
	}
	high, err := f.value(last)
	if err == nil && high < low {
		err = fmt.Errorf("%s is before %s", last, first)
	}
	return err
}

func (f cronField) value(text string) (int, error) {
	if i := slices.Index(f.names, strings.ToUpper(text)); i >= 0 {
		return f.least + i, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.least || n > f.most {
		return 0, fmt.Errorf("must be from %d to %d", f.least, f.most)
	}
	return n, nil
}
