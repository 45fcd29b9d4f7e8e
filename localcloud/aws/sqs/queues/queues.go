// Package queues keeps the messages of queues, in a database.
package queues

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"slipway/localcloud/aws/sqs"
	"slipway/localcloud/cloud"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// Queues is SQS: the messages of standard queues. It has a separate file, so no change of a resource waits for a message.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html
type Queues struct {
	store *cloud.Store
	db    *bbolt.DB

	mu     sync.Mutex
	queues map[string]*queue // by the name of their bucket
}

// Attribute is an attribute that a sender gives a message.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_MessageAttributeValue.html
type Attribute struct {
	DataType    string  `json:"DataType"`
	StringValue *string `json:"StringValue,omitempty"`
	BinaryValue []byte  `json:"BinaryValue,omitempty"`
}

// Message is a message of a queue.
type Message struct {
	ID            string
	Body          string
	Attributes    map[string]Attribute `json:",omitempty"`
	Sender        string               // the id of the role's session, or of the account
	Sent          time.Time
	Moved         time.Time // when it came from another queue; zero if it did not
	FirstReceived time.Time
	Receives      int
	// VisibleAt is from when it can be received.
	VisibleAt time.Time
	// Receipt changes each time that it is received.
	Receipt string
}

// Open keeps the messages in a file. It creates the file, private to the user, if there is none.
func Open(store *cloud.Store, path string) (*Queues, error) {
	// As with the store, a killed process loses nothing without a sync.
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true, NoFreelistSync: true})
	if err != nil {
		return nil, fmt.Errorf("open queues %s: %w", path, err)
	}
	q := &Queues{store: store, db: db, queues: map[string]*queue{}}
	if err := db.View(q.load); err != nil {
		return nil, errors.Join(fmt.Errorf("open queues %s: %w", path, err), db.Close())
	}
	return q, nil
}

// load reads all messages.
func (q *Queues) load(tx *bbolt.Tx) error {
	return tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error {
		of := newQueue(string(name))
		q.queues[string(name)] = of
		return bucket.ForEach(func(key, value []byte) error {
			m := &entry{number: binary.BigEndian.Uint64(key)}
			if err := json.Unmarshal(value, &m.Message); err != nil {
				return fmt.Errorf("message %d of %s: %w", m.number, name, err)
			}
			of.add(m)
			return nil
		})
	})
}

// Close closes the file.
func (q *Queues) Close() error { return errors.Join(q.db.Sync(), q.db.Close()) }

// Run removes the messages of deleted queues, until the context ends.
func (q *Queues) Run(ctx context.Context) error {
	changes := q.store.Watch(sqs.QueueToken)
	defer changes.Stop()
	for {
		if err := q.sweep(); err != nil {
			return fmt.Errorf("clean up queues: %w", err)
		}
		select {
		case <-changes.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (q *Queues) sweep() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	keep := map[string]bool{}
	q.store.View(func(tx *cloud.Tx) {
		for _, r := range tx.Everywhere(sqs.QueueToken) {
			keep[bucketOf(r)] = true
		}
	})
	for name, of := range q.queues {
		if keep[name] {
			continue
		}
		if err := q.db.Update(func(tx *bbolt.Tx) error { return deleteBucket(tx, name) }); err != nil {
			return err
		}
		delete(q.queues, name)
		of.wake() // who waits for a message finds that the queue is gone
	}
	return nil
}

func deleteBucket(tx *bbolt.Tx, name string) error {
	if err := tx.DeleteBucket([]byte(name)); !errors.Is(err, bbolterrors.ErrBucketNotFound) {
		return err
	}
	return nil
}

// bucketOf returns the name of a queue's bucket. A queue that was made again has none of the old one's messages.
func bucketOf(r *cloud.Resource) string {
	return sqs.Queue.Outputs(r).ARN + " " + cloud.StatusOf[sqs.QueueStatus](r).Created.Format(time.RFC3339Nano)
}

// of returns a queue that exists. Its callers hold the lock.
func (q *Queues) of(r *cloud.Resource) (*queue, error) {
	name, exists := bucketOf(r), false
	q.store.View(func(tx *cloud.Tx) {
		now := tx.Get(r.Key)
		exists = now != nil && bucketOf(now) == name
	})
	if !exists {
		return nil, sqs.NotThere()
	}
	if q.queues[name] == nil {
		q.queues[name] = newQueue(name)
	}
	return q.queues[name], nil
}

// change is what happens to the messages of a queue.
type change struct {
	of         *queue
	kept, gone []*entry // kept: new, or with other facts
}

// write stores changes, all or none.
func (q *Queues) write(changes ...change) error {
	err := q.db.Update(func(tx *bbolt.Tx) error {
		for _, c := range changes {
			if err := c.write(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store messages: %w", err)
	}
	return nil
}

func (c change) write(tx *bbolt.Tx) error {
	bucket, err := tx.CreateBucketIfNotExists([]byte(c.of.name))
	if err != nil {
		return err
	}
	for _, m := range c.kept {
		value, err := json.Marshal(m.Message)
		if err != nil {
			return err
		}
		if err := bucket.Put(m.key(), value); err != nil {
			return err
		}
	}
	for _, m := range c.gone {
		if err := bucket.Delete(m.key()); err != nil {
			return err
		}
	}
	return nil
}
