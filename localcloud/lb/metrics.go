package lb

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Metrics are running totals since the balancer was made, by listener and by target group. The names in comments are those
// of "CloudWatch metrics for your Application Load Balancer".
type Metrics struct {
	Listeners    map[string]ListenerMetrics
	TargetGroups map[string]TargetGroupMetrics
}

// ListenerMetrics count what clients saw.
type ListenerMetrics struct {
	Requests          uint64 // RequestCount, answers by the balancer alone included
	Redirects         uint64 // HTTP_Redirect_Count
	FixedResponses    uint64 // HTTP_Fixed_Response_Count
	ELB4xx            uint64 // HTTPCode_ELB_4XX_Count
	ELB5xx            uint64 // HTTPCode_ELB_5XX_Count
	ELB502            uint64 // HTTPCode_ELB_502_Count
	ELB503            uint64 // HTTPCode_ELB_503_Count
	ELB504            uint64 // HTTPCode_ELB_504_Count
	NewConnections    uint64 // NewConnectionCount
	ActiveConnections int64  // ActiveConnectionCount; not a total
	Dropped           uint64 // connections of clients without access
}

// TargetGroupMetrics count what targets did.
type TargetGroupMetrics struct {
	Requests          uint64        // RequestCount
	Target2xx         uint64        // HTTPCode_Target_2XX_Count
	Target3xx         uint64        // HTTPCode_Target_3XX_Count
	Target4xx         uint64        // HTTPCode_Target_4XX_Count
	Target5xx         uint64        // HTTPCode_Target_5XX_Count
	ConnectionErrors  uint64        // TargetConnectionErrorCount
	Responses         uint64        // how many answers ResponseTime sums up
	ResponseTime      time.Duration // sum of TargetResponseTime: from sending a request to the header of its answer
	HealthyHosts      int           // HealthyHostCount; not a total
	UnhealthyHosts    int           // UnHealthyHostCount; not a total
	InFlight          int           // requests and WebSockets; not a total
	DeregisteringHost int           // targets that drain; not a total
}

// Metrics returns the counters of the listeners and target groups that are there now.
func (b *Balancer) Metrics() Metrics {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := Metrics{
		Listeners:    make(map[string]ListenerMetrics, len(b.stats)),
		TargetGroups: make(map[string]TargetGroupMetrics, len(b.groups)),
	}
	for id, stats := range b.stats {
		m.Listeners[id] = stats.snapshot()
	}
	for id, group := range b.groups {
		m.TargetGroups[id] = group.stats.snapshot(group.health())
	}
	return m
}

type listenerStats struct {
	requests, redirects, fixed     atomic.Uint64
	elb4xx, elb5xx                 atomic.Uint64
	badGateway, unavailable, timed atomic.Uint64
	connections, dropped           atomic.Uint64
	active                         atomic.Int64
}

// failed counts an error that the balancer answered itself.
func (s *listenerStats) failed(code int) {
	if code < 500 {
		s.elb4xx.Add(1)
		return
	}
	s.elb5xx.Add(1)
	switch code {
	case http.StatusBadGateway:
		s.badGateway.Add(1)
	case http.StatusServiceUnavailable:
		s.unavailable.Add(1)
	case http.StatusGatewayTimeout:
		s.timed.Add(1)
	}
}

// track counts the connection as active until it is closed.
func (s *listenerStats) track(conn net.Conn) net.Conn {
	s.connections.Add(1)
	s.active.Add(1)
	return &trackedConn{Conn: conn, stats: s}
}

type trackedConn struct {
	net.Conn
	stats *listenerStats
	once  sync.Once
}

func (c *trackedConn) Close() error {
	c.once.Do(func() { c.stats.active.Add(-1) })
	return c.Conn.Close()
}

func (s *listenerStats) snapshot() ListenerMetrics {
	return ListenerMetrics{
		Requests:          s.requests.Load(),
		Redirects:         s.redirects.Load(),
		FixedResponses:    s.fixed.Load(),
		ELB4xx:            s.elb4xx.Load(),
		ELB5xx:            s.elb5xx.Load(),
		ELB502:            s.badGateway.Load(),
		ELB503:            s.unavailable.Load(),
		ELB504:            s.timed.Load(),
		NewConnections:    s.connections.Load(),
		ActiveConnections: s.active.Load(),
		Dropped:           s.dropped.Load(),
	}
}

type groupStats struct {
	requests         atomic.Uint64
	classes          [6]atomic.Uint64 // by first digit of the status code
	connectionErrors atomic.Uint64
	responses        atomic.Uint64
	responseTime     atomic.Int64
}

// responded counts a target's answer.
func (s *groupStats) responded(code int, after time.Duration) {
	s.classes[min(code/100, len(s.classes)-1)].Add(1)
	s.responses.Add(1)
	s.responseTime.Add(int64(after))
}

func (s *groupStats) snapshot(health []TargetHealth) TargetGroupMetrics {
	m := TargetGroupMetrics{
		Requests:         s.requests.Load(),
		Target2xx:        s.classes[2].Load(),
		Target3xx:        s.classes[3].Load(),
		Target4xx:        s.classes[4].Load(),
		Target5xx:        s.classes[5].Load(),
		ConnectionErrors: s.connectionErrors.Load(),
		Responses:        s.responses.Load(),
		ResponseTime:     time.Duration(s.responseTime.Load()),
	}
	for _, target := range health {
		m.InFlight += target.InFlight
		switch target.State {
		case Healthy:
			m.HealthyHosts++
		case Unhealthy:
			m.UnhealthyHosts++
		case Draining:
			m.DeregisteringHost++
		}
	}
	return m
}
