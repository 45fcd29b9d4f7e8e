package elbv2api

import (
	"slipway/localcloud/aws/elbv2"
)

// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html
type action struct {
	Type           string    `xml:"Type"`
	Order          int       `xml:"Order"`
	TargetGroupARN string    `xml:"TargetGroupArn,omitempty"`
	Forward        *forward  `xml:"ForwardConfig"`
	Redirect       *redirect `xml:"RedirectConfig"`
	Fixed          *fixed    `xml:"FixedResponseConfig"`
}

type forward struct {
	Groups []weighted `xml:"TargetGroups>member"`
	Sticky bool       `xml:"TargetGroupStickinessConfig>Enabled"`
}

type weighted struct {
	ARN    string `xml:"TargetGroupArn"`
	Weight int    `xml:"Weight"`
}

type redirect struct {
	Protocol   string `xml:"Protocol"`
	Host       string `xml:"Host"`
	Port       string `xml:"Port"`
	Path       string `xml:"Path"`
	Query      string `xml:"Query"`
	StatusCode string `xml:"StatusCode"`
}

type fixed struct {
	ContentType string `xml:"ContentType"`
	MessageBody string `xml:"MessageBody"`
	StatusCode  string `xml:"StatusCode"`
}

// actionsOf names a single target group in both ways, as AWS does.
func actionsOf(in []elbv2.Action) []action {
	var out []action
	for _, a := range in {
		told := action{Type: a.Type, Order: 1}
		if a.Order != nil {
			told.Order = *a.Order
		}
		if shares := a.Shares(); len(shares) > 0 {
			told.Forward = &forward{}
			for _, s := range shares {
				told.Forward.Groups = append(told.Forward.Groups, weighted{s.ARN, s.Weight})
			}
			if len(shares) == 1 {
				told.TargetGroupARN = shares[0].ARN
			}
		}
		if r := a.Redirect; r != nil {
			told.Redirect = &redirect{Protocol: r.Protocol, Host: r.Host, Port: r.Port, Path: r.Path, StatusCode: r.StatusCode}
			if r.Query != nil {
				told.Redirect.Query = *r.Query
			}
		}
		if f := a.FixedResponse; f != nil {
			told.Fixed = &fixed{f.ContentType, f.MessageBody, f.StatusCode}
		}
		out = append(out, told)
	}
	return out
}
