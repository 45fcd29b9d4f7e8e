package vnet

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"
)

// How long a connection is remembered after its last packet ("Idle connection tracking timeout" in the Amazon EC2 user guide's
// "Amazon EC2 security group connection tracking"), and one that its ends have closed.
const (
	establishedIdle = 5 * 24 * time.Hour
	datagramIdle    = 180 * time.Second
	otherIdle       = 600 * time.Second
	openingIdle     = 2 * time.Minute
	closedIdle      = 10 * time.Second
)

// flowKey is a connection, whichever end a packet comes from.
type flowKey struct {
	low, high endpoint
	protocol  Protocol
}

// key returns the packet's connection.
func (p *packet) key() flowKey {
	k := flowKey{p.source, p.destination, p.protocol}
	switch c := bytes.Compare(k.low.address[:], k.high.address[:]); {
	case c > 0, c == 0 && k.low.port > k.high.port:
		k.low, k.high = k.high, k.low
	}
	return k
}

// flow is a connection that was let through.
type flow struct {
	first    packet // without its bytes
	from, to *Interface
	// untracked are the directions about which the filter is asked again when its answers have changed since epoch.
	untracked [2]bool
	epoch     atomic.Uint64
	last      atomic.Int64 // when its last packet passed, in nanoseconds
	// answered and finished say how far a TCP connection is: FINs by their direction, a reset as both.
	answered atomic.Bool
	finished atomic.Uint32
}

const finishedBoth = 3

// see takes notice of a packet that passes.
func (f *flow) see(p *packet, forward bool, now time.Time) {
	f.last.Store(now.UnixNano())
	if !forward && !f.answered.Load() {
		f.answered.Store(true)
	}
	switch {
	case p.protocol != TCP:
	case p.tcpFlags&tcpRST != 0:
		f.finished.Store(finishedBoth)
	case p.tcpFlags&tcpFIN != 0 && forward:
		f.finished.Or(1)
	case p.tcpFlags&tcpFIN != 0:
		f.finished.Or(2)
	case p.tcpFlags&tcpSYN != 0 && forward && f.finished.Load() != 0:
		f.finished.Store(0) // the same ports again
	}
}

func (f *flow) idle() time.Duration {
	switch {
	case f.first.protocol == UDP:
		return datagramIdle
	case f.first.protocol != TCP:
		return otherIdle
	case f.finished.Load() == finishedBoth:
		return closedIdle
	case !f.answered.Load():
		return openingIdle
	}
	return establishedIdle
}

func (f *flow) expired(now time.Time) bool { return now.UnixNano()-f.last.Load() > int64(f.idle()) }

// flowTable has the connections, in parts that have a lock each.
type flowTable struct{ shards [64]flowShard }

type flowShard struct {
	mu    sync.Mutex
	flows map[flowKey]*flow
	swept time.Time
}

func (t *flowTable) init() {
	for i := range t.shards {
		t.shards[i].flows = map[flowKey]*flow{}
	}
}

func (t *flowTable) shard(k *flowKey) *flowShard {
	return &t.shards[(k.low.port*31+k.high.port+uint16(k.low.address[15])+uint16(k.high.address[15]))%uint16(len(t.shards))]
}

func (t *flowTable) find(k *flowKey) *flow {
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flows[*k]
}

// sweepEvery is how often a part forgets what has expired.
const sweepEvery = 5 * time.Second

// add enters a connection, unless its beginner has too many or there is one by now, which is returned.
func (t *flowTable) add(k *flowKey, f *flow, most int, now time.Time) *flow {
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if there := s.flows[*k]; there != nil {
		return there
	}
	if now.Sub(s.swept) > sweepEvery {
		s.swept = now
		for other, old := range s.flows {
			if old.expired(now) {
				s.delete(other, old)
			}
		}
	}
	if f.from.gone.Load() || f.to.gone.Load() { // after which nobody would forget it
		return nil
	}
	if f.from.begun.Add(1) > int64(most) {
		f.from.begun.Add(-1)
		return nil
	}
	s.flows[*k] = f
	return f
}

func (s *flowShard) delete(k flowKey, f *flow) {
	if s.flows[k] == f {
		delete(s.flows, k)
		f.from.begun.Add(-1)
	}
}

func (t *flowTable) remove(k *flowKey, f *flow) {
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delete(*k, f)
}

// forget removes the connections of an interface.
func (t *flowTable) forget(i *Interface) {
	for n := range t.shards {
		s := &t.shards[n]
		s.mu.Lock()
		for k, f := range s.flows {
			if f.from == i || f.to == i {
				s.delete(k, f)
			}
		}
		s.mu.Unlock()
	}
}

func (t *flowTable) count() int {
	count := 0
	for n := range t.shards {
		s := &t.shards[n]
		s.mu.Lock()
		count += len(s.flows)
		s.mu.Unlock()
	}
	return count
}
