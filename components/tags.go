package components

import (
	"maps"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/spec"
)

// Tags are put on every resource that can have tags.
type Tags spec.Tags

// problems reports what AWS would refuse, and tags that the components set themselves.
func (t Tags) problems() spec.Problems {
	var found spec.Problems
	found.Include(spec.Tags(t).Problems("Name", spec.ServiceTag), "tags")
	return found
}

// With returns a copy of the tags with key set to value.
func (t Tags) With(key, value string) Tags {
	out := maps.Clone(t)
	if out == nil {
		out = Tags{}
	}
	out[key] = value
	return out
}

// named returns the tags as an input, with the Name tag that the AWS console lists.
func (t Tags) named(name string) pulumi.StringMap {
	return pulumi.ToStringMap(t.With("Name", name))
}
