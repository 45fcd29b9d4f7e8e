package s3

import (
	"slipway/localcloud/cloud"
)

type bucketPublicAccessBlock struct {
	bucketSetting
	PublicAccessBlock
}

// BucketPublicAccessBlock limits what may be public in a bucket. A new bucket has nothing public even without one; the deletion of this
// resource removes all four blocks.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutPublicAccessBlock.html
var BucketPublicAccessBlock = &cloud.Kind[bucketPublicAccessBlock, struct{}]{
	Spec: cloud.Spec{
		Token:    BucketPublicAccessBlockToken,
		Label:    "S3 Bucket Public Access Block",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"blockPublicPolicy": false}, Serves: true, ServesWithout: true},
		Needs:    bucketSettingNeeds("s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
		Replace:  []string{"bucket"},
		Defaults: cloud.Map{"blockPublicAcls": false, "blockPublicPolicy": false, "ignorePublicAcls": false, "restrictPublicBuckets": false},
		Latency:  cloud.Latency{Create: 1, Delete: 1},
	},
	Refs: func(_ *cloud.Call, in *bucketPublicAccessBlock) []cloud.Ref { return in.refs() },
	Create: func(c *cloud.Call, in *bucketPublicAccessBlock, _ *struct{}) (string, error) {
		return in.id(), in.block(c, in.PublicAccessBlock)
	},
	Update: func(c *cloud.Call, in *bucketPublicAccessBlock, _ *struct{}) error {
		return in.block(c, in.PublicAccessBlock)
	},
	Delete: func(c *cloud.Call, in *bucketPublicAccessBlock) error { return in.block(c, PublicAccessBlock{}) },
}

func (in *bucketPublicAccessBlock) block(c *cloud.Call, access PublicAccessBlock) error {
	return in.change(c.Tx, c.Resource.Scope, func(b *BucketStatus) error { b.PublicAccess = access; return nil })
}
