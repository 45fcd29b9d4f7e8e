package aws

import (
	"fmt"
	"strings"
	"testing"

	"slipway/localcloud/cloud"
)

func newBucket(c *testCloud) *cloud.Resource {
	return c.create(bucketToken, cloud.Map{"bucket": "slipway-state"})
}

// now returns the resource as it is.
func (c *testCloud) look(r *cloud.Resource) *cloud.Resource {
	c.t.Helper()
	got, err := c.Read(here, r.Token, r.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	return got
}

func TestBucket(t *testing.T) {
	c := newCloud(t, s3Kinds()...)
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
	prefixed := c.create(bucketToken, cloud.Map{"bucketPrefix": "state-"})
	if !strings.HasPrefix(prefixed.ID, "state-2") || prefixed.Outputs["bucket"] != prefixed.ID {
		t.Errorf("bucket %s, %v", prefixed.ID, prefixed.Outputs["bucket"])
	}
	if updated, err := c.update(b, cloud.Map{"forceDestroy": true, "tags": cloud.Map{"a": "b"}}); err != nil || updated.Outputs["arn"] != b.Outputs["arn"] {
		t.Errorf("after an update: %v, %v", updated, err)
	}
	// Names are everybody's.
	_, err := c.try(bucketToken, cloud.Map{"bucket": "slipway-state"})
	c.refused(err, "BucketAlreadyOwnedByYou", "you already own it")
	checked, _, err := c.Check(bucketToken, cloud.Map{"bucket": "slipway-state"})
	if err != nil {
		t.Fatal(err)
	}
	for caller, code := range map[cloud.Scope]string{
		{Account: thereAccount, Region: "eu-central-1"}:   "BucketAlreadyExists",
		{Account: thereAccount, Region: "us-east-1"}:      "BucketAlreadyExists",
		{Account: DefaultAccount, Region: "us-east-1"}:    "BucketAlreadyOwnedByYou",
		{Account: DefaultAccount, Region: "ap-south-1"}:   "BucketAlreadyOwnedByYou",
		{Account: "210987654321", Region: "ca-central-1"}: "BucketAlreadyExists",
	} {
		_, err := c.Create(t.Context(), cloud.Caller{Scope: caller}, bucketToken, checked, 0)
		c.refused(err, code, "")
	}
}

func TestBucketRefusals(t *testing.T) {
	c := newCloud(t, s3Kinds()...)
	for name, words := range map[string]string{
		"ab": "between 3 and 63", "Slipway": "lower-case", "a_b_c": "lower-case", "-abc": "begins and ends with a letter", "abc-": "begins and ends with a letter",
		".abc": "begins and ends", "a..b": "two periods", "192.168.0.1": "an IP address", "xn--abc": "reserved", "sthree-a": "reserved", "abc--x-s3": "reserved",
	} {
		_, err := c.try(bucketToken, cloud.Map{"bucket": name})
		c.refused(err, "InvalidBucketName", words)
	}
	for _, name := range []string{"abc", "a.b-c.1", "1.2.3", strings.Repeat("a", 63)} {
		c.create(bucketToken, cloud.Map{"bucket": name})
	}
	_, err := c.try(bucketToken, cloud.Map{"bucket": strings.Repeat("a", 64)})
	c.refused(err, "Check", "in the range (0 - 63)")
	_, err = c.try(bucketToken, cloud.Map{"bucketPrefix": strings.Repeat("a", 38)})
	c.refused(err, "Check", "in the range (0 - 37)")
	_, err = c.try(bucketToken, cloud.Map{"bucket": "abcd", "bucketPrefix": "abc"})
	c.refused(err, "Check", "conflicts with bucket_prefix")
	rule := []any{cloud.Map{}}
	for property, v := range map[string]any{
		"acl": "private", "versionings": rule, "serverSideEncryptionConfigurations": rule, "policy": "{}", "lifecycleRules": rule,
		"objectLockEnabled": true, "websites": rule, "loggings": rule, "grants": rule, "corsRules": rule, "requestPayer": "BucketOwner",
		"accelerationStatus": "Enabled", "replicationConfigurations": rule, "objectLockConfiguration": cloud.Map{"objectLockEnabled": "Enabled"},
	} {
		checked := cloud.Map{"bucket": "abcd", property: v}
		_, err := c.Create(t.Context(), here, bucketToken, checked, 0) // past the schema: some of them want more than this
		c.refused(err, "", property+" of a bucket: not modelled")
	}
	policy := bucketPolicyFor("Allow", `{"AWS":"000000000000"}`, "s3:GetObject", "arn:aws:s3:::gone/*")
	for token, in := range map[string]cloud.Map{
		bucketVersioningToken:        {"versioningConfiguration": cloud.Map{"status": "Enabled"}},
		bucketEncryptionToken:        {"rules": []any{encryptionRule("AES256", "")}},
		bucketPublicAccessBlockToken: {},
		bucketPolicyToken:            {"policy": policy},
	} {
		_, err := c.try(token, with(in, cloud.Map{"bucket": "gone"}))
		c.refused(err, "NoSuchBucket", "The specified bucket does not exist")
	}
}

func encryptionRule(algorithm, key string) cloud.Map {
	applied := cloud.Map{"sseAlgorithm": algorithm}
	if key != "" {
		applied["kmsMasterKeyId"] = key
	}
	return cloud.Map{"applyServerSideEncryptionByDefault": applied}
}

func bucketPolicyFor(effect, principal, action, resource string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"one statement","Effect":"%s","Principal":%s,"Action":"%s","Resource":"%s"}]}`,
		effect, principal, action, resource)
}

// A bucket shows what the other kinds set, and their deletion takes it back as S3 does.
func TestBucketSettings(t *testing.T) {
	c := newCloud(t, s3Kinds()...)
	b := newBucket(c)
	shows := func(property, words string) {
		t.Helper()
		if got := fmt.Sprint(c.look(b).Outputs[property]); !strings.Contains(got, words) {
			t.Errorf("%s is %s, want %s", property, got, words)
		}
		c.outputs(c.look(b))
	}
	shows("versionings", "enabled:false")
	shows("serverSideEncryptionConfigurations", "sseAlgorithm:AES256")

	v := c.create(bucketVersioningToken, cloud.Map{"bucket": b.ID, "versioningConfiguration": cloud.Map{"status": "Enabled"}})
	if v.ID != b.ID {
		t.Errorf("id %s", v.ID)
	}
	shows("versionings", "enabled:true")
	_, err := c.update(v, cloud.Map{"versioningConfiguration": cloud.Map{"status": "Disabled"}})
	c.refused(err, "", "versioning_configuration.status cannot be updated from 'Enabled' to 'Disabled'")
	c.delete(v)
	shows("versionings", "enabled:false")
	c.Store.View(func(tx *cloud.Tx) {
		if s := cloud.StatusOf[BucketStatus](tx.Get(b.Key)); s.Versioning != versioningSuspended {
			t.Errorf("versioning is %s", s.Versioning)
		}
	})

	e := c.create(bucketEncryptionToken, cloud.Map{"bucket": b.ID, "rules": []any{with(encryptionRule("aws:kms", "alias/k"), cloud.Map{"bucketKeyEnabled": true})}})
	shows("serverSideEncryptionConfigurations", "bucketKeyEnabled:true")
	shows("serverSideEncryptionConfigurations", "kmsMasterKeyId:alias/k")
	c.delete(e)
	shows("serverSideEncryptionConfigurations", "sseAlgorithm:AES256")

	p := c.create(bucketPolicyToken, cloud.Map{
		"bucket": b.ID, "policy": bucketPolicyFor("Allow", `{"AWS":"000000000000"}`, "s3:GetObject", "arn:aws:s3:::slipway-state/*"),
	})
	shows("policy", "one statement")
	c.delete(p)
	if got := c.look(b).Outputs["policy"]; got != "" {
		t.Errorf("policy %v", got)
	}

	owned := c.create(bucketVersioningToken, cloud.Map{
		"bucket": b.ID, "expectedBucketOwner": DefaultAccount, "versioningConfiguration": cloud.Map{"status": "Suspended"},
	})
	if owned.ID != "slipway-state,000000000000" {
		t.Errorf("id %s", owned.ID)
	}
	c.create(bucketPublicAccessBlockToken, cloud.Map{"bucket": b.ID, "blockPublicAcls": true})
	c.create(bucketEncryptionToken, cloud.Map{"bucket": b.ID, "rules": []any{encryptionRule("AES256", "")}})
	c.delete(c.look(b)) // with everything that is set
	if left := c.left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestBucketSettingsRefusals(t *testing.T) {
	c := newCloud(t, s3Kinds()...)
	b := newBucket(c)
	for _, tt := range []struct {
		name, token string
		in          cloud.Map
		code, words string
	}{
		{"a status", bucketVersioningToken, cloud.Map{"versioningConfiguration": cloud.Map{"status": "On"}}, "Check", `to be one of ["Enabled" "Suspended" "Disabled"], got On`},
		{"no account", bucketVersioningToken, cloud.Map{"expectedBucketOwner": "me", "versioningConfiguration": cloud.Map{"status": "Enabled"}}, "Check", "exactly 12 digits"},
		{"another owner", bucketVersioningToken, cloud.Map{"expectedBucketOwner": thereAccount, "versioningConfiguration": cloud.Map{"status": "Enabled"}}, "AccessDenied", "Access Denied"},
		{"a second factor", bucketVersioningToken, cloud.Map{"versioningConfiguration": cloud.Map{"status": "Enabled", "mfaDelete": "Enabled"}}, "", "second factor: not modelled"},
		{"an algorithm", bucketEncryptionToken, cloud.Map{"rules": []any{encryptionRule("AES", "")}}, "Check", `to be one of ["AES256" "aws:kms" "aws:kms:dsse"], got AES`},
		{"no rule", bucketEncryptionToken, cloud.Map{"rules": []any{}}, "MalformedXML", "a bucket has one rule, and these are 0"},
		{"two rules", bucketEncryptionToken, cloud.Map{"rules": []any{encryptionRule("AES256", ""), encryptionRule("aws:kms", "")}}, "MalformedXML", "did not validate against our published schema"},
		{"a key for AES256", bucketEncryptionToken, cloud.Map{"rules": []any{encryptionRule("AES256", "k")}}, "InvalidArgument", "a KMSMasterKeyID is not applicable"},
		{"a long name", bucketEncryptionToken, cloud.Map{"bucket": strings.Repeat("a", 64), "rules": []any{encryptionRule("AES256", "")}}, "Check", "in the range (1 - 63)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.try(tt.token, with(cloud.Map{"bucket": b.ID}, tt.in))
			c.refused(err, tt.code, tt.words)
		})
	}
}

func TestBucketPolicy(t *testing.T) {
	c := newCloud(t, s3Kinds()...)
	b := newBucket(c)
	const objects = "arn:aws:s3:::slipway-state/*"
	own := bucketPolicyFor("Allow", `{"AWS":"arn:aws:iam::000000000000:root"}`, "s3:GetObject", objects)
	public := bucketPolicyFor("Allow", `"*"`, "s3:GetObject", objects)
	conditioned := func(condition string) string {
		return strings.Replace(public, `"Action"`, `"Condition":`+condition+`,"Action"`, 1)
	}
	put := func(policy string) error {
		r, err := c.try(bucketPolicyToken, cloud.Map{"bucket": b.ID, "policy": policy})
		if err == nil {
			c.delete(r)
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
		t.Run(tt.name, func(t *testing.T) { c.refused(put(tt.policy), "MalformedPolicy", tt.words) })
	}
	c.refused(put(strings.Replace(own, "one statement", strings.Repeat("x", 20<<10), 1)), "PolicyTooLarge", "20480 bytes")
	c.refused(put(conditioned(`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`)), "", "the condition operator IpAddress of a policy: not modelled")

	const blocked = `User: arn:aws:iam::000000000000:root is not authorized to perform: s3:PutBucketPolicy on resource: "arn:aws:s3:::slipway-state" ` +
		"because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."
	private := map[string]string{
		"an account": own, "the bucket itself": strings.Replace(own, objects, "arn:aws:s3:::slipway-state", 1),
		"a part of the bucket": strings.NewReplacer("s3:GetObject", "s3:ListBucket", objects, "arn:aws:s3:::slipway-state",
			`"Action"`, `"Condition":{"StringLike":{"s3:prefix":["a/*"]}},"Action"`).Replace(own),
		"a refusal to everybody": strings.Replace(bucketPolicyFor("Deny", `"*"`, "s3:*", objects), `"Action"`, `"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Action"`, 1),
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
	block := c.create(bucketPublicAccessBlockToken, cloud.Map{"bucket": b.ID})
	check(false)
	block, err := c.update(block, cloud.Map{"blockPublicPolicy": true})
	if err != nil {
		t.Fatal(err)
	}
	check(true)
	c.delete(block)
	check(false)
}
