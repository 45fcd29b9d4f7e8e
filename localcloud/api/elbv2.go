package api

import (
	"slipway/localcloud/aws"
	"slipway/localcloud/cloud"
)

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealthDescription.html
type targetHealth struct {
	ID          string          `xml:"Target>Id"`
	Port        int             `xml:"Target>Port"`
	State       aws.TargetState `xml:"TargetHealth>State"`
	Reason      string          `xml:"TargetHealth>Reason,omitempty"`
	Description string          `xml:"TargetHealth>Description,omitempty"`
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html
func describeTargetHealth(r *request) (any, error) {
	const group = "TargetGroupArn"
	if err := r.only(group); err != nil {
		return nil, err
	}
	var out struct {
		Targets []targetHealth `xml:"TargetHealthDescriptions>member"`
	}
	return &out, r.view(func(tx *cloud.Tx) error {
		if err := r.may(tx, aws.Look{Action: "elasticloadbalancing:DescribeTargetHealth"}); err != nil {
			return err
		}
		found := tx.Get(cloud.Key{Scope: r.caller.Scope, Token: aws.TargetGroup.Token, ID: r.form.Get(group)})
		if found == nil {
			return cloud.Errorf("TargetGroupNotFound", "Target groups '[%s]' not found", r.form.Get(group))
		}
		for _, t := range cloud.StatusOf[aws.TargetGroupStatus](found).Targets {
			out.Targets = append(out.Targets, targetHealth{t.ID, t.Port, t.State, t.Reason, t.Description})
		}
		return nil
	})
}
