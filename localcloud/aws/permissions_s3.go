package aws

import "maps"

// s3Calls are the calls to S3 whose action has another name.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
var s3Calls = map[string]string{
	"ListBucket":                       "HeadBucket",
	"GetAccelerateConfiguration":       "GetBucketAccelerateConfiguration",
	"GetLifecycleConfiguration":        "GetBucketLifecycleConfiguration",
	"GetReplicationConfiguration":      "GetBucketReplication",
	"GetEncryptionConfiguration":       "GetBucketEncryption",
	"PutEncryptionConfiguration":       "PutBucketEncryption",
	"GetBucketObjectLockConfiguration": "GetObjectLockConfiguration",
	"GetBucketPublicAccessBlock":       "GetPublicAccessBlock",
	"PutBucketPublicAccessBlock":       "PutPublicAccessBlock",
}

// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
// terraform-provider-aws, internal/service/s3
var s3Needs = map[string]needs{
	bucketToken: {
		create: func(o *operation) {
			o.arn = "arn:aws:s3:::" + o.name("bucket", "bucketPrefix")
			o.onBucket("s3:CreateBucket")
			if len(o.wantedTags()) > 0 {
				o.onBucket("s3:PutBucketTagging")
			}
		},
		// Everything that the provider once let a bucket set by itself, and still reads.
		read: func(o *operation) {
			o.onBucket(
				"s3:ListBucket", "s3:GetBucketTagging", "s3:GetBucketPolicy", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketWebsite",
				"s3:GetBucketVersioning", "s3:GetAccelerateConfiguration", "s3:GetBucketRequestPayment", "s3:GetBucketLogging",
				"s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration", "s3:GetEncryptionConfiguration",
				"s3:GetBucketObjectLockConfiguration",
			)
		},
		update: func(o *operation) {
			if !maps.Equal(o.tags, o.wantedTags()) {
				o.onBucket("s3:PutBucketTagging")
			}
		},
		delete: func(o *operation) { o.onBucket("s3:DeleteBucket", "s3:ListBucket") },
	},
	// To delete the versioning of a bucket is to suspend it, and to delete its encryption to go back to S3's own.
	bucketVersioningToken:        bucketSettingNeeds("s3:GetBucketVersioning", "s3:PutBucketVersioning", "s3:PutBucketVersioning"),
	bucketEncryptionToken:        bucketSettingNeeds("s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration", "s3:PutEncryptionConfiguration"),
	bucketPublicAccessBlockToken: bucketSettingNeeds("s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
	bucketPolicyToken:            bucketSettingNeeds("s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"),
}

// bucketSettingNeeds is that of what sets something of a bucket.
func bucketSettingNeeds(get, put, remove string) needs {
	on := func(action string) func(*operation) {
		return func(o *operation) {
			o.arn = "arn:aws:s3:::" + o.text("bucket")
			o.onBucket(action)
		}
	}
	return needs{create: on(put), read: on(get), update: on(put), delete: on(remove)}
}

// onBucket adds calls about the bucket. S3 knows a bucket's tags for permissions only where that is turned on for it.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/buckets-tagging.html
func (o *operation) onBucket(actions ...string) { o.on(o.arn, actions...) }
