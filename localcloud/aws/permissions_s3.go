package aws

import (
	"cmp"
	"strings"
)

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

// bucketSettingNeeds is that of what sets something of a bucket.
func bucketSettingNeeds(get, put, remove string) needs {
	on := func(action string) func(*operation) {
		return func(o *operation) {
			o.arn = "arn:aws:s3:::" + o.text("bucket")
			onBucket(o, action)
		}
	}
	return needs{Create: on(put), Read: on(get), Update: on(put), Delete: on(remove)}
}

// onBucket adds calls about the bucket. S3 knows a bucket's tags for permissions only where that is turned on for it.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/buckets-tagging.html
func onBucket(o *operation, actions ...string) {
	for _, action := range actions {
		o.on(o.arn, action)
		_, name, _ := strings.Cut(action, ":")
		o.asPartOf("s3:" + cmp.Or(s3Calls[name], name))
	}
}
