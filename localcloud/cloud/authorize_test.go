package cloud_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"slipway/localcloud/cloud"
)

var errForbidden = errors.New("forbidden")

// itself is the needs of operations that need their own verb.
type itself struct{}

func (itself) Permissions(_ *cloud.Call, o cloud.Operation) []cloud.Permission {
	return []cloud.Permission{{Action: string(o.Verb), Resource: o.Token}}
}

// Every operation is authorized once, before it takes effect, and a refused one changes nothing.
func TestAuthorize(t *testing.T) {
	store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	var asked []string
	forbidden := cloud.Verb("")
	c := cloud.New(store, cloud.Options{Schema: anything{}, Authorize: func(call *cloud.Call, permissions []cloud.Permission) error {
		verb, what := cloud.Verb(permissions[0].Action), ""
		if call.Resource != nil {
			what = call.Resource.ID
			if call.Old != nil {
				what += " to " + call.Resource.Inputs["colour"].(string)
			}
		}
		if call.Tx == nil || call.Caller.Identity != "reader" {
			t.Errorf("%s %s is asked for by %q, in transaction %v", verb, permissions[0].Resource, call.Caller.Identity, call.Tx)
		}
		asked = append(asked, string(verb)+" "+what)
		if verb == forbidden {
			return errForbidden
		}
		return nil
	}})
	shelves, _ := kinds()
	shelves.Needs = itself{}
	called := 0
	c.Add(shelves, &cloud.Function[struct{}]{Token: "test:count", Needs: itself{}, Call: func(*cloud.Call, *struct{}) (cloud.Map, error) {
		called++
		return cloud.Map{}, nil
	}})
	reader := cloud.Caller{Scope: here.Scope, Identity: "reader"}
	ctx := context.Background()
	operations := []struct {
		verb cloud.Verb
		do   func() error
	}{
		{cloud.Create, func() error { _, err := c.Create(ctx, reader, "test:Shelf", cloud.Map{"name": "a"}, 0); return err }},
		{cloud.Read, func() error { _, err := c.Read(reader, "test:Shelf", "shelf-a"); return err }},
		{cloud.Update, func() error {
			_, err := c.Update(ctx, reader, "test:Shelf", "shelf-a", cloud.Map{"name": "a", "colour": "red"}, 0)
			return err
		}},
		{cloud.Invoke, func() error { _, _, err := c.Invoke(ctx, reader, "test:count", nil); return err }},
		{cloud.Delete, func() error { return c.Delete(ctx, reader, "test:Shelf", "shelf-a", 0) }},
	}
	state := func() (id, colour string, calls int) {
		store.View(func(tx *cloud.Tx) {
			for r := range tx.All() {
				id = r.ID
				colour, _ = r.Inputs["colour"].(string)
			}
		})
		return id, colour, called
	}
	for _, o := range operations {
		forbidden = o.verb
		beforeID, beforeColour, beforeCalls := state()
		if err := o.do(); !errors.Is(err, errForbidden) {
			t.Errorf("a forbidden %s: %v", o.verb, err)
		}
		if id, colour, calls := state(); id != beforeID || colour != beforeColour || calls != beforeCalls {
			t.Errorf("a forbidden %s left %s, %s, %d", o.verb, id, colour, calls)
		}
		forbidden = ""
		if err := o.do(); err != nil {
			t.Errorf("%s: %v", o.verb, err)
		}
	}
	want := []string{
		"create ", "create ", "read shelf-a", "read shelf-a", "update shelf-a to red", "update shelf-a to red", "invoke ", "invoke ",
		"delete shelf-a", "delete shelf-a",
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}

	asked = nil
	for _, o := range operations[1:3] { // of what is not there
		_ = o.do()
	}
	if err := operations[4].do(); err != nil || len(asked) > 0 {
		t.Errorf("of what is not there: %v, asked for %q", err, asked)
	}
}
