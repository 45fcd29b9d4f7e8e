package cloud

import (
	"encoding/json"
	"fmt"
)

// Map holds the properties of a resource: nil, bool, float64, string, []any, Map (map[string]any) and Unknown.
type Map = map[string]any

// Unknown stands for a value that only exists once another resource has been created. It occurs only in previews.
type Unknown struct{}

// IsUnknown reports whether v is Unknown itself; a list or map that holds an Unknown is not.
func IsUnknown(v any) bool {
	_, ok := v.(Unknown)
	return ok
}

// HasUnknown reports whether v is Unknown or holds one at any depth.
func HasUnknown(v any) bool {
	switch v := v.(type) {
	case Unknown:
		return true
	case []any:
		for _, e := range v {
			if HasUnknown(e) {
				return true
			}
		}
	case Map:
		for _, e := range v {
			if HasUnknown(e) {
				return true
			}
		}
	}
	return false
}

// known returns v without its unknown parts: they decode to Go's zero value, which a kind's Check takes as "not said".
func known(v any) any {
	switch v := v.(type) {
	case Unknown:
		return nil
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = known(e)
		}
		return out
	case Map:
		out := make(Map, len(v))
		for k, e := range v {
			if !IsUnknown(e) {
				out[k] = known(e)
			}
		}
		return out
	}
	return v
}

// Decode reads the properties into a struct by its json tags. Unknown values are left at zero.
func Decode[T any](m Map) (*T, error) {
	decodes.Add(1)
	raw, err := json.Marshal(known(m))
	if err != nil {
		return nil, fmt.Errorf("encode properties: %w", err)
	}
	out := new(T)
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, fmt.Errorf("decode properties: %w", err)
	}
	return out, nil
}

// Encode writes any JSON-able value as properties, the inverse of Decode.
func Encode(v any) (Map, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode properties: %w", err)
	}
	var out Map
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("decode properties: %w", err)
	}
	return out, nil
}

// PutStatus stores a resource with another status.
func (tx *Tx) PutStatus(r *Resource, status any) {
	r = r.Clone()
	r.SetStatus(status)
	tx.Put(r)
}
