package account

import (
	"fmt"
	"strings"
	"testing"

	"slipway/components/mocks"
	"slipway/config"
	"slipway/config/configtest"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// A boundary from before there were jobs is told, too, and one that lets tasks' roles run tasks instead of the jobs' own.
func TestCheckAccessOfJobs(t *testing.T) {
	t.Parallel()
	const boundary = "arn:aws:iam::123456789012:policy/slipway-boundary"
	const starts = `{"Effect": "Allow", "Action": "states:StartExecution", "Resource": "*"}`
	const runs = `{"Effect": "Allow", "Action": ["ecs:*", "iam:PassRole", "events:*"], "Resource": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/slipway/*-%s-???????"}}}`
	const may = "slipway:jobs.purge.schedule: the permissions boundary does not allow "
	for _, test := range []struct {
		job, statements string
		want            []string
	}{
		{`"service": "hello"`, starts, nil}, // it has its service's roles
		{`"service": "hello", "schedule": "rate(1 hour)", "overlap": false`, starts + "," + fmt.Sprintf(runs, "run"), nil},
		{`"service": "hello", "schedule": "rate(1 hour)"`, fmt.Sprintf(runs, "run"), []string{may + "states:StartExecution on arn:*:states:*:*:stateMachine:*;"}},
		{`"service": "hello", "schedule": "rate(1 hour)", "overlap": false`, starts + "," + fmt.Sprintf(runs, "task"), []string{
			may + "ecs:RunTask on arn:*:ecs:*:*:task-definition/*;", may + "ecs:StopTask on ", may + "iam:PassRole on arn:*:iam::*:role/slipway/*-task-???????;",
			may + "events:PutTargets on arn:*:events:*:*:rule/StepFunctionsGetEventsForECSTaskRule;",
			"slipway:jobs.purge.overlap: the permissions boundary does not allow ecs:ListTasks on *;",
		}},
	} {
		cloud := mocks.Cloud{Policies: map[string]string{boundary: `{"Statement": [` + test.statements + `]}`}}
		cfg, err := config.Read(configtest.Source(configtest.Service(""), "permissionsBoundary", boundary, "jobs", `{"purge": {`+test.job+`}}`))
		if err != nil {
			t.Fatal(err)
		}
		err = cloud.Run(func(ctx *pulumi.Context) error { return checkAccess(ctx, cfg) })
		if len(test.want) == 0 && err != nil {
			t.Errorf("%s: %v", test.job, err)
		}
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\nwant %q", test.job, err, want)
			}
		}
	}
}

// A boundary that leaves nothing of what a service is given is told before anything is made, and so is a policy that is not there.
func TestCheckAccess(t *testing.T) {
	t.Parallel()
	const boundary = "arn:aws:iam::123456789012:policy/slipway-boundary"
	const readOrders = "arn:aws:iam::123456789012:policy/read-orders"
	policies := map[string]string{
		boundary: `{"Statement": [{"Effect": "Allow", "Action": ["s3:Get*", "logs:*"], "Resource": "*"}, {"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": "arn:aws:ssm:*:*:parameter/app/*"},
			{"Effect": "Allow", "Action": "elasticfilesystem:Client*", "Resource": "arn:aws:elasticfilesystem:*:*:file-system/fs-01234567"}]}`,
		readOrders: `{"Statement": {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}}`,
	}
	for _, test := range []struct {
		members, boundary string
		want              []string // in the error; none for none
	}{
		{"", boundary, nil},
		{`"allow": [{"actions": ["s3:*"], "resources": ["*"]}], "secretsFrom": {"A": "arn:aws:ssm:eu-central-1:123456789012:parameter/app/a"}`, boundary, nil},
		{`"allow": [{"actions": ["s3:GetObject"], "resources": ["*"]}, {"actions": ["sqs:SendMessage", "s3:PutObject"], "resources": ["*"]}]`, boundary, []string{
			"slipway:services.hello.allow[1]: the permissions boundary does not allow sqs:SendMessage on *",
			"slipway:services.hello.allow[1]: the permissions boundary does not allow s3:PutObject on *",
			"(the boundary is " + boundary + "; docs/delivery.md says how it allows more)",
		}},
		{`"sidecars": {"otel": {"image": "` + configtest.Image + `", "secretsFrom": {"A": "arn:aws:ssm:eu-central-1:123456789012:parameter/b/a"}}}`, boundary, []string{
			"slipway:services.hello.sidecars.otel.secretsFrom: the permissions boundary does not allow ssm:GetParameters on arn:aws:ssm:eu-central-1:123456789012:parameter/b/a",
		}},
		{`"secretsFrom": {"A": "arn:aws:ssm:eu-central-1:123456789012:parameter/b/a"}`, boundary, []string{
			"slipway:services.hello.secretsFrom: the permissions boundary does not allow ssm:GetParameters on arn:aws:ssm:eu-central-1:123456789012:parameter/b/a",
		}},
		{`"volumes": {"/data": {"fileSystemId": "fs-0123456789abcdef0", "accessPointId": "fsap-0123456789abcdef0"}}`, boundary, []string{
			"slipway:services.hello.volumes: the permissions boundary does not allow elasticfilesystem:ClientMount on arn:*:elasticfilesystem:*:*:file-system/fs-0123456789abcdef0;",
			"slipway:services.hello.volumes: the permissions boundary does not allow elasticfilesystem:ClientWrite on arn:*:elasticfilesystem:*:*:file-system/fs-0123456789abcdef0;",
		}},
		{`"volumes": {"/data": {"fileSystemId": "fs-01234567", "accessPointId": "fsap-01234567"}}`, boundary, nil},
		{`"exec": true`, boundary, []string{
			"slipway:services.hello.exec: the permissions boundary does not allow ssmmessages:CreateControlChannel on *;",
			"slipway:services.hello.exec: the permissions boundary does not allow ssmmessages:OpenDataChannel on *;",
		}},
		{`"policies": ["` + readOrders + `"]`, boundary, []string{"slipway:services.hello.policies[0]: the permissions boundary allows nothing of this policy"}},
		{`"policies": ["` + readOrders + `"], "allow": [{"actions": ["sqs:*"], "resources": ["*"]}]`, "", nil},
		{`"policies": ["` + readOrders + `s"]`, "", []string{"slipway:services.hello.policies[0]: look up the policy " + readOrders + "s: "}},
		{`"policies": ["` + readOrders + `"]`, boundary + "s", []string{"slipway:permissionsBoundary: look up the policy " + boundary + "s: "}},
	} {
		cloud := mocks.Cloud{Policies: policies}
		cfg, err := config.Read(configtest.Source(configtest.Service(test.members), "permissionsBoundary", test.boundary))
		if err != nil {
			t.Fatal(err)
		}
		err = cloud.Run(func(ctx *pulumi.Context) error { return checkAccess(ctx, cfg) })
		if len(test.want) == 0 && err != nil {
			t.Errorf("%s: %v", test.members, err)
		}
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\nwant %q", test.members, err, want)
			}
		}
		if len(test.members) == 0 && len(cloud.Calls()) > 0 {
			t.Errorf("it asks for %v without a reason", cloud.Calls())
		}
	}
}

// A boundary from before there were flow logs is told as well.
func TestBoundaryAllowsFlowLogs(t *testing.T) {
	t.Parallel()
	const boundary = "arn:aws:iam::123456789012:policy/slipway-boundary"
	for statements, want := range map[string]string{
		`{"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "arn:aws:logs:*:123456789012:log-group:*"}`: "slipway:network.flowLogs: the permissions boundary does not allow logs:DescribeLogGroups on *;",
		`{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}`:                                                                            "",
	} {
		cloud := mocks.Cloud{Policies: map[string]string{boundary: `{"Statement": [` + statements + `]}`}}
		cfg, err := config.Read(configtest.Source(configtest.Service(""), "permissionsBoundary", boundary, "network", `{"flowLogs": {}}`))
		if err != nil {
			t.Fatal(err)
		}
		err = cloud.Run(func(ctx *pulumi.Context) error { return checkAccess(ctx, cfg) })
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
