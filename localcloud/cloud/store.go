package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// Store holds the resources in memory, written through to a file. All changes go through Update, one at a time; a committed
// change wakes the watchers that have read what it changed.
type Store struct {
	db *bbolt.DB

	mu        sync.RWMutex
	resources map[Key]*Resource
	kinds     map[string]byKey // by token
	indexes   indexes
	watchers  watchers
}

var bucket = []byte("resources")

// Open reads the store from a file. It creates the file, private to the user, if there is none.
func Open(path string) (*Store, error) {
	// Without NoSync every change would wait for the disk. A killed process loses nothing by it: the pages are the kernel's.
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	s := &Store{db: db, resources: map[Key]*Resource{}, kinds: map[string]byKey{}}
	if err := db.Update(s.read); err != nil {
		return nil, errors.Join(fmt.Errorf("read store %s: %w", path, err), db.Close())
	}
	return s, nil
}

// read reads the file into memory.
func (s *Store) read(tx *bbolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists(bucket)
	if err != nil {
		return err
	}
	return b.ForEach(func(k, v []byte) error {
		r := new(Resource)
		if err := json.Unmarshal(v, r); err != nil {
			return fmt.Errorf("resource %s: %w", k, err)
		}
		s.keep(r.Key, r)
		return nil
	})
}

// Close writes everything to disk and closes the file.
func (s *Store) Close() error {
	return errors.Join(s.db.Sync(), s.db.Close())
}

// View calls f with an unchanging view of the store.
func (s *Store) View(f func(*Tx)) { s.view(nil, f) }

// Update calls f with a view it can change. What f changed takes effect if it returns nil and has never been if it does not.
func (s *Store) Update(f func(*Tx) error) error { return s.update(nil, f) }

func (s *Store) view(w *Watcher, f func(*Tx)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	tx := &Tx{store: s, watched: w != nil}
	f(tx)
	s.watchers.add(w, tx.seen)
}

func (s *Store) update(w *Watcher, f func(*Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx := &Tx{store: s, dirty: map[Key]*Resource{}, watched: w != nil}
	err := f(tx)
	s.watchers.add(w, tx.seen) // of a refused change too: who tries again waits until there is a reason to
	if err != nil || len(tx.dirty) == 0 {
		return err
	}
	if err := s.write(tx.dirty); err != nil {
		return fmt.Errorf("write store: %w", err)
	}
	for k, r := range tx.dirty {
		s.watchers.wake(interest{})
		s.watchers.wake(interest{kind: k.Token})
		s.watchers.wake(interest{key: k})
		s.keep(k, r)
	}
	return nil
}

// write makes the changes in the file.
func (s *Store) write(dirty map[Key]*Resource) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		for k, r := range dirty {
			if r == nil {
				if err := b.Delete([]byte(k.String())); err != nil {
					return err
				}
				continue
			}
			raw, err := json.Marshal(r)
			if err != nil {
				return fmt.Errorf("encode %s: %w", k, err)
			}
			if err := b.Put([]byte(k.String()), raw); err != nil {
				return err
			}
		}
		return nil
	})
}

// keep makes the change in memory: r is the new resource with the key, or nil.
func (s *Store) keep(k Key, r *Resource) {
	if r != nil {
		r.decoded = new(decoded)
	}
	s.indexes.keep(k, r, func(name indexName, value string) {
		s.watchers.wake(interest{kind: name.token, index: name.index, value: value})
	})
	if r == nil {
		delete(s.resources, k)
		s.kinds[k.Token] = s.kinds[k.Token].without(k)
		return
	}
	s.resources[k] = r
	s.kinds[k.Token] = s.kinds[k.Token].with(r)
}

// Wait blocks until the condition holds or fails, looking again whenever something changes that it has read. It returns the
// context's cause when that ends first.
func (s *Store) Wait(ctx context.Context, condition func(*Tx) (bool, error)) error {
	w := s.Watch()
	defer w.Stop()
	for {
		var done bool
		var err error
		w.View(func(tx *Tx) { done, err = condition(tx) })
		if done || err != nil {
			return err
		}
		select {
		case <-w.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// byKey are resources in the order of their keys.
type byKey []*Resource

func (s byKey) find(k Key) (int, bool) {
	return slices.BinarySearchFunc(s, k, func(r *Resource, k Key) int { return compareKeys(r.Key, k) })
}

func (s byKey) with(r *Resource) byKey {
	i, found := s.find(r.Key)
	if found {
		s[i] = r
		return s
	}
	return slices.Insert(s, i, r)
}

func (s byKey) without(k Key) byKey {
	i, found := s.find(k)
	if !found {
		return s
	}
	return slices.Delete(s, i, i+1)
}

// in returns the resources of one kind in the scope.
func (s byKey) in(scope Scope, token string) byKey {
	first, _ := s.find(Key{Scope: scope, Token: token})
	s = s[first:]
	if end := slices.IndexFunc(s, func(r *Resource) bool { return r.Scope != scope }); end >= 0 {
		s = s[:end]
	}
	return s
}
