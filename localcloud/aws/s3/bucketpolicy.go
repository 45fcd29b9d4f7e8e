package s3

import (
	"errors"
	"slices"
	"strings"

	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/cloud"
	"slipway/localcloud/wildcard"
)

type bucketPolicy struct {
	bucketSetting
	Policy policy.Document `json:"policy"`
}

// BucketPolicy says who may do what with a bucket and its objects. A bucket has at most one, which goes with it.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
var BucketPolicy = &cloud.Kind[bucketPolicy, struct{}]{
	Spec: cloud.Spec{
		Token:  BucketPolicyToken,
		Label:  "S3 Bucket Policy",
		Import: cloud.ByID,
		Drift: cloud.Drift{Change: cloud.Map{
			"policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}`,
		}, Serves: true, ServesWithout: true},
		Needs:   bucketSettingNeeds("s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"),
		Replace: []string{"bucket"},
		Same:    map[string]func(a, b any) bool{"policy": policy.Same},
		Latency: cloud.Latency{Create: 1, Delete: 1},
	},
	Check:  func(in *bucketPolicy) []cloud.Failure { return in.Policy.Check("policy") },
	Refs:   func(_ *cloud.Call, in *bucketPolicy) []cloud.Ref { return in.refs() },
	Create: func(c *cloud.Call, in *bucketPolicy, _ *struct{}) (string, error) { return in.id(), in.put(c) },
	Update: func(c *cloud.Call, in *bucketPolicy, _ *struct{}) error { return in.put(c) },
	Delete: func(c *cloud.Call, in *bucketPolicy) error {
		return in.change(c.Tx, c.Resource.Scope, func(b *BucketStatus) error { b.Policy = ""; return nil })
	},
}

// put gives the bucket the policy, unless that would open it and is not to.
func (in *bucketPolicy) put(c *cloud.Call) error {
	p, err := parseBucketPolicy(in.Policy, c.Tx, in.Bucket)
	if err != nil {
		return err
	}
	return in.change(c.Tx, c.Resource.Scope, func(b *BucketStatus) error {
		if b.PublicAccess.BlockPublicPolicy && p.Public() {
			return cloud.Errorf("AccessDenied", `User: %s is not authorized to perform: s3:PutBucketPolicy on resource: "arn:aws:s3:::%s" `+
				"because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.", identity.CallerName(c), in.Bucket)
		}
		b.Policy = string(in.Policy)
		return nil
	})
}

// parseBucketPolicy parses the policy of a bucket, whose statements are about the bucket and its objects.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
func parseBucketPolicy(d policy.Document, tx *cloud.Tx, bucket string) (*policy.Policy, error) {
	p, err := d.ResourcePolicy(tx)
	switch {
	case errors.Is(err, cloud.ErrUnimplemented):
		return nil, err
	case err != nil:
		return nil, cloud.Errorf("MalformedPolicy", "%s", err)
	case len(d) > 20<<10: // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
		return nil, cloud.Errorf("PolicyTooLarge", "Normalized policy document exceeds the maximum allowed size of 20480 bytes.")
	}
	for _, s := range p.Statement {
		resources := slices.Concat(s.Resource, s.NotResource)
		switch {
		case len(resources) == 0:
			return nil, cloud.Errorf("MalformedPolicy", "%s", policy.MissingField("Resource"))
		case slices.ContainsFunc(resources, func(r string) bool {
			name, _, _ := strings.Cut(strings.TrimPrefix(r, "arn:aws:s3:::"), "/")
			return !strings.HasPrefix(r, "arn:aws:s3:::") || !wildcard.Match(name, bucket)
		}):
			return nil, cloud.Errorf("MalformedPolicy", "Policy has invalid resource")
		case !s.Vendor("s3"):
			return nil, cloud.Errorf("MalformedPolicy", "Policy has invalid action")
		}
	}
	return p, nil
}
