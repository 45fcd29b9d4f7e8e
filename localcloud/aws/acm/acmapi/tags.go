package acmapi

import (
	"maps"
	"slices"

	"slipway/localcloud/api"
	"slipway/localcloud/aws/acm"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type tag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

// https://docs.aws.amazon.com/acm/latest/APIReference/API_ListTagsForCertificate.html
func listTags(r *api.Request) (any, error) {
	var in struct {
		ARN string `json:"CertificateArn"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	out := struct {
		Tags []tag `json:"Tags"`
	}{[]tag{}}
	return &out, r.View(func(tx *cloud.Tx) error {
		found := tx.Get(cloud.Key{Scope: r.Caller.Scope, Token: acm.Certificate.Token, ID: in.ARN})
		if err := iam.May(tx, r.Caller, iam.Look{Action: "acm:ListTagsForCertificate", Resource: in.ARN, Of: found}); err != nil {
			return err
		}
		if found == nil {
			return acm.Certificate.NotFound(in.ARN)
		}
		all := tags.Of(found)
		for _, key := range slices.Sorted(maps.Keys(all)) {
			out.Tags = append(out.Tags, tag{key, all[key]})
		}
		return nil
	})
}
