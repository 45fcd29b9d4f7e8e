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

func TestRole(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	r := awstest.NewRole(c)
	if r.ID != "task" || r.Outputs["arn"] != "arn:aws:iam::000000000000:role/task" || r.Scope.Region != "" {
		t.Errorf("role %s with ARN %v in region %q", r.ID, r.Outputs["arn"], r.Scope.Region)
	}
	if id, _ := r.Outputs["uniqueId"].(string); len(id) != 21 || !strings.HasPrefix(id, "AROA") {
		t.Errorf("unique id %q", id)
	}
	_, err := c.Try(identity.RoleToken, cloud.Map{"name": "TASK", "assumeRolePolicy": awstest.TrustTasks})
	c.Refused(err, "EntityAlreadyExists", "Role with name TASK already exists.")

	prefixed := c.Make(identity.RoleToken, cloud.Map{"namePrefix": "task-", "path": "/slipway/", "assumeRolePolicy": awstest.TrustTasks})
	if !strings.HasPrefix(prefixed.ID, "task-2") || prefixed.Outputs["arn"] != "arn:aws:iam::000000000000:role/slipway/"+prefixed.ID {
		t.Errorf("role %s with ARN %v", prefixed.ID, prefixed.Outputs["arn"])
	}
	if updated, err := c.Edit(prefixed, cloud.Map{"description": "changed"}); err != nil || updated.Outputs["name"] != prefixed.ID {
		t.Errorf("after an update: %v, %v", updated, err)
	}
}

func TestRoleChecks(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	for _, test := range []struct {
		in    cloud.Map
		words string
	}{
		{cloud.Map{"name": strings.Repeat("x", 65), "assumeRolePolicy": awstest.TrustTasks}, "expected length of name to be in the range (1 - 64)"},
		{cloud.Map{"name": "a/b", "assumeRolePolicy": awstest.TrustTasks}, `must match [\w+=,.@-]`},
		{cloud.Map{"namePrefix": strings.Repeat("x", 39), "assumeRolePolicy": awstest.TrustTasks}, "in the range (1 - 38)"},
		{cloud.Map{"name": "a", "assumeRolePolicy": awstest.TrustTasks, "maxSessionDuration": 60.0}, "in the range (3600 - 43200), got 60"},
		{cloud.Map{"name": "a", "assumeRolePolicy": "[]"}, "not a JSON object"},
		{cloud.Map{"name": "a", "assumeRolePolicy": " {}"}, "leading space characters are not allowed"},
		{cloud.Map{"name": "a", "assumeRolePolicy": `{"Version":}`}, "contains an invalid JSON policy"},
	} {
		_, err := c.Try(identity.RoleToken, test.in)
		c.Refused(err, "Check", test.words)
	}
	for _, path := range []string{"slipway", "/slipway", "slipway/", "/slip way/"} {
		_, err := c.Try(identity.RoleToken, cloud.Map{"name": "a", "assumeRolePolicy": awstest.TrustTasks, "path": path})
		c.Refused(err, "ValidationError", "The specified value for path is invalid.")
	}
}

func TestPermissionsBoundary(t *testing.T) {
	const none = "arn:aws:iam::000000000000:policy/none"
	c := awstest.New(t, iam.Kinds()...)
	in := cloud.Map{"name": "task", "path": "/slipway/", "assumeRolePolicy": awstest.TrustTasks, "managedPolicyArns": []any{awstest.ForTasks}}
	_, err := c.Try(identity.RoleToken, awstest.With(in, cloud.Map{"permissionsBoundary": none}))
	c.Refused(err, "NoSuchEntity", "Scope ARN: "+none+" does not exist or is not attachable.")
	_, err = c.Try(identity.RoleToken, awstest.With(in, cloud.Map{"permissionsBoundary": "task"}))
	c.Refused(err, "Check", "permissionsBoundary: (task) is an invalid ARN")

	boundary := c.Make(iam.PolicyToken, cloud.Map{"name": "boundary", "policy": `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":["logs:*","secretsmanager:*"],"Resource":"*"},{"Effect":"Deny","Action":"logs:CreateLogStream","Resource":"*"}]}`})
	r := c.Make(identity.RoleToken, awstest.With(in, cloud.Map{"permissionsBoundary": boundary.ID}))
	name := "arn:aws:iam::000000000000:role/slipway/task"
	allowed := func(action string) bool {
		var ok bool
		c.Store.View(func(tx *cloud.Tx) { ok = iam.Allowed(tx, awstest.Here.Scope, name, action, "*") })
		return ok
	}
	for action, want := range map[string]bool{
		"logs:PutLogEvents":             true,
		"logs:CreateLogStream":          false, // refused by the boundary
		"ecr:GetAuthorizationToken":     false, // beyond it
		"secretsmanager:GetSecretValue": false, // within it, and not given
	} {
		if got := allowed(action); got != want {
			t.Errorf("%s: %v", action, got)
		}
	}
	if c.Store.View(func(tx *cloud.Tx) {
		if !iam.CanAssume(tx, awstest.Here.Scope, name, "ecs-tasks.amazonaws.com") {
			t.Error("a role with a path cannot be assumed")
		}
	}); !strings.HasSuffix(r.Outputs["arn"].(string), ":role/slipway/task") {
		t.Errorf("ARN %v", r.Outputs["arn"])
	}
	c.Refused(c.Delete(t.Context(), awstest.Here, iam.PolicyToken, boundary.ID, 1), "DeleteConflict", "Cannot delete a policy attached to entities.")
	r, err = c.Edit(r, cloud.Map{"permissionsBoundary": ""})
	if err != nil || !allowed("ecr:GetAuthorizationToken") {
		t.Errorf("without the boundary: %v", err)
	}
	c.Remove(boundary)
	c.Remove(r)
}

func TestTrustPolicies(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	awstest.NewRole(c)
	for principal, words := range map[string]string{
		`{"Service":"ecs-tasks.amazonaws.com"}`:                                     "",
		`{"Service":["ecs.amazonaws.com","logs.eu-central-1.amazonaws.com"]}`:       "",
		`{"AWS":"arn:aws:iam::123456789012:root"}`:                                  "",
		`{"AWS":"123456789012"}`:                                                    "",
		`{"AWS":"arn:aws:iam::000000000000:role/task"}`:                             "",
		`{"Federated":"arn:aws:iam::000000000000:oidc-provider/token.example.com"}`: "",
		`{"Service":"ecs-task.amazonaws.com"}`:                                      `Invalid principal in policy: "SERVICE":"ecs-task.amazonaws.com"`,
		`{"Service":"ecs-tasks"}`:                                                   `Invalid principal in policy: "SERVICE":"ecs-tasks"`,
		`{"AWS":"arn:aws:iam::000000000000:role/nobody"}`:                           `Invalid principal in policy: "AWS":"arn:aws:iam::000000000000:role/nobody"`,
		`{"Federated":"arn:aws:iam::000000000000:role/task"}`:                       `Invalid principal in policy: "FEDERATED"`,
		`"*"`: `Invalid principal in policy: "*":"*"`,
		`{}`:  "Missing required field Principal",
		`{"Service":"ecs-tasks.amazonaws.com"},"Resource":"*"`:                        "Has prohibited field Resource",
		`{"Service":"ecs-tasks.amazonaws.com"},"Condition":{"IpAddress":{"a":"b"}}`:   "the condition operator IpAddress of a policy: not modelled",
		`{"Service":"ecs-tasks.amazonaws.com"},"Condition":{"Bool":{"aws:x":"true"}}`: "the condition key aws:x of a policy: not modelled",
	} {
		_, err := c.Try(identity.RoleToken, cloud.Map{
			"namePrefix":       "trust-",
			"assumeRolePolicy": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` + principal + `}}`,
		})
		switch {
		case words == "" && err != nil, words != "" && err == nil, err != nil && !strings.Contains(err.Error(), words):
			t.Errorf("principal %s: %v, want %q", principal, err, words)
		case err != nil && !strings.Contains(words, "not modelled") && cloud.Code(err) != "MalformedPolicyDocument":
			t.Errorf("principal %s: code %s", principal, cloud.Code(err))
		}
	}
	_, err := c.Try(identity.RoleToken, cloud.Map{"name": "b", "assumeRolePolicy": strings.Replace(awstest.TrustTasks, "sts:AssumeRole", "s3:GetObject", 1)})
	c.Refused(err, "MalformedPolicyDocument", "AssumeRole policy may only specify STS AssumeRole actions.")
	long := strings.Replace(awstest.TrustTasks, `"Effect"`, `"Sid":"`+strings.Repeat("x", 2048)+`","Effect"`, 1)
	_, err = c.Try(identity.RoleToken, cloud.Map{"name": "b", "assumeRolePolicy": long})
	c.Refused(err, "LimitExceeded", "ACLSizePerRole: 2048")
}

func TestIdentityPolicies(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	awstest.NewRole(c)
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[` + s + `]}` }
	for policy, words := range map[string]string{
		statement(`{"Effect":"Allow","Action":"s3:Get","Resource":"*","Sid":"A"},{"Effect":"Deny","Action":"s3:Get","Resource":"*","Sid":"A"}`): "Statement IDs (SID) in a single policy must be unique.",
		statement(`{"Effect":"Allow","Action":"s3:Get","Resource":"*","Sid":"a b"}`):                                                            "Statement IDs (SID) must be alpha-numeric.",
		statement(`{"Effect":"Allow","Action":"s3:Get"}`):                                                                                       "Policy statement must contain resources.",
		statement(`{"Effect":"Allow","Resource":"*"}`):                                                                                          "Policy statement must contain actions.",
		statement(`{"Effect":"Allow","Action":[],"Resource":"*"}`):                                                                              "Policy statement must contain actions.",
		statement(`{"Effect":"allow","Action":"s3:Get","Resource":"*"}`):                                                                        "Syntax errors in policy.",
		statement(`{"Effect":"Allow","Action":"s3:Get","Resource":"*","Resources":"*"}`):                                                        "Syntax errors in policy.",
		statement(`{"Effect":"Allow","Action":"s3:Get","NotAction":"s3:Put","Resource":"*"}`):                                                   "Syntax errors in policy.",
		statement(`{"Effect":"Allow","Action":[{}],"Resource":"*"}`):                                                                            "Syntax errors in policy.",
		statement(``): "Syntax errors in policy.",
		`{"Version":"2013-10-17","Statement":[]}`:                                                                          "Syntax errors in policy.",
		`{"Statement":{"Effect":"Allow","Action":"s3:Get","Resource":"*"}}`:                                                "Policy document must be version 2012-10-17 or greater.",
		statement(`{"Effect":"Allow","Action":"get","Resource":"*"}`):                                                      "must be prefaced by a vendor",
		statement(`{"Effect":"Allow","Action":"s3:a:b","Resource":"*"}`):                                                   "can contain only one colon",
		statement(`{"Effect":"Allow","Action":"s3:Get","Resource":"bucket"}`):                                              `Resource bucket must be in ARN format or "*".`,
		statement(`{"Effect":"Allow","Action":"s3:Get","Resource":"arn:amazon:s3:::b"}`):                                   `Partition "amazon" is not valid for resource "arn:amazon:s3:::b".`,
		statement(`{"Effect":"Allow","Action":"s3:Get","Resource":"*","Principal":"*"}`):                                   "Policy document should not specify a principal.",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get","Resource":"arn:aws:s3:::b/${aws:x}"}]}`: "the variable in a policy's resource",
	} {
		_, err := c.Try(iam.RolePolicyToken, cloud.Map{"name": "p", "role": "task", "policy": policy})
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("policy %s: %v, want %q", policy, err, words)
		}
	}
	for _, policy := range []any{
		awstest.ReadSecret,
		cloud.Map{"Version": "2012-10-17", "Statement": []any{cloud.Map{"Effect": "Allow", "Action": []any{"s3:*"}, "Resource": []any{"*"}}}},
	} {
		r := c.Make(iam.RolePolicyToken, cloud.Map{"name": "p", "role": "task", "policy": policy})
		if r.ID != "task:p" {
			t.Errorf("id %s", r.ID)
		}
	}
	_, err := c.Try(iam.RolePolicyToken, cloud.Map{"name": "p", "role": "nobody", "policy": awstest.ReadSecret})
	c.Refused(err, "NoSuchEntity", "The role with name nobody cannot be found.")
	big := statement(`{"Effect":"Allow","Action":"s3:Get","Resource":"arn:aws:s3:::` + strings.Repeat("b", 10200) + `"}`)
	_, err = c.Try(iam.RolePolicyToken, cloud.Map{"name": "q", "role": "task", "policy": big})
	c.Refused(err, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role task")
}

func TestRoleGoesAfterItsPolicies(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	role := awstest.NewRole(c)
	inline := c.Make(iam.RolePolicyToken, cloud.Map{"name": "p", "role": role.ID, "policy": awstest.ReadSecret})
	c.Refused(c.Delete(t.Context(), awstest.Here, identity.RoleToken, role.ID, 1), "DeleteConflict", "Cannot delete entity, must delete policies first.")
	c.Remove(inline)
	attached := c.Make(iam.RolePolicyAttachmentToken, cloud.Map{"role": role.ID, "policyArn": awstest.ForTasks})
	if !strings.HasPrefix(attached.ID, "task-") {
		t.Errorf("id %s", attached.ID)
	}
	c.Refused(c.Delete(t.Context(), awstest.Here, identity.RoleToken, role.ID, 1), "DeleteConflict", "Cannot delete entity, must detach all policies first.")
	c.Remove(attached)
	c.Remove(role)
	if left := c.Left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestManagedPolicies(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	role := awstest.NewRole(c)
	const none = "arn:aws:iam::000000000000:policy/none"
	_, err := c.Try(iam.RolePolicyAttachmentToken, cloud.Map{"role": role.ID, "policyArn": none})
	c.Refused(err, "NoSuchEntity", "Policy "+none+" does not exist or is not attachable.")
	p := c.Make(iam.PolicyToken, cloud.Map{"name": "read", "policy": awstest.ReadSecret})
	if p.ID != "arn:aws:iam::000000000000:policy/read" {
		t.Errorf("id %s", p.ID)
	}
	_, err = c.Try(iam.PolicyToken, cloud.Map{"name": "read", "policy": awstest.ReadSecret})
	c.Refused(err, "EntityAlreadyExists", "A policy called read already exists.")
	attached := c.Make(iam.RolePolicyAttachmentToken, cloud.Map{"role": role.ID, "policyArn": p.ID})
	c.Refused(c.Delete(t.Context(), awstest.Here, iam.PolicyToken, p.ID, 1), "DeleteConflict", "Cannot delete a policy attached to entities.")
	c.Store.View(func(tx *cloud.Tx) {
		if !iam.Allowed(tx, awstest.Here.Scope, role.Outputs["arn"].(string), "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-central-1:000000000000:secret:db-x") {
			t.Error("the attached policy allows nothing")
		}
	})
	c.Remove(attached)
	c.Remove(p)
}

// A policy that the state does not know keeps its role from being deleted, until a refresh has shown it in the role.
func TestRoleTakesAlongWhatARefreshFound(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	r := c.Make(identity.RoleToken, cloud.Map{"name": "task", "assumeRolePolicy": awstest.TrustTasks})
	c.Make(iam.RolePolicyToken, cloud.Map{"name": "lost", "role": r.ID, "policy": awstest.ReadSecret})
	c.Refused(c.Delete(t.Context(), awstest.Here, identity.RoleToken, r.ID, time.Millisecond), "DeleteConflict", "must delete policies first")
	if _, err := c.Read(awstest.Here, identity.RoleToken, r.ID); err != nil {
		t.Fatal(err)
	}
	c.Remove(r)
	if left := c.Left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
