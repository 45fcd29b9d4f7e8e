// Package resourcegroupstagging finds resources by their tags, as the Resource Groups Tagging API does. What callers must be
// allowed follows, for the calls, the provider's own source, and for actions, resources and condition keys the Service
// Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonresourcegrouptaggingapi.html
package resourcegroupstagging

import (
	"maps"
	"slices"
	"strings"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

type resourcesArgs struct {
	ResourceARNList     []string `json:"resourceArnLists"`
	ResourceTypeFilters []string `json:"resourceTypeFilters"`
	TagFilters          []struct {
		Key    string   `json:"key"`
		Values []string `json:"values"`
	} `json:"tagFilters"`
	IncludeComplianceDetails bool `json:"includeComplianceDetails"`
}

// getResources finds resources by their tags, only in the caller's region. It does not find IAM roles. The provider joins the pages of
// the answer.
// https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
// https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
var getResources = &cloud.Function[resourcesArgs]{
	Token: "aws:resourcegroupstaggingapi/getResources:getResources",
	Needs: permission.Needs{Invoke: func(o *permission.Operation) { o.Any("tag:GetResources") }},
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
				tagged[arn] = untyped.Map(tags)
			}
		}
		mappings := []any{}
		for _, arn := range slices.Sorted(maps.Keys(tagged)) {
			mappings = append(mappings, cloud.Map{"resourceArn": arn, "tags": tagged[arn], "complianceDetails": []any{}})
		}
		return cloud.Map{"id": region, "resourceTagMappingLists": mappings}, nil
	},
}

func (args *resourcesArgs) check() error {
	refuse := func(format string, more ...any) error {
		return cloud.Errorf("InvalidParameterException", format, more...)
	}
	switch {
	case args.IncludeComplianceDetails:
		return check.Unimplemented("includeComplianceDetails, what an organization's tag policies say")
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

// match reports whether a resource has every requested tag, with any of the tag's requested values.
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

// isOfType reports whether a resource has a type such as ec2:vpc, or belongs to a service such as ec2.
func isOfType(name, filter string) bool {
	service, kind, one := strings.Cut(filter, ":")
	of, err := arn.Parse(name)
	if err != nil || of.Service != service {
		return false
	}
	return !one || strings.HasPrefix(of.Resource, kind+"/") || strings.HasPrefix(of.Resource, kind+":")
}
