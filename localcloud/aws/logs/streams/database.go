package streams

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// In the database a group's folder is a bucket, a stream a bucket in it, and an event a message under the time at which it came and a
// number.

// place is a stream's place.
type place struct{ folder, stream string }

// key orders events by time, and those of one time by arrival.
func key(at time.Time, number uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano())), number)
}

// timeOf returns the time in a key.
func timeOf(key []byte) time.Time {
	return time.Unix(0, int64(binary.BigEndian.Uint64(key))).UTC() //nolint:gosec // which key has written
}

// groups is the bucket of all groups.
var groups = []byte("groups")

// names returns the names of the buckets in another one, so that they can be deleted.
func names(in *bbolt.Bucket) []string {
	var out []string
	_ = in.ForEachBucket(func(name []byte) error { // which fails only as the function does
		out = append(out, string(name))
		return nil
	})
	return out
}

// bytesIn returns how much a stream keeps.
func bytesIn(events *bbolt.Bucket) int {
	n := 0
	_ = events.ForEach(func(_, message []byte) error { n += len(message); return nil })
	return n
}

// shrink removes the oldest events of a stream until it keeps few enough bytes, and returns how many it keeps.
func shrink(events *bbolt.Bucket, size int) (int, error) {
	c := events.Cursor()
	for k, message := c.First(); k != nil && size > maxStream; k, message = c.First() {
		size -= len(message)
		if err := c.Delete(); err != nil {
			return size, err
		}
	}
	return size, nil
}

// expire removes the older events of a group, and then empty streams, unless they are open.
func expire(group *bbolt.Bucket, since time.Time, open func(name string) *stream) error {
	for _, name := range names(group) {
		events := group.Bucket([]byte(name))
		c := events.Cursor()
		k, _ := c.First()
		for ; k != nil && timeOf(k).Before(since); k, _ = c.First() {
			if err := c.Delete(); err != nil {
				return err
			}
		}
		switch writing := open(name); {
		case writing != nil:
			writing.size = bytesIn(events)
		case k == nil:
			if err := group.DeleteBucket([]byte(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeRoom removes the streams of a group that have been silent for longest, if it has too many to get another one. Those that are
// open stay.
func makeRoom(group *bbolt.Bucket, open func(name string) *stream) error {
	type silent struct {
		stream string
		last   []byte // key
	}
	var all []silent
	for _, stream := range names(group) {
		last, _ := group.Bucket([]byte(stream)).Cursor().Last()
		all = append(all, silent{stream, last})
	}
	excess := len(all) - maxStreams + 1
	all = slices.DeleteFunc(all, func(s silent) bool { return open(s.stream) != nil })
	slices.SortFunc(all, func(a, b silent) int { return bytes.Compare(a.last, b.last) })
	for _, s := range all[:min(max(excess, 0), len(all))] {
		if err := group.DeleteBucket([]byte(s.stream)); err != nil {
			return err
		}
	}
	return nil
}

// after returns the events of a stream that come after a key, and the last key that there is.
func after(events *bbolt.Bucket, stream string, last []byte) ([]Event, []byte) {
	var out []Event
	c := events.Cursor()
	k, message := c.Seek(last)
	if k != nil && bytes.Equal(k, last) {
		k, message = c.Next()
	}
	for ; k != nil; k, message = c.Next() {
		out = append(out, Event{Time: timeOf(k), Stream: stream, Message: string(message)})
		last = bytes.Clone(k)
	}
	return out, last
}
