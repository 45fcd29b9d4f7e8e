package cloud

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// Scope is where a resource lives. Resources of different scopes never see each other. Region is empty for a service that is
// global in its account.
type Scope struct {
	Account string `json:"account"`
	Region  string `json:"region,omitempty"`
}

// Key names a resource among all that are alive.
type Key struct {
	Scope Scope  `json:"scope"`
	Token string `json:"token"`
	ID    string `json:"id"`
}

func (k Key) String() string {
	return k.Scope.Account + "/" + k.Scope.Region + "/" + k.Token + "/" + k.ID
}

// Resource is one thing alive in the cloud. What the store hands out is shared: change a Clone and Put it back.
type Resource struct {
	Key
	// Name is what people call it: its own name where it has one, else its Name tag or its id.
	Name string `json:"name,omitempty"`
	// Inputs is what was asked for, defaults filled in.
	Inputs Map `json:"inputs,omitempty"`
	// Outputs is what the cloud answers when asked about it.
	Outputs Map `json:"outputs,omitempty"`
	// Status is what the cloud itself keeps about it: the kind's own type, never shown to the engine.
	Status json.RawMessage `json:"status,omitempty"`
}

// Clone returns a copy whose property maps can be assigned to; nested values are still shared.
func (r *Resource) Clone() *Resource {
	c := *r
	c.Inputs, c.Outputs = maps.Clone(r.Inputs), maps.Clone(r.Outputs)
	return &c
}

// StatusOf decodes the resource's status; the zero value where it has none.
func StatusOf[S any](r *Resource) S {
	var s S
	if len(r.Status) > 0 {
		if err := json.Unmarshal(r.Status, &s); err != nil {
			panic(fmt.Sprintf("status of %s: %v", r.Key, err)) // written by SetStatus alone
		}
	}
	return s
}

// SetStatus replaces the resource's status.
func (r *Resource) SetStatus(s any) {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("status of %s: %v", r.Key, err)) // a status is a plain struct
	}
	r.Status = raw
}

// Store holds the resources in memory, written through to a file. All changes go through Update, one at a time; every
// committed change wakes those who Wait.
type Store struct {
	db *bbolt.DB

	mu        sync.RWMutex
	resources map[string]*Resource
	changed   chan struct{} // closed by the next commit
}

var bucket = []byte("resources")

// Open reads the store from a file, which it creates, private to the user, where there is none.
func Open(path string) (*Store, error) {
	// Without NoSync every change would wait for the disk. A killed process loses nothing by it: the pages are the kernel's.
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	s := &Store{db: db, resources: map[string]*Resource{}, changed: make(chan struct{})}
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return err
		}
		return b.ForEach(func(k, v []byte) error {
			r := new(Resource)
			if err := json.Unmarshal(v, r); err != nil {
				return fmt.Errorf("resource %s: %w", k, err)
			}
			s.resources[string(k)] = r
			return nil
		})
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read store %s: %w", path, err), db.Close())
	}
	return s, nil
}

// Close writes everything to disk and closes the file.
func (s *Store) Close() error {
	return errors.Join(s.db.Sync(), s.db.Close())
}

// View calls f with an unchanging view of the store.
func (s *Store) View(f func(*Tx)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f(&Tx{store: s})
}

// Update calls f with a view it can change. What f changed takes effect if it returns nil and has never been if it does not.
func (s *Store) Update(f func(*Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx := &Tx{store: s, dirty: map[string]*Resource{}}
	if err := f(tx); err != nil {
		return err
	}
	if len(tx.dirty) == 0 {
		return nil
	}
	err := s.db.Update(func(btx *bbolt.Tx) error {
		b := btx.Bucket(bucket)
		for k, r := range tx.dirty {
			if r == nil {
				if err := b.Delete([]byte(k)); err != nil {
					return err
				}
				continue
			}
			raw, err := json.Marshal(r)
			if err != nil {
				return fmt.Errorf("encode %s: %w", k, err)
			}
			if err := b.Put([]byte(k), raw); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write store: %w", err)
	}
	for k, r := range tx.dirty {
		if r == nil {
			delete(s.resources, k)
		} else {
			s.resources[k] = r
		}
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// Changed returns a channel that is closed by the next change. Take it before looking, or a change in between goes unseen.
func (s *Store) Changed() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changed
}

// Wait blocks until the condition holds or fails, looking again after every change. It returns the context's cause when
// that ends first.
func (s *Store) Wait(ctx context.Context, condition func(*Tx) (bool, error)) error {
	for {
		changed := s.Changed()
		var done bool
		var err error
		s.View(func(tx *Tx) { done, err = condition(tx) })
		if done || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Tx is a view of the store; a change made through it is seen by its own later reads.
type Tx struct {
	store *Store
	dirty map[string]*Resource // nil for a deleted one
}

// Get returns the resource with the key, or nil.
func (tx *Tx) Get(k Key) *Resource {
	if r, ok := tx.dirty[k.String()]; ok {
		return r
	}
	return tx.store.resources[k.String()]
}

// All yields every resource in no particular order.
func (tx *Tx) All() iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		for k, r := range tx.store.resources {
			if _, ok := tx.dirty[k]; !ok && !yield(r) {
				return
			}
		}
		for _, r := range tx.dirty {
			if r != nil && !yield(r) {
				return
			}
		}
	}
}

// List returns the resources with the token in the scope, by id.
func (tx *Tx) List(s Scope, token string) []*Resource {
	return tx.list(func(r *Resource) bool { return r.Token == token && r.Scope == s })
}

// Everywhere returns the resources with the token in every scope, by key.
func (tx *Tx) Everywhere(token string) []*Resource {
	return tx.list(func(r *Resource) bool { return r.Token == token })
}

func (tx *Tx) list(keep func(*Resource) bool) []*Resource {
	var out []*Resource
	for r := range tx.All() {
		if keep(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *Resource) int { return cmp.Compare(a.Key.String(), b.Key.String()) })
	return out
}

// Put adds the resource, or replaces the one with its key.
func (tx *Tx) Put(r *Resource) { tx.dirty[r.Key.String()] = r }

// Delete removes the resource with the key, if there is one.
func (tx *Tx) Delete(k Key) { tx.dirty[k.String()] = nil }
