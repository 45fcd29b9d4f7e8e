package cloud

import (
	"slices"
	"sync"
)

// indexes find resources by their properties. Each is built at its first use, and kept up to date from then on.
type indexes struct {
	mu    sync.Mutex // for those who read the store at the same time; changes exclude them all
	named map[indexName]*index
}

// Index finds resources of a kind by values that are not in a property. Its name is not a property's name either.
type Index struct {
	Token, Name string
	// Of returns the values that a resource is found by.
	Of func(*Resource) []string
}

// indexName is an index of a kind, or of all kinds if the token is empty.
type indexName struct{ token, index string }

func (n indexName) covers(token string) bool { return n.token == "" || n.token == token }

type index struct {
	of     func(*Resource) []string
	by     map[string]byKey // by value
	values map[Key][]string // the values of each resource
}

// indexed returns the index, which it builds if there is none yet.
func (s *Store) indexed(name indexName, of func(*Resource) []string) *index {
	s.indexes.mu.Lock()
	defer s.indexes.mu.Unlock()
	if ix := s.indexes.named[name]; ix != nil {
		return ix
	}
	ix := &index{of: of, by: map[string]byKey{}, values: map[Key][]string{}}
	for token, resources := range s.kinds {
		if name.covers(token) {
			for _, r := range resources {
				ix.keep(r.Key, r)
			}
		}
	}
	if s.indexes.named == nil {
		s.indexes.named = map[indexName]*index{}
	}
	s.indexes.named[name] = ix
	return ix
}

// keep brings the indexes up to date, and returns the changed values of each.
func (x *indexes) keep(k Key, r *Resource, changed func(indexName, string)) {
	for name, ix := range x.named {
		if !name.covers(k.Token) {
			continue
		}
		for _, value := range ix.keep(k, r) {
			changed(name, value)
		}
	}
}

func (ix *index) keep(k Key, r *Resource) (changed []string) {
	before := ix.values[k]
	for _, v := range before {
		if ix.by[v] = ix.by[v].without(k); len(ix.by[v]) == 0 {
			delete(ix.by, v)
		}
	}
	delete(ix.values, k)
	if r == nil {
		return before
	}
	values := ix.of(r)
	for _, v := range values {
		ix.by[v] = ix.by[v].with(r)
	}
	if len(values) > 0 {
		ix.values[k] = values
	}
	return slices.Concat(before, values)
}
