package cloudwatch

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/aws/cloudwatch/metricmath"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

// The states of an alarm.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
const (
	AlarmOK               = "OK"
	AlarmAlarm            = "ALARM"
	AlarmInsufficientData = "INSUFFICIENT_DATA"
)

// How an alarm treats periods without data.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
const (
	MissingIsMissing      = "missing"
	MissingIsIgnored      = "ignore"
	MissingIsBreaching    = "breaching"
	MissingIsNotBreaching = "notBreaching"
)

// AlarmStatus is the Status of a metric alarm.
type AlarmStatus struct {
	State     string
	Reason    string
	UpdatedAt time.Time
}

// metricQuery is a metric or an expression over others.
type metricQuery struct {
	ID         string `json:"id"`
	Expression string `json:"expression"`
	Metric     *struct {
		Dimensions map[string]string `json:"dimensions"`
		MetricName string            `json:"metricName"`
		Namespace  string            `json:"namespace"`
		Period     *int              `json:"period"`
		Stat       string            `json:"stat"`
		Unit       string            `json:"unit"`
	} `json:"metric"`
	Period     *int   `json:"period"`
	ReturnData bool   `json:"returnData"`
	AccountID  string `json:"accountId"`
}

type metricAlarm struct {
	Name               string            `json:"name"`
	AlarmDescription   string            `json:"alarmDescription"`
	ComparisonOperator string            `json:"comparisonOperator"`
	Threshold          *float64          `json:"threshold"`
	ThresholdMetricID  string            `json:"thresholdMetricId"`
	EvaluationPeriods  *int              `json:"evaluationPeriods"`
	DatapointsToAlarm  *int              `json:"datapointsToAlarm"`
	TreatMissingData   string            `json:"treatMissingData"`
	MetricName         string            `json:"metricName"`
	Namespace          string            `json:"namespace"`
	Dimensions         map[string]string `json:"dimensions"`
	Period             *int              `json:"period"` // seconds
	Statistic          string            `json:"statistic"`
	ExtendedStatistic  string            `json:"extendedStatistic"`
	Unit               string            `json:"unit"`
	MetricQueries      []metricQuery     `json:"metricQueries"`
	Tags               tags.Tags         `json:"tags"`

	AlarmActions                      []any  `json:"alarmActions"`
	OKActions                         []any  `json:"okActions"`
	InsufficientDataActions           []any  `json:"insufficientDataActions"`
	EvaluateLowSampleCountPercentiles string `json:"evaluateLowSampleCountPercentiles"`
}

type metricAlarmOutputs struct {
	ARN           string `json:"arn"`
	MetricQueries []any  `json:"metricQueries"`

	EvaluateLowSampleCountPercentiles string `json:"evaluateLowSampleCountPercentiles"`
}

// follow fills in what follows from the inputs.
func (out *metricAlarmOutputs) follow(in *metricAlarm) {
	if len(out.MetricQueries) > 0 {
		out.MetricQueries = untyped.Filled(out.MetricQueries, cloud.Map{"returnData": false})
	}
	out.EvaluateLowSampleCountPercentiles = in.EvaluateLowSampleCountPercentiles
}

// MetricAlarm watches a metric, or an expression over several. Its id is its name. As with AWS and version 5 of its Terraform provider,
// a new alarm with the name of an old one replaces it.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
var MetricAlarm = &cloud.Kind[metricAlarm, metricAlarmOutputs]{
	Spec: cloud.Spec{
		Token:    MetricAlarmToken,
		Label:    "CloudWatch Metric Alarm",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"threshold": 50.0}, Serves: true, ServesWithout: true},
		Derived:  tags.All,
		Needs:    metricAlarmNeeds,
		Filled:   cloud.Map{"datapointsToAlarm": 0.0, "period": 0.0},
		Defaults: cloud.Map{"actionsEnabled": true, "treatMissingData": MissingIsMissing},
		AutoName: &cloud.AutoName{Property: "name", Max: maxAlarmName},
		Replace:  []string{"name"},
		Computed: []string{"evaluateLowSampleCountPercentiles"},
		Sets:     []string{"alarmActions", "insufficientDataActions", "metricQueries", "okActions"},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
		NotFound: check.NotFound("ResourceNotFound", "Unknown alarm %s"),
	},
	Check: func(in *metricAlarm) []cloud.Failure {
		return slices.Concat(in.checkValues(), in.checkConflicts(), in.checkModelled())
	},
	Rules: func(c *cloud.Call, in *metricAlarm) error {
		_, err := in.alarm(c.Caller.Scope)
		return err
	},
	Create: func(c *cloud.Call, in *metricAlarm, out *metricAlarmOutputs) (string, error) {
		out.follow(in)
		out.ARN = arns.New(c.Caller.Scope, "cloudwatch", "alarm:"+in.Name)
		status := AlarmStatus{State: AlarmInsufficientData, Reason: "Unchecked: Initial alarm creation", UpdatedAt: time.Now().UTC()}
		if r := c.Find(cloud.Ref{Token: MetricAlarmToken, Value: in.Name}); r != nil {
			status = cloud.StatusOf[AlarmStatus](r)
		}
		c.Resource.SetStatus(status)
		return in.Name, nil
	},
	// AWS keeps the state until the next evaluation.
	Update: func(_ *cloud.Call, in *metricAlarm, out *metricAlarmOutputs) error {
		out.follow(in)
		return nil
	},
}

var metricAlarmNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		name := o.Regional("cloudwatch", "alarm:"+o.Text("name"))
		o.Creates("cloudwatch:PutMetricAlarm", name, name, "cloudwatch:TagResource", "")
	},
	Read: func(o *permission.Operation) { o.Own("cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource") },
	Update: func(o *permission.Operation) {
		if o.ChangesMoreThan("tags") {
			o.Own("cloudwatch:PutMetricAlarm")
		}
		o.Retags("cloudwatch:TagResource", "cloudwatch:UntagResource")
	},
	Delete: func(o *permission.Operation) { o.Own("cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms") },
}

const (
	maxAlarmName   = 255
	maxDescription = 1024
	maxActions     = 5
)

// comparisons are the operators that compare with a threshold; the others of AWS's compare with a band of anomaly detection.
var comparisons = map[string]func(value, threshold float64) bool{
	"GreaterThanOrEqualToThreshold": func(v, t float64) bool { return v >= t },
	"GreaterThanThreshold":          func(v, t float64) bool { return v > t },
	"LessThanThreshold":             func(v, t float64) bool { return v < t },
	"LessThanOrEqualToThreshold":    func(v, t float64) bool { return v <= t },
}

// statistics and units are those of AWS's.
var (
	statistics = []string{SampleCount, Average, Sum, Minimum, Maximum}
	units      = []string{
		"Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits",
		"Megabits", "Gigabits", "Terabits", "Percent", "Count", "Bytes/Second", "Kilobytes/Second", "Megabytes/Second",
		"Gigabytes/Second", "Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second",
		"Terabits/Second", "Count/Second", "None",
	}
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
	extendedStatistic = regexp.MustCompile(`^((p|(tm)|(wm)|(tc)|(ts))((\d{1,2}(\.\d{1,2})?)|(100))|(IQM)|(((TM)|(WM)|(PR)|(TC)|(TS)))\((\d+(\.\d+)?%?)?:(\d+(\.\d+)?%?)?\))$`)
	queryID           = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)
)

// checkValues has the Terraform provider's refusals of single values (terraform-provider-aws v5.100.0
// internal/service/cloudwatch/metric_alarm.go).
func (in *metricAlarm) checkValues() []cloud.Failure {
	var f []cloud.Failure
	if in.Name != "" {
		f = append(f, check.Length("name", in.Name, 1, maxAlarmName)...)
	}
	f = append(f, check.Length("alarmDescription", in.AlarmDescription, 0, maxDescription)...)
	f = append(f, check.OneOf("comparisonOperator", in.ComparisonOperator,
		"GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold",
		"LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold")...)
	f = append(f, check.AtLeast("evaluationPeriods", in.EvaluationPeriods, 1)...)
	f = append(f, check.AtLeast("datapointsToAlarm", in.DatapointsToAlarm, 1)...)
	f = append(f, checkPeriod("period", in.Period, 10, 20, 30)...)
	f = append(f, check.OneOf("statistic", in.Statistic, statistics...)...)
	if in.ExtendedStatistic != "" && !extendedStatistic.MatchString(in.ExtendedStatistic) {
		f = append(f, cloud.Failure{Property: "extendedStatistic", Reason: invalidStatistic})
	}
	f = append(f, check.OneOf("unit", in.Unit, units...)...)
	f = append(f, check.OneOf("evaluateLowSampleCountPercentiles", strings.ToLower(in.EvaluateLowSampleCountPercentiles), "evaluate", "ignore")...)
	if in.TreatMissingData != "" && in.missing() == "" {
		f = append(f, check.OneOf("treatMissingData", in.TreatMissingData, missingTreatments...)...)
	}
	for property, actions := range check.InOrder(map[string][]any{"insufficientDataActions": in.InsufficientDataActions, "okActions": in.OKActions}) {
		if len(actions) > maxActions {
			f = append(f, cloud.Failure{Property: property, Reason: fmt.Sprintf("Too many list items: attribute %s supports %d item maximum, but config has %d declared", property, maxActions, len(actions))})
		}
	}
	for i, q := range in.MetricQueries {
		at := fmt.Sprintf("metricQueries[%d].", i)
		f = append(f, check.Length(at+"expression", q.Expression, 0, 1024)...)
		f = append(f, check.Length(at+"id", q.ID, 0, 255)...)
		f = append(f, checkPeriod(at+"period", q.Period, 1, 5, 10, 20, 30)...)
		if m := q.Metric; m != nil {
			f = append(f, checkPeriod(at+"metric.period", m.Period, 1, 5, 10, 20, 30)...)
			f = append(f, check.OneOf(at+"metric.unit", m.Unit, units...)...)
			if m.Stat != "" && !slices.Contains(statistics, m.Stat) && !extendedStatistic.MatchString(m.Stat) {
				f = append(f, cloud.Failure{Property: at + "metric.stat", Reason: invalidStatistic})
			}
		}
	}
	return f
}

const invalidStatistic = "invalid statistic, see: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html"

var missingTreatments = []string{MissingIsBreaching, MissingIsIgnored, MissingIsMissing, MissingIsNotBreaching}

// missing returns how missing data is treated, which the provider takes in upper or lower case; empty for an unknown value.
func (in *metricAlarm) missing() string {
	for _, t := range missingTreatments {
		if strings.EqualFold(t, in.TreatMissingData) {
			return t
		}
	}
	return ""
}

// checkPeriod finds a number of seconds that is neither a multiple of a minute nor one of the short ones allowed.
func checkPeriod(property string, value *int, short ...int) []cloud.Failure {
	if value == nil || slices.Contains(short, *value) || *value%60 == 0 {
		return nil
	}
	return []cloud.Failure{
		{Property: property, Reason: fmt.Sprintf("expected %s to be one of %d, got %d", property, short, *value)},
		{Property: property, Reason: fmt.Sprintf("expected %s to be divisible by 60, got: %d", property, *value)},
	}
}

// checkConflicts has the provider's refusals of combinations.
func (in *metricAlarm) checkConflicts() []cloud.Failure {
	var f []cloud.Failure
	conflict := func(property string, given bool, with string, withGiven bool) {
		if given && withGiven {
			f = append(f, cloud.Failure{Property: property, Reason: fmt.Sprintf("%q: conflicts with %s", property, with)})
		}
	}
	queries := len(in.MetricQueries) > 0
	conflict("metricName", in.MetricName != "", "metricQueries", queries)
	conflict("namespace", in.Namespace != "", "metricQueries", queries)
	conflict("dimensions", len(in.Dimensions) > 0, "metricQueries", queries)
	conflict("period", in.Period != nil, "metricQueries", queries)
	conflict("statistic", in.Statistic != "", "metricQueries", queries)
	conflict("extendedStatistic", in.ExtendedStatistic != "", "metricQueries", queries)
	conflict("extendedStatistic", in.ExtendedStatistic != "", "statistic", in.Statistic != "")
	conflict("threshold", in.Threshold != nil, "thresholdMetricId", in.ThresholdMetricID != "")
	if in.MetricName != "" && in.Statistic == "" && in.ExtendedStatistic == "" {
		f = append(f, cloud.Failure{Property: "statistic", Reason: "One of `statistic` or `extended_statistic` must be set for a cloudwatch metric alarm"})
	}
	for i, q := range in.MetricQueries {
		if q.Expression != "" && q.Metric != nil {
			f = append(f, cloud.Failure{Property: fmt.Sprintf("metricQueries[%d]", i), Reason: "No metric_query may have both `expression` and a `metric` specified"})
		}
	}
	return f
}

// checkModelled names what the local cloud does not model, if a preview can know it.
func (in *metricAlarm) checkModelled() []cloud.Failure {
	var f []cloud.Failure
	refuse := func(property string, err error) {
		if err != nil {
			f = append(f, cloud.Failure{Property: property, Reason: err.Error()})
		}
	}
	metric := func(at, namespace, name, statisticProperty, statistic string) {
		if namespace == "" || name == "" {
			return
		}
		k, err := findMetricKind(namespace, name)
		refuse(at+"metricName", err)
		if err == nil && statistic != "" {
			refuse(statisticProperty, k.checkStatistic(name, statistic))
		}
	}
	metric("", in.Namespace, in.MetricName, "statistic", in.Statistic)
	for i, q := range in.MetricQueries {
		at := fmt.Sprintf("metricQueries[%d].", i)
		if m := q.Metric; m != nil {
			metric(at+"metric.", m.Namespace, m.MetricName, at+"metric.stat", m.Stat)
		}
		if q.Expression != "" {
			_, err := metricmath.Parse(q.Expression)
			refuse(at+"expression", err)
		}
		if q.AccountID != "" {
			f = append(f, check.NotModelled(at+"accountId", "metrics of another account"))
		}
	}
	if in.ExtendedStatistic != "" {
		f = append(f, check.NotModelled("extendedStatistic", "statistic "+in.ExtendedStatistic))
	}
	if in.ThresholdMetricID != "" || in.ComparisonOperator != "" && comparisons[in.ComparisonOperator] == nil {
		f = append(f, check.NotModelled("comparisonOperator", "anomaly detection"))
	}
	for property, actions := range check.InOrder(map[string][]any{
		"alarmActions": in.AlarmActions, "okActions": in.OKActions, "insufficientDataActions": in.InsufficientDataActions,
	}) {
		if len(actions) > 0 {
			f = append(f, check.NotModelled(property, "an action that is to follow an alarm"))
		}
	}
	return f
}

// Alarm is what an alarm watches and when it goes off.
type Alarm struct {
	// Period is how long each data point stands for: a multiple of a minute.
	Period time.Duration
	// DatapointsToAlarm of the last EvaluationPeriods points must be breaching.
	EvaluationPeriods, DatapointsToAlarm int
	// TreatMissingData is one of the Missing constants.
	TreatMissingData string
	Comparison       string
	Threshold        float64
	// Metrics and Expressions are the counted and calculated series, by id; Watched is the id of the one to watch.
	Metrics     map[string]MetricStatistic
	Expressions map[string]*metricmath.Expression
	Watched     string
}

// MetricStatistic is a statistic of a metric over the alarm's period.
type MetricStatistic struct {
	Metric    Metric
	Statistic string
}

// Breaching reports whether the value breaches the alarm's threshold.
func (a *Alarm) Breaching(value float64) bool { return comparisons[a.Comparison](value, a.Threshold) }

// Value returns the watched value, and whether there is one, given the values of its metrics by id.
func (a *Alarm) Value(of func(id string) (float64, bool)) (float64, bool) {
	var resolve func(id string) (float64, bool)
	resolve = func(id string) (float64, bool) {
		if e := a.Expressions[id]; e != nil {
			return e.At(resolve)
		}
		return of(id)
	}
	return resolve(a.Watched)
}

// AlarmOf returns what an alarm of the store watches.
func AlarmOf(r *cloud.Resource) *Alarm {
	a, err := MetricAlarm.Inputs(r).alarm(r.Scope)
	if err != nil {
		panic("alarm " + r.Key.String() + ": " + err.Error()) // checked before it was stored
	}
	return a
}

// CheckAlarm reports why CloudWatch would refuse an alarm with these inputs.
func CheckAlarm(s cloud.Scope, inputs cloud.Map) error {
	in, err := cloud.Decode[metricAlarm](inputs)
	if err == nil {
		_, err = in.alarm(s)
	}
	return err
}

// InAlarm returns which of the alarms with these names is in ALARM, or "". Those that do not exist are not.
func InAlarm(tx *cloud.Tx, s cloud.Scope, names []string) string {
	for _, name := range names {
		r := tx.Get(cloud.Key{Scope: s, Token: MetricAlarmToken, ID: name})
		if r != nil && cloud.Peek[AlarmStatus](r).State == AlarmAlarm {
			return name
		}
	}
	return ""
}

// alarm applies the rules of PutMetricAlarm and returns the alarm of the inputs.
func (in *metricAlarm) alarm(s cloud.Scope) (*Alarm, error) {
	refuse := func(format string, args ...any) error { return cloud.Errorf("ValidationError", format, args...) }
	if f := in.checkModelled(); len(f) > 0 { // values that the preview did not know
		return nil, errors.New(f[0].Property + ": " + f[0].Reason)
	}
	switch {
	case in.Name == "":
		return nil, refuse("The parameter AlarmName is required.")
	case comparisons[in.ComparisonOperator] == nil:
		return nil, refuse("The parameter ComparisonOperator is required.")
	case in.EvaluationPeriods == nil || *in.EvaluationPeriods < 1:
		return nil, refuse("The parameter EvaluationPeriods is required.")
	}
	a := &Alarm{
		EvaluationPeriods: *in.EvaluationPeriods, DatapointsToAlarm: *in.EvaluationPeriods, TreatMissingData: in.missing(),
		Comparison: in.ComparisonOperator, Metrics: map[string]MetricStatistic{}, Expressions: map[string]*metricmath.Expression{},
	}
	if in.DatapointsToAlarm != nil {
		if a.DatapointsToAlarm = *in.DatapointsToAlarm; a.DatapointsToAlarm > a.EvaluationPeriods {
			return nil, refuse("DatapointsToAlarm must be less than or equal to EvaluationPeriods")
		}
	}
	if in.Threshold != nil {
		a.Threshold = *in.Threshold // the provider sends 0 for a missing value
	}
	err := in.watch(a, s)
	if err != nil {
		return nil, err
	}
	if a.Period*time.Duration(a.EvaluationPeriods) > 24*time.Hour {
		// AWS lets alarms with periods of an hour and more look back a week, and evaluates them once an hour.
		return nil, refuse("Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).")
	}
	return a, nil
}

// watch finds the alarm's metrics and expressions.
func (in *metricAlarm) watch(a *Alarm, s cloud.Scope) error {
	if len(in.MetricQueries) == 0 {
		if in.MetricName == "" || in.Namespace == "" || in.Period == nil || in.Statistic == "" {
			return cloud.Errorf("ValidationError",
				"MetricName, Namespace, Period and Statistic or ExtendedStatistic must be specified for an alarm without a list of Metrics")
		}
		const only = "m1"
		a.Watched = only
		return a.add(only, s, in.Namespace, in.MetricName, in.Dimensions, in.Statistic, in.Unit, *in.Period)
	}
	refuse := func(format string, args ...any) error { return cloud.Errorf("ValidationError", format, args...) }
	const maxQueries, maxMetrics = 20, 10
	if len(in.MetricQueries) > maxQueries {
		return refuse("An alarm can have at most %d metric queries.", maxQueries)
	}
	for _, q := range in.MetricQueries {
		switch {
		case !queryID.MatchString(q.ID):
			return refuse("The id %q of a metric query must match %s", q.ID, queryID)
		case a.has(q.ID):
			return refuse("The values for parameter id in Metrics are not unique: %s", q.ID)
		case (q.Expression == "") == (q.Metric == nil):
			return refuse("Metric query %s must specify exactly one of MetricStat and Expression", q.ID)
		case q.ReturnData && a.Watched != "":
			return refuse("Exactly one element of the metrics list should return data: both %s and %s do", a.Watched, q.ID)
		case q.ReturnData:
			a.Watched = q.ID
		}
		if m := q.Metric; m != nil {
			if m.Period == nil || m.Stat == "" {
				return refuse("MetricStat of %s requires Period and Stat", q.ID)
			}
			if err := a.add(q.ID, s, m.Namespace, m.MetricName, m.Dimensions, m.Stat, m.Unit, *m.Period); err != nil {
				return err
			}
			continue
		}
		e, err := metricmath.Parse(q.Expression)
		if err != nil {
			return refuse("Error in expression '%s': %v", q.ID, err)
		}
		a.Expressions[q.ID] = e
	}
	switch {
	case a.Watched == "":
		return refuse("Exactly one element of the metrics list should return data.")
	case len(a.Metrics) == 0 || len(a.Metrics) > maxMetrics:
		return refuse("An alarm must have between 1 and %d metrics.", maxMetrics)
	}
	for _, q := range in.MetricQueries {
		if q.Period != nil && time.Duration(*q.Period)*time.Second != a.Period {
			return refuse("Period must not be different from the one of the metrics: %s", q.ID)
		}
	}
	return a.resolvable()
}

func (a *Alarm) has(id string) bool {
	_, ok := a.Metrics[id]
	return ok || a.Expressions[id] != nil
}

// add makes the alarm watch a metric.
func (a *Alarm) add(id string, s cloud.Scope, namespace, name string, dimensions map[string]string, statistic, unit string, period int) error {
	const minute = 60
	m, err := metricOf(s, namespace, name, dimensions)
	if err != nil {
		return err
	}
	k, _ := findMetricKind(namespace, name)
	if err := k.checkStatistic(name, statistic); err != nil {
		return err
	}
	p := time.Duration(period) * time.Second
	switch {
	case period < minute:
		return cloud.Errorf("ValidationError", `Only a period greater than 60s is supported for metrics in the "AWS/" namespaces`)
	case a.Period != 0 && a.Period != p:
		return cloud.Errorf("ValidationError", "Period must be the same for all metrics of an alarm: that of %s is %d", id, period)
	}
	if a.Period = p; unit != "" && unit != k.unit {
		m = Metric{} // AWS has no data in that unit
	}
	a.Metrics[id] = MetricStatistic{Metric: m, Statistic: statistic}
	return nil
}

// resolvable refuses expressions over ids that do not exist, or that depend on themselves.
func (a *Alarm) resolvable() error {
	done, under := map[string]bool{}, map[string]bool{}
	var visit func(id string) error
	visit = func(id string) error {
		e := a.Expressions[id]
		if e == nil || done[id] {
			return nil
		}
		if under[id] {
			return cloud.Errorf("ValidationError", "Error in expression '%s': it depends on itself", id)
		}
		under[id] = true
		for _, other := range e.IDs() {
			if !a.has(other) {
				return cloud.Errorf("ValidationError", "Error in expression '%s': Unresolvable id '%s'", id, other)
			}
			if err := visit(other); err != nil {
				return err
			}
		}
		done[id] = true
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(a.Expressions)) {
		if err := visit(id); err != nil {
			return err
		}
	}
	return nil
}
