// Package aws is the table of the AWS kinds that the local cloud serves, one file a service: what their inputs must satisfy,
// what they refer to, what they answer. Rules name the page of AWS's documentation, or the API error code, that they follow.
package aws

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"

	"slipway/localcloud/cloud"
)

// DefaultAccount is whose the resources are when the provider assumes no role: see [Callers.Caller].
const DefaultAccount = "000000000000"

// regions lists the regions that the local cloud has, and the letters of their availability zones.
// https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html
var regions = map[string]string{
	"eu-central-1": "abc", "eu-west-1": "abc", "eu-west-2": "abc", "eu-west-3": "abc", "eu-north-1": "abc", "eu-south-1": "abc",
	"us-east-1": "abcdef", "us-east-2": "abc", "us-west-1": "ac", "us-west-2": "abcd", "ca-central-1": "abd", "sa-east-1": "abc",
	"ap-northeast-1": "acd", "ap-southeast-1": "abc", "ap-southeast-2": "abc", "ap-south-1": "abc",
}

// ReplacingSettings are the settings of the provider whose change replaces all resources: version 6 of pulumi-aws moves them to
// another region, and does nothing of the kind for another account.
// https://github.com/pulumi/pulumi-aws/pull/4000; version 7 no longer does it: https://github.com/pulumi/pulumi-aws/pull/5656
var ReplacingSettings = []string{"region"}

// zones returns the names of the region's availability zones.
func zones(region string) []string {
	var out []string
	for _, letter := range regions[region] {
		out = append(out, region+string(letter))
	}
	return out
}

// given reports whether an option says anything.
func given(option any) bool {
	switch o := option.(type) {
	case nil:
		return false
	case []any:
		return slices.ContainsFunc(o, given)
	case cloud.Map:
		for _, v := range o {
			if given(v) {
				return true
			}
		}
		return false
	case string:
		return o != ""
	}
	return true
}

// Kinds returns every kind and function of the package but those of [ECR], which need a registry.
func Kinds() []any {
	return slices.Concat(
		ec2Kinds(), ecsKinds(), iamKinds(), iamOIDCKinds(), acmKinds(), cloudWatchKinds(), appAutoScalingKinds(), logsKinds(),
		secretsManagerKinds(), elbv2Kinds(), ecrKinds(), s3Kinds(), resourceGroupsTaggingKinds(),
	)
}

// filled returns objects with the fields that the provider fills in where they are not given.
func filled(objects []any, fields cloud.Map) []any {
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

// arn returns the resource name that AWS gives to something in the call's account and region.
func arn(s cloud.Scope, service, resource string) string {
	return "arn:aws:" + service + ":" + s.Region + ":" + s.Account + ":" + resource
}

// newID returns an identifier of EC2's form: a prefix and 17 hexadecimal digits.
func newID(prefix string) string { return prefix + "-0" + randomHex(16) }

// randomHex returns n random hexadecimal digits.
func randomHex(n int) string {
	b := make([]byte, (n+1)/2)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	return hex.EncodeToString(b)[:n]
}

// tags is the input of every kind that can be tagged.
type tags map[string]string

// all returns the tags together with the provider's default tags, which they override.
// https://www.pulumi.com/registry/packages/aws/api-docs/provider/#providerdefaulttags
func (t tags) all(c *cloud.Call) cloud.Map {
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

// notFound makes a kind's NotFound of an error code and a message with one verb for the id.
func notFound(code, message string) func(string) *cloud.Error {
	return func(id string) *cloud.Error { return cloud.Errorf(code, message, id) }
}

// dependencyViolation is EC2's refusal to delete what something else still uses.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
func dependencyViolation(noun string) func(r, by *cloud.Resource) *cloud.Error {
	return func(r, by *cloud.Resource) *cloud.Error {
		return cloud.Errorf("DependencyViolation", "The %s '%s' has dependencies and cannot be deleted. (used by %s)", noun, r.ID, by.ID)
	}
}
