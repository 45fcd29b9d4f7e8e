package plain_test

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"slipway/localcloud/aws/plain"
	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"
	"slipway/localcloud/schema/sdk"
)

const queue = "aws:sqs/queue:Queue"

// open makes a cloud that models nothing and keeps what matches the patterns.
func open(t *testing.T, patterns ...string) *cloud.Cloud {
	t.Helper()
	kept, err := plain.New(patterns, ".")
	if err != nil {
		t.Fatal(err)
	}
	store, err := cloud.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	refuse := func(_ *cloud.Call, needed []cloud.Permission) error {
		if len(needed) > 0 {
			return errors.New("which permissions a kind takes that is only kept is not known")
		}
		return nil
	}
	return cloud.New(store, cloud.Options{Schema: schema.SDKs{}.With(kept.Describe), Others: kept.Kind, Authorize: refuse})
}

var caller = cloud.Caller{
	Identity: "somebody",
	Scope:    cloud.Scope{Account: "123456789012", Region: "eu-central-1"},
	Config:   cloud.Map{"defaultTags": cloud.Map{"tags": cloud.Map{"Team": "a", "Stack": "dev"}}},
}

func sources(t *testing.T) *sdk.Sources {
	t.Helper()
	s, err := sdk.Locate(".")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// create checks and creates a resource as the engine does, and holds what it answers against the SDK's types.
func create(t *testing.T, c *cloud.Cloud, token string, in cloud.Map) *cloud.Resource {
	t.Helper()
	in, failures, err := c.Check(token, in)
	if err != nil || len(failures) > 0 {
		t.Fatalf("%s: %v %v", token, failures, err)
	}
	r, err := c.Create(t.Context(), caller, token, in, 0)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestIDsAndARNsHaveAWSsForms(t *testing.T) {
	t.Parallel()
	uuid := `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`
	tests := map[string]struct {
		in      cloud.Map
		id, arn string
	}{
		queue: {
			cloud.Map{"name": "jobs"}, `https://sqs\.eu-central-1\.amazonaws\.com/123456789012/jobs`, `arn:aws:sqs:eu-central-1:123456789012:jobs`,
		},
		"aws:sns/topic:Topic": {
			cloud.Map{"name": "news"}, `arn:aws:sns:eu-central-1:123456789012:news`, `arn:aws:sns:eu-central-1:123456789012:news`,
		},
		"aws:kms/key:Key": {cloud.Map{}, uuid, `arn:aws:kms:eu-central-1:123456789012:key/` + uuid},
		"aws:dynamodb/table:Table": {
			cloud.Map{"name": "users"}, "users", `arn:aws:dynamodb:eu-central-1:123456789012:table/users`,
		},
		"aws:s3/bucket:Bucket": {cloud.Map{"bucket": "files"}, "files", `arn:aws:s3:::files`},
		"aws:glue/mLTransform:MLTransform": {
			cloud.Map{"name": "m", "roleArn": "r", "inputRecordTables": []any{}, "parameters": cloud.Map{"transformType": "FIND_MATCHES", "findMatchesParameters": cloud.Map{}}},
			"m", `arn:aws:glue:eu-central-1:123456789012:mLTransform/m`,
		},
	}
	c := open(t, "aws:*/*")
	for token, test := range tests {
		r := create(t, c, token, test.in)
		arn, _ := r.Outputs["arn"].(string)
		if !regexp.MustCompile("^"+test.id+"$").MatchString(r.ID) || !regexp.MustCompile("^"+test.arn+"$").MatchString(arn) {
			t.Errorf("%s has id %s and ARN %s, want %s and %s", token, r.ID, arn, test.id, test.arn)
		}
		described, err := schema.Describe(sources(t), token)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range described.CheckOutputs(r.Outputs, nil) {
			t.Errorf("%s: output %s: %s", token, f.Property, f.Reason)
		}
		for name, p := range described.Outputs {
			if _, ok := r.Outputs[name]; p.Required && !ok {
				t.Errorf("%s: output %s is not there", token, name)
			}
		}
	}
}

func TestInputsAreHeldAgainstTheSDK(t *testing.T) {
	t.Parallel()
	c := open(t, "aws:sqs/*")
	_, failures, err := c.Check(queue, cloud.Map{"visibilityTimeOut": 30.0, "delaySeconds": []any{}})
	if err != nil {
		t.Fatal(err)
	}
	if len(failures) != 2 || failures[0].Property != "delaySeconds" || !strings.Contains(failures[1].Reason, "visibilityTimeoutSeconds") &&
		!strings.Contains(failures[1].Reason, "Invalid or unknown key") {
		t.Errorf("found %v", failures)
	}
}

func TestLifeOfAKeptResource(t *testing.T) {
	t.Parallel()
	c := open(t, "aws:sqs/*")
	if auto := c.AutoName(queue); auto == nil || auto.Property != "name" {
		t.Errorf("a queue is named by %v", auto)
	}
	r := create(t, c, queue, cloud.Map{"name": "jobs", "delaySeconds": 3.0, "tags": cloud.Map{"Stack": "prod"}})
	if all := r.Outputs["tagsAll"].(cloud.Map); all["Team"] != "a" || all["Stack"] != "prod" {
		t.Errorf("all tags are %v", all)
	}
	arn := r.Outputs["arn"]
	again := cloud.Map{"name": "jobs", "delaySeconds": 3.0, "tags": cloud.Map{"Stack": "prod"}}
	if d, err := c.Diff(queue, r.Inputs, r.Outputs, again); err != nil || len(d.Changed) > 0 {
		t.Errorf("the same inputs differ in %v (%v)", d.Changed, err)
	}
	changed := cloud.Map{"name": "jobs", "delaySeconds": 5.0}
	if d, err := c.Diff(queue, r.Inputs, r.Outputs, changed); err != nil || len(d.Changed) != 2 || len(d.Replace) > 0 {
		t.Errorf("other inputs differ in %v, replace for %v (%v)", d.Changed, d.Replace, err)
	}
	if d, err := c.Diff(queue, r.Inputs, r.Outputs, cloud.Map{"name": "work"}); err != nil || len(d.Replace) != 1 {
		t.Errorf("another name replaces for %v (%v)", d.Replace, err)
	}
	updated, err := c.Update(t.Context(), caller, queue, r.ID, changed, 0)
	if err != nil {
		t.Fatal(err)
	}
	if updated.Outputs["delaySeconds"] != 5.0 || updated.Outputs["arn"] != arn || updated.ID != r.ID || updated.Outputs["tags"] != nil {
		t.Errorf("updated to %s, %v", updated.ID, updated.Outputs)
	}
	if read, err := c.Read(caller, queue, r.ID); err != nil || read == nil {
		t.Errorf("read %v (%v)", read, err)
	}
	if err := c.Delete(t.Context(), caller, queue, r.ID, 0); err != nil {
		t.Fatal(err)
	}
	if read, err := c.Read(caller, queue, r.ID); err != nil || read != nil {
		t.Errorf("read %v after its deletion (%v)", read, err)
	}
}

func TestTwoResourcesDoNotHaveOneID(t *testing.T) {
	t.Parallel()
	c := open(t, "aws:sqs/*")
	in := cloud.Map{"name": "jobs"}
	create(t, c, queue, in)
	if _, err := c.Create(t.Context(), caller, queue, in, 0); cloud.Code(err) != "AlreadyExists" {
		t.Errorf("a second queue of one name: got %v", err)
	}
}

// A kind without tags has none after an update either.
func TestUpdatesAnswerWhatTheSDKHas(t *testing.T) {
	t.Parallel()
	c := open(t, "aws:sqs/*")
	const token = "aws:sqs/queuePolicy:QueuePolicy"
	r := create(t, c, token, cloud.Map{"queueUrl": "q", "policy": "{}"})
	r, err := c.Update(t.Context(), caller, token, r.ID, cloud.Map{"queueUrl": "q", "policy": `{"Version":"2012-10-17"}`}, 0)
	if err != nil {
		t.Fatal(err)
	}
	described, err := schema.Describe(sources(t), token)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range described.CheckOutputs(r.Outputs, nil) {
		t.Errorf("output %s: %s", f.Property, f.Reason)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	c := open(t, "aws:sns/*", "aws:sqs/cow:Cow")
	tests := map[string]string{
		queue:                    "resource aws:sqs/queue:Queue: not modelled by the local cloud; `bin/localcloud start -plain 'aws:sqs/*'` keeps it as it is told",
		"aws:sqs/cow:Cow":        "the SDK that the program is built with does not have it",
		"aws:sns/getTopic:Topic": "the SDK that the program is built with does not have it",
	}
	for token, want := range tests {
		if _, _, err := c.Check(token, cloud.Map{}); !errors.Is(err, cloud.ErrUnimplemented) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", token, err, want)
		}
	}
}

func TestWrongPatterns(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"", "sqs", "aws:sqs", "gcp:sqs/*", "aws:[/*"} {
		if _, err := plain.New([]string{pattern}, "."); err == nil || !strings.Contains(err.Error(), "keep") {
			t.Errorf("%q: got %v", pattern, err)
		}
	}
	if _, err := plain.New([]string{"aws:sqs/*"}, t.TempDir()); err == nil || !strings.Contains(err.Error(), "folder of the Pulumi program") {
		t.Errorf("a folder without a program: got %v", err)
	}
}
