package queues

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
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
	of, name := q.of(r)
	ids := make([]string, len(messages))
	sent := make([]*entry, len(messages))
	for i, m := range messages {
		ids[i] = newID()
		m.ID = ids[i]
		sent[i] = &entry{Message: m, number: of.next + uint64(i)}
	}
	if err := q.write(name, sent, nil); err != nil {
		return nil, err
	}
	for _, m := range sent {
		of.add(m)
	}
	of.wake()
	return ids, nil
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
	of, name := q.of(r)
	now := time.Now().UTC()
	gone := of.expire(now.Add(-retention(r)))
	var taken, dead []*entry
	target, receives := sqs.RedriveOf(sqs.Queue.Inputs(r))
	for len(taken) < most && len(of.byVisibility) > 0 {
		m := of.byVisibility[0]
		if m.VisibleAt.After(now) {
			break
		}
		if target != "" && m.Receives >= receives {
			of.remove(m)
			dead = append(dead, m)
			continue
		}
		if m.Receives++; m.Receives == 1 {
			m.FirstReceived = now
		}
		m.Receipt = receipt(m.number)
		of.hide(m, now.Add(hide))
		taken = append(taken, m)
		if hide == 0 { // it stays at the top
			break
		}
	}
	for _, m := range taken {
		received = append(received, m.Message)
	}
	if len(of.byVisibility) > 0 {
		next = of.byVisibility[0].VisibleAt
	}
	if err := q.write(name, taken, append(gone, dead...)); err != nil {
		return nil, nil, time.Time{}, err
	}
	return received, of.changed, next, q.redrive(r, target, dead)
}

// redrive puts messages into a dead-letter queue. They keep their age.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
func (q *Queues) redrive(r *cloud.Resource, target string, dead []*entry) error {
	if len(dead) == 0 {
		return nil
	}
	var to *cloud.Resource
	q.store.View(func(tx *cloud.Tx) { to = sqs.ByARN(tx, r.Scope, target) })
	if to == nil { // it was deleted, and the messages are lost
		return nil
	}
	of, name := q.of(to)
	moved := make([]*entry, len(dead))
	for i, m := range dead {
		moved[i] = &entry{Message: m.Message, number: of.next + uint64(i)}
		moved[i].VisibleAt = time.Now().UTC()
	}
	if err := q.write(name, moved, nil); err != nil {
		return err
	}
	for _, m := range moved {
		of.add(m)
	}
	of.wake()
	return nil
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
	of, name := q.of(r)
	m, err := of.received(handle)
	if m == nil || err != nil {
		return err
	}
	if err := q.write(name, nil, []*entry{m}); err != nil {
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
	of, name := q.of(r)
	m, err := of.received(handle)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	if m == nil || !m.VisibleAt.After(now) {
		return cloud.Errorf("MessageNotInflight", "The specified message isn't in flight.")
	}
	of.hide(m, now.Add(hide))
	if hide == 0 {
		of.wake()
	}
	return q.write(name, []*entry{m}, nil)
}

// Purge removes all messages of a queue.
func (q *Queues) Purge(r *cloud.Resource) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	of, name := q.of(r)
	gone := make([]*entry, 0, len(of.messages))
	for _, m := range of.messages {
		gone = append(gone, m)
	}
	if err := q.write(name, nil, gone); err != nil {
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
	of, _ := q.of(r)
	now := time.Now()
	since := now.Add(-retention(r))
	for _, m := range of.messages {
		switch {
		case m.Sent.Before(since): // the next to receive removes it
			continue
		case !m.VisibleAt.After(now):
			c.Visible++
		case m.Receives == 0:
			c.Delayed++
		default:
			c.NotVisible++
		}
		c.OldestAge = max(c.OldestAge, now.Sub(m.Sent))
	}
	return c
}

// retention returns how long a queue keeps its messages.
func retention(r *cloud.Resource) time.Duration {
	return time.Duration(sqs.Queue.Inputs(r).MessageRetentionSeconds) * time.Second
}
