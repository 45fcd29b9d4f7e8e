package cloud

import (
	"slices"
	"sync"
)

// Watcher wakes its reader when something changes that it has read through the watcher: a resource, those of a kind or those with a
// property. Other changes do not wake it, and it does not have to name its interests.
type Watcher struct {
	// C has a value when there is a reason to read again.
	C <-chan struct{}

	c     chan struct{}
	store *Store
	kinds []string
	// Both are guarded by the store's watchers.
	seen    map[interest]struct{}
	stopped bool
}

// Watch returns a watcher that has read nothing yet. A reader that learns of kinds without the watcher names them: any change of one
// wakes it.
func (s *Store) Watch(kinds ...string) *Watcher {
	c := make(chan struct{}, 1)
	w := &Watcher{C: c, c: c, store: s, kinds: kinds, seen: map[interest]struct{}{}}
	s.watchers.mu.Lock()
	defer s.watchers.mu.Unlock()
	for _, kind := range kinds {
		s.watchers.insert(w, interest{kind: kind})
	}
	return w
}

// View is [Store.View].
func (w *Watcher) View(f func(*Tx)) { w.store.view(w, f) }

// Update is [Store.Update]. A watcher's own changes of what it has read wake it too.
func (w *Watcher) Update(f func(*Tx) error) error { return w.store.update(w, f) }

// Stop ends the watch. Later reads through the watcher have no effect.
func (w *Watcher) Stop() {
	w.store.watchers.mu.Lock()
	defer w.store.watchers.mu.Unlock()
	w.stopped = true
	w.store.watchers.forget(w)
	for _, kind := range w.kinds {
		w.store.watchers.remove(w, interest{kind: kind})
	}
}

// interest is something that can change: one resource, those of a kind, those of a kind or of all kinds that an index has under a
// value, or, if it says nothing, everything.
type interest struct {
	key                Key
	kind, index, value string
}

// watchers are the watchers by what they have read.
type watchers struct {
	mu sync.Mutex // for those who read the store at the same time
	by map[interest]map[*Watcher]struct{}
}

// add makes the watcher, if there is one, be woken by changes of what it has seen.
func (x *watchers) add(w *Watcher, seen map[interest]struct{}) {
	if w == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if w.stopped {
		return
	}
	for i := range seen {
		if !w.names(i) {
			w.seen[i] = struct{}{}
			x.insert(w, i)
		}
	}
}

// names reports whether the interest is a lasting one.
func (w *Watcher) names(i interest) bool {
	return i == interest{kind: i.kind} && slices.Contains(w.kinds, i.kind)
}

func (x *watchers) insert(w *Watcher, i interest) {
	if x.by == nil {
		x.by = map[interest]map[*Watcher]struct{}{}
	}
	if x.by[i] == nil {
		x.by[i] = map[*Watcher]struct{}{}
	}
	x.by[i][w] = struct{}{}
}

func (x *watchers) remove(w *Watcher, i interest) {
	if delete(x.by[i], w); len(x.by[i]) == 0 {
		delete(x.by, i)
	}
}

// wake wakes the watchers that have seen a changed resource. They read again, and are not woken before that.
func (x *watchers) wake(i interest) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for w := range x.by[i] {
		select {
		case w.c <- struct{}{}:
		default: // it has not heard of the last change yet
		}
		x.forget(w)
	}
}

// forget removes what the watcher has seen, except the kinds that it named.
func (x *watchers) forget(w *Watcher) {
	for i := range w.seen {
		x.remove(w, i)
	}
	clear(w.seen)
}
