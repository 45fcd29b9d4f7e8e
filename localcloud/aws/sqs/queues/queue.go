package queues

import (
	"container/heap"
	"encoding/binary"
	"time"
)

// queue has the messages of one queue in memory.
type queue struct {
	messages map[uint64]*entry
	// byVisibility is a heap: the message that becomes visible first is at the top.
	byVisibility []*entry
	next         uint64        // the next message's number
	oldest       uint64        // no message has a lower number
	changed      chan struct{} // closed when a message becomes visible earlier than expected
}

// entry is a message in its queue.
type entry struct {
	Message
	number uint64 // in the order of sending
	at     int    // in the heap
}

func newQueue() *queue { return &queue{messages: map[uint64]*entry{}, changed: make(chan struct{})} }

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

// hide makes a message invisible until a time.
func (q *queue) hide(m *entry, until time.Time) {
	m.VisibleAt = until
	heap.Fix(q, m.at)
}

// expire takes out the messages that were sent before a time, and returns them. Messages that came from another queue, whose age they
// keep, may leave late: their number is higher than that of older ones.
func (q *queue) expire(before time.Time) (gone []*entry) {
	for ; q.oldest < q.next; q.oldest++ {
		m := q.messages[q.oldest]
		if m == nil {
			continue
		}
		if !m.Sent.Before(before) {
			break
		}
		q.remove(m)
		gone = append(gone, m)
	}
	return gone
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
