package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/spec"
)

// The tasks' role has the given policies and one for each permission, within the boundary. The service starts after them and ends before.
func TestTaskRole(t *testing.T) {
	t.Parallel()
	const readOrders = "arn:aws:iam::123456789012:policy/read-orders"
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
		args.Policies = []string{readOrders}
		args.Allow = []spec.Permission{
			{Actions: []string{"s3:GetObject", "s3:PutObject"}, Resources: []string{"arn:aws:s3:::reports/*"}},
			{Actions: []string{"sqs:SendMessage"}, Resources: []string{"*"}},
		}
		args.Access.Boundary = pulumi.String("arn:aws:iam::123456789012:policy/slipway-boundary")
	})); err != nil {
		t.Fatal(err)
	}
	if got := cloud.Resource("aws:iam/role:Role", "dev-hello-task").Inputs["permissionsBoundary"]; !got.IsString() {
		t.Error("the role has no boundary")
	}
	var policies, names []string
	for _, r := range cloud.Resources() {
		if strings.HasPrefix(r.Name, "dev-hello-task-") {
			names = append(names, r.Name)
			policies = append(policies, r.Type+" "+mocks.JSON(r.Inputs))
		}
	}
	for _, want := range []string{
		`aws:iam/rolePolicyAttachment:RolePolicyAttachment {"policyArn":"` + readOrders + `","role":"dev-hello-task-0123456"}`,
		`aws:iam/rolePolicy:RolePolicy {"policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"s3:GetObject\",\"s3:PutObject\"],\"Resource\":[\"arn:aws:s3:::reports/*\"]}]}","role":"dev-hello-task-0123456"}`,
		`aws:iam/rolePolicy:RolePolicy {"policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"sqs:SendMessage\"],\"Resource\":[\"*\"]}]}","role":"dev-hello-task-0123456"}`,
	} {
		if !strings.Contains(strings.Join(policies, "\n"), want) {
			t.Errorf("no %s in\n%s", want, strings.Join(policies, "\n"))
		}
	}
	if len(policies) != 3 {
		t.Errorf("the role has %d policies: %v", len(policies), names)
	}
	dependencies := strings.Join(cloud.Resource(serviceType, "dev-hello").RPC.GetDependencies(), "\n")
	for _, name := range names {
		if !strings.Contains(dependencies, "::"+name) {
			t.Errorf("the service does not wait for %s: %s", name, dependencies)
		}
	}
}

// Another permission is another policy, so running tasks keep theirs until others have replaced them.
func TestTaskRoleKeepsPermissionsOfRunningTasks(t *testing.T) {
	t.Parallel()
	names := func(action string) (names []string) {
		var cloud mocks.Cloud
		if err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
			args.Allow = []spec.Permission{{Actions: []string{action}, Resources: []string{"*"}}}
		})); err != nil {
			t.Fatal(err)
		}
		for _, r := range cloud.Resources() {
			if strings.Contains(r.Name, "-task-allow-") {
				names = append(names, r.Name)
			}
		}
		return names
	}
	if before, after := names("s3:GetObject"), names("s3:PutObject"); len(before) != 1 || len(after) != 1 || before[0] == after[0] {
		t.Errorf("the policies are named %v and %v", before, after)
	}
}
