package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"slipway/localcloud/aws/awstest"
	"slipway/localcloud/aws/iam"
	"slipway/localcloud/aws/internal/identity"
	"slipway/localcloud/aws/internal/policy"
	"slipway/localcloud/cloud"
	"slipway/localcloud/schema"
	"slipway/localcloud/wildcard"

	"pgregory.net/rapid"
)

func TestAllowed(t *testing.T) {
	const (
		secretARN = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:db-AbCdEf"
		stream    = "arn:aws:logs:eu-central-1:000000000000:log-group:/app/hello:log-stream:main/1"
		get       = "secretsmanager:GetSecretValue"
	)
	allow := func(rest string) string { return `{"Effect":"Allow",` + rest + `}` }
	deny := func(rest string) string { return `{"Effect":"Deny",` + rest + `}` }
	for _, test := range []struct {
		name, statements, action, resource string
		want                               bool
	}{
		{"nothing said", allow(`"Action":"s3:*","Resource":"*"`), get, secretARN, false},
		{"exactly this", allow(`"Action":"` + get + `","Resource":"` + secretARN + `"`), get, secretARN, true},
		{"another resource", allow(`"Action":"` + get + `","Resource":"arn:aws:secretsmanager:eu-central-1:000000000000:secret:other-AbCdEf"`), get, secretARN, false},
		{"action in another case", allow(`"Action":"SecretsManager:getsecretvalue","Resource":"*"`), get, secretARN, true},
		{"wildcards", allow(`"Action":["s3:Get","secretsmanager:Get*"],"Resource":["arn:aws:secretsmanager:*:*:secret:db-??????"]`), get, secretARN, true},
		{"wildcard within its part", allow(`"Action":"*","Resource":"arn:aws:*:secret:db-AbCdEf"`), get, secretARN, false},
		{"incomplete name", allow(`"Action":"*","Resource":"arn:aws:secretsmanager"`), get, secretARN, true},
		{"streams of a group", allow(`"Action":"logs:PutLogEvents","Resource":"arn:aws:logs:eu-central-1:000000000000:log-group:/app/hello:*"`), "logs:PutLogEvents", stream, true},
		{"the group, not its streams", allow(`"Action":"logs:PutLogEvents","Resource":"arn:aws:logs:eu-central-1:000000000000:log-group:/app/hello"`), "logs:PutLogEvents", stream, false},
		{"deny wins", allow(`"Action":"*","Resource":"*"`) + "," + deny(`"Action":"`+get+`","Resource":"*"`), get, secretARN, false},
		{"deny of another", allow(`"Action":"*","Resource":"*"`) + "," + deny(`"Action":"s3:*","Resource":"*"`), get, secretARN, true},
		{"all but", allow(`"NotAction":"s3:*","Resource":"*"`), get, secretARN, true},
		{"all but this", allow(`"NotAction":"secretsmanager:*","Resource":"*"`), get, secretARN, false},
		{"all resources but this", allow(`"Action":"*","NotResource":"` + secretARN + `"`), get, secretARN, false},
		{"in this region", allow(`"Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":["eu-west-1","eu-central-1"]}}`), get, secretARN, true},
		{"in another region", allow(`"Action":"*","Resource":"*","Condition":{"StringNotLike":{"aws:RequestedRegion":"eu-*"}}`), get, secretARN, false},
		{"over TLS", allow(`"Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":true}}`), get, secretARN, true},
		{"a key that is not there", allow(`"Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"}}`), get, secretARN, false},
		{"if it were there", allow(`"Action":"*","Resource":"*","Condition":{"StringEqualsIfExists":{"aws:SourceAccount":"1"}}`), get, secretARN, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := awstest.New(t, iam.Kinds()...)
			role := awstest.NewRole(c)
			c.Make(iam.RolePolicyToken, cloud.Map{"name": "p", "role": role.ID, "policy": `{"Version":"2012-10-17","Statement":[` + test.statements + `]}`})
			c.Store.View(func(tx *cloud.Tx) {
				if got := iam.Allowed(tx, awstest.Here.Scope, role.Outputs["arn"].(string), test.action, test.resource); got != test.want {
					t.Errorf("allowed: %v", got)
				}
				if iam.Allowed(tx, awstest.Here.Scope, "arn:aws:iam::000000000000:role/nobody", test.action, test.resource) {
					t.Error("allowed for a role that does not exist")
				}
			})
		})
	}
}

func TestPoliciesOfARole(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	role := c.Make(identity.RoleToken, cloud.Map{
		"name": "all", "assumeRolePolicy": awstest.TrustTasks, "managedPolicyArns": []any{awstest.ForTasks},
		"inlinePolicies": []any{cloud.Map{"name": "a", "policy": awstest.ReadSecret}},
	})
	name := role.Outputs["arn"].(string)
	c.Store.View(func(tx *cloud.Tx) {
		for action, want := range map[string]bool{
			"secretsmanager:GetSecretValue": true, "ecr:GetAuthorizationToken": true, "logs:CreateLogStream": true, "s3:GetObject": false,
		} {
			if got := iam.Allowed(tx, awstest.Here.Scope, name, action, "arn:aws:secretsmanager:eu-central-1:000000000000:secret:db-AbCdEf"); got != want {
				t.Errorf("%s: %v", action, got)
			}
		}
	})
}

func TestCanAssume(t *testing.T) {
	for condition, want := range map[string]bool{
		``: true,
		`,"Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"}}`:                                     true,
		`,"Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}`:                                     false,
		`,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:ecs:eu-central-1:000000000000:*"}}`:                   true,
		`,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:ecs:eu-west-1:000000000000:*"}}`:                      false,
		`,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:ecs:eu-central-1:000000000000:cluster/one"}}`:         false,
		`,"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}`:          false,
		`},{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"`:                                           false, // refused on creation, below
		`},{"Effect":"Deny","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"`:         false,
		`},{"Effect":"Deny","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"`:               true,
		`},{"Effect":"Deny","NotPrincipal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"`:      true,
		`},{"Effect":"Deny","NotPrincipal":{"Service":"application-autoscaling.amazonaws.com"},"Action":"sts:*"`: false,
	} {
		c := awstest.New(t, iam.Kinds()...)
		r, err := c.Try(identity.RoleToken, cloud.Map{"name": "r", "assumeRolePolicy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"` + condition + `}]}`})
		if err != nil {
			if !strings.Contains(condition, `"*"`) {
				t.Errorf("%s: %v", condition, err)
			}
			continue
		}
		c.Store.View(func(tx *cloud.Tx) {
			if got := iam.CanAssume(tx, awstest.Here.Scope, r.Outputs["arn"].(string), "ecs-tasks.amazonaws.com"); got != want {
				t.Errorf("with %s: %v", condition, got)
			}
			if iam.CanAssume(tx, awstest.Here.Scope, r.Outputs["arn"].(string), "ecs.amazonaws.com") {
				t.Errorf("with %s: another service can", condition)
			}
		})
	}
}

// A statement of any shape either parses or is refused as malformed; it never panics, and what it allows a refusal takes back.
func TestDenyAlwaysWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) string {
			return rapid.SampledFrom([]string{"*", "s3:*", "s3:Get*", "sqs:Send"}).Draw(t, name)
		}
		allowed, denied, action := draw("allowed"), draw("denied"), rapid.SampledFrom([]string{"s3:GetObject", "sqs:Send", "s3:Put"}).Draw(t, "action")
		p, err := policy.Document(fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%q,"Resource":"*"},{"Effect":"Deny","Action":%q,"Resource":"*"}]}`,
			allowed, denied)).IdentityPolicy()
		if err != nil {
			t.Fatal(err)
		}
		got := policy.Decide([]*policy.Policy{p}, policy.Request{Action: action, Resource: "arn:aws:s3:::b"}) == policy.Permits
		want := wildcard.Match(strings.ToLower(allowed), strings.ToLower(action)) && !wildcard.Match(strings.ToLower(denied), strings.ToLower(action))
		if got != want {
			t.Fatalf("allow %s, deny %s, asked %s: %v", allowed, denied, action, got)
		}
	})
}

func FuzzPolicy(f *testing.F) {
	f.Add(awstest.TrustTasks)
	f.Add(awstest.ReadSecret)
	f.Add(`{"Statement":[{"Principal":{"AWS":[1,true,null]}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		_, err := policy.Document(text).IdentityPolicy()
		if err != nil && cloud.Code(err) != "MalformedPolicyDocument" && !strings.Contains(err.Error(), cloud.ErrUnimplemented.Error()) {
			t.Errorf("%q: %v", text, err)
		}
	})
}

func TestPolicyDocument(t *testing.T) {
	c := awstest.New(t, iam.Kinds()...)
	out, _, err := c.Invoke(t.Context(), awstest.Here, iam.GetPolicyDocument.Token, cloud.Map{
		"statements": []any{
			cloud.Map{
				"sid": "Read", "actions": []any{"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"}, "resources": []any{"arn:aws:s3:::a/&{aws:username}"},
				"conditions": []any{cloud.Map{"test": "StringEquals", "variable": "aws:RequestedRegion", "values": []any{"eu-central-1", "eu-west-1"}}},
			},
			cloud.Map{"effect": "Deny", "actions": []any{"*"}, "principals": []any{cloud.Map{"type": "*", "identifiers": []any{"*"}}}},
			cloud.Map{"actions": []any{"sts:AssumeRole"}, "principals": []any{cloud.Map{"type": "Service", "identifiers": []any{"ec2.amazonaws.com", "ecs.amazonaws.com"}}}},
		},
		"overridePolicyDocuments": []any{`{"Statement":{"Sid":"Read","Effect":"Deny","Action":"s3:*","Resource":"*"}}`},
	})
	if err != nil {
		t.Fatal(err)
	}
	function, _ := schema.LookupFunction(iam.GetPolicyDocument.Token)
	if failures := function.CheckResult(out, nil); len(failures) > 0 {
		t.Errorf("result: %v", failures)
	}
	const want = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Read",
      "Effect": "Deny",
      "Action": "s3:*",
      "Resource": "*"
    },
    {
      "Effect": "Deny",
      "Action": "*",
      "Principal": "*"
    },
    {
      "Effect": "Allow",
      "Action": "sts:AssumeRole",
      "Principal": {
        "Service": [
          "ecs.amazonaws.com",
          "ec2.amazonaws.com"
        ]
      }
    }
  ]
}`
	if out["json"] != want {
		t.Errorf("got %s", out["json"])
	}
	if minified, _ := out["minifiedJson"].(string); strings.ContainsAny(minified, " \n") {
		t.Errorf("minified: %s", minified)
	}

	out, _, err = c.Invoke(t.Context(), awstest.Here, iam.GetPolicyDocument.Token, cloud.Map{"statements": []any{cloud.Map{
		"sid": "Read", "actions": []any{"a:B", "a:C"}, "resources": []any{"arn:aws:s3:::a/&{aws:username}"},
		"conditions": []any{
			cloud.Map{"test": "StringEquals", "variable": "x", "values": []any{"b", "a"}},
			cloud.Map{"test": "StringEquals", "variable": "y", "values": []any{"c"}},
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	const minified = `{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":["a:C","a:B"],` +
		`"Resource":"arn:aws:s3:::a/${aws:username}","Condition":{"StringEquals":{"x":["b","a"],"y":"c"}}}]}`
	if out["minifiedJson"] != minified {
		t.Errorf("got %s", out["minifiedJson"])
	}

	for _, args := range []cloud.Map{
		{"statements": []any{cloud.Map{"sid": "A"}, cloud.Map{"sid": "A"}}},
		{"statements": []any{cloud.Map{"effect": "Maybe"}}},
		{"version": "2008-10-17", "statements": []any{cloud.Map{"resources": []any{"&{x}"}}}},
		{"sourcePolicyDocuments": []any{"{"}},
		{"sourcePolicyDocuments": []any{`{"Statement":{"Sid":"A"}}`, `{"Statement":{"Sid":"A"}}`}},
	} {
		if out, _, err := c.Invoke(t.Context(), awstest.Here, iam.GetPolicyDocument.Token, args); err == nil {
			t.Errorf("%v gave %v", args, out["json"])
		}
	}
}
