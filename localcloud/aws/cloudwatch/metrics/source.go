package metrics

import (
	"time"

	"slipway/localcloud/aws/cloudwatch"
	"slipway/localcloud/aws/ecs"
	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/sfn"
	"slipway/localcloud/aws/sqs"
	"slipway/localcloud/cloud"
	"slipway/localcloud/lb"
)

// balancerSource counts the events of a load balancer and its targets in the current minute.
type balancerSource struct {
	key    cloud.Key
	of     BalancerMetrics
	before lb.Metrics // when it was last looked at

	known          bool // there was a load balancer to look at
	elb4xx, elb5xx uint64
	groups         map[string]*groupCounts
}

// groupCounts has the events of a group's targets in the minute.
type groupCounts struct {
	lb.TargetGroupMetrics // less what its totals were when the minute began
	healthy, unhealthy    bucket
}

func newBalancerSource(key cloud.Key, of BalancerMetrics) *balancerSource {
	s := &balancerSource{key: key, of: of, groups: map[string]*groupCounts{}}
	s.before, _ = of.Metrics(key) // no alarm watched the earlier counts
	return s
}

func (s *balancerSource) reset() {
	s.known, s.elb4xx, s.elb5xx = false, 0, 0
	s.groups = map[string]*groupCounts{}
}

// since returns how much a total has grown. A smaller one than before has restarted.
func since(before, now uint64) uint64 {
	if now < before {
		return now
	}
	return now - before
}

// look counts the events since the last look.
func (s *balancerSource) look() {
	now, ok := s.of.Metrics(s.key)
	if !ok {
		s.before = lb.Metrics{}
		return
	}
	s.known = true
	for id, l := range now.Listeners {
		before := s.before.Listeners[id]
		s.elb4xx += since(before.ELB4xx, l.ELB4xx)
		s.elb5xx += since(before.ELB5xx, l.ELB5xx)
	}
	for id, g := range now.TargetGroups {
		before, counts := s.before.TargetGroups[id], s.groups[id]
		if counts == nil {
			counts = &groupCounts{}
			s.groups[id] = counts
		}
		counts.Requests += since(before.Requests, g.Requests)
		counts.Target2xx += since(before.Target2xx, g.Target2xx)
		counts.Target3xx += since(before.Target3xx, g.Target3xx)
		counts.Target4xx += since(before.Target4xx, g.Target4xx)
		counts.Target5xx += since(before.Target5xx, g.Target5xx)
		counts.ConnectionErrors += since(before.ConnectionErrors, g.ConnectionErrors)
		counts.Responses += since(before.Responses, g.Responses)
		counts.ResponseTime += time.Duration(since(uint64(before.ResponseTime), uint64(g.ResponseTime))) //nolint:gosec // a sum of durations
		counts.healthy = counts.healthy.add(sample(float64(g.HealthyHosts)))
		counts.unhealthy = counts.unhealthy.add(sample(float64(g.UnhealthyHosts)))
	}
	s.before = now
}

// bucket returns the load balancer's report of the minute: the number of requests and the health of targets always, and only the
// answers that there were.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
func (s *balancerSource) bucket(m cloudwatch.Metric) bucket {
	if !s.known {
		return bucket{}
	}
	var counts groupCounts
	if group := s.groups[m.TargetGroup]; group != nil {
		counts = *group
	} else if m.TargetGroup == "" {
		counts = s.whole()
	}
	switch m.Name {
	case cloudwatch.HealthyHostCount:
		return counts.healthy
	case cloudwatch.UnHealthyHostCount:
		return counts.unhealthy
	case cloudwatch.RequestCount: // of the requests that a target was chosen for
		if counts.Requests == 0 {
			return sample(0)
		}
		return events(counts.Requests)
	case cloudwatch.RequestCountPerTarget: // by the healthy ones, whose number may change during a minute
		if healthy, _ := counts.healthy.statistic(cloudwatch.Average); healthy > 0 {
			return sample(float64(counts.Requests) / healthy)
		}
		return bucket{}
	case cloudwatch.Target2XXCount:
		return events(counts.Target2xx)
	case cloudwatch.Target3XXCount:
		return events(counts.Target3xx)
	case cloudwatch.Target4XXCount:
		return events(counts.Target4xx)
	case cloudwatch.Target5XXCount:
		return events(counts.Target5xx)
	case cloudwatch.ConnectionErrorCount:
		return events(counts.ConnectionErrors)
	case cloudwatch.ELB4XXCount:
		return events(s.elb4xx)
	case cloudwatch.ELB5XXCount:
		return events(s.elb5xx)
	case cloudwatch.TargetResponseTime:
		return bucket{samples: float64(counts.Responses), sum: counts.ResponseTime.Seconds()}
	}
	return bucket{}
}

// whole adds up the answers of the targets of all groups.
func (s *balancerSource) whole() (sum groupCounts) {
	for _, g := range s.groups {
		sum.Requests += g.Requests
		sum.Target2xx += g.Target2xx
		sum.Target3xx += g.Target3xx
		sum.Target4xx += g.Target4xx
		sum.Target5xx += g.Target5xx
		sum.ConnectionErrors += g.ConnectionErrors
		sum.Responses += g.Responses
		sum.ResponseTime += g.ResponseTime
	}
	return sum
}

// serviceSource measures the use of a service's tasks in the current minute. A sample is one task at one moment, so the average is over
// all tasks, which have the same size.
type serviceSource struct {
	key    cloud.Key
	of     TaskUsage
	before map[string]taskSample

	cpu, memory bucket // in percent
	tasks       bucket // how many run
}

type taskSample struct {
	cpu time.Duration
	at  time.Time
}

func newServiceSource(key cloud.Key, of TaskUsage) *serviceSource {
	return &serviceSource{key: key, of: of, before: map[string]taskSample{}}
}

func (s *serviceSource) reset() { s.cpu, s.memory, s.tasks = bucket{}, bucket{}, bucket{} }

// look measures the tasks. On Fargate no task gets more than its size; here it may, and counts as one that uses all.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_utilization.html
func (s *serviceSource) look(now time.Time) {
	const all = 100
	latest := map[string]taskSample{}
	running := s.of.Usage(s.key)
	s.tasks = s.tasks.add(sample(float64(len(running))))
	for _, u := range running {
		latest[u.Task] = taskSample{cpu: u.CPU, at: now}
		if u.MemoryLimit > 0 {
			s.memory = s.memory.add(sample(min(all, all*float64(u.Memory)/float64(u.MemoryLimit))))
		}
		before, known := s.before[u.Task]
		if given := now.Sub(before.at).Seconds() * float64(u.CPUUnits) / 1024; known && given > 0 {
			s.cpu = s.cpu.add(sample(min(all, max(0, all*(u.CPU-before.cpu).Seconds()/given))))
		}
	}
	s.before = latest
}

func (s *serviceSource) bucket(m cloudwatch.Metric) bucket {
	switch m.Name {
	case cloudwatch.MemoryUtilization:
		return s.memory
	case cloudwatch.RunningTaskCount:
		return s.tasks
	}
	return s.cpu
}

// insights reports whether Container Insights counts the tasks of a metric's service.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-container-insights.html
func insights(tx *cloud.Tx, m cloudwatch.Metric) bool {
	cluster := tx.Get(cloud.Key{Scope: m.Scope, Token: ecs.Cluster.Token, ID: ecs.ClusterARN(m.Scope, arns.Parts(m.Service)[0])})
	return cluster != nil && ecs.HasInsights(cluster)
}

// queueSource counts the messages of a queue in the current minute. On AWS each minute has one count, taken at its own time.
type queueSource struct {
	scope   cloud.Scope
	arn     string
	store   *cloud.Watcher
	of      QueueCounts
	buckets map[string]bucket // by the metric's name
}

// look counts the messages.
func (s *queueSource) look() {
	var queue *cloud.Resource
	s.store.View(func(tx *cloud.Tx) { queue = sqs.ByARN(tx, s.scope, s.arn) })
	if queue == nil {
		return
	}
	counts := s.of.Counts(queue)
	if s.buckets == nil {
		s.buckets = map[string]bucket{}
	}
	for name, n := range map[string]float64{
		cloudwatch.MessagesVisible: float64(counts.Visible), cloudwatch.MessagesNotVisible: float64(counts.NotVisible),
		cloudwatch.MessagesDelayed: float64(counts.Delayed), cloudwatch.AgeOfOldestMessage: counts.OldestAge.Seconds(),
	} {
		s.buckets[name] = s.buckets[name].add(sample(n))
	}
}

// machineSource counts the executions of a state machine that ended in the current minute.
type machineSource struct {
	key    cloud.Key
	store  *cloud.Watcher
	known  map[string]bool // the executions that had ended when it was last looked at
	counts map[string]uint64
}

func newMachineSource(key cloud.Key, store *cloud.Watcher) *machineSource {
	s := &machineSource{key: key, store: store, counts: map[string]uint64{}}
	s.look()
	s.reset() // no alarm watched the earlier ones
	return s
}

func (s *machineSource) reset() { clear(s.counts) }

// endings are the metrics of executions, by how they ended.
var endings = map[string]string{
	sfn.Failed: cloudwatch.ExecutionsFailed, sfn.Succeeded: cloudwatch.ExecutionsSucceeded, sfn.Aborted: cloudwatch.ExecutionsAborted,
}

// look counts what has ended since the last look.
func (s *machineSource) look() {
	ended := map[string]bool{}
	s.store.View(func(tx *cloud.Tx) {
		for _, r := range sfn.ExecutionsOf(tx, &cloud.Resource{Key: s.key}) {
			metric, over := endings[cloud.Peek[sfn.ExecutionStatus](r).Status]
			if !over {
				continue
			}
			ended[r.ID] = true
			if !s.known[r.ID] {
				s.counts[metric]++
			}
		}
	})
	s.known = ended
}

func (s *machineSource) bucket(m cloudwatch.Metric) bucket { return events(s.counts[m.Name]) }
