package permissions

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const (
	bucket      = "arn:aws:s3:::slipway-state-0123456"
	deployRole  = "arn:aws:iam::123456789012:role/slipway-deploy"
	previewRole = "arn:aws:iam::123456789012:role/slipway-preview"
)

// sharedStacks is a bucket's policy as bootstrap makes it, for an account with these stacks.
func sharedStacks(stacks ...string) Document {
	return append(
		ShareWithRoles(ReadStacks(bucket, "slipway", stacks), "aws", "123456789012", "slipway-deploy", "slipway-preview"),
		ShareWithRoles(WriteStacks(bucket, "slipway", stacks), "aws", "123456789012", "slipway-deploy")...)
}

// asks reports whether the policy lets a role act on an object, or list the bucket with a prefix.
func (d Document) asks(role, action, key string) bool {
	r := request{"s3:" + action, bucket + "/" + key, map[string]string{"aws:PrincipalArn": role}}
	if action == "ListBucket" {
		r.resource, r.context["s3:prefix"] = bucket, key
	}
	return d.allows(r)
}

// The keys are those that the CLI, v3.250, asked a bucket for, in all that the workflows run and more: init, config, preview, up,
// refresh, output, history, tag, cancel, rename and destroy.
func TestSharedStacks(t *testing.T) {
	t.Parallel()
	d := sharedStacks("dev", "pr-*")
	const (
		none = iota
		reads
		writes
	)
	for key, want := range map[string]int{
		".pulumi/stacks/slipway/dev.json":                                  writes,
		".pulumi/stacks/slipway/dev.json.bak":                              writes,
		".pulumi/stacks/slipway/dev.json.gz":                               writes,
		".pulumi/stacks/slipway/dev.json.zst.bak":                          writes,
		".pulumi/stacks/slipway/dev.pulumi-tags":                           writes,
		".pulumi/history/slipway/dev/dev-1795272849000000000.history.json": writes,
		".pulumi/history/slipway/dev/dev-1.checkpoint.json.gz":             writes,
		".pulumi/backups/slipway/dev/dev.1795272849000000000.json":         writes,
		".pulumi/locks/organization/slipway/dev/e1f22b84-1ec6.json":        writes,
		".pulumi/stacks/slipway/pr-7.json":                                 writes,
		".pulumi/stacks/slipway/pr-7.json.bak":                             writes,
		".pulumi/stacks/slipway/pr-7.pulumi-tags":                          writes,
		".pulumi/history/slipway/pr-7/pr-7-1.history.json":                 writes,
		".pulumi/backups/slipway/pr-7/pr-7.1.json":                         writes,
		".pulumi/locks/organization/slipway/pr-7/e1f22b84-1ec6.json":       writes,

		".pulumi/meta.yaml": reads, // else it could hide all stacks

		".pulumi/stacks/slipway/prod.json":                        none,
		".pulumi/stacks/slipway/prod.json.bak":                    none,
		".pulumi/stacks/slipway/prod.pulumi-tags":                 none,
		".pulumi/history/slipway/prod/prod-1.history.json":        none,
		".pulumi/backups/slipway/prod/prod.1.json":                none,
		".pulumi/locks/organization/slipway/prod/e1f22b84.json":   none,
		".pulumi/stacks/slipway/dev2.json":                        none,
		".pulumi/stacks/slipway/dev-eu.json":                      none,
		".pulumi/stacks/slipway/dev.eu.json":                      none,
		".pulumi/stacks/slipway/dev":                              none,
		".pulumi/history/slipway/dev2/dev2-1.history.json":        none,
		".pulumi/stacks/slipway/pr.json":                          none,
		".pulumi/stacks/slipway-bootstrap/dev.json":               none, // who may do what, here
		".pulumi/locks/organization/slipway-bootstrap/dev/1.json": none,
		".pulumi/stacks/dev.json":                                 none, // the layout of old
		".pulumi/locks/dev/1.json":                                none,
		".pulumi/meta.yaml.bak":                                   none,
		"":                                                        none,
	} {
		for _, action := range []string{"GetObject", "PutObject", "DeleteObject"} {
			least := writes
			if action == "GetObject" {
				least = reads
			}
			if got := d.asks(deployRole, action, key); got != (want >= least) {
				t.Errorf("the deploy role may %s %s: %v", action, key, got)
			}
			if got := d.asks(previewRole, action, key); got != (want >= least && action == "GetObject") {
				t.Errorf("the preview role may %s %s: %v", action, key, got)
			}
			for _, other := range []string{"arn:aws:iam::123456789012:role/admin", "arn:aws:iam::999999999999:role/slipway-deploy"} {
				if d.asks(other, action, key) {
					t.Errorf("%s may %s %s", other, action, key)
				}
			}
		}
		if got := d.asks(previewRole, "ListBucket", key); got != (want == writes) { // it is told that one does not exist
			t.Errorf("the preview role may list %s: %v", key, got)
		}
	}
	for prefix, want := range map[string]bool{
		".pulumi/stacks/slipway/dev.json":          true,
		".pulumi/history/slipway/dev/":             true,
		".pulumi/backups/slipway/dev/":             true,
		".pulumi/locks/organization/slipway/pr-7/": true,
		".pulumi/history/slipway/dev":              false,
		".pulumi/history/slipway/prod/":            false,
		".pulumi/stacks/slipway/":                  false,
		".pulumi/stacks/":                          false,
		".pulumi/":                                 false,
		"":                                         false,
	} {
		if got := d.asks(deployRole, "ListBucket", prefix); got != want {
			t.Errorf("the deploy role may list %q: %v", prefix, got)
		}
	}
	for _, action := range []string{"GetObjectVersion", "DeleteObjectVersion", "PutObjectAcl", "PutBucketPolicy"} {
		if d.asks(deployRole, action, ".pulumi/stacks/slipway/dev.json") {
			t.Errorf("the deploy role may %s", action)
		}
	}
}

// A stack's state is for those to whom its name is, and for nobody else.
func TestSharedStacksProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stacks := rapid.SliceOfN(rapid.StringMatching(`[ab][ab-]{0,2}(-\*)?`), 1, 3).Draw(t, "stacks")
		name := rapid.StringMatching(`[ab][ab.-]{0,4}`).Draw(t, "name")
		want := false
		for _, stack := range stacks {
			beginning, wild := strings.CutSuffix(stack, "*")
			want = want || stack == name || wild && strings.HasPrefix(name, beginning)
		}
		d := sharedStacks(stacks...)
		for _, key := range []string{
			".pulumi/stacks/slipway/" + name + ".json",
			".pulumi/stacks/slipway/" + name + ".pulumi-tags",
			".pulumi/history/slipway/" + name + "/" + name + "-1.history.json",
			".pulumi/backups/slipway/" + name + "/" + name + ".1.json",
			".pulumi/locks/organization/slipway/" + name + "/1.json",
		} {
			if got := d.asks(deployRole, "PutObject", key); got != want {
				t.Fatalf("%s, with %v shared: %v", key, stacks, got)
			}
		}
	})
}

// S3 takes 20 KB of a bucket policy ("Bucket policies for Amazon S3" in the S3 user guide).
func TestSharedStacksFit(t *testing.T) {
	t.Parallel()
	stacks := []string{"dev-eu", "dev-us", "staging-eu", "staging-us", "qa", "demo", "load", "sandbox", "pr-*", "try-*"}
	if n := len(append(RequireTLS(bucket), sharedStacks(stacks...)...).JSON()); n > 20<<10 {
		t.Errorf("the policy for %d stacks has %d characters", len(stacks), n)
	}
}
