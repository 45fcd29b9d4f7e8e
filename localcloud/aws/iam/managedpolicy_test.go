package iam_test

import (
	"strings"
	"testing"
	"time"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/cloud"
)

func TestManagedPolicy(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	p := c.Make(iam.PolicyToken, cloud.Map{"name": "slipway-boundary", "path": "/slipway/", "description": "what roles may do at most", "policy": awstest.ReadSecret})
	const want = "arn:aws:iam::000000000000:policy/slipway/slipway-boundary"
	if id, _ := p.Outputs["policyId"].(string); p.ID != want || p.Outputs["arn"] != want || len(id) != 21 || !strings.HasPrefix(id, "ANPA") {
		t.Errorf("policy %s, %v", p.ID, p.Outputs)
	}
	for property, v := range map[string]any{"name": "other", "namePrefix": "other-", "path": "/", "description": "other", "policy": `{}`} {
		d, err := c.Diff(p.Token, p.Inputs, p.Outputs, awstest.With(p.Inputs, cloud.Map{property: v}))
		if replaced := len(d.Replace) > 0; err != nil || replaced != (property != "policy") {
			t.Errorf("another %s replaces the policy: %t, %v", property, replaced, err)
		}
	}
	_, err := c.Try(iam.PolicyToken, cloud.Map{"name": "Slipway-Boundary", "policy": awstest.ReadSecret})
	c.Refused(err, "EntityAlreadyExists", "A policy called Slipway-Boundary already exists. Duplicate names are not allowed.")

	// White space does not count.
	policy := func(characters int) string {
		const begin, end = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get","Resource":"arn:aws:s3:::`, `"}]}`
		return begin + strings.Repeat("b", characters-len(begin)-len(end)) + strings.Replace(end, "}]}", strings.Repeat(" \n", 3000)+"}]}", 1)
	}
	c.Make(iam.PolicyToken, cloud.Map{"name": "full", "policy": policy(6144)})
	_, err = c.Try(iam.PolicyToken, cloud.Map{"name": "long", "policy": policy(6145)})
	c.Refused(err, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
}

// A policy counts the roles that have it, whichever way they do, and stays while there are any.
func TestAttachmentCount(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	p := c.Make(iam.PolicyToken, cloud.Map{"name": "shared", "policy": awstest.ReadSecret})
	counts := func(want float64) {
		t.Helper()
		if r, err := c.Read(awstest.Here, iam.PolicyToken, p.ID); err != nil || r.Outputs["attachmentCount"] != want {
			t.Errorf("attachment count %v, %v; want %v", r.Outputs["attachmentCount"], err, want)
		}
	}
	counts(0)
	first := awstest.NewRole(c)
	attachment := c.Make(iam.RolePolicyAttachmentToken, cloud.Map{"role": first.ID, "policyArn": p.ID})
	counts(1)
	second := c.Make(identity.RoleToken, cloud.Map{"name": "second", "assumeRolePolicy": awstest.TrustTasks, "managedPolicyArns": []any{p.ID, awstest.ForTasks}})
	counts(2)
	c.Refused(c.Delete(t.Context(), awstest.Here, iam.PolicyToken, p.ID, time.Millisecond), "DeleteConflict", "Cannot delete a policy attached to entities.")
	c.Remove(attachment)
	counts(1)
	second, err := c.Edit(second, cloud.Map{"managedPolicyArns": []any{awstest.ForTasks}})
	if err != nil {
		t.Fatal(err)
	}
	counts(0)
	c.Make(iam.RolePolicyAttachmentToken, cloud.Map{"role": second.ID, "policyArn": p.ID})
	if second, err = c.Edit(second, cloud.Map{"forceDetachPolicies": true}); err != nil {
		t.Fatal(err)
	}
	c.Remove(second)
	counts(0)
	c.Remove(p)
}
