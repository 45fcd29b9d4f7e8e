package policy

import (
	"encoding/json"
	"strings"

	awspolicy "github.com/hashicorp/awspolicyequivalence"
)

// Same reports whether two policies, each a text or an object, mean the same to the provider.
// terraform-provider-aws v5.100.0, internal/verify, PolicyStringsEquivalent
func Same(a, b any) bool {
	first, second := written(a), written(b)
	if first == second {
		return true
	}
	same, err := awspolicy.PoliciesAreEquivalent(first, second)
	return err == nil && same
}

// written returns a policy as a text. None is an empty one.
func written(policy any) string {
	switch p := policy.(type) {
	case nil:
		return "{}"
	case string:
		if p = strings.TrimSpace(p); p == "" {
			return "{}"
		}
		return p
	}
	raw, _ := json.Marshal(policy) // properties are what JSON has
	return string(raw)
}
