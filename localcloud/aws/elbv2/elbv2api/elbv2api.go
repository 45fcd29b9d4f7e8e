// Package elbv2api answers the API of Elastic Load Balancing.
package elbv2api

import (
	"strconv"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/cloud"
)

// Service answers Elastic Load Balancing's API.
var Service = api.Service{
	Version: "2015-12-01", Namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
	Operations: map[string]api.Operation{
		"DescribeAccountLimits":        describeAccountLimits,
		"DescribeListenerCertificates": describeListenerCertificates,
		"DescribeListeners":            describeListeners,
		"DescribeLoadBalancers":        describeLoadBalancers,
		"DescribeRules":                describeRules,
		"DescribeTags":                 describeTags,
		"DescribeTargetHealth":         describeTargetHealth,
	},
}

// maxPage is the page size of Elastic Load Balancing's lists.
const maxPage = 400

// paged returns the requested page of a list, and the marker of the next one.
func paged[T any](r *api.Request, all []T, key func(T) string) ([]T, string, error) {
	size := maxPage
	if given := r.Form.Get("PageSize"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 || n > maxPage {
			return nil, "", cloud.Errorf("ValidationError", "1 validation error detected: Value '%s' at 'pageSize' failed to satisfy constraint: "+
				"Member must have value between 1 and %d", given, maxPage)
		}
		size = n
	}
	some, next, ok := api.Page(all, key, size, r.Form.Get("Marker"))
	if !ok {
		return nil, "", cloud.Errorf("ValidationError", "The marker is not valid")
	}
	return some, next, nil
}

// look refuses a caller who may not call the operation. None of these can be allowed for one resource and not for another.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
func look(r *api.Request, tx *cloud.Tx) error {
	return iam.May(tx, r.Caller, iam.Look{Action: "elasticloadbalancing:" + r.Form.Get("Action")})
}

// named returns the resources of a kind with the ids, or refuses a missing one.
func named(r *api.Request, tx *cloud.Tx, token string, ids []string, missing func(string) *cloud.Error) ([]*cloud.Resource, error) {
	var out []*cloud.Resource
	for _, id := range ids {
		found := tx.Get(cloud.Key{Scope: r.Caller.Scope, Token: token, ID: id})
		if found == nil {
			return nil, missing(id)
		}
		out = append(out, found)
	}
	return out, nil
}
