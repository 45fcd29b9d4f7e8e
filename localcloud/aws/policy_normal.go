package aws

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"slipway/localcloud/cloud"
)

// normalPolicy writes a policy, be it a text or an object, so that two policies that mean the same have one text. White space,
// the order of keys and lists, and whether a single element is in a list do not matter.
// terraform-provider-aws, internal/verify, PolicyStringsEquivalent, which asks github.com/hashicorp/awspolicyequivalence
func normalPolicy(v any) any {
	policy := v
	if text, ok := v.(string); ok {
		if err := json.Unmarshal([]byte(text), &policy); err != nil {
			return v // nothing, or what Check refuses
		}
	}
	if policy == nil {
		return v
	}
	return jsonText(normalValue(policy))
}

// normalInlinePolicies is normalPolicy for each of a role's inline policies.
func normalInlinePolicies(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = e
		if p, ok := e.(cloud.Map); ok {
			p = maps.Clone(p)
			p["policy"] = normalPolicy(p["policy"])
			out[i] = p
		}
	}
	return out
}

// normalValue takes every list for a set, as all lists in a policy are, and booleans and numbers for their texts.
func normalValue(v any) any {
	switch v := v.(type) {
	case cloud.Map:
		out := make(cloud.Map, len(v))
		for k, e := range v {
			out[k] = normalValue(e)
		}
		return out
	case []any:
		if len(v) == 1 {
			return normalValue(v[0])
		}
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = normalValue(e)
		}
		slices.SortFunc(out, func(a, b any) int { return cmp.Compare(jsonText(a), jsonText(b)) })
		return out
	case bool, float64:
		return fmt.Sprint(v)
	}
	return v
}

// jsonText writes a value that was read as JSON.
func jsonText(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("write JSON: " + err.Error()) // it was JSON before
	}
	return string(raw)
}
