package cloud

import (
	"slices"
	"sync"
)

// Watcher tells whoever reads the store through it when to read again: when something has changed that it has read, be that a
// resource, those of a kind or those with a property. Nobody is woken by what does not concern them, and nobody has to say what
// does.
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

// Watch returns a watcher that has read nothing yet. Kinds are named by those who learn of them in another way than through the
// watcher: any change of one wakes it.
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

// Update is [Store.Update]. A watcher is woken by its own changes of what it has read, too.
func (w *Watcher) Update(f func(*Tx) error) error { return w.store.update(w, f) }

// Stop ends the watch. What is read through the watcher afterwards wakes nobody.
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

// watchers are those who have read something, by what it was.
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

// names reports whether the interest is one that lasts.
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

// wake wakes those who have seen what changes. They will read it again, and are told of nothing before they have.
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

// forget removes what the watcher has seen. The kinds that it named stay.
func (x *watchers) forget(w *Watcher) {
	for i := range w.seen {
		x.remove(w, i)
	}
	clear(w.seen)
}
