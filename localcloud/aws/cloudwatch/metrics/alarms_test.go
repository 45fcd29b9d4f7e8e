package metrics

import (
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/cloudwatch"

	"pgregory.net/rapid"
)

// points reads data points as AWS's tables write them: X is breaching, 0 is not, - is missing, and the newest comes last.
func points(text string) []datapoint {
	var out []datapoint
	for word := range strings.FieldsSeq(text) {
		p := datapoint{known: word != "-", breaching: word == "X"}
		if p.breaching {
			p.value = 9
		}
		out = append([]datapoint{p}, out...)
	}
	return out
}

func alarmOf(m, n int, missing string) *cloudwatch.Alarm {
	return &cloudwatch.Alarm{
		Period: time.Minute, EvaluationPeriods: n, DatapointsToAlarm: m, TreatMissingData: missing,
		Comparison: "GreaterThanThreshold", Threshold: 5,
	}
}

// The tables of "Configuring how CloudWatch alarms treat missing data", and the section about premature transitions.
func TestMissingData(t *testing.T) {
	const (
		ok, alarm, none = cloudwatch.AlarmOK, cloudwatch.AlarmAlarm, cloudwatch.AlarmInsufficientData
		retain          = "retain"
	)
	treatments := []string{cloudwatch.MissingIsMissing, cloudwatch.MissingIsIgnored, cloudwatch.MissingIsBreaching, cloudwatch.MissingIsNotBreaching}
	for _, tt := range []struct {
		m      int // of 3
		points string
		want   [4]string // by treatment
	}{
		{3, "0 - X - X", [4]string{ok, ok, ok, ok}},
		{3, "- - - - 0", [4]string{ok, ok, ok, ok}},
		{3, "0 - - - -", [4]string{ok, ok, ok, ok}},
		{3, "- - - - -", [4]string{none, retain, alarm, ok}},
		{3, "0 X X - X", [4]string{alarm, alarm, alarm, alarm}},
		{3, "- - X - -", [4]string{alarm, retain, alarm, ok}},
		{3, "X - - - -", [4]string{alarm, retain, alarm, ok}},

		{2, "0 - X - X", [4]string{alarm, alarm, alarm, alarm}},
		{2, "0 0 X 0 X", [4]string{alarm, alarm, alarm, alarm}},
		{2, "0 - X - -", [4]string{ok, ok, alarm, ok}},
		{2, "- - - - 0", [4]string{ok, ok, alarm, ok}},
		{2, "- - - X -", [4]string{alarm, retain, alarm, ok}},

		{3, "- - - - X", [4]string{none, retain, alarm, ok}},
		{3, "- - - X -", [4]string{none, retain, alarm, ok}},
		{3, "- - - X 0", [4]string{ok, ok, ok, ok}},
	} {
		for i, missing := range treatments {
			for _, before := range []string{ok, alarm, none} {
				want := tt.want[i]
				if want == retain {
					want = before
				}
				if got := judge(alarmOf(tt.m, 3, missing), points(tt.points), before); got != want {
					t.Errorf("%s, %d of 3, %s, from %s: %s, want %s", tt.points, tt.m, missing, before, got, want)
				}
			}
		}
	}
}

// Without missing data only the newest N points decide the state, with any treatment of missing data.
func TestCompleteData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "n")
		a := alarmOf(rapid.IntRange(1, n).Draw(t, "m"), n, rapid.SampledFrom([]string{
			cloudwatch.MissingIsMissing, cloudwatch.MissingIsIgnored, cloudwatch.MissingIsBreaching, cloudwatch.MissingIsNotBreaching,
		}).Draw(t, "missing"))
		var all []datapoint
		breaching := 0
		for i := range evaluationRange(a) {
			p := datapoint{known: true, breaching: rapid.Bool().Draw(t, "breaching")}
			if p.breaching && i < n {
				breaching++
			}
			all = append(all, p)
		}
		want := cloudwatch.AlarmOK
		if breaching >= a.DatapointsToAlarm {
			want = cloudwatch.AlarmAlarm
		}
		if got := judge(a, all, cloudwatch.AlarmInsufficientData); got != want {
			t.Fatalf("%d of %d points breach, %d needed: %s", breaching, n, a.DatapointsToAlarm, got)
		}
	})
}

func TestReasonsOfAlarms(t *testing.T) {
	begin := time.Date(2026, 11, 21, 12, 5, 0, 0, time.UTC)
	for _, tt := range []struct {
		alarm   *cloudwatch.Alarm
		points  string
		was, is string
		want    string
	}{
		{
			alarmOf(1, 1, cloudwatch.MissingIsMissing), "- - X", cloudwatch.AlarmOK, cloudwatch.AlarmAlarm,
			"Threshold Crossed: 1 out of the last 1 datapoints [9.0 (21/11/26 12:05:00)] was greater than the threshold (5.0) (minimum 1 datapoint for OK -> ALARM transition).",
		},
		{
			alarmOf(2, 3, cloudwatch.MissingIsMissing), "X 0 X", cloudwatch.AlarmOK, cloudwatch.AlarmAlarm,
			"Threshold Crossed: 2 out of the last 3 datapoints [9.0 (21/11/26 12:05:00), 9.0 (21/11/26 12:05:00)] were greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition).",
		},
		{
			alarmOf(2, 3, cloudwatch.MissingIsMissing), "0 0 X", cloudwatch.AlarmAlarm, cloudwatch.AlarmOK,
			"Threshold Crossed: 2 out of the last 3 datapoints [0.0 (21/11/26 12:05:00), 0.0 (21/11/26 12:05:00)] were not greater than the threshold (5.0) (minimum 2 datapoints for ALARM -> OK transition).",
		},
		{
			alarmOf(1, 1, cloudwatch.MissingIsNotBreaching), "- - -", cloudwatch.AlarmAlarm, cloudwatch.AlarmOK,
			"Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching].",
		},
		{
			alarmOf(2, 2, cloudwatch.MissingIsBreaching), "- - -", cloudwatch.AlarmOK, cloudwatch.AlarmAlarm,
			"Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as [Breaching].",
		},
		{alarmOf(1, 1, cloudwatch.MissingIsMissing), "- - -", cloudwatch.AlarmOK, cloudwatch.AlarmInsufficientData, "Insufficient Data: 1 datapoint was unknown."},
	} {
		all := points(tt.points)
		for i := range all {
			all[i].begin = begin
		}
		if got := explainAlarm(tt.alarm, all, tt.was, tt.is); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}
