package components

import (
	"testing"

	"slipway/components/mocks"
	"slipway/spec"
)

// The group of somebody else gets a rule of the stack's own, and tasks start once it is there.
func TestReaches(t *testing.T) {
	t.Parallel()
	const database = "sg-0123456789abcdef0"
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(func(a *FargateServiceArgs) { a.Reaches = []spec.Reach{{SecurityGroupID: database, Port: 5432}} })); err != nil {
		t.Fatal(err)
	}
	const kind, name = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "dev-hello-reaches-" + database + "-5432"
	inputs := cloud.Resource(kind, name).Inputs.Copy()
	delete(inputs, "tags")
	const want = `{"fromPort":5432,"ipProtocol":"tcp","referencedSecurityGroupId":"SecurityGroup/dev-hello","securityGroupId":"` + database + `","toPort":5432}`
	if got := mocks.JSON(inputs); got != want {
		t.Errorf("the rule is %s\nwant %s", got, want)
	}
	if !cloud.Resource(serviceType, "dev-hello").DependsOn(kind, name) {
		t.Error("the service starts without the rule")
	}
}
