package components

import (
	"strings"
	"testing"

	"slipway/components/mocks"
	"slipway/spec"
)

// With exec the service lets sessions in, and its own container can be written to. The others stay as they are.
func TestExec(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
		args.Exec.Enabled = true
		args.Before = &spec.Before{Command: []string{"migrate"}}
		args.Sidecars = map[string]spec.Sidecar{"otel": {Image: args.Image}}
	})); err != nil {
		t.Fatal(err)
	}
	if on := cloud.Resource("aws:ecs/service:Service", "dev-hello").Inputs["enableExecuteCommand"]; !on.IsBool() || !on.BoolValue() {
		t.Errorf("enableExecuteCommand is %v", on)
	}
	definitions := cloud.Resource(taskDefinitionType, "dev-hello").Inputs["containerDefinitions"].StringValue()
	before, rest, _ := strings.Cut(definitions, `{"name":"main"`)
	main, otel, _ := strings.Cut(rest, `{"name":"otel"`)
	if n := strings.Count(before+otel, `"readonlyRootFilesystem":true`); n != 2 || !strings.Contains(main, `"readonlyRootFilesystem":false`) {
		t.Errorf("the containers are %s", definitions)
	}
	policy := cloud.Resource("aws:iam/rolePolicy:RolePolicy", "dev-hello-task-exec").Inputs
	const want = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:DescribeLogGroups","ssmmessages:CreateControlChannel",` +
		`"ssmmessages:CreateDataChannel","ssmmessages:OpenControlChannel","ssmmessages:OpenDataChannel"],"Resource":["*"]},` +
		`{"Effect":"Allow","Action":["logs:CreateLogStream","logs:DescribeLogStreams","logs:PutLogEvents"],"Resource":["arn:LogGroup/dev-hello:*"]}]}`
	if got := policy["policy"].StringValue(); got != want || policy["role"].StringValue() != "dev-hello-task-0123456" {
		t.Errorf("the policy of %v is\n%s\nwant\n%s", policy["role"], got, want)
	}

	cloud = mocks.Cloud{}
	if err := cloud.Run(fargateService(nil)); err != nil {
		t.Fatal(err)
	}
	if listing := cloud.Listing(); strings.Contains(listing, "enableExecuteCommand") || strings.Contains(listing, "ssmmessages") {
		t.Errorf("without exec:\n%s", listing)
	}
}

func TestExecRefuses(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	err := cloud.Run(fargateService(func(args *FargateServiceArgs) { args.Exec.InProduction = true }))
	if err == nil || !strings.Contains(err.Error(), "exec: is of no use without exec: true") {
		t.Errorf("%v", err)
	}
	cloud.Expect(t, "")
}
