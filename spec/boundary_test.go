package spec

import "testing"

func TestBoundaryForbids(t *testing.T) {
	t.Parallel()
	const document = `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "s3:Get*", "Resource": ["arn:aws:s3:::reports/*", "arn:aws:s3:::reports"]},
		{"Effect": "Allow", "Action": ["sqs:SendMessage", "ssm:GetParameters"], "Resource": "arn:aws:*:eu-central-1:*:app-*"},
		{"Effect": "Allow", "NotAction": ["iam:*", "s3:*", "sqs:*", "ssm:*", "kms:*"], "Resource": "arn:aws:dynamodb:*"},
		{"Effect": "Deny", "Action": "s3:GetObjectAcl", "Resource": "*"},
		{"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::reports/secret/*"},
		{"Effect": "Allow", "Action": "ecs:RunTask", "Resource": "*", "Condition": {"ArnLike": {"aws:principalarn": ["arn:aws:iam::1:user/x", "arn:aws:iam::123456789012:role/slipway/*-run-???????"]},
			"Bool": {"aws:SecureTransport": true}}},
		{"Effect": "Allow", "Action": "ecs:StopTask", "Resource": "*", "Condition": {"StringLike": {"aws:PrincipalArn": "*:role/slipway/dev-*"}, "ArnNotLike": {"aws:PrincipalArn": "*"}}},
		{"Effect": "Deny", "Action": "sqs:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}`
	boundary, err := ParsePolicy(document)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		action, resource string
		forbidden        bool
	}{
		{"s3:GetObject", "arn:aws:s3:::reports/1.csv", false},
		{"S3:getobject", "arn:aws:s3:::reports/*", false},
		{"s3:*", "arn:aws:s3:::reports/*", false}, // a part of it is allowed
		{"s3:*", "*", false},
		{"s3:GetObject", "arn:aws:s3:::rep*", false},
		{"s3:PutObject", "arn:aws:s3:::reports/1.csv", true},
		{"s3:GetObject", "arn:aws:s3:::invoices/*", true},
		{"s3:GetObjectAcl", "arn:aws:s3:::reports/1.csv", true},
		{"s3:GetObject*", "arn:aws:s3:::reports/1.csv", false},
		{"s3:GetObject", "arn:aws:s3:::reports/secret/1", true},
		{"s3:GetObject", "arn:aws:s3:::reports/s*", false},
		{"sqs:SendMessage", "arn:aws:sqs:eu-central-1:123456789012:app-jobs", false}, // the denial depends on the request
		{"sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:app-jobs", true},
		{"sqs:ReceiveMessage", "arn:aws:sqs:eu-central-1:123456789012:app-jobs", true},
		{"dynamodb:GetItem", "arn:aws:dynamodb:eu-central-1:123456789012:table/orders", false}, // not looked at closely
		{"kms:Decrypt", "arn:aws:kms:eu-central-1:123456789012:key/1", true},
	} {
		if got := boundary.Forbids(Call{Role: TaskRole, Action: test.action, Resource: test.resource}); got != test.forbidden {
			t.Errorf("%s on %s is forbidden: %t", test.action, test.resource, got)
		}
	}
	for _, test := range []struct {
		role      Role
		action    string
		forbidden bool
	}{
		{RunRole, "ecs:RunTask", false},
		{TaskRole, "ecs:RunTask", true},
		{ExecutionRole, "ecs:RunTask", true},
		{ScheduleRole, "ecs:RunTask", true},
		{TaskRole, "ecs:StopTask", false}, // a role of stack dev, and of no other; and what a negation keeps out is not looked at
	} {
		if got := boundary.Forbids(Call{Role: test.role, Action: test.action, Resource: "arn:aws:ecs:*:*:*"}); got != test.forbidden {
			t.Errorf("%s to the %s role is forbidden: %t", test.action, test.role, got)
		}
	}
	for other, forbidden := range map[string]bool{
		`{"Statement": {"Effect": "Allow", "Action": ["s3:PutObject", "s3:Get*"], "Resource": "*"}}`:                        false,
		`{"Statement": [{"Effect": "Allow", "Action": ["s3:PutObject", "kms:*"], "Resource": ["arn:aws:s3:::reports/*"]}]}`: true,
		`{"Statement": [{"Effect": "Allow", "NotAction": ["kms:*"], "Resource": ["*"]}]}`:                                   false,
		`{"Statement": [{"Effect": "Deny", "Action": ["s3:GetObject"], "Resource": ["*"]}]}`:                                true,
	} {
		policy, err := ParsePolicy(other)
		if err != nil {
			t.Fatal(err)
		}
		if got := boundary.ForbidsAll(TaskRole, policy); got != forbidden {
			t.Errorf("all of %s is forbidden: %t", other, got)
		}
	}
	for _, text := range []string{"", "[]", `{"Statement": 1}`, `{"Statement": [{"Action": 1}]}`} {
		if _, err := ParsePolicy(text); err == nil {
			t.Errorf("%q is a policy", text)
		}
	}
}
