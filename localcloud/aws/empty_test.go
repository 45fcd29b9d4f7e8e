package aws

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"
)

// empties returns the inputs with each of their strings, in turn, empty, and each of their lists, by where that is.
func empties(in cloud.Map) map[string]cloud.Map {
	out := map[string]cloud.Map{}
	var walk func(at string, v any, put func(any) cloud.Map)
	walk = func(at string, v any, put func(any) cloud.Map) {
		switch v := v.(type) {
		case string:
			out[at] = put("")
		case []any:
			out[at] = put([]any{})
			for i, e := range v {
				walk(fmt.Sprintf("%s[%d]", at, i), e, func(e any) cloud.Map {
					l := append([]any{}, v...)
					l[i] = e
					return put(l)
				})
			}
		case cloud.Map:
			for p, e := range v {
				walk(at+"."+p, e, func(e any) cloud.Map {
					m := maps.Clone(v)
					m[p] = e
					if at == "" {
						return m
					}
					return put(m)
				})
			}
		}
	}
	walk("", in, nil)
	return out
}

// blank makes a value of the type with nothing in it; a list has as many such elements as length says.
func blank(t *schema.Type, length, depth int) any {
	switch t.Kind {
	case schema.Integer, schema.Number:
		return 0.0
	case schema.Boolean:
		return false
	case schema.Array:
		l := []any{}
		for range length {
			l = append(l, blank(t.Elem, length, depth-1))
		}
		return l
	case schema.Map:
		return cloud.Map{}
	case schema.Object:
		return blanks(t.Properties, length, depth-1, false)
	}
	return ""
}

func blanks(props schema.Properties, length, depth int, required bool) cloud.Map {
	out := cloud.Map{}
	for name, p := range props {
		if depth > 0 && (p.Required || !required) {
			out[name] = blank(p.Type, length, depth)
		}
	}
	return out
}

// survives uses the inputs to create a resource and to update old, which may be nil; then it puts the store back as it was.
func (c *testCloud) survives(what, token string, old *cloud.Resource, in cloud.Map) {
	c.t.Helper()
	before := map[cloud.Key]*cloud.Resource{}
	c.Store.View(func(tx *cloud.Tx) {
		for r := range tx.All() {
			before[r.Key] = r
		}
	})
	attempt := func(doing string, f func(checked cloud.Map)) {
		c.t.Helper()
		defer func() {
			if r := recover(); r != nil {
				c.t.Errorf("%s %s with empty %s: panic: %v", doing, token, what, r)
			}
			err := c.Store.Update(func(tx *cloud.Tx) error {
				for r := range tx.All() {
					if before[r.Key] == nil {
						tx.Delete(r.Key)
					}
				}
				for _, r := range before {
					if tx.Get(r.Key) != r { // a resource that changes is another
						tx.Put(r)
					}
				}
				return nil
			})
			if err != nil {
				c.t.Fatal(err)
			}
		}()
		checked, failures, err := c.Check(token, in)
		if err == nil && len(failures) == 0 {
			f(checked)
		}
	}
	attempt("creating", func(checked cloud.Map) { _, _ = c.Create(c.t.Context(), here, token, checked, time.Millisecond) })
	if old != nil {
		attempt("updating", func(checked cloud.Map) {
			_, _ = c.Update(c.t.Context(), here, token, old.ID, checked, time.Millisecond)
		})
	}
}

// An empty text or list is an odd input, and no reason to go down.
func TestEmptyInputs(t *testing.T) {
	c, made := defaultStack(t, func(c *testCloud, token string, in cloud.Map) {
		for what, in := range empties(in) {
			c.survives(strings.TrimPrefix(what, "."), token, nil, in)
		}
	})
	for token, r := range made {
		for what, in := range empties(r.Inputs) {
			c.survives(strings.TrimPrefix(what, "."), token, r, in)
		}
		kind, ok := schema.Lookup(token)
		if !ok {
			t.Fatalf("%s is not in the schema", token)
		}
		for length := range 3 {
			for _, required := range []bool{false, true} {
				in := blanks(kind.Inputs, length, 6, required)
				c.survives(fmt.Sprintf("everything (%d elements, required alone: %t)", length, required), token, r, in)
				for p := range kind.Inputs {
					c.survives(p, token, r, with(r.Inputs, cloud.Map{p: blank(kind.Inputs[p].Type, length, 6)}))
				}
			}
		}
	}
}
