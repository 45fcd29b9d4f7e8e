package s3

import (
	"fmt"
	"slices"

	"slipway/localcloud/cloud"
)

type bucketVersioning struct {
	bucketSetting
	MFA                     string `json:"mfa"`
	VersioningConfiguration struct {
		Status    string `json:"status"`
		MFADelete string `json:"mfaDelete"`
	} `json:"versioningConfiguration"`
}

// BucketVersioning says whether a bucket keeps old versions of its objects. Its deletion suspends that.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html
var BucketVersioning = &cloud.Kind[bucketVersioning, struct{}]{
	Spec: cloud.Spec{
		Token:  BucketVersioningToken,
		Label:  "S3 Bucket Versioning",
		Import: cloud.ByID,
		Drift:  cloud.Drift{Change: cloud.Map{"versioningConfiguration": cloud.Map{"status": versioningSuspended}}, Serves: true, ServesWithout: true},
		// Deleting a bucket's versioning suspends it, and deleting its encryption restores S3's default.
		Needs:   bucketSettingNeeds("s3:GetBucketVersioning", "s3:PutBucketVersioning", "s3:PutBucketVersioning"),
		Replace: []string{"bucket", "expectedBucketOwner"},
		Latency: cloud.Latency{Create: 1, Delete: 1},
	},
	Check: func(in *bucketVersioning) []cloud.Failure {
		failures := in.check()
		values := []string{versioningEnabled, versioningSuspended, versioningDisabled}
		if s := in.VersioningConfiguration.Status; s != "" && !slices.Contains(values, s) {
			failures = append(failures, cloud.Failure{
				Property: "versioningConfiguration.status", Reason: fmt.Sprintf("expected versioning_configuration.0.status to be one of %q, got %s", values, s),
			})
		}
		return failures
	},
	Refs: func(_ *cloud.Call, in *bucketVersioning) []cloud.Ref { return in.refs() },
	Rules: func(_ *cloud.Call, in *bucketVersioning) error {
		if in.MFA != "" || in.VersioningConfiguration.MFADelete == versioningEnabled {
			return fmt.Errorf("deletion of a bucket's versions with a second factor: %w", cloud.ErrUnimplemented)
		}
		return nil
	},
	Create: func(c *cloud.Call, in *bucketVersioning, _ *struct{}) (string, error) {
		return in.id(), in.change(c.Tx, c.Resource.Scope, func(b *BucketStatus) error {
			if want := in.VersioningConfiguration.Status; want != versioningDisabled {
				b.Versioning = want
			}
			return nil
		})
	},
	Update: func(c *cloud.Call, in *bucketVersioning, _ *struct{}) error {
		return in.change(c.Tx, c.Resource.Scope, func(b *BucketStatus) error {
			want := in.VersioningConfiguration.Status
			if want == versioningDisabled && b.Versioning != versioningDisabled {
				return fmt.Errorf("versioning_configuration.status cannot be updated from '%s' to '%s'", b.Versioning, want)
			}
			b.Versioning = want
			return nil
		})
	},
	Delete: func(c *cloud.Call, in *bucketVersioning) error {
		return in.change(c.Tx, c.Resource.Scope, func(b *BucketStatus) error {
			if b.Versioning == versioningEnabled {
				b.Versioning = versioningSuspended
			}
			return nil
		})
	},
}
