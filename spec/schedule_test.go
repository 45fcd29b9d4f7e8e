package spec

import "testing"

func TestCheckExpression(t *testing.T) {
	t.Parallel()
	for _, right := range []string{
		"cron(0 3 * * ? *)", "cron(0/15 8-18 ? * MON-FRI *)", "cron(15 10 L * ? *)", "cron(0 0 LW * ? *)", "cron(0 0 15W 1,6 ? 2026-2030)",
		"cron(0 8 ? * 2#1 *)", "cron(0 8 ? JAN-MAR FRIL *)", "cron(0 0 ? * L *)", "cron(*/5 * * * ? *)", "cron(0 0 1,15 * ? 2027)",
		"cron(0-30/5 8-8 ? * 2,3 *)",
		"rate(1 minute)", "rate(5 minutes)", "rate(12 hours)", "rate(7 days)", "at(2026-12-31T23:59:00)", "at(2028-02-29T00:00:00)",
	} {
		if err := CheckExpression(right); err != nil {
			t.Errorf("%s: %v", right, err)
		}
	}
	for wrong, want := range map[string]string{
		"":                          errSchedule.Error(),
		"0 3 * * *":                 errSchedule.Error(),
		"daily(3)":                  errSchedule.Error(),
		"cron(0 3 * * ? *":          errSchedule.Error(),
		"cron(0 3 * * *)":           "a cron expression has six fields (minute hour day month weekday year), and this one 5",
		"cron(0 3 * * * *)":         "one of day and weekday must be ?, and not both",
		"cron(0 3 ? * ? *)":         "one of day and weekday must be ?, and not both",
		"cron(60 3 * * ? *)":        `minute "60": must be from 0 to 59`,
		"cron(0 24 * * ? *)":        `hour "24": must be from 0 to 23`,
		"cron(0 3 0 * ? *)":         `day "0": must be from 1 to 31`,
		"cron(0 3 32W * ? *)":       `day "32W": must be from 1 to 31`,
		"cron(0 3 * FOO ? *)":       `month "FOO": must be from 1 to 12`,
		"cron(0 3 ? * 8 *)":         `weekday "8": must be from 1 to 7`,
		"cron(0 3 ? * 2#6 *)":       `weekday "2#6": must be from 1 to 7`,
		"cron(0 3 ? * 3#1,6#3 *)":   `weekday "3#1,6#3": an expression with # stands alone`,
		"cron(0 18-8 * * ? *)":      `hour "18-8": 8 is before 18`,
		"cron(0/0 3 * * ? *)":       `minute "0/0": the number after / must be from 1 to 59`,
		"cron(0 3 * * ? 1969)":      `year "1969": must be from 1970 to 2199`,
		"cron(? 3 * * ? *)":         `minute "?": must be from 0 to 59`,
		"rate(0 minutes)":           "a rate is a number and a unit, as in rate(5 minutes); the unit is minutes, hours or days",
		"rate(5 weeks)":             "a rate is a number and a unit, as in rate(5 minutes); the unit is minutes, hours or days",
		"at(2026-12-31)":            "a time is written as in at(2026-12-31T23:59:00)",
		"at(2026-02-30T00:00:00)":   "a time is written as in at(2026-12-31T23:59:00)",
		"at(2026-12-31T23:59:00Z)":  "a time is written as in at(2026-12-31T23:59:00)",
		"cron(0,,5 3 * * ? *)":      `minute "0,,5": must be from 0 to 59`,
		"cron(0 3 * * ? *) # night": errSchedule.Error(),
	} {
		if err := CheckExpression(wrong); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", wrong, err, want)
		}
	}
}
