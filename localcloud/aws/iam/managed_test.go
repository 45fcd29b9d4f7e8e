package iam_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/cloud"
)

// AWS's own policies: the known ones are evaluated, and the others are not said to be missing.
func TestManagedPoliciesOfAWS(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	in := cloud.Map{
		"assumeRolePolicy": awstest.TrustTasks, "managedPolicyArns": []any{iam.AwsManaged + "AdministratorAccess"},
	}
	for name, want := range map[string]map[string]bool{
		"AdministratorAccess": {"s3:GetObject": true, "iam:CreateUser": true},
		"PowerUserAccess": {
			"s3:GetObject": true, "logs:PutLogEvents": true, "iam:CreateUser": false, "iam:ListRoles": true, "organizations:LeaveOrganization": false,
			"account:ListRegions": true, "account:CloseAccount": false,
		},
	} {
		c.Make(identity.RoleToken, awstest.With(in, cloud.Map{"name": name, "permissionsBoundary": iam.AwsManaged + name}))
		for action, ok := range want {
			c.Store.View(func(tx *cloud.Tx) {
				if got := iam.Allowed(tx, awstest.Here.Scope, "arn:aws:iam::000000000000:role/"+name, action, "*"); got != ok {
					t.Errorf("%s within %s: %v, want %v", action, name, got, ok)
				}
			})
		}
	}
	unknown := iam.AwsManaged + "ReadOnlyAccess"
	for what, test := range map[string]struct {
		token string
		in    cloud.Map
	}{
		"boundary":   {identity.RoleToken, awstest.With(in, cloud.Map{"name": "r", "permissionsBoundary": unknown})},
		"policy":     {identity.RoleToken, awstest.With(in, cloud.Map{"name": "r", "managedPolicyArns": []any{unknown}})},
		"attachment": {iam.RolePolicyAttachmentToken, cloud.Map{"role": "PowerUserAccess", "policyArn": unknown}},
	} {
		if _, err := c.Try(test.token, test.in); !errors.Is(err, cloud.ErrUnimplemented) || !strings.Contains(err.Error(), unknown) {
			t.Errorf("as %s: %v", what, err)
		}
	}
}

func TestTagsOfRolesDifferByMoreThanCase(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	in := cloud.Map{"name": "task", "assumeRolePolicy": awstest.TrustTasks}
	_, err := c.Try(identity.RoleToken, awstest.With(in, cloud.Map{"tags": cloud.Map{"Project": "a", "project": "b"}}))
	c.Refused(err, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	caller := awstest.Here
	caller.Config = cloud.Map{"defaultTags": cloud.Map{"tags": cloud.Map{"project": "b"}}}
	_, err = c.Create(t.Context(), caller, identity.RoleToken, awstest.With(in, cloud.Map{"path": "/", "tags": cloud.Map{"Project": "a"}}), 0)
	c.Refused(err, "InvalidInput", "Duplicate tag keys found")

	r := c.Make(identity.RoleToken, awstest.With(in, cloud.Map{"tags": cloud.Map{"Project": "a", "Stack": "dev"}}))
	update := func(tags cloud.Map) (*cloud.Resource, error) {
		return c.Update(t.Context(), awstest.Here, identity.RoleToken, r.ID, awstest.With(r.Inputs, cloud.Map{"tags": tags}), 0)
	}
	_, err = update(cloud.Map{"Project": "a", "Stack": "dev", "Owner": "x", "owner": "y"})
	c.Refused(err, "InvalidInput", "Duplicate tag keys found")
	for _, step := range []struct {
		what       string
		tags, have cloud.Map
	}{
		{"spelt otherwise", cloud.Map{"project": "a", "Stack": "dev"}, cloud.Map{"project": "a", "Stack": "dev"}},
		{"another that takes its place", cloud.Map{"project": "a", "PROJECT": "b", "Stack": "dev"}, cloud.Map{"PROJECT": "b", "Stack": "dev"}},
	} {
		r, err = update(step.tags)
		if err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		for _, has := range []any{r.Inputs["tags"], r.Outputs["tags"], r.Outputs["tagsAll"]} {
			if fmt.Sprint(has) != fmt.Sprint(step.have) {
				t.Errorf("%s: %v, want %v", step.what, has, step.have)
			}
		}
	}
	if d, err := c.Diff(identity.RoleToken, r.Inputs, r.Outputs, awstest.With(r.Inputs, cloud.Map{"tags": cloud.Map{"project": "a", "PROJECT": "b", "Stack": "dev"}})); err != nil || len(d.Changed) != 1 {
		t.Errorf("what cannot come about does not show: %v, %v", d.Changed, err)
	}
	// Other kinds tell the two apart.
	c.Make(iam.PolicyToken, cloud.Map{"name": "p", "policy": awstest.ReadSecret, "tags": cloud.Map{"Project": "a", "project": "b"}})
}
