package elbv2api

import (
	"slipway/localcloud/api"
	"slipway/localcloud/aws/elbv2"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealthDescription.html
type targetHealth struct {
	ID          string            `xml:"Target>Id"`
	Port        int               `xml:"Target>Port"`
	State       elbv2.TargetState `xml:"TargetHealth>State"`
	Reason      string            `xml:"TargetHealth>Reason,omitempty"`
	Description string            `xml:"TargetHealth>Description,omitempty"`
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html
func describeTargetHealth(r *api.Request) (any, error) {
	const group = "TargetGroupArn"
	if err := r.Only(group); err != nil {
		return nil, err
	}
	var out struct {
		Targets []targetHealth `xml:"TargetHealthDescriptions>member"`
	}
	return &out, r.View(func(tx *cloud.Tx) error {
		if err := iam.May(tx, r.Caller, iam.Look{Action: "elasticloadbalancing:DescribeTargetHealth"}); err != nil {
			return err
		}
		found := tx.Get(cloud.Key{Scope: r.Caller.Scope, Token: elbv2.TargetGroup.Token, ID: r.Form.Get(group)})
		if found == nil {
			return cloud.Errorf("TargetGroupNotFound", "Target groups '[%s]' not found", r.Form.Get(group))
		}
		for _, t := range cloud.StatusOf[elbv2.TargetGroupStatus](found).Targets {
			out.Targets = append(out.Targets, targetHealth{t.ID, t.Port, t.State, t.Reason, t.Description})
		}
		return nil
	})
}
