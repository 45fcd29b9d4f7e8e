package elbv2api

import (
	"slipway/localcloud/api"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Limit.html
type limit struct {
	Name string `xml:"Name"`
	Max  int    `xml:"Max"`
}

// describeAccountLimits returns the limits that the local cloud has.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeAccountLimits.html
func describeAccountLimits(r *api.Request) (any, error) {
	if err := r.Only("Marker", "PageSize"); err != nil {
		return nil, err
	}
	var out struct {
		Limits []limit `xml:"Limits>member"`
	}
	out.Limits = []limit{{"rules-per-application-load-balancer", elbv2.MaxRules}}
	return &out, r.View(func(tx *cloud.Tx) error { return look(r, tx) })
}
