// Package untyped reads and makes the engine's properties without Go types.
package untyped

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"slipway/localcloud/cloud"
)

// Given reports whether an option says anything.
func Given(option any) bool {
	switch o := option.(type) {
	case nil:
		return false
	case []any:
		return slices.ContainsFunc(o, Given)
	case cloud.Map:
		for _, v := range o {
			if Given(v) {
				return true
			}
		}
		return false
	case string:
		return o != ""
	}
	return true
}

// Filled returns objects with the provider's values for missing fields.
func Filled(objects []any, fields cloud.Map) []any {
	out := make([]any, len(objects))
	for i, o := range objects {
		m, ok := o.(cloud.Map)
		if !ok {
			out[i] = o
			continue
		}
		whole := maps.Clone(fields)
		maps.Copy(whole, m)
		out[i] = whole
	}
	return out
}

// List returns a property that is a list; nil where it has not been given.
func List(v any) []any {
	l, _ := v.([]any)
	return l
}

// OfStrings returns the strings as a property.
func OfStrings(l []string) []any {
	out := make([]any, len(l))
	for i, v := range l {
		out[i] = v
	}
	return out
}

// Timestamp writes a time as the provider's outputs have it.
func Timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Texts returns those of the fields that are texts.
func Texts(m cloud.Map) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	return out
}

// Map returns the texts as a property.
func Map(texts map[string]string) cloud.Map {
	out := cloud.Map{}
	for k, v := range texts {
		out[k] = v
	}
	return out
}

// Keys returns the keys, sorted.
func Keys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// JSON writes a value that was read as JSON.
func JSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("write JSON: " + err.Error()) // it was JSON before
	}
	return string(raw)
}
