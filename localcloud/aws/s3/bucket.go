package s3

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"slipway/localcloud/aws/internal/check"
	"slipway/localcloud/aws/internal/ids"
	"slipway/localcloud/aws/internal/permission"
	"slipway/localcloud/aws/internal/tags"
	"slipway/localcloud/cloud"
)

type bucket struct {
	Bucket            string    `json:"bucket"`
	BucketPrefix      string    `json:"bucketPrefix"`
	ForceDestroy      bool      `json:"forceDestroy"`
	ObjectLockEnabled bool      `json:"objectLockEnabled"`
	Tags              tags.Tags `json:"tags"`

	// What other kinds set, and this one once did.
	AccelerationStatus      string    `json:"accelerationStatus"`
	ACL                     string    `json:"acl"`
	CORSRules               []any     `json:"corsRules"`
	Grants                  []any     `json:"grants"`
	LifecycleRules          []any     `json:"lifecycleRules"`
	Loggings                []any     `json:"loggings"`
	ObjectLockConfiguration cloud.Map `json:"objectLockConfiguration"`
	Policy                  string    `json:"policy"`
	Replications            []any     `json:"replicationConfigurations"`
	RequestPayer            string    `json:"requestPayer"`
	Encryptions             []any     `json:"serverSideEncryptionConfigurations"`
	Versionings             []any     `json:"versionings"`
	Websites                []any     `json:"websites"`
}

// unmodelled names the program's settings of the bucket that the local cloud does not have.
func (b *bucket) unmodelled() string {
	return check.First(map[string]bool{
		"accelerationStatus": b.AccelerationStatus != "", "acl": b.ACL != "", "corsRules": len(b.CORSRules) > 0, "grants": len(b.Grants) > 0,
		"lifecycleRules": len(b.LifecycleRules) > 0, "loggings": len(b.Loggings) > 0, "objectLockConfiguration": len(b.ObjectLockConfiguration) > 0,
		"objectLockEnabled": b.ObjectLockEnabled, "policy": b.Policy != "", "replicationConfigurations": len(b.Replications) > 0,
		"requestPayer": b.RequestPayer != "", "serverSideEncryptionConfigurations": len(b.Encryptions) > 0,
		"versionings": len(b.Versionings) > 0, "websites": len(b.Websites) > 0,
	})
}

// websiteZones are the hosted zones of S3's website endpoints.
// https://docs.aws.amazon.com/general/latest/gr/s3.html#s3_website_region_endpoints
var websiteZones = map[string]string{
	"eu-central-1": "Z21DNDUVLTQW6Q", "eu-west-1": "Z1BKCTXD74EZPE", "eu-west-2": "Z3GKZC51ZF0DB4", "eu-west-3": "Z3R1K369G5AVDG",
	"eu-north-1": "Z3BAZG2TWCNX0D", "eu-south-1": "Z30OZKI7KPW7MI", "us-east-1": "Z3AQBSTGFYJSTF", "us-east-2": "Z2O1EMRO9K5GLX",
	"us-west-1": "Z2F56UZL2M1ACD", "us-west-2": "Z3BJ6K6RIION7M", "ca-central-1": "Z1QDHH18159H29", "sa-east-1": "Z7KQH4QJS55SO",
	"ap-northeast-1": "Z2M4EHUR26P7ZW", "ap-southeast-1": "Z3O0J2DXBE1FTB", "ap-southeast-2": "Z1WCIGYICN2BYD", "ap-south-1": "Z11RGJOFQNVJUP",
}

type bucketOutputs struct {
	bucketSettings
	Bucket             string  `json:"bucket"`
	ARN                string  `json:"arn"`
	Region             string  `json:"region"`
	HostedZoneID       string  `json:"hostedZoneId"`
	DomainName         string  `json:"bucketDomainName"`
	RegionalDomainName string  `json:"bucketRegionalDomainName"`
	RequestPayer       string  `json:"requestPayer"`
	AccelerationStatus string  `json:"accelerationStatus"`
	ObjectLockEnabled  bool    `json:"objectLockEnabled"`
	Grants             []grant `json:"grants"`
}

type grant struct {
	ID          string   `json:"id"`
	Type        string   `json:"type"`
	Permissions []string `json:"permissions"`
	URI         string   `json:"uri"`
}

// Bucket is a name for objects, one among those of all accounts.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
var Bucket = &cloud.Kind[bucket, bucketOutputs]{
	Spec: cloud.Spec{
		Token:    BucketToken,
		Label:    "S3 Bucket",
		Import:   cloud.ByID,
		Drift:    cloud.Drift{Change: cloud.Map{"tags": cloud.Map{"By": "hand"}}, Serves: true, ServesWithout: true},
		Derived:  tags.All,
		Needs:    bucketNeeds,
		Defaults: cloud.Map{"forceDestroy": false},
		AutoName: &cloud.AutoName{Property: "bucket", Max: 63},
		Replace:  []string{"bucket", "bucketPrefix", "objectLockEnabled"},
		Computed: []string{"bucket", "bucketPrefix", "objectLockEnabled"},
		Latency:  cloud.Latency{Create: 2, Delete: 1},
		NotFound: func(string) *cloud.Error { return cloud.Errorf("NoSuchBucket", "The specified bucket does not exist") },
	},
	Check: func(in *bucket) []cloud.Failure {
		var failures []cloud.Failure
		if len(in.Bucket) > 63 {
			failures = append(failures, cloud.Failure{Property: "bucket", Reason: "expected length of bucket to be in the range (0 - 63), got " + in.Bucket})
		}
		if limit := 63 - ids.SuffixLength; len(in.BucketPrefix) > limit {
			failures = append(failures, cloud.Failure{
				Property: "bucketPrefix", Reason: fmt.Sprintf("expected length of bucket_prefix to be in the range (0 - %d), got %s", limit, in.BucketPrefix),
			})
		}
		if in.Bucket != "" && in.BucketPrefix != "" {
			failures = append(failures, cloud.Failure{Property: "bucket", Reason: `"bucket": conflicts with bucket_prefix`})
		}
		return failures
	},
	Rules: func(_ *cloud.Call, in *bucket) error {
		if property := in.unmodelled(); property != "" {
			return fmt.Errorf("%s of a bucket: %w", property, cloud.ErrUnimplemented)
		}
		return nil
	},
	Create: func(c *cloud.Call, in *bucket, out *bucketOutputs) (string, error) {
		s, name := c.Caller.Scope, cmp.Or(in.Bucket, in.BucketPrefix+ids.Suffix())
		if why := invalidBucketName(name); why != "" {
			return "", cloud.Errorf("InvalidBucketName", "The specified bucket is not valid. (%s)", why)
		}
		// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
		for _, r := range c.Tx.Everywhere(BucketToken) {
			switch {
			case r.ID == name && r.Scope.Account == s.Account:
				return "", cloud.Errorf("BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.")
			case r.ID == name:
				return "", cloud.Errorf("BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by "+
					"all users of the system. Please select a different name and try again.")
			}
		}
		status := newBucketStatus()
		c.Resource.SetStatus(status)
		*out = bucketOutputs{
			bucketSettings: status.outputs(), Bucket: name, ARN: bucketARN(name), Region: s.Region, HostedZoneID: websiteZones[s.Region],
			DomainName: name + ".s3.amazonaws.com", RegionalDomainName: name + ".s3." + s.Region + ".amazonaws.com", RequestPayer: "BucketOwner",
			Grants: []grant{{ID: canonicalUser(s.Account), Type: "CanonicalUser", Permissions: []string{"FULL_CONTROL"}}},
		}
		return name, nil
	},
	Delete: func(c *cloud.Call, in *bucket) error {
		if objects := Objects(c.Tx, c.Resource, ""); len(objects) > 0 && !in.ForceDestroy {
			return cloud.Errorf("BucketNotEmpty", "The bucket you tried to delete is not empty")
		}
		for _, o := range Objects(c.Tx, c.Resource, "") {
			DeleteObject(c.Tx, c.Resource, o.Key)
		}
		for _, token := range []string{BucketVersioningToken, BucketEncryptionToken, BucketPublicAccessBlockToken, BucketPolicyToken} {
			for _, r := range c.Tx.List(c.Resource.Scope, token) {
				if cloud.InputsOf[bucketSetting](r).Bucket == c.Resource.ID {
					c.Tx.Delete(r.Key)
				}
			}
		}
		return nil
	},
}

var bucketNeeds = permission.Needs{
	Create: func(o *permission.Operation) {
		o.ARN = bucketARN(o.Name("bucket", "bucketPrefix"))
		onBucket(o, "s3:CreateBucket")
		if len(o.WantedTags()) > 0 {
			onBucket(o, "s3:PutBucketTagging")
		}
	},
	// Everything that the provider once let a bucket set by itself, and still reads.
	Read: func(o *permission.Operation) {
		onBucket(o,
			"s3:ListBucket", "s3:GetBucketTagging", "s3:GetBucketPolicy", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketWebsite",
			"s3:GetBucketVersioning", "s3:GetAccelerateConfiguration", "s3:GetBucketRequestPayment", "s3:GetBucketLogging",
			"s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration", "s3:GetEncryptionConfiguration",
			"s3:GetBucketObjectLockConfiguration",
		)
	},
	Update: func(o *permission.Operation) {
		if !maps.Equal(o.Tags, o.WantedTags()) {
			onBucket(o, "s3:PutBucketTagging")
		}
	},
	Delete: func(o *permission.Operation) { onBucket(o, "s3:DeleteBucket", "s3:ListBucket") },
}

var (
	bucketName  = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*[a-z0-9]$`)
	likeAddress = regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+$`)
)

// invalidBucketName returns what is wrong with the name of a bucket, or "".
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func invalidBucketName(name string) string {
	reserved := func(affixes []string, has func(s, affix string) bool) bool {
		return slices.ContainsFunc(affixes, func(a string) bool { return has(name, a) })
	}
	switch {
	case len(name) < 3 || len(name) > 63:
		return "a name has between 3 and 63 characters"
	case !bucketName.MatchString(name):
		return "a name has lower-case letters, digits, periods and hyphens, and begins and ends with a letter or a digit"
	case strings.Contains(name, ".."):
		return "two periods may not follow each other"
	case likeAddress.MatchString(name):
		return "a name may not look like an IP address"
	case reserved([]string{"xn--", "sthree-", "amzn-s3-demo-"}, strings.HasPrefix),
		reserved([]string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"}, strings.HasSuffix):
		return "the prefix or suffix is reserved"
	}
	return ""
}

// canonicalUser returns an account's identifier in access control lists: 64 hexadecimal digits, here derived from the account's number.
// https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html
func canonicalUser(account string) string {
	sum := sha256.Sum256([]byte("canonical user " + account))
	return hex.EncodeToString(sum[:])
}
