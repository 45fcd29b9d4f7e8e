package cloud_test

import (
	"fmt"
	"testing"

	"slipway/localcloud/cloud"
)

// What it takes to create, update and delete a resource does not depend on how many others there are. The count is the process's:
// no test runs in parallel with this one.
func TestChangesAreNoDearerInALargeCloud(t *testing.T) {
	const small, large = 10, 300
	want := decodesOfChanges(t, small)
	if want["create"] == 0 {
		t.Error("nothing was decoded to create a resource")
	}
	for operation, n := range decodesOfChanges(t, large) {
		if n != want[operation] {
			t.Errorf("%s: %d decodes among %d shelves of books, %d among %d", operation, n, large, want[operation], small)
		}
	}
}

// decodesOfChanges returns how often resources are decoded for one operation of each sort, in a cloud of n shelves with a book each.
func decodesOfChanges(t *testing.T, n int) map[string]int64 {
	t.Helper()
	c, _ := newCloud(t)
	add := func(name string) (shelf, book *cloud.Resource) {
		t.Helper()
		return create(t, c, "test:Shelf", cloud.Map{"name": name}), create(t, c, "test:Book", cloud.Map{"shelf": "arn:" + name, "title": name})
	}
	for i := range n {
		add(fmt.Sprint(i))
	}
	other, book := add("other")
	if err := c.Delete(t.Context(), here, book.Token, book.ID, 0); err != nil { // which makes the index of references
		t.Fatal(err)
	}
	waiting, heard := c.Store.Watch(), 0
	defer waiting.Stop()
	waiting.View(func(tx *cloud.Tx) { tx.Get(other.Key) })

	out := map[string]int64{}
	for _, o := range []struct {
		name string
		do   func() error
	}{
		{"create", func() error { add("one"); return nil }},
		{"read", func() error { _, err := c.Read(here, "test:Book", "book-one"); return err }},
		{"update", func() error {
			_, err := c.Update(t.Context(), here, "test:Book", "book-one", cloud.Map{"shelf": "arn:one", "title": "one"}, 0)
			return err
		}},
		{"delete", func() error { return c.Delete(t.Context(), here, "test:Book", "book-one", 0) }},
		{"delete what was referred to", func() error { return c.Delete(t.Context(), here, "test:Shelf", "shelf-one", 0) }},
	} {
		before := cloud.Decodes()
		if err := o.do(); err != nil {
			t.Fatal(o.name, err)
		}
		out[o.name] = cloud.Decodes() - before
		if woken(waiting) {
			heard++
		}
	}
	if heard > 0 {
		t.Errorf("who waits for one resource was woken %d times by changes of others", heard)
	}
	return out
}
