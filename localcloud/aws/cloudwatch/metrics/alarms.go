package metrics

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/cloud"
)

// datapoint is what an alarm sees of a period.
type datapoint struct {
	value     float64
	known     bool // it is not missing
	breaching bool
	begin     time.Time
}

// evaluationRange is how many of the newest data points an alarm is given, should some that it needs be missing. AWS gives no
// formula; in its example it is 5 for 3 evaluation periods.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func evaluationRange(a *cloudwatch.Alarm) int {
	const more = 2
	return a.EvaluationPeriods + more
}

// evaluate brings every alarm's state up to date.
func (m *Metrics) evaluate(now time.Time) error {
	latest := map[cloud.Key]float64{}
	err := m.Store.Update(func(tx *cloud.Tx) error {
		for _, r := range tx.Everywhere(cloudwatch.MetricAlarm.Token) {
			a, was := cloudwatch.AlarmOf(r), cloud.StatusOf[cloudwatch.AlarmStatus](r)
			points := m.datapoints(a)
			if points[0].known {
				latest[r.Key] = points[0].value
			}
			is := judge(a, points, was.State)
			if is == was.State {
				continue
			}
			r = r.Clone()
			r.SetStatus(cloudwatch.AlarmStatus{State: is, Reason: explainAlarm(a, points, was.State, is), UpdatedAt: now.UTC()})
			tx.Put(r)
		}
		return nil
	})
	if err == nil {
		m.publish(latest)
	}
	return err
}

// datapoints returns the alarm's data points of the last periods, the newest first. They end with the last full minute.
func (m *Metrics) datapoints(a *cloudwatch.Alarm) []datapoint {
	minutes, minute := int(a.Period/time.Minute), m.Pace.Real(time.Minute)
	points := make([]datapoint, evaluationRange(a))
	for age := range points {
		p := &points[age]
		p.begin = m.minute.Add(-time.Duration((age+1)*minutes) * minute)
		p.value, p.known = a.Value(func(id string) (float64, bool) {
			s := a.Metrics[id]
			h := m.history[s.Metric]
			if h == nil { // it has no data in this unit, or was not watched yet when the minute ended
				return 0, false
			}
			return h.period(minutes, age).statistic(s.Statistic)
		})
		p.breaching = p.known && a.Breaching(p.value)
	}
	return points
}

// judge returns the state of the alarm. If there are enough data points, the newest of them decide. Otherwise it fills in as few
// missing ones as possible, in the alarm's way. An alarm that treats missing data as missing still goes off once its oldest point is
// old enough and no later one was good.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func judge(a *cloudwatch.Alarm, newestFirst []datapoint, state string) string {
	known, breaching, oldest := 0, 0, 0
	for age, p := range newestFirst {
		if !p.known || known == a.EvaluationPeriods {
			continue
		}
		known++
		oldest = age
		if p.breaching {
			breaching++
		}
	}
	filled := a.EvaluationPeriods - known
	if a.TreatMissingData == cloudwatch.MissingIsBreaching {
		breaching += filled
	}
	switch {
	case breaching >= a.DatapointsToAlarm:
		return cloudwatch.AlarmAlarm
	case filled == 0, breaching < known, a.TreatMissingData == cloudwatch.MissingIsBreaching, a.TreatMissingData == cloudwatch.MissingIsNotBreaching:
		return cloudwatch.AlarmOK
	case a.TreatMissingData == cloudwatch.MissingIsIgnored:
		return state
	case known > 0 && oldest+1 >= a.DatapointsToAlarm:
		return cloudwatch.AlarmAlarm
	}
	return cloudwatch.AlarmInsufficientData
}

// comparisonWords are how CloudWatch puts a comparison in the reason of a state.
var comparisonWords = map[string]string{
	"GreaterThanOrEqualToThreshold": "greater than or equal to", "GreaterThanThreshold": "greater than",
	"LessThanThreshold": "less than", "LessThanOrEqualToThreshold": "less than or equal to",
}

// explainAlarm words the reason of a new state as CloudWatch does.
func explainAlarm(a *cloudwatch.Alarm, points []datapoint, was, is string) string {
	plural := func(n int, what string) string {
		if n == 1 {
			return fmt.Sprintf("%d %s", n, what)
		}
		return fmt.Sprintf("%d %ss", n, what)
	}
	known := slices.DeleteFunc(slices.Clone(points), func(p datapoint) bool { return !p.known })
	known = known[:min(len(known), a.EvaluationPeriods)]
	missing := a.EvaluationPeriods - len(known)
	if is == cloudwatch.AlarmInsufficientData {
		if missing == 1 {
			return "Insufficient Data: 1 datapoint was unknown."
		}
		return fmt.Sprintf("Insufficient Data: %d datapoints were unknown.", missing)
	}
	if len(known) == 0 {
		treated := "NonBreaching"
		if is == cloudwatch.AlarmAlarm {
			treated = "Breaching"
		}
		verb := "was"
		if missing != 1 {
			verb = "were"
		}
		return fmt.Sprintf("Threshold Crossed: no datapoints were received for %s and %s %s treated as [%s].",
			plural(missing, "period"), plural(missing, "missing datapoint"), verb, treated)
	}
	var values []string
	for _, p := range known {
		if p.breaching == (is == cloudwatch.AlarmAlarm) {
			values = append(values, fmt.Sprintf("%s (%s)", decimal(p.value), p.begin.UTC().Format("02/01/06 15:04:05")))
		}
	}
	verb, not, needed := "were", "", a.DatapointsToAlarm
	if len(values) == 1 {
		verb = "was"
	}
	if is == cloudwatch.AlarmOK {
		not, needed = "not ", a.EvaluationPeriods-a.DatapointsToAlarm+1
	}
	return fmt.Sprintf("Threshold Crossed: %d out of the last %s [%s] %s %s%s the threshold (%s) (minimum %s for %s -> %s transition).",
		len(values), fmt.Sprintf("%d datapoints", a.EvaluationPeriods), strings.Join(values, ", "), verb, not,
		comparisonWords[a.Comparison], decimal(a.Threshold), plural(needed, "datapoint"), was, is)
}

// decimal writes a number with a decimal point in any case.
func decimal(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
