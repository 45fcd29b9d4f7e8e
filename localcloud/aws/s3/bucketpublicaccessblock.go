package s3

import (
	"slipway/localcloud/cloud"
)

type bucketPublicAccessBlock struct {
	bucketSetting
	PublicAccessBlock
}

// BucketPublicAccessBlock says what of a bucket may be public. A new bucket lets nothing be public even without one; the deletion
// of this one takes all four blocks away.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutPublicAccessBlock.html
var BucketPublicAccessBlock = &cloud.OldKind[bucketPublicAccessBlock]{
	Spec: cloud.Spec{
		Token:    BucketPublicAccessBlockToken,
		Label:    "S3 Bucket Public Access Block",
		Needs:    bucketSettingNeeds("s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
		Replace:  []string{"bucket"},
		Defaults: cloud.Map{"blockPublicAcls": false, "blockPublicPolicy": false, "ignorePublicAcls": false, "restrictPublicBuckets": false},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
	},
	Refs: func(_ *cloud.Call, in *bucketPublicAccessBlock) []cloud.Ref { return in.refs() },
	Outputs: func(c *cloud.Call, in *bucketPublicAccessBlock) (cloud.Map, error) {
		c.Resource.ID = in.id()
		return nil, in.change(c.Tx, c.Resource.Scope, func(b *BucketStatus) error { b.PublicAccess = in.PublicAccessBlock; return nil })
	},
	Delete: func(c *cloud.Call, in *bucketPublicAccessBlock) error {
		return in.change(c.Tx, c.Resource.Scope, func(b *BucketStatus) error { b.PublicAccess = PublicAccessBlock{}; return nil })
	},
}
