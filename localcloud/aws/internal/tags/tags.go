// Package tags has the tags of resources.
package tags

import (
	"maps"

	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

// Tags is the input of every kind that can be tagged.
type Tags map[string]string

// All returns the tags together with the provider's default tags, which they override.
// https://www.pulumi.com/registry/packages/aws/api-docs/provider/#providerdefaulttags
func (t Tags) All(c *cloud.Call) cloud.Map {
	out := cloud.Map{}
	if d, ok := c.Caller.Config["defaultTags"].(cloud.Map); ok {
		if m, ok := d["tags"].(cloud.Map); ok {
			maps.Copy(out, m)
		}
	}
	for k, v := range t {
		out[k] = v
	}
	return out
}

// All derives the output of all tags, which every kind has that can be tagged.
func All(c *cloud.Call) cloud.Map {
	given, _ := c.Resource.Inputs["tags"].(cloud.Map)
	return cloud.Map{"tagsAll": Tags(untyped.Texts(given)).All(c)}
}

// Of returns the tags that a resource has, the provider's default tags among them.
func Of(r *cloud.Resource) map[string]string {
	m, _ := r.Outputs["tagsAll"].(cloud.Map)
	return untyped.Texts(m)
}
