// Package s3 has the kinds of Amazon S3, a file each. What callers must be allowed follows, for the calls, the provider's
// own source, and for actions, resources and condition keys the Service Authorization Reference:
//
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
// terraform-provider-aws, internal/service/s3
package s3

import (
	"cmp"
	"strings"

	"slipway/localcloud/aws/internal/arns"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/cloud"
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

// bucketSettingNeeds are the needs of a bucket's settings.
func bucketSettingNeeds(get, put, remove string) permission.Needs {
	on := func(action string) func(*permission.Operation) {
		return func(o *permission.Operation) {
			o.ARN = bucketARN(o.Text("bucket"))
			onBucket(o, action)
		}
	}
	return permission.Needs{Create: on(put), Read: on(get), Update: on(put), Delete: on(remove)}
}

// bucketARN returns the ARN of a bucket, which contains no account.
func bucketARN(name string) string { return arns.Global("s3", "", name) }

// onBucket adds calls about the bucket. S3 uses a bucket's tags for permissions only if that is turned on.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/buckets-tagging.html
func onBucket(o *permission.Operation, actions ...string) {
	for _, action := range actions {
		o.On(o.ARN, action)
		_, name, _ := strings.Cut(action, ":")
		o.AsPartOf("s3:" + cmp.Or(s3Calls[name], name))
	}
}

// The tokens of the kinds.
const (
	BucketToken                  = "aws:s3/bucketV2:BucketV2"
	BucketVersioningToken        = "aws:s3/bucketVersioningV2:BucketVersioningV2"
	BucketEncryptionToken        = "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2"
	BucketPublicAccessBlockToken = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
	BucketPolicyToken            = "aws:s3/bucketPolicy:BucketPolicy"
)

// Kinds returns the kinds and functions of the service.
func Kinds() []any {
	return []any{Bucket, BucketVersioning, BucketEncryption, BucketPublicAccessBlock, BucketPolicy, Object}
}

// BucketStatus is the Status of a bucket: its settings, each of which has a kind of its own that changes it. A bucket always has all of
// them; a resource only sets one.
type BucketStatus struct {
	Versioning   string // Enabled, Suspended or, before it was ever one of these, Disabled
	Encryption   BucketEncryptionRule
	PublicAccess PublicAccessBlock
	Policy       string
}

// Whether a bucket keeps the old versions of its objects.
const (
	versioningDisabled  = "Disabled"
	versioningEnabled   = "Enabled"
	versioningSuspended = "Suspended"
)

// BucketEncryptionRule is how a bucket encrypts objects that say nothing of it themselves.
type BucketEncryptionRule struct {
	Algorithm string
	KMSKey    string `json:",omitempty"`
	BucketKey bool   `json:",omitempty"`
}

// PublicAccessBlock prevents opening a bucket to everyone.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PublicAccessBlockConfiguration.html
type PublicAccessBlock struct {
	BlockPublicACLs       bool `json:"blockPublicAcls"`
	BlockPublicPolicy     bool `json:"blockPublicPolicy"`
	IgnorePublicACLs      bool `json:"ignorePublicAcls"`
	RestrictPublicBuckets bool `json:"restrictPublicBuckets"`
}

// newBucketStatus is how every bucket begins: encrypted, and closed to the public.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
func newBucketStatus() BucketStatus {
	return BucketStatus{
		Versioning:   versioningDisabled,
		Encryption:   BucketEncryptionRule{Algorithm: "AES256"},
		PublicAccess: PublicAccessBlock{BlockPublicACLs: true, BlockPublicPolicy: true, IgnorePublicACLs: true, RestrictPublicBuckets: true},
	}
}

// bucketSettings are those outputs of a bucket that show its settings.
type bucketSettings struct {
	Policy      string              `json:"policy"`
	Versionings []versioning        `json:"versionings"`
	Encryptions []encryptionOutputs `json:"serverSideEncryptionConfigurations"`
}

type versioning struct {
	Enabled   bool `json:"enabled"`
	MFADelete bool `json:"mfaDelete"`
}

type encryptionOutputs struct {
	Rules []encryptionRuleOutputs `json:"rules"`
}

type encryptionRuleOutputs struct {
	Defaults []encryptionDefault `json:"applyServerSideEncryptionByDefaults"`

	BucketKeyEnabled bool `json:"bucketKeyEnabled"`
}

type encryptionDefault struct {
	SSEAlgorithm   string `json:"sseAlgorithm"`
	KMSMasterKeyID string `json:"kmsMasterKeyId"`
}

func (b *BucketStatus) outputs() bucketSettings {
	rule := encryptionRuleOutputs{
		Defaults:         []encryptionDefault{{SSEAlgorithm: b.Encryption.Algorithm, KMSMasterKeyID: b.Encryption.KMSKey}},
		BucketKeyEnabled: b.Encryption.BucketKey,
	}
	return bucketSettings{
		Policy:      b.Policy,
		Versionings: []versioning{{Enabled: b.Versioning == versioningEnabled}},
		Encryptions: []encryptionOutputs{{Rules: []encryptionRuleOutputs{rule}}},
	}
}

// bucketSetting is the common beginning of the kinds of bucket settings.
type bucketSetting struct {
	Bucket string `json:"bucket"`
	// ExpectedBucketOwner is the account that must own the bucket.
	ExpectedBucketOwner string `json:"expectedBucketOwner"`
}

// refs: a bucket's settings go with it.
func (b *bucketSetting) refs() []cloud.Ref {
	return []cloud.Ref{{Token: BucketToken, Value: b.Bucket, Weak: true}}
}

// check is the provider's, for both properties.
func (b *bucketSetting) check() []cloud.Failure {
	var failures []cloud.Failure
	if len(b.Bucket) > 63 {
		failures = append(failures, cloud.Failure{Property: "bucket", Reason: "expected length of bucket to be in the range (1 - 63), got " + b.Bucket})
	}
	if b.ExpectedBucketOwner != "" && !policy.AccountID.MatchString(b.ExpectedBucketOwner) {
		failures = append(failures, cloud.Failure{
			Property: "expectedBucketOwner", Reason: `"expected_bucket_owner" doesn't look like AWS Account ID (exactly 12 digits): ` + b.ExpectedBucketOwner,
		})
	}
	return failures
}

// id is the provider's.
// terraform-provider-aws, internal/service/s3, createResourceID
func (b *bucketSetting) id() string {
	if b.ExpectedBucketOwner != "" {
		return b.Bucket + "," + b.ExpectedBucketOwner
	}
	return b.Bucket
}

// change changes a setting of the bucket, and the bucket's outputs.
func (b *bucketSetting) change(tx *cloud.Tx, s cloud.Scope, f func(*BucketStatus) error) error {
	if b.ExpectedBucketOwner != "" && b.ExpectedBucketOwner != s.Account {
		return cloud.Errorf("AccessDenied", "Access Denied (the bucket's owner is not %s)", b.ExpectedBucketOwner)
	}
	r := tx.Get(cloud.Key{Scope: s, Token: BucketToken, ID: b.Bucket})
	if r == nil {
		return nil // the bucket went first
	}
	status := cloud.StatusOf[BucketStatus](r)
	if err := f(&status); err != nil {
		return err
	}
	r = r.Clone()
	r.SetStatus(status)
	settings := status.outputs()
	cloud.SetOutputs(r, &settings)
	tx.Put(r)
	return nil
}
