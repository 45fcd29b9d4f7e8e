package s3

import (
	"fmt"
	"slices"

	"slipway/localcloud/cloud"
)

type bucketEncryption struct {
	bucketSetting
	Rules []struct {
		BucketKeyEnabled bool `json:"bucketKeyEnabled"`
		Default          *struct {
			KMSMasterKeyID string `json:"kmsMasterKeyId"`
			SSEAlgorithm   string `json:"sseAlgorithm"`
		} `json:"applyServerSideEncryptionByDefault"`
	} `json:"rules"`
}

type bucketEncryptionOutputs struct {
	Rules []appliedEncryption `json:"rules"`
}

type appliedEncryption struct {
	Default struct {
		KMSMasterKeyID string `json:"kmsMasterKeyId,omitempty"`
		SSEAlgorithm   string `json:"sseAlgorithm"`
	} `json:"applyServerSideEncryptionByDefault"`
	BucketKeyEnabled bool `json:"bucketKeyEnabled"`
}

// BucketEncryption says how a bucket encrypts its objects. Its deletion brings back S3's own keys. That a key of KMS exists is
// not checked: the local cloud has no KMS.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html
var BucketEncryption = &cloud.Kind[bucketEncryption, bucketEncryptionOutputs]{
	Spec: cloud.Spec{
		Token:  BucketEncryptionToken,
		Label:  "S3 Bucket Server-side Encryption Configuration",
		Import: cloud.ByID,
		Drift: cloud.Drift{Change: cloud.Map{"rules": []any{
			cloud.Map{"applyServerSideEncryptionByDefault": cloud.Map{"sseAlgorithm": "aws:kms"}},
		}}, Serves: true, ServesWithout: true},
		Needs:   bucketSettingNeeds("s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration", "s3:PutEncryptionConfiguration"),
		Replace: []string{"bucket", "expectedBucketOwner"},
		Sets:    []string{"rules"},
		Latency: cloud.Latency{Create: 1, Delete: 1},
	},
	Check: func(in *bucketEncryption) []cloud.Failure {
		failures := in.check()
		values := []string{"AES256", "aws:kms", "aws:kms:dsse"}
		for i, r := range in.Rules {
			if d := r.Default; d != nil && d.SSEAlgorithm != "" && !slices.Contains(values, d.SSEAlgorithm) {
				failures = append(failures, cloud.Failure{
					Property: fmt.Sprintf("rules[%d].applyServerSideEncryptionByDefault.sseAlgorithm", i),
					Reason:   fmt.Sprintf("expected sse_algorithm to be one of %q, got %s", values, d.SSEAlgorithm),
				})
			}
		}
		return failures
	},
	Refs: func(_ *cloud.Call, in *bucketEncryption) []cloud.Ref { return in.refs() },
	Create: func(c *cloud.Call, in *bucketEncryption, out *bucketEncryptionOutputs) (string, error) {
		return in.id(), in.encrypt(c, out)
	},
	Update: func(c *cloud.Call, in *bucketEncryption, out *bucketEncryptionOutputs) error {
		return in.encrypt(c, out)
	},
	Delete: func(c *cloud.Call, in *bucketEncryption) error {
		return in.change(c.Tx, c.Resource.Scope, func(b *BucketStatus) error {
			b.Encryption = newBucketStatus().Encryption
			return nil
		})
	},
}

// encrypt gives the bucket the one rule that it has.
func (in *bucketEncryption) encrypt(c *cloud.Call, out *bucketEncryptionOutputs) error {
	if len(in.Rules) != 1 {
		return cloud.Errorf("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema "+
			"(a bucket has one rule, and these are %d)", len(in.Rules))
	}
	rule := BucketEncryptionRule{Algorithm: "AES256", BucketKey: in.Rules[0].BucketKeyEnabled}
	if d := in.Rules[0].Default; d != nil {
		if d.SSEAlgorithm == "AES256" && d.KMSMasterKeyID != "" {
			return cloud.Errorf("InvalidArgument", "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse")
		}
		rule.Algorithm, rule.KMSKey = d.SSEAlgorithm, d.KMSMasterKeyID
	}
	applied := appliedEncryption{BucketKeyEnabled: rule.BucketKey}
	applied.Default.SSEAlgorithm, applied.Default.KMSMasterKeyID = rule.Algorithm, rule.KMSKey
	out.Rules = []appliedEncryption{applied}
	return in.change(c.Tx, c.Resource.Scope, func(b *BucketStatus) error { b.Encryption = rule; return nil })
}
