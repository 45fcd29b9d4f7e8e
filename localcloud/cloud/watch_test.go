package cloud_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"slipway/localcloud/cloud"
)

// woken reports whether the watcher has a reason to read again.
func woken(w *cloud.Watcher) bool {
	select {
	case <-w.C:
		return true
	default:
		return false
	}
}

func keyOf(token, id string) cloud.Key {
	return cloud.Key{Scope: here.Scope, Token: token, ID: id}
}

func change(t *testing.T, s *cloud.Store, f func(tx *cloud.Tx)) {
	t.Helper()
	err := s.Update(func(tx *cloud.Tx) error {
		f(tx)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// put stores a resource with one output, "of".
func put(tx *cloud.Tx, token, id string, of any) {
	tx.Put(&cloud.Resource{Key: keyOf(token, id), Outputs: cloud.Map{"of": of}})
}

// Only changes of what it has read wake a watcher.
func TestWatchersAreWokenByWhatTheyRead(t *testing.T) {
	reads := map[string]func(*cloud.Tx){
		"nothing":      func(*cloud.Tx) {},
		"one":          func(tx *cloud.Tx) { tx.Get(keyOf("test:A", "1")) },
		"a kind":       func(tx *cloud.Tx) { tx.List(here.Scope, "test:A") },
		"a kind, all":  func(tx *cloud.Tx) { tx.Everywhere("test:A") },
		"a property":   func(tx *cloud.Tx) { tx.Where(here.Scope, "test:A", "of", "x") },
		"all there is": func(tx *cloud.Tx) { _ = slices.Collect(tx.All()) },
	}
	for _, test := range []struct {
		name   string
		change func(*cloud.Tx)
		wakes  []string
	}{
		{"nothing", func(*cloud.Tx) {}, nil},
		{"another kind", func(tx *cloud.Tx) { put(tx, "test:B", "1", "x") }, []string{"all there is"}},
		{
			"the one", func(tx *cloud.Tx) { put(tx, "test:A", "1", "x") },
			[]string{"one", "a kind", "a kind, all", "a property", "all there is"},
		},
		{"another one", func(tx *cloud.Tx) { put(tx, "test:A", "2", "y") }, []string{"a kind", "a kind, all", "all there is"}},
		{"one that gets the property", func(tx *cloud.Tx) { put(tx, "test:A", "3", "x") }, []string{"a kind", "a kind, all", "a property", "all there is"}},
		{
			"one whose list gets the property", func(tx *cloud.Tx) { put(tx, "test:A", "3", []any{"y", "x"}) },
			[]string{"a kind", "a kind, all", "a property", "all there is"},
		},
		{
			"one that loses the property", func(tx *cloud.Tx) { put(tx, "test:A", "4", "y") },
			[]string{"a kind", "a kind, all", "a property", "all there is"},
		},
		{
			"the end of one with the property", func(tx *cloud.Tx) { tx.Delete(keyOf("test:A", "4")) },
			[]string{"a kind", "a kind, all", "a property", "all there is"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, _ := newCloud(t)
			change(t, c.Store, func(tx *cloud.Tx) { put(tx, "test:A", "4", "x") })
			watchers := map[string]*cloud.Watcher{}
			for name, read := range reads {
				watchers[name] = c.Store.Watch()
				defer watchers[name].Stop()
				watchers[name].View(read)
			}
			for _, again := range []bool{false, true} { // once woken, they are told of nothing before they have read again
				change(t, c.Store, test.change)
				for name, w := range watchers {
					if got, want := woken(w), !again && slices.Contains(test.wakes, name); got != want {
						t.Errorf("who read %s: woken %v, want %v (again: %v)", name, got, want, again)
					}
				}
				for name, read := range reads {
					if !slices.Contains(test.wakes, name) {
						watchers[name].View(read)
					}
				}
			}
		})
	}
}

func TestWatchersOfNamedKinds(t *testing.T) {
	c, _ := newCloud(t)
	w := c.Store.Watch("test:A")
	defer w.Stop()
	for range 2 {
		change(t, c.Store, func(tx *cloud.Tx) { put(tx, "test:A", "1", "x") })
		if !woken(w) {
			t.Error("not woken by a change of the kind")
		}
		change(t, c.Store, func(tx *cloud.Tx) { put(tx, "test:B", "1", "x") })
		if woken(w) {
			t.Error("woken by a change of another kind")
		}
	}
	w.View(func(tx *cloud.Tx) { tx.Everywhere("test:A") })
	w.Stop()
	change(t, c.Store, func(tx *cloud.Tx) { put(tx, "test:A", "2", "x") })
	if woken(w) {
		t.Error("woken after it was stopped")
	}
}

// Who reads on after the end of the watch is remembered nowhere.
func TestStoppedWatchers(t *testing.T) {
	c, _ := newCloud(t)
	w := c.Store.Watch()
	w.Stop()
	w.View(func(tx *cloud.Tx) { tx.Everywhere("test:A") })
	if err := w.Update(func(tx *cloud.Tx) error { tx.Get(keyOf("test:A", "1")); return nil }); err != nil {
		t.Fatal(err)
	}
	change(t, c.Store, func(tx *cloud.Tx) { put(tx, "test:A", "1", "x") })
	if woken(w) {
		t.Error("woken by what it read after it was stopped")
	}
}

// A refused change has read its resources: a retry waits for one of them to change.
func TestWatchersOfUpdates(t *testing.T) {
	c, _ := newCloud(t)
	w := c.Store.Watch()
	defer w.Stop()
	refuse := errors.New("no")
	if err := w.Update(func(tx *cloud.Tx) error { tx.Get(keyOf("test:A", "1")); return refuse }); !errors.Is(err, refuse) {
		t.Fatal(err)
	}
	if woken(w) {
		t.Error("woken before anything has changed")
	}
	change(t, c.Store, func(tx *cloud.Tx) { put(tx, "test:A", "1", "x") })
	if !woken(w) {
		t.Error("not woken by a change of what a refused transaction has read")
	}
	if err := w.Update(func(tx *cloud.Tx) error { put(tx, "test:A", "1", tx.Get(keyOf("test:A", "1")).ID); return nil }); err != nil {
		t.Fatal(err)
	}
	if !woken(w) {
		t.Error("not woken by its own change of what it has read")
	}
}

// A transaction's own reads see its changes at once, by every way to find them.
func TestReadsSeeTheirOwnChanges(t *testing.T) {
	c, _ := newCloud(t)
	change(t, c.Store, func(tx *cloud.Tx) {
		for i := range 5 {
			put(tx, "test:A", fmt.Sprint(i), "x")
		}
	})
	ids := func(found []*cloud.Resource) (ids []string) {
		for _, r := range found {
			ids = append(ids, r.ID)
		}
		return ids
	}
	want := []string{"0", "1", "3", "7"}
	check := func(tx *cloud.Tx, when string) {
		t.Helper()
		for way, got := range map[string][]*cloud.Resource{
			"List": tx.List(here.Scope, "test:A"), "Everywhere": tx.Everywhere("test:A"),
		} {
			if got := ids(got); !slices.Equal(got, []string{"0", "1", "2", "3", "7"}) {
				t.Errorf("%s, by %s: %v", when, way, got)
			}
		}
		if got := ids(tx.Where(here.Scope, "test:A", "of", "x")); !slices.Equal(got, want) {
			t.Errorf("%s, by Where: %v, want %v", when, got, want)
		}
	}
	change(t, c.Store, func(tx *cloud.Tx) {
		tx.Where(here.Scope, "test:A", "of", "x") // there is an index from here on
		put(tx, "test:A", "7", []any{"y", "x"})
		put(tx, "test:A", "2", "y")
		tx.Delete(keyOf("test:A", "4"))
		tx.Put(&cloud.Resource{Key: cloud.Key{Scope: cloud.Scope{Account: "2"}, Token: "test:B", ID: "0"}, Outputs: cloud.Map{"of": "x"}})
		check(tx, "before the commit")
	})
	c.Store.View(func(tx *cloud.Tx) { check(tx, "after the commit") })
}
