package s3_test

import (
	"fmt"
	"strings"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/s3"
	"slipway/localcloud/aws/sts"
	"slipway/localcloud/cloud"
)

func newBucket(c *awstest.Tester) *cloud.Resource {
	return c.Make(s3.BucketToken, cloud.Map{"bucket": "slipway-state"})
}

func TestBucket(t *testing.T) {
	c := awstest.New(t, s3.Kinds()...)
	b := newBucket(c)
	for property, want := range map[string]any{
		"bucket": "slipway-state", "arn": "arn:aws:s3:::slipway-state", "region": "eu-central-1", "hostedZoneId": "Z21DNDUVLTQW6Q",
		"bucketDomainName": "slipway-state.s3.amazonaws.com", "bucketRegionalDomainName": "slipway-state.s3.eu-central-1.amazonaws.com",
	} {
		if b.Outputs[property] != want {
			t.Errorf("%s is %v, want %v", property, b.Outputs[property], want)
		}
	}
	if id := fmt.Sprint(b.Outputs["grants"]); !strings.Contains(id, "FULL_CONTROL") {
		t.Errorf("grants %s", id)
	}
	prefixed := c.Make(s3.BucketToken, cloud.Map{"bucketPrefix": "state-"})
	if !strings.HasPrefix(prefixed.ID, "state-2") || prefixed.Outputs["bucket"] != prefixed.ID {
		t.Errorf("bucket %s, %v", prefixed.ID, prefixed.Outputs["bucket"])
	}
	if updated, err := c.Edit(b, cloud.Map{"forceDestroy": true, "tags": cloud.Map{"a": "b"}}); err != nil || updated.Outputs["arn"] != b.Outputs["arn"] {
		t.Errorf("after an update: %v, %v", updated, err)
	}
	// Names are everybody's.
	_, err := c.Try(s3.BucketToken, cloud.Map{"bucket": "slipway-state"})
	c.Refused(err, "BucketAlreadyOwnedByYou", "you already own it")
	checked, _, err := c.Check(s3.BucketToken, cloud.Map{"bucket": "slipway-state"})
	if err != nil {
		t.Fatal(err)
	}
	for caller, code := range map[cloud.Scope]string{
		{Account: awstest.ThereAccount, Region: "eu-central-1"}: "BucketAlreadyExists",
		{Account: awstest.ThereAccount, Region: "us-east-1"}:    "BucketAlreadyExists",
		{Account: sts.DefaultAccount, Region: "us-east-1"}:      "BucketAlreadyOwnedByYou",
		{Account: sts.DefaultAccount, Region: "ap-south-1"}:     "BucketAlreadyOwnedByYou",
		{Account: "210987654321", Region: "ca-central-1"}:       "BucketAlreadyExists",
	} {
		_, err := c.Create(t.Context(), cloud.Caller{Scope: caller}, s3.BucketToken, checked, 0)
		c.Refused(err, code, "")
	}
}

func TestBucketRefusals(t *testing.T) {
	c := awstest.New(t, s3.Kinds()...)
	for name, words := range map[string]string{
		"ab": "between 3 and 63", "Slipway": "lower-case", "a_b_c": "lower-case", "-abc": "begins and ends with a letter", "abc-": "begins and ends with a letter",
		".abc": "begins and ends", "a..b": "two periods", "192.168.0.1": "an IP address", "xn--abc": "reserved", "sthree-a": "reserved", "abc--x-s3": "reserved",
	} {
		_, err := c.Try(s3.BucketToken, cloud.Map{"bucket": name})
		c.Refused(err, "InvalidBucketName", words)
	}
	for _, name := range []string{"abc", "a.b-c.1", "1.2.3", strings.Repeat("a", 63)} {
		c.Make(s3.BucketToken, cloud.Map{"bucket": name})
	}
	_, err := c.Try(s3.BucketToken, cloud.Map{"bucket": strings.Repeat("a", 64)})
	c.Refused(err, "Check", "in the range (0 - 63)")
	_, err = c.Try(s3.BucketToken, cloud.Map{"bucketPrefix": strings.Repeat("a", 38)})
	c.Refused(err, "Check", "in the range (0 - 37)")
	_, err = c.Try(s3.BucketToken, cloud.Map{"bucket": "abcd", "bucketPrefix": "abc"})
	c.Refused(err, "Check", "conflicts with bucket_prefix")
	rule := []any{cloud.Map{}}
	for property, v := range map[string]any{
		"acl": "private", "versionings": rule, "serverSideEncryptionConfigurations": rule, "policy": "{}", "lifecycleRules": rule,
		"objectLockEnabled": true, "websites": rule, "loggings": rule, "grants": rule, "corsRules": rule, "requestPayer": "BucketOwner",
		"accelerationStatus": "Enabled", "replicationConfigurations": rule, "objectLockConfiguration": cloud.Map{"objectLockEnabled": "Enabled"},
	} {
		checked := cloud.Map{"bucket": "abcd", property: v}
		_, err := c.Create(t.Context(), awstest.Here, s3.BucketToken, checked, 0) // past the schema: some of them want more than this
		c.Refused(err, "", property+" of a bucket: not modelled")
	}
	policy := awstest.BucketPolicyFor("Allow", `{"AWS":"000000000000"}`, "s3:GetObject", "arn:aws:s3:::gone/*")
	for token, in := range map[string]cloud.Map{
		s3.BucketVersioningToken:        {"versioningConfiguration": cloud.Map{"status": "Enabled"}},
		s3.BucketEncryptionToken:        {"rules": []any{awstest.EncryptionRule("AES256", "")}},
		s3.BucketPublicAccessBlockToken: {},
		s3.BucketPolicyToken:            {"policy": policy},
	} {
		_, err := c.Try(token, awstest.With(in, cloud.Map{"bucket": "gone"}))
		c.Refused(err, "NoSuchBucket", "The specified bucket does not exist")
	}
}

// A bucket shows what the other kinds set, and their deletion takes it back as S3 does.
func TestBucketSettings(t *testing.T) {
	c := awstest.New(t, s3.Kinds()...)
	b := newBucket(c)
	shows := func(property, words string) {
		t.Helper()
		if got := fmt.Sprint(c.Look(b).Outputs[property]); !strings.Contains(got, words) {
			t.Errorf("%s is %s, want %s", property, got, words)
		}
		c.Outputs(c.Look(b))
	}
	shows("versionings", "enabled:false")
	shows("serverSideEncryptionConfigurations", "sseAlgorithm:AES256")

	v := c.Make(s3.BucketVersioningToken, cloud.Map{"bucket": b.ID, "versioningConfiguration": cloud.Map{"status": "Enabled"}})
	if v.ID != b.ID {
		t.Errorf("id %s", v.ID)
	}
	shows("versionings", "enabled:true")
	_, err := c.Edit(v, cloud.Map{"versioningConfiguration": cloud.Map{"status": "Disabled"}})
	c.Refused(err, "", "versioning_configuration.status cannot be updated from 'Enabled' to 'Disabled'")
	c.Remove(v)
	shows("versionings", "enabled:false")
	c.Store.View(func(tx *cloud.Tx) {
		if s := cloud.StatusOf[s3.BucketStatus](tx.Get(b.Key)); s.Versioning != s3.VersioningSuspended {
			t.Errorf("versioning is %s", s.Versioning)
		}
	})

	e := c.Make(s3.BucketEncryptionToken, cloud.Map{"bucket": b.ID, "rules": []any{awstest.With(awstest.EncryptionRule("aws:kms", "alias/k"), cloud.Map{"bucketKeyEnabled": true})}})
	shows("serverSideEncryptionConfigurations", "bucketKeyEnabled:true")
	shows("serverSideEncryptionConfigurations", "kmsMasterKeyId:alias/k")
	c.Remove(e)
	shows("serverSideEncryptionConfigurations", "sseAlgorithm:AES256")

	p := c.Make(s3.BucketPolicyToken, cloud.Map{
		"bucket": b.ID, "policy": awstest.BucketPolicyFor("Allow", `{"AWS":"000000000000"}`, "s3:GetObject", "arn:aws:s3:::slipway-state/*"),
	})
	shows("policy", "one statement")
	c.Remove(p)
	if got := c.Look(b).Outputs["policy"]; got != "" {
		t.Errorf("policy %v", got)
	}

	owned := c.Make(s3.BucketVersioningToken, cloud.Map{
		"bucket": b.ID, "expectedBucketOwner": sts.DefaultAccount, "versioningConfiguration": cloud.Map{"status": "Suspended"},
	})
	if owned.ID != "slipway-state,000000000000" {
		t.Errorf("id %s", owned.ID)
	}
	c.Make(s3.BucketPublicAccessBlockToken, cloud.Map{"bucket": b.ID, "blockPublicAcls": true})
	c.Make(s3.BucketEncryptionToken, cloud.Map{"bucket": b.ID, "rules": []any{awstest.EncryptionRule("AES256", "")}})
	c.Remove(c.Look(b)) // with everything that is set
	if left := c.Left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestBucketSettingsRefusals(t *testing.T) {
	c := awstest.New(t, s3.Kinds()...)
	b := newBucket(c)
	for _, tt := range []struct {
		name, token string
		in          cloud.Map
		code, words string
	}{
		{"a status", s3.BucketVersioningToken, cloud.Map{"versioningConfiguration": cloud.Map{"status": "On"}}, "Check", `to be one of ["Enabled" "Suspended" "Disabled"], got On`},
		{"no account", s3.BucketVersioningToken, cloud.Map{"expectedBucketOwner": "me", "versioningConfiguration": cloud.Map{"status": "Enabled"}}, "Check", "exactly 12 digits"},
		{"another owner", s3.BucketVersioningToken, cloud.Map{"expectedBucketOwner": awstest.ThereAccount, "versioningConfiguration": cloud.Map{"status": "Enabled"}}, "AccessDenied", "Access Denied"},
		{"a second factor", s3.BucketVersioningToken, cloud.Map{"versioningConfiguration": cloud.Map{"status": "Enabled", "mfaDelete": "Enabled"}}, "", "second factor: not modelled"},
		{"an algorithm", s3.BucketEncryptionToken, cloud.Map{"rules": []any{awstest.EncryptionRule("AES", "")}}, "Check", `to be one of ["AES256" "aws:kms" "aws:kms:dsse"], got AES`},
		{"no rule", s3.BucketEncryptionToken, cloud.Map{"rules": []any{}}, "MalformedXML", "a bucket has one rule, and these are 0"},
		{"two rules", s3.BucketEncryptionToken, cloud.Map{"rules": []any{awstest.EncryptionRule("AES256", ""), awstest.EncryptionRule("aws:kms", "")}}, "MalformedXML", "did not validate against our published schema"},
		{"a key for AES256", s3.BucketEncryptionToken, cloud.Map{"rules": []any{awstest.EncryptionRule("AES256", "k")}}, "InvalidArgument", "a KMSMasterKeyID is not applicable"},
		{"a long name", s3.BucketEncryptionToken, cloud.Map{"bucket": strings.Repeat("a", 64), "rules": []any{awstest.EncryptionRule("AES256", "")}}, "Check", "in the range (1 - 63)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.Try(tt.token, awstest.With(cloud.Map{"bucket": b.ID}, tt.in))
			c.Refused(err, tt.code, tt.words)
		})
	}
}

func TestBucketPolicy(t *testing.T) {
	c := awstest.New(t, s3.Kinds()...)
	b := newBucket(c)
	const objects = "arn:aws:s3:::slipway-state/*"
	own := awstest.BucketPolicyFor("Allow", `{"AWS":"arn:aws:iam::000000000000:root"}`, "s3:GetObject", objects)
	public := awstest.BucketPolicyFor("Allow", `"*"`, "s3:GetObject", objects)
	conditioned := func(condition string) string {
		return strings.Replace(public, `"Action"`, `"Condition":`+condition+`,"Action"`, 1)
	}
	put := func(policy string) error {
		r, err := c.Try(s3.BucketPolicyToken, cloud.Map{"bucket": b.ID, "policy": policy})
		if err == nil {
			c.Remove(r)
		}
		return err
	}
	for _, tt := range []struct{ name, policy, words string }{
		{"no resource", `{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}}`, "Missing required field Resource"},
		{"another bucket's objects", strings.Replace(own, "slipway-state", "other", 1), "Policy has invalid resource"},
		{"a bucket whose name begins with this one's", strings.Replace(own, "slipway-state/*", "slipway-state-2/*", 1), "Policy has invalid resource"},
		{"all resources", strings.Replace(own, objects, "*", 1), "Policy has invalid resource"},
		{"another service", strings.Replace(own, "s3:", "ec2:", 1), "Policy has invalid action"},
		{"no such principal", strings.Replace(own, ":root", ":role/nobody", 1), "Invalid principal in policy"},
		{"no principal", `{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"` + objects + `"}}`, "Missing required field Principal"},
	} {
		t.Run(tt.name, func(t *testing.T) { c.Refused(put(tt.policy), "MalformedPolicy", tt.words) })
	}
	c.Refused(put(strings.Replace(own, "one statement", strings.Repeat("x", 20<<10), 1)), "PolicyTooLarge", "20480 bytes")
	c.Refused(put(conditioned(`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`)), "", "the condition operator IpAddress of a policy: not modelled")

	const blocked = `User: arn:aws:iam::000000000000:root is not authorized to perform: s3:PutBucketPolicy on resource: "arn:aws:s3:::slipway-state" ` +
		"because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."
	private := map[string]string{
		"an account": own, "the bucket itself": strings.Replace(own, objects, "arn:aws:s3:::slipway-state", 1),
		"a part of the bucket": strings.NewReplacer("s3:GetObject", "s3:ListBucket", objects, "arn:aws:s3:::slipway-state",
			`"Action"`, `"Condition":{"StringLike":{"s3:prefix":["a/*"]}},"Action"`).Replace(own),
		"a refusal to everybody": strings.Replace(awstest.BucketPolicyFor("Deny", `"*"`, "s3:*", objects), `"Action"`, `"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Action"`, 1),
		"an account's resources": conditioned(`{"StringEquals":{"aws:SourceAccount":"000000000000"}}`),
		"a role":                 conditioned(`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::000000000000:role/x"}}`),
	}
	opened := map[string]string{
		"everybody": public, "everybody of AWS": strings.Replace(public, `"*"`, `{"AWS":"*"}`, 1),
		"all but one":         strings.Replace(public, `"Principal":"*"`, `"NotPrincipal":{"AWS":"123456789012"}`, 1),
		"any account":         conditioned(`{"StringLike":{"aws:SourceAccount":"*"}}`),
		"whoever says so":     conditioned(`{"Bool":{"aws:SecureTransport":"true"}}`),
		"all but one account": conditioned(`{"StringNotEquals":{"aws:SourceAccount":"123456789012"}}`),
	}
	check := func(blocks bool) {
		t.Helper()
		for name, policy := range private {
			if err := put(policy); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, policy := range opened {
			if err := put(policy); (err != nil) != blocks || blocks && (cloud.Code(err) != "AccessDenied" || !strings.Contains(err.Error(), blocked)) {
				t.Errorf("%s, while public policies are blocked: %t: %v", name, blocks, err)
			}
		}
	}
	check(true) // as every bucket begins
	block := c.Make(s3.BucketPublicAccessBlockToken, cloud.Map{"bucket": b.ID})
	check(false)
	block, err := c.Edit(block, cloud.Map{"blockPublicPolicy": true})
	if err != nil {
		t.Fatal(err)
	}
	check(true)
	c.Remove(block)
	check(false)
}

// A bucket with objects goes only with force, and they with it.
func TestBucketWithObjects(t *testing.T) {
	c := awstest.New(t, s3.Kinds()...)
	for _, force := range []bool{false, true} {
		r := c.Make(s3.BucketToken, cloud.Map{"bucket": fmt.Sprint("files-", force), "forceDestroy": force})
		if err := c.Store.Update(func(tx *cloud.Tx) error {
			s3.PutObject(tx, r, "a/b", s3.ObjectStatus{Content: []byte("hello"), ContentType: "text/plain"})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		err := c.DeleteOnce(t.Context(), awstest.Here, s3.BucketToken, r.ID)
		if !force {
			c.Refused(err, "BucketNotEmpty", "The bucket you tried to delete is not empty")
			continue
		}
		c.Store.View(func(tx *cloud.Tx) {
			if left := s3.Objects(tx, r, ""); err != nil || len(left) > 0 {
				t.Errorf("%v, and %d objects are left", err, len(left))
			}
		})
	}
}
