package policy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

// Normal writes a policy, be it a text or an object, so that two policies that mean the same have one text. White space,
// the order of keys and lists, and whether a single element is in a list do not matter.
// terraform-provider-aws, internal/verify, PolicyStringsEquivalent, which asks github.com/hashicorp/awspolicyequivalence
func Normal(v any) any {
	policy := v
	if text, ok := v.(string); ok {
		if err := json.Unmarshal([]byte(text), &policy); err != nil {
			return v // nothing, or what Check refuses
		}
	}
	if policy == nil {
		return v
	}
	return untyped.JSON(normalValue(policy))
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
		slices.SortFunc(out, func(a, b any) int { return cmp.Compare(untyped.JSON(a), untyped.JSON(b)) })
		return out
	case bool, float64:
		return fmt.Sprint(v)
	}
	return v
}
