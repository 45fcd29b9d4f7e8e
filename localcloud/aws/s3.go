package aws

import (
	"slipway/localcloud/cloud"
)

const (
	bucketToken                  = "aws:s3/bucketV2:BucketV2"
	bucketVersioningToken        = "aws:s3/bucketVersioningV2:BucketVersioningV2"
	bucketEncryptionToken        = "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2"
	bucketPublicAccessBlockToken = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
	bucketPolicyToken            = "aws:s3/bucketPolicy:BucketPolicy"
)

func s3Kinds() []any {
	return []any{Bucket, BucketVersioning, BucketEncryption, BucketPublicAccessBlock, BucketPolicy}
}

// BucketStatus is the Status of a bucket: its settings, each of which has a kind of its own that changes it. A bucket always has
// all of them; the resource that sets one is the program's word for it.
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

// PublicAccessBlock is what keeps a bucket from being opened to everybody.
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

// outputs are those properties of a bucket that show its settings.
func (b *BucketStatus) outputs() cloud.Map {
	encryption := cloud.Map{"sseAlgorithm": b.Encryption.Algorithm, "kmsMasterKeyId": b.Encryption.KMSKey}
	return cloud.Map{
		"policy":      b.Policy,
		"versionings": []any{cloud.Map{"enabled": b.Versioning == versioningEnabled, "mfaDelete": false}},
		"serverSideEncryptionConfigurations": []any{cloud.Map{"rules": []any{cloud.Map{
			"applyServerSideEncryptionByDefaults": []any{encryption}, "bucketKeyEnabled": b.Encryption.BucketKey,
		}}}},
	}
}

// bucketSetting is what the kinds that set something of a bucket begin with.
type bucketSetting struct {
	Bucket string `json:"bucket"`
	// ExpectedBucketOwner is the account whose bucket it has to be.
	ExpectedBucketOwner string `json:"expectedBucketOwner"`
}

// refs: a bucket's settings go with it.
func (b *bucketSetting) refs() []cloud.Ref {
	return []cloud.Ref{{Token: bucketToken, Value: b.Bucket, Weak: true}}
}

// check is the provider's, for both properties.
func (b *bucketSetting) check() []cloud.Failure {
	var failures []cloud.Failure
	if len(b.Bucket) > 63 {
		failures = append(failures, cloud.Failure{Property: "bucket", Reason: "expected length of bucket to be in the range (1 - 63), got " + b.Bucket})
	}
	if b.ExpectedBucketOwner != "" && !accountID.MatchString(b.ExpectedBucketOwner) {
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

// change changes a setting of the bucket, and what a look at the bucket shows.
func (b *bucketSetting) change(tx *cloud.Tx, s cloud.Scope, f func(*BucketStatus) error) error {
	if b.ExpectedBucketOwner != "" && b.ExpectedBucketOwner != s.Account {
		return cloud.Errorf("AccessDenied", "Access Denied (the bucket's owner is not %s)", b.ExpectedBucketOwner)
	}
	r := tx.Get(cloud.Key{Scope: s, Token: bucketToken, ID: b.Bucket})
	if r == nil {
		return nil // the bucket went first
	}
	status := cloud.StatusOf[BucketStatus](r)
	if err := f(&status); err != nil {
		return err
	}
	r = r.Clone()
	r.SetStatus(status)
	for p, v := range status.outputs() {
		r.Outputs[p] = v
	}
	tx.Put(r)
	return nil
}
