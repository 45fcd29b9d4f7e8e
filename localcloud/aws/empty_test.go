package aws_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"slipway/localcloud/aws/awstest"
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

// An empty text or list is an odd input, and no reason to go down.
func TestEmptyInputs(t *testing.T) {
	c, made := awstest.DefaultStack(t, func(c *awstest.Tester, token string, in cloud.Map) {
		for what, in := range empties(in) {
			c.Survives(strings.TrimPrefix(what, "."), token, nil, in)
		}
	})
	for token, r := range made {
		for what, in := range empties(r.Inputs) {
			c.Survives(strings.TrimPrefix(what, "."), token, r, in)
		}
		kind, ok := schema.Lookup(token)
		if !ok {
			t.Fatalf("%s is not in the schema", token)
		}
		for length := range 3 {
			for _, required := range []bool{false, true} {
				in := blanks(kind.Inputs, length, 6, required)
				c.Survives(fmt.Sprintf("everything (%d elements, required alone: %t)", length, required), token, r, in)
				for p := range kind.Inputs {
					c.Survives(p, token, r, awstest.With(r.Inputs, cloud.Map{p: blank(kind.Inputs[p].Type, length, 6)}))
				}
			}
		}
	}
}
