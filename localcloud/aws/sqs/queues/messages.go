package queues

import (
	"container/heap"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"slipway/localcloud/aws/sqs"
	"slipway/localcloud/cloud"
)

// MaxVisibility is the longest time for which a received message can stay invisible.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
const MaxVisibility = 12 * time.Hour

// Send puts messages into a queue, each visible after its VisibleAt, and returns their ids.
func (q *Queues) Send(r *cloud.Resource, messages ...Message) ([]string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	of, err := q.of(r)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(messages))
	for i := range messages {
		ids[i] = newID()
		messages[i].ID = ids[i]
	}
	sent := of.numbered(messages)
	if err := q.write(change{of: of, kept: sent}); err != nil {
		return nil, err
	}
	of.append(sent)
	return ids, nil
}

// numbered returns entries of messages that are going to be appended.
func (of *queue) numbered(messages []Message) []*entry {
	entries := make([]*entry, len(messages))
	for i, m := range messages {
		entries[i] = &entry{Message: m, number: of.next + uint64(i)}
	}
	return entries
}

// append puts numbered entries into the queue, and wakes who waits for one.
func (of *queue) append(entries []*entry) {
	for _, m := range entries {
		of.add(m)
	}
	of.wake()
}

// newID returns a random identifier in the usual form.
func newID() string {
	const hex = "0123456789abcdef"
	id := []byte("xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx")
	random := make([]byte, len(id))
	_, _ = rand.Read(random) // never fails
	for i := range id {
		if id[i] == 'x' {
			id[i] = hex[random[i]%16]
		}
	}
	return string(id)
}

// Receive takes at most so many visible messages, and hides each for a time. Without one it waits until there is, or the wait or the
// context ends. A message that was received too often goes to the queue's dead-letter queue instead.
func (q *Queues) Receive(ctx context.Context, r *cloud.Resource, most int, hide, wait time.Duration) ([]Message, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		received, changed, visible, err := q.receive(r, most, hide)
		if len(received) > 0 || err != nil || ctx.Err() != nil || wait == 0 {
			return received, err
		}
		timer := time.NewTimer(time.Until(visible)) // of the next message that becomes visible
		if visible.IsZero() {
			timer.Stop()
		}
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// receive takes the messages that are visible now. If there are none it returns what tells of new ones, and when the next becomes
// visible, if there is one.
func (q *Queues) receive(r *cloud.Resource, most int, hide time.Duration) (received []Message, changed <-chan struct{}, next time.Time, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	of, err := q.of(r)
	if err != nil {
		return nil, nil, time.Time{}, err
	}
	now := time.Now().UTC()
	letters, receives, err := q.deadLetters(r)
	if err != nil {
		return nil, nil, time.Time{}, err
	}
	var taken, gone, dead []*entry
	for len(taken) < most {
		m := of.take(now)
		if m == nil {
			break
		}
		switch {
		case m.Sent.Before(now.Add(-retention(r))):
			gone = append(gone, m)
		case letters != nil && m.Receives >= receives:
			dead = append(dead, m)
		default:
			taken = append(taken, m)
		}
	}
	kept := make([]*entry, len(taken)) // as they are going to be
	for i, m := range taken {
		kept[i] = &entry{Message: m.Message, number: m.number}
		kept[i].receive(now, hide)
		received = append(received, kept[i].Message)
	}
	changes := []change{{of: of, kept: kept, gone: slices.Concat(gone, dead)}}
	var moved []*entry
	if letters != nil && len(dead) > 0 {
		moved = letters.numbered(movedNow(dead, now))
		changes = append(changes, change{of: letters, kept: moved})
	}
	if len(taken)+len(gone)+len(dead) > 0 {
		if err := q.write(changes...); err != nil {
			for _, m := range slices.Concat(taken, gone, dead) {
				heap.Push(of, m)
			}
			return nil, nil, time.Time{}, err
		}
	}
	for _, m := range slices.Concat(gone, dead) {
		delete(of.messages, m.number)
	}
	for _, m := range kept {
		of.add(m)
	}
	if len(moved) > 0 {
		letters.append(moved)
	}
	if len(of.byVisibility) > 0 {
		next = of.byVisibility[0].VisibleAt
	}
	return received, of.changed, next, nil
}

// receive notes that the message is received now.
func (m *entry) receive(now time.Time, hide time.Duration) {
	if m.Receives++; m.Receives == 1 {
		m.FirstReceived = now
	}
	m.Receipt, m.VisibleAt = receipt(m.number), now.Add(hide)
}

// deadLetters returns the dead-letter queue of a queue, and after how many receptions messages go there; nil if it has none, or the other
// queue was deleted.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
func (q *Queues) deadLetters(r *cloud.Resource) (*queue, int, error) {
	target, receives := sqs.RedriveOf(sqs.Queue.Inputs(r))
	if target == "" {
		return nil, 0, nil
	}
	var to *cloud.Resource
	q.store.View(func(tx *cloud.Tx) { to = sqs.ByARN(tx, r.Scope, target) })
	if to == nil {
		return nil, 0, nil
	}
	letters, err := q.of(to)
	return letters, receives, err
}

// movedNow returns messages as they come into a dead-letter queue. The time of their sending, which decides when they expire, stays.
func movedNow(dead []*entry, now time.Time) []Message {
	moved := make([]Message, len(dead))
	for i, m := range dead {
		moved[i] = m.Message
		moved[i].Moved, moved[i].VisibleAt = now, now
	}
	return moved
}

// receipt returns a new receipt handle of a message.
func receipt(number uint64) string {
	handle := binary.BigEndian.AppendUint64(nil, number)
	return base64.RawURLEncoding.EncodeToString(append(handle, rand.Text()...))
}

// received returns the message of a receipt handle: nil if it is gone, or was received again since.
func (of *queue) received(handle string) (*entry, error) {
	raw, err := base64.RawURLEncoding.DecodeString(handle)
	if err != nil || len(raw) != 8+len(rand.Text()) {
		return nil, cloud.Errorf("ReceiptHandleIsInvalid", "The input receipt handle %q is not a valid receipt handle.", handle)
	}
	m := of.messages[binary.BigEndian.Uint64(raw)]
	if m == nil || m.Receipt != handle {
		return nil, nil //nolint:nilnil // AWS takes such a handle too
	}
	return m, nil
}

// Delete removes a message by the receipt handle of when it was last received. As on AWS an older handle removes nothing, and is no
// error.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
func (q *Queues) Delete(r *cloud.Resource, handle string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	of, err := q.of(r)
	if err != nil {
		return err
	}
	m, err := of.received(handle)
	if m == nil || err != nil {
		return err
	}
	if err := q.write(change{of: of, gone: []*entry{m}}); err != nil {
		return err
	}
	of.remove(m)
	return nil
}

// Hide makes a received message invisible for a time from now on; for none it can be received again at once.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
func (q *Queues) Hide(r *cloud.Resource, handle string, hide time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	of, err := q.of(r)
	if err != nil {
		return err
	}
	m, err := of.received(handle)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	if m == nil || !m.VisibleAt.After(now) {
		return cloud.Errorf("MessageNotInflight", "The specified message isn't in flight.")
	}
	hidden := &entry{Message: m.Message, number: m.number}
	hidden.VisibleAt = now.Add(hide)
	if err := q.write(change{of: of, kept: []*entry{hidden}}); err != nil {
		return err
	}
	of.remove(m)
	of.append([]*entry{hidden})
	return nil
}

// Purge removes all messages of a queue.
func (q *Queues) Purge(r *cloud.Resource) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	of, err := q.of(r)
	if err != nil {
		return err
	}
	gone := make([]*entry, 0, len(of.messages))
	for _, m := range of.messages {
		gone = append(gone, m)
	}
	if err := q.write(change{of: of, gone: gone}); err != nil {
		return err
	}
	for _, m := range gone {
		of.remove(m)
	}
	return nil
}

// Counts counts the messages of a queue.
func (q *Queues) Counts(r *cloud.Resource) (c sqs.Counts) {
	q.mu.Lock()
	defer q.mu.Unlock()
	of, err := q.of(r)
	if err != nil { // it is gone
		return c
	}
	now := time.Now()
	since := now.Add(-retention(r))
	for _, m := range of.messages {
		switch {
		case m.Sent.Before(since): // a receiver that comes to it removes it
			continue
		case !m.VisibleAt.After(now):
			c.Visible++
		case m.Receives == 0:
			c.Delayed++
		default:
			c.NotVisible++
		}
		entered := m.Sent
		if m.Moved.After(entered) {
			entered = m.Moved
		}
		c.OldestAge = max(c.OldestAge, now.Sub(entered))
	}
	return c
}

// retention returns how long a queue keeps its messages.
func retention(r *cloud.Resource) time.Duration {
	return time.Duration(sqs.Queue.Inputs(r).MessageRetentionSeconds) * time.Second
}
