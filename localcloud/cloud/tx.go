package cloud

import (
	"iter"
	"slices"
)

// Tx is a view of the store; a change made through it is seen by its own later reads.
type Tx struct {
	store *Store
	dirty map[Key]*Resource // nil for a deleted one

	watched bool
	seen    map[interest]struct{} // everything that was read, if that is watched
}

func (tx *Tx) see(i interest) {
	if !tx.watched {
		return
	}
	if tx.seen == nil {
		tx.seen = map[interest]struct{}{}
	}
	tx.seen[i] = struct{}{}
}

// Get returns the resource with the key, or nil.
func (tx *Tx) Get(k Key) *Resource {
	tx.see(interest{key: k})
	if r, ok := tx.dirty[k]; ok {
		return r
	}
	return tx.store.resources[k]
}

// All yields every resource in no particular order.
func (tx *Tx) All() iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		tx.see(interest{})
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
	tx.see(interest{kind: token})
	return tx.merge(tx.store.kinds[token].in(s, token), func(r *Resource) bool { return r.Token == token && r.Scope == s })
}

// Everywhere returns the resources with the token in every scope, by key.
func (tx *Tx) Everywhere(token string) []*Resource {
	tx.see(interest{kind: token})
	return tx.merge(tx.store.kinds[token], func(r *Resource) bool { return r.Token == token })
}

// Where returns the resources with the token in the scope, by id, whose property, an output or else an input, is the value or a list
// with the value in it. It reads no others: the store has an index of each property that was once used here.
func (tx *Tx) Where(s Scope, token, property, value string) []*Resource {
	of := func(r *Resource) []string {
		if v, ok := r.Outputs[property]; ok {
			return texts(v)
		}
		return texts(r.Inputs[property])
	}
	return tx.Find(Index{Token: token, Name: property, Of: of}, s, value)
}

// Find returns the resources in the scope, by id, that the index has under the value.
func (tx *Tx) Find(ix Index, s Scope, value string) []*Resource {
	found := tx.lookup(indexName{token: ix.Token, index: ix.Name}, ix.Of, value)
	return slices.DeleteFunc(found, func(r *Resource) bool { return r.Scope != s })
}

// texts returns the strings that a property is or lists.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// lookup returns the resources that the index has under the value, by key.
func (tx *Tx) lookup(name indexName, of func(*Resource) []string, value string) []*Resource {
	tx.see(interest{kind: name.token, index: name.index, value: value})
	return tx.merge(tx.store.indexed(name, of).by[value], func(r *Resource) bool {
		return name.covers(r.Token) && slices.Contains(of(r), value)
	})
}

// merge returns a copy of the stored resources with the changes of the transaction, adding those that keep accepts.
func (tx *Tx) merge(stored byKey, keep func(*Resource) bool) []*Resource {
	if len(tx.dirty) == 0 {
		return slices.Clone(stored)
	}
	out := make(byKey, 0, len(stored))
	for _, r := range stored {
		if _, ok := tx.dirty[r.Key]; !ok {
			out = append(out, r)
		}
	}
	for _, r := range tx.dirty {
		if r != nil && keep(r) {
			out = out.with(r)
		}
	}
	return out
}

// Put adds the resource, or replaces the one with its key.
func (tx *Tx) Put(r *Resource) { tx.dirty[r.Key] = r }

// Delete removes the resource with the key, if there is one.
func (tx *Tx) Delete(k Key) { tx.dirty[k] = nil }
