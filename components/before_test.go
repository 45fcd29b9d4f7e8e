package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/spec"
)

func TestBefore(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
		args.Before = &spec.Before{Command: []string{"migrate", "up"}}
		args.Access.Environment = pulumi.StringMap{"A": pulumi.String("a")}
		args.EntryPoint, args.Command = []string{"/app"}, []string{"serve"}
	}))
	if err != nil {
		t.Fatal(err)
	}
	definitions := cloud.Resource(taskDefinitionType, "dev-hello").Inputs["containerDefinitions"].StringValue()
	before, main, found := strings.Cut(definitions, `},{"name":"main"`)
	if !found {
		t.Fatalf("the containers are %s", definitions)
	}
	for _, want := range []string{`"name":"before","image":"ghcr.io/hello@`, `"essential":false,"command":["migrate","up"]`, `{"name":"A","value":"a"}`, `"portMappings":[]`, `"user":"65532:65532","readonlyRootFilesystem":true`} {
		if !strings.Contains(before, want) {
			t.Errorf("what runs before lacks %s: %s", want, before)
		}
	}
	for _, want := range []string{`"essential":true,"entryPoint":["/app"],"command":["serve"]`, `"dependsOn":[{"containerName":"before","condition":"SUCCESS"}]`} {
		if !strings.Contains(main, want) {
			t.Errorf("the service's container lacks %s: %s", want, main)
		}
	}
	err = cloud.Run(fargateService(func(args *FargateServiceArgs) { args.Before = &spec.Before{} }))
	if err == nil || !strings.Contains(err.Error(), "before.command: is missing") {
		t.Errorf("error %v", err)
	}
}

func TestBeforeHasAnImageOfItsOwn(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	migrate := spec.Image{Registry: "123456789012.dkr.ecr.eu-central-1.amazonaws.com", Repository: "migrate", Digest: testDigest}
	if err := cloud.Run(fargateService(func(args *FargateServiceArgs) { args.Before = &spec.Before{Command: []string{"up"}, Image: &migrate} })); err != nil {
		t.Fatal(err)
	}
	if listing := cloud.Listing(); !strings.Contains(listing, `\"image\":\"`+migrate.String()) || !strings.Contains(listing, "repository/migrate") {
		t.Errorf("the image is not used, or cannot be pulled:\n%s", listing)
	}
}
