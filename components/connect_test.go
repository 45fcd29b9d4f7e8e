package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/spec"
)

// callsBilling is a stack in which web calls billing, with changes of both.
func callsBilling(web, billing func(*FargateServiceArgs)) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		namespace, err := NewNamespace(ctx, "dev", &NamespaceArgs{VPCID: pulumi.String("vpc-1")})
		if err != nil {
			return err
		}
		callee, err := NewFargateService(ctx, "dev-billing", fargateServiceArgs(func(a *FargateServiceArgs) {
			worker(nil)(a)
			a.Name, a.WorkerPort, a.Calls = "billing", 9000, Calls{Namespace: namespace, Called: true}
			a.Drain = spec.DefaultDrain
			billing(a)
		}))
		if err != nil {
			return err
		}
		_, err = NewFargateService(ctx, "dev-hello", fargateServiceArgs(func(a *FargateServiceArgs) {
			a.Calls = Calls{Namespace: namespace, Callees: []*FargateService{callee}}
			web(a)
		}))
		return err
	}
}

func unchanged(*FargateServiceArgs) {}

// The one who is called has a name and a port in the namespace, and lets in the caller alone. The caller has a proxy, and comes after it.
func TestCalls(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(callsBilling(unchanged, unchanged)); err != nil {
		t.Fatal(err)
	}
	log := func(stream string) string {
		return `"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"dev-` + stream + `-0123456","awslogs-region":"eu-central-1","awslogs-stream-prefix":"` + stream + `"}}`
	}
	for name, want := range map[string]string{
		"billing": `{"enabled":true,` + log("billing") + `,"namespace":"arn:HttpNamespace/dev",` +
			`"services":[{"clientAlias":[{"dnsName":"billing","port":9000}],"portName":"billing"}]}`,
		"hello": `{"enabled":true,` + log("hello") + `,"namespace":"arn:HttpNamespace/dev"}`,
	} {
		inputs := cloud.Resource(serviceType, "dev-"+name).Inputs
		if got := mocks.JSON(inputs["serviceConnectConfiguration"].ObjectValue()); got != want {
			t.Errorf("%s connects with %s\nwant %s", name, got, want)
		}
	}
	const kind, name = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "dev-hello-calls-billing-9000"
	rule := cloud.Resource(kind, name).Inputs.Copy()
	delete(rule, "tags")
	const want = `{"fromPort":9000,"ipProtocol":"tcp","referencedSecurityGroupId":"SecurityGroup/dev-hello","securityGroupId":"SecurityGroup/dev-billing","toPort":9000}`
	if got := mocks.JSON(rule); got != want {
		t.Errorf("the rule is %s\nwant %s", got, want)
	}
	caller := cloud.Resource(serviceType, "dev-hello")
	if !caller.DependsOn(kind, name) || !caller.DependsOn(serviceType, "dev-billing") {
		t.Error("the caller comes before the rule or the one whom it calls")
	}
	const url = `{"name":"BILLING_URL","value":"http://billing:9000"}`
	if got := cloud.Resource(taskDefinitionType, "dev-hello").Inputs["containerDefinitions"].StringValue(); !strings.Contains(got, url) {
		t.Errorf("the caller's container is %s\nwant %s", got, url)
	}
	for service, want := range map[string]string{
		"billing": `"portMappings":[{"name":"billing","containerPort":9000,"hostPort":9000,"protocol":"tcp","appProtocol":"http"}]`,
		"hello":   `"portMappings":[{"containerPort":8080,"hostPort":8080,"protocol":"tcp"}]`,
	} {
		if got := cloud.Resource(taskDefinitionType, "dev-"+service).Inputs["containerDefinitions"].StringValue(); !strings.Contains(got, want) {
			t.Errorf("the container of %s is %s\nwant %s", service, got, want)
		}
	}
}

// A canary calls as its service does, and is not called.
func TestCanaryCalls(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(callsBilling(func(a *FargateServiceArgs) {
		http := *a.HTTP
		http.Canary = &spec.Canary{Image: a.Image, Weight: 10}
		a.HTTP = &http
		a.Priorities = map[spec.Route]int{
			spec.AttachmentRoute(a.Name, http.HealthCheck.WithDefaults(), false): 1, spec.CanaryRoute(a.Name, http.HealthCheck.WithDefaults(), false): 2,
		}
		a.Calls.Called = true
	}, unchanged)); err != nil {
		t.Fatal(err)
	}
	for name, called := range map[string]bool{"dev-hello": true, "dev-hello-canary": false} {
		connect := cloud.Resource(serviceType, name).Inputs["serviceConnectConfiguration"].ObjectValue()
		if connect["services"].IsArray() != called || !connect["enabled"].BoolValue() {
			t.Errorf("%s connects with %s", name, mocks.JSON(connect))
		}
	}
}

func TestCallsRefuse(t *testing.T) {
	t.Parallel()
	for want, program := range map[string]pulumi.RunFunc{
		"calls: the namespace is missing":                 callsBilling(func(a *FargateServiceArgs) { a.Calls.Namespace = nil }, unchanged),
		"port: is missing; others call":                   callsBilling(unchanged, func(a *FargateServiceArgs) { a.WorkerPort = 0 }),
		"is the name of each task itself":                 callsBilling(unchanged, func(a *FargateServiceArgs) { a.Name = "localhost" }),
		"calls: billing does not know that it is called;": callsBilling(unchanged, func(a *FargateServiceArgs) { a.Calls.Called = false }),
	} {
		var cloud mocks.Cloud
		if err := cloud.Run(program); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestNamespace(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(func(ctx *pulumi.Context) error {
		_, err := NewNamespace(ctx, "dev", &NamespaceArgs{VPCID: pulumi.String("vpc-1")})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	cloud.Expect(t, `
slipway:index:Namespace dev
aws:servicediscovery/httpNamespace:HttpNamespace dev
`)
	for want, args := range map[string]*NamespaceArgs{"args are missing": nil, "the VPC's id is missing": {}} {
		if err := cloud.Run(func(ctx *pulumi.Context) error {
			_, err := NewNamespace(ctx, "dev", args)
			return err
		}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
