package queues

import (
	"container/heap"
	"encoding/binary"
	"time"
)

// queue has the messages of one queue in memory.
type queue struct {
	name     string // of its bucket
	messages map[uint64]*entry
	// byVisibility is a heap: the message that becomes visible first is at the top.
	byVisibility []*entry
	next         uint64        // the next message's number
	changed      chan struct{} // closed when a message becomes visible earlier than expected
}

// entry is a message in its queue.
type entry struct {
	Message
	number uint64 // in the order of sending
	at     int    // in the heap
}

func newQueue(name string) *queue {
	return &queue{name: name, messages: map[uint64]*entry{}, changed: make(chan struct{})}
}

func (m *entry) key() []byte { return binary.BigEndian.AppendUint64(nil, m.number) }

// add puts a message into the queue.
func (q *queue) add(m *entry) {
	q.messages[m.number] = m
	q.next = max(q.next, m.number+1)
	heap.Push(q, m)
}

// remove takes a message out of the queue.
func (q *queue) remove(m *entry) {
	delete(q.messages, m.number)
	heap.Remove(q, m.at)
}

// take takes the message out of the heap that became visible first, if it is visible; nil if none is. It must come back, or be removed.
func (q *queue) take(now time.Time) *entry {
	if len(q.byVisibility) == 0 || q.byVisibility[0].VisibleAt.After(now) {
		return nil
	}
	return heap.Pop(q).(*entry)
}

// wake tells who waits that there may be a message.
func (q *queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// Len, Less, Swap, Push and Pop implement [heap.Interface].
func (q *queue) Len() int { return len(q.byVisibility) }

func (q *queue) Less(i, j int) bool {
	a, b := q.byVisibility[i], q.byVisibility[j]
	if a.VisibleAt.Equal(b.VisibleAt) {
		return a.number < b.number
	}
	return a.VisibleAt.Before(b.VisibleAt)
}

func (q *queue) Swap(i, j int) {
	h := q.byVisibility
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push implements [heap.Interface].
func (q *queue) Push(m any) {
	e := m.(*entry)
	e.at = len(q.byVisibility)
	q.byVisibility = append(q.byVisibility, e)
}

// Pop implements [heap.Interface].
func (q *queue) Pop() any {
	last := len(q.byVisibility) - 1
	m := q.byVisibility[last]
	q.byVisibility[last] = nil
	q.byVisibility = q.byVisibility[:last]
	return m
}
