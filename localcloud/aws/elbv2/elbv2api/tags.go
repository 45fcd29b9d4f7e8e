package elbv2api

import (
	"strings"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/aws/internal/untyped"
	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TagDescription.html
type tagDescription struct {
	ARN  string `xml:"ResourceArn"`
	Tags []tag  `xml:"Tags>member"`
}

type tag struct {
	Key   string `xml:"Key"`
	Value string `xml:"Value"`
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html
func describeTags(r *api.Request) (any, error) {
	const most = 20
	arns := r.List("ResourceArns")
	if err := r.Only("ResourceArns"); err != nil {
		return nil, err
	}
	if len(arns) == 0 || len(arns) > most {
		return nil, cloud.Errorf("ValidationError", "The number of resource ARNs must be between 1 and %d, got %d", most, len(arns))
	}
	var out struct {
		Tags []tagDescription `xml:"TagDescriptions>member"`
	}
	return &out, r.View(func(tx *cloud.Tx) error {
		if err := look(r, tx); err != nil {
			return err
		}
		for _, arn := range arns {
			of := kindOf(arn)
			if of == nil {
				return cloud.Errorf("ValidationError", "'%s' is not a valid resource ARN", arn)
			}
			found, err := named(r, tx, of.token, []string{arn}, of.missing)
			if err != nil {
				return err
			}
			d := tagDescription{ARN: arn}
			has := tags.Of(found[0])
			for _, key := range untyped.Keys(has) {
				d.Tags = append(d.Tags, tag{key, has[key]})
			}
			out.Tags = append(out.Tags, d)
		}
		return nil
	})
}

// kind is a kind of resource whose tags Elastic Load Balancing returns.
type kind struct {
	in      string // its ARNs
	token   string
	missing func(string) *cloud.Error
}

func kindOf(arn string) *kind {
	for _, k := range []kind{
		{":loadbalancer/", elbv2.LoadBalancer.Token, elbv2.LoadBalancer.NotFound},
		{":targetgroup/", elbv2.TargetGroup.Token, elbv2.TargetGroup.NotFound},
		{":listener/", elbv2.Listener.Token, elbv2.Listener.NotFound},
		{":listener-rule/", elbv2.ListenerRule.Token, elbv2.ListenerRule.NotFound},
	} {
		if strings.Contains(arn, k.in) {
			return &k
		}
	}
	return nil
}
