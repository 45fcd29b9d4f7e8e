package aws

import (
	"maps"
	"slices"
	"strings"
	"time"

	"slipway/localcloud/cloud"
)

func resourceGroupsTaggingKinds() []any { return []any{getResources, listedResource} }

type resourcesArgs struct {
	ResourceARNList     []string `json:"resourceArnLists"`
	ResourceTypeFilters []string `json:"resourceTypeFilters"`
	TagFilters          []struct {
		Key    string   `json:"key"`
		Values []string `json:"values"`
	} `json:"tagFilters"`
	IncludeComplianceDetails bool `json:"includeComplianceDetails"`
}

// getResources finds what has tags by its tags, in the caller's region alone. IAM's roles are not found, and a policy that says
// what is in another region is no different. The provider puts the pages of the answer together.
// https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
// https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
var getResources = &cloud.Function[resourcesArgs]{
	Token: "aws:resourcegroupstaggingapi/getResources:getResources",
	Needs: needs{Invoke: func(o *operation) { o.any("tag:GetResources") }},
	Call: func(c *cloud.Call, args *resourcesArgs) (cloud.Map, error) {
		if err := args.check(); err != nil {
			return nil, err
		}
		region := c.Caller.Scope.Region
		tagged := map[string]any{} // by ARN: a VPC's own security group is two resources where a program has adopted it
		for r := range c.Tx.All() {
			arn, tags := c.Tagged(r)
			if _, seen := tagged[arn]; seen && r.Token == listedResourceToken {
				continue // there is another one of that name
			}
			if r.Scope == c.Caller.Scope && len(tags) > 0 && args.match(arn, tags) {
				tagged[arn] = asMap(tags)
			}
		}
		mappings := []any{}
		for _, arn := range slices.Sorted(maps.Keys(tagged)) {
			mappings = append(mappings, cloud.Map{"resourceArn": arn, "tags": tagged[arn], "complianceDetails": []any{}})
		}
		return cloud.Map{"id": region, "resourceTagMappingLists": mappings}, nil
	},
}

// listedResourceToken is the token of what is deleted and still listed, by ARN.
const listedResourceToken = "aws:resourcegroupstaggingapi/listedResource:ListedResource"

// listedResource is what is gone and still listed.
var listedResource = &cloud.Kind[struct{}]{Spec: cloud.Spec{
	Token: listedResourceToken,
	Label: "Resource Groups Tagging Listed Resource",
	Alive: func(*cloud.Resource) bool { return false },
	Tagged: func(r *cloud.Resource) (string, map[string]string) {
		if s := cloud.StatusOf[listedStatus](r); time.Now().Before(s.Until) {
			return r.ID, s.Tags
		}
		return "", nil
	},
}}

// listedStatus is the status of what is deleted and still listed.
type listedStatus struct {
	Until time.Time         `json:"until"`
	Tags  map[string]string `json:"tags"`
}

// ListedFor returns how long the tagging API goes on listing what is deleted: an hour, scaled by the latency, but if it does at all,
// long enough to be met. AWS promises nothing: it was seen to take hours, for some kinds more than for others.
// https://github.com/boto/boto3/issues/3341, https://github.com/aws/aws-sdk/issues/676
func ListedFor(latency float64) time.Duration {
	const least = 10 * time.Minute
	if latency == 0 {
		return 0
	}
	return max(least, time.Duration(latency*float64(time.Hour)))
}

// ListDeleted makes GetResources tell so much later of what is deleted; 0 is at once.
func ListDeleted(late time.Duration) func(*cloud.Call) {
	if late == 0 {
		return nil
	}
	return func(c *cloud.Call) {
		now := time.Now().UTC()
		for _, old := range c.Tx.Everywhere(listedResourceToken) {
			if now.After(cloud.StatusOf[listedStatus](old).Until) {
				c.Tx.Delete(old.Key)
			}
		}
		arn, tags := c.Tagged(c.Resource)
		if len(tags) == 0 {
			return
		}
		listed := &cloud.Resource{Key: cloud.Key{Scope: c.Resource.Scope, Token: listedResourceToken, ID: arn}}
		listed.SetStatus(listedStatus{Until: now.Add(late), Tags: tags})
		c.Tx.Put(listed)
	}
}

func (args *resourcesArgs) check() error {
	refuse := func(format string, more ...any) error {
		return cloud.Errorf("InvalidParameterException", format, more...)
	}
	switch {
	case args.IncludeComplianceDetails:
		return unimplemented("includeComplianceDetails, what an organization's tag policies say")
	case len(args.ResourceARNList) > 0 && len(args.TagFilters)+len(args.ResourceTypeFilters) > 0:
		return refuse("ResourceARNList cannot be combined with TagFilters or ResourceTypeFilters")
	case len(args.ResourceARNList) > 100:
		return refuse("ResourceARNList can have 100 entries at most")
	case len(args.TagFilters) > 50:
		return refuse("TagFilters can have 50 keys at most")
	}
	for _, f := range args.TagFilters {
		if f.Key == "" || len(f.Values) > 20 {
			return refuse("a TagFilter needs a key, and can have 20 values at most")
		}
	}
	return nil
}

// match tells whether a resource is among those asked for: it must have every tag, with any of the values given for it.
func (args *resourcesArgs) match(arn string, tags map[string]string) bool {
	if len(args.ResourceARNList) > 0 {
		return slices.Contains(args.ResourceARNList, arn)
	}
	for _, f := range args.TagFilters {
		value, has := tags[f.Key]
		if !has || len(f.Values) > 0 && !slices.Contains(f.Values, value) {
			return false
		}
	}
	return len(args.ResourceTypeFilters) == 0 || slices.ContainsFunc(args.ResourceTypeFilters, func(filter string) bool {
		return isOfType(arn, filter)
	})
}

// isOfType tells whether a resource is of a type such as ec2:vpc, or of a service such as ec2.
func isOfType(arn, filter string) bool {
	service, kind, one := strings.Cut(filter, ":")
	parts := strings.SplitN(arn, ":", 6) // arn:partition:service:region:account:resource
	if len(parts) < 6 || parts[2] != service {
		return false
	}
	return !one || strings.HasPrefix(parts[5], kind+"/") || strings.HasPrefix(parts[5], kind+":")
}
