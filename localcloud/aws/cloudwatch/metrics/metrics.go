// Package metrics does the work of CloudWatch: it measures load balancers and services, and evaluates the alarms on that.
package metrics

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/aws/sqs"
	"slipway/localcloud/cloud"
	"slipway/localcloud/lb"
	"slipway/localcloud/pace"
)

// Metrics is CloudWatch: it counts the metrics of alarms, minute by minute of the cloud's clock, and evaluates the alarms at the end of
// each. It counts nothing that no alarm watches, and does nothing without alarms. Its counts are only in memory, as far back as the
// alarms look: after a restart of the daemon there is no earlier data.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
type Metrics struct {
	Store     *cloud.Store
	Balancers BalancerMetrics
	Tasks     TaskUsage
	Queues    QueueCounts
	// Pace is how long a minute takes.
	Pace pace.Pace

	store     *cloud.Watcher
	alarms    map[*cloud.Resource]*cloudwatch.Alarm // the metrics of the existing alarms
	minute    time.Time                             // the beginning of the current minute; zero while nothing is counted
	sampled   time.Time                             // when its sources were last looked at
	balancers map[string]*balancerSource
	services  map[string]*serviceSource
	queues    map[string]*queueSource
	machines  map[string]*machineSource
	history   map[cloudwatch.Metric]*history

	mu        sync.Mutex
	evaluated chan struct{}         // closed by the next evaluation
	latest    map[cloud.Key]float64 // the newest data point of each alarm that has one
}

// BalancerMetrics has the counters of load balancers. [Balancers] does.
type BalancerMetrics interface {
	Metrics(key cloud.Key) (lb.Metrics, bool)
}

// TaskUsage measures the running tasks of a service. [Scheduler] does.
type TaskUsage interface {
	Usage(service cloud.Key) []ecs.Usage
}

// QueueCounts counts the messages of a queue. [queues.Queues] does.
type QueueCounts interface {
	Counts(queue *cloud.Resource) sqs.Counts
}

// history has the counts of a metric.
type history struct {
	source  string   // the ARN of the load balancer, the service, the queue or the state machine; empty if there is none
	keep    int      // for how many minutes
	minutes []bucket // the oldest first
}

// bucket is the sum of a period's samples. Without samples there is no data.
type bucket struct{ samples, sum, low, high float64 }

// sample returns a bucket with one sample.
func sample(v float64) bucket { return bucket{samples: 1, sum: v, low: v, high: v} }

// events returns a load balancer's report of so many events in a minute: one sample of 1 for each, and nothing for none.
func events(n uint64) bucket {
	if n == 0 {
		return bucket{}
	}
	return bucket{samples: float64(n), sum: float64(n), low: 1, high: 1}
}

func (b bucket) add(more bucket) bucket {
	switch {
	case b.samples == 0:
		return more
	case more.samples == 0:
		return b
	}
	return bucket{samples: b.samples + more.samples, sum: b.sum + more.sum, low: min(b.low, more.low), high: max(b.high, more.high)}
}

// statistic returns the value of a statistic, and whether there is one.
func (b bucket) statistic(name string) (float64, bool) {
	if b.samples == 0 {
		return 0, false
	}
	switch name {
	case cloudwatch.Sum:
		return b.sum, true
	case cloudwatch.Average:
		return b.sum / b.samples, true
	case cloudwatch.Minimum:
		return b.low, true
	case cloudwatch.Maximum:
		return b.high, true
	}
	return b.samples, true // SampleCount: the kind of alarms knows no others
}

// Evaluated returns a channel that is closed when the alarms are evaluated next.
func (m *Metrics) Evaluated() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.evaluated == nil {
		m.evaluated = make(chan struct{})
	}
	return m.evaluated
}

// Latest returns the alarm's value of the last period at its last evaluation, and whether there was one.
func (m *Metrics) Latest(alarm cloud.Key) (float64, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.latest[alarm]
	return v, ok
}

// publish wakes those who wait for an evaluation.
func (m *Metrics) publish(latest map[cloud.Key]float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.latest = latest
	if m.evaluated != nil {
		close(m.evaluated)
		m.evaluated = nil
	}
}

// samplesPerMinute is how often sources are looked at. It matters for what goes up and down between.
const samplesPerMinute = 6

// Run counts until the context ends, and returns its cause.
func (m *Metrics) Run(ctx context.Context) error {
	m.begin()
	defer m.store.Stop()
	for {
		wake, err := m.step(time.Now())
		if err != nil {
			return fmt.Errorf("evaluate alarms: %w", err)
		}
		if pace.Await(ctx, m.store.C, wake) != nil {
			return context.Cause(ctx)
		}
	}
}

// begin makes what counting needs, unless it is there.
func (m *Metrics) begin() {
	if m.history == nil {
		m.store = m.Store.Watch()
		m.balancers, m.services, m.queues = map[string]*balancerSource{}, map[string]*serviceSource{}, map[string]*queueSource{}
		m.machines = map[string]*machineSource{}
		m.history = map[cloudwatch.Metric]*history{}
	}
}

// step does everything that is due, and returns the next due time; zero for never.
func (m *Metrics) step(now time.Time) (wake time.Time, err error) {
	minute := m.Pace.Real(time.Minute)
	tick := minute / samplesPerMinute
	m.begin()
	if m.watch() == 0 {
		m.minute = time.Time{}
		return time.Time{}, nil
	}
	if m.minute.IsZero() {
		m.minute = now.Truncate(minute)
		m.look(now)
	}
	over := !now.Before(m.minute.Add(minute))
	if over || !now.Before(m.sampled.Add(tick)) {
		m.look(now)
	}
	if over {
		m.close(now, minute)
		if err := m.evaluate(now); err != nil {
			return time.Time{}, err
		}
	}
	return pace.Earlier(m.minute.Add(minute), m.sampled.Add(tick)), nil
}

// watch finds out which metrics to count, starts new ones and forgets unwatched ones. It returns how many alarms there are.
func (m *Metrics) watch() (alarms int) {
	wanted, before := map[cloudwatch.Metric]int{}, m.alarms
	m.alarms = map[*cloud.Resource]*cloudwatch.Alarm{}
	m.store.View(func(tx *cloud.Tx) {
		for _, r := range tx.Everywhere(cloudwatch.MetricAlarm.Token) {
			a := before[r]
			if a == nil {
				a = cloudwatch.AlarmOf(r)
			}
			m.alarms[r] = a
			for _, s := range a.Metrics {
				if s.Metric != (cloudwatch.Metric{}) {
					wanted[s.Metric] = max(wanted[s.Metric], evaluationRange(a)*int(a.Period/time.Minute))
				}
			}
		}
		for metric := range wanted {
			if m.history[metric] == nil {
				m.history[metric] = &history{}
			}
			m.history[metric].source = sourceOf(tx, metric)
		}
	})
	balancers, services, queues, machines := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for metric, h := range m.history {
		if h.keep = wanted[metric]; h.keep == 0 {
			delete(m.history, metric)
			continue
		}
		switch {
		case h.source == "":
		case metric.Queue != "":
			queues[h.source] = true
			if m.queues[h.source] == nil {
				m.queues[h.source] = &queueSource{scope: metric.Scope, arn: h.source, store: m.store, of: m.Queues}
			}
		case metric.StateMachine != "":
			machines[h.source] = true
			if m.machines[h.source] == nil {
				m.machines[h.source] = newMachineSource(cloud.Key{Scope: metric.Scope, Token: sfn.StateMachineToken, ID: h.source}, m.store)
			}
		case metric.Service != "":
			services[h.source] = true
			if m.services[h.source] == nil {
				m.services[h.source] = newServiceSource(cloud.Key{Scope: metric.Scope, Token: ecs.Service.Token, ID: h.source}, m.Tasks)
			}
		default:
			balancers[h.source] = true
			if m.balancers[h.source] == nil {
				m.balancers[h.source] = newBalancerSource(cloud.Key{Scope: metric.Scope, Token: elbv2.LoadBalancer.Token, ID: h.source}, m.Balancers)
			}
		}
	}
	keep(m.balancers, balancers)
	keep(m.services, services)
	keep(m.queues, queues)
	keep(m.machines, machines)
	return len(m.alarms)
}

// keep removes unwanted ones.
func keep[T any](from map[string]T, wanted map[string]bool) {
	for key := range from {
		if !wanted[key] {
			delete(from, key)
		}
	}
}

// sourceOf returns the ARN of the load balancer, the service, the queue or the state machine that a metric is about, or "" if nothing counts it.
func sourceOf(tx *cloud.Tx, m cloudwatch.Metric) string {
	if m.Namespace == cloudwatch.NamespaceInsights && !insights(tx, m) {
		return ""
	}
	if arn := m.Service + m.LoadBalancer + m.Queue + m.StateMachine; arn != "" {
		return arn
	}
	group := tx.Get(cloud.Key{Scope: m.Scope, Token: elbv2.TargetGroup.Token, ID: m.TargetGroup})
	if group == nil {
		return ""
	}
	if balancers := elbv2.TargetGroup.Outputs(group).LoadBalancerARNs; len(balancers) > 0 {
		return balancers[0]
	}
	return ""
}

// look takes a sample of every source.
func (m *Metrics) look(now time.Time) {
	for _, s := range m.balancers {
		s.look()
	}
	for _, s := range m.services {
		s.look(now)
	}
	for _, s := range m.queues {
		s.look()
	}
	for _, s := range m.machines {
		s.look()
	}
	m.sampled = now
}

// close ends the minute, and the minutes since then without a look.
func (m *Metrics) close(now time.Time, minute time.Duration) {
	passed := int(now.Sub(m.minute) / minute)
	for metric, h := range m.history {
		var counted bucket
		if s := m.services[h.source]; s != nil {
			counted = s.bucket(metric)
		} else if s := m.balancers[h.source]; s != nil {
			counted = s.bucket(metric)
		} else if s := m.queues[h.source]; s != nil {
			counted = s.buckets[metric.Name]
		} else if s := m.machines[h.source]; s != nil {
			counted = s.bucket(metric)
		}
		h.minutes = append(h.minutes, counted)
		h.minutes = append(h.minutes, make([]bucket, min(passed-1, h.keep))...)
		h.minutes = slices.Clone(h.minutes[max(0, len(h.minutes)-h.keep):])
	}
	for _, s := range m.balancers {
		s.reset()
	}
	for _, s := range m.services {
		s.reset()
	}
	for _, s := range m.queues {
		clear(s.buckets)
	}
	for _, s := range m.machines {
		s.reset()
	}
	m.minute = m.minute.Add(time.Duration(passed) * minute)
}

// period returns a metric's count in a period of so many minutes that ended age periods ago.
func (h *history) period(minutes, age int) (sum bucket) {
	end := len(h.minutes) - age*minutes
	for _, b := range h.minutes[min(max(0, end-minutes), len(h.minutes)):max(0, end)] {
		sum = sum.add(b)
	}
	return sum
}
