package iam

import (
	"maps"
	"strings"

	"slipway/localcloud/cloud"
)

// retag has the special rule of a role's tags: IAM keeps the case of their keys but ignores it in comparisons. It refuses two such keys
// in one call. A later one replaces the other, so the program's wish is never reached.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
func (out *roleOutputs) retag(c *cloud.Call) error {
	want, had := out.TagsAll, cloud.Map{}
	if c.Old != nil {
		had = cloud.OutputsOf[roleOutputs](c.Old).TagsAll
	}
	call := map[string]string{} // the keys that the provider sends, by their spelling in lower case
	for key, value := range want {
		if old, ok := had[key]; ok && old == value {
			continue
		}
		folded := strings.ToLower(key)
		if _, twice := call[folded]; twice {
			return cloud.Errorf("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		call[folded] = key
	}
	tags := maps.Clone(out.Tags)
	for key := range want {
		if by, sent := call[strings.ToLower(key)]; sent && by != key {
			delete(want, key)
			delete(tags, key)
			out.Tags, c.Resource.Inputs["tags"] = tags, tags
		}
	}
	return nil
}
