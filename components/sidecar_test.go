package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/spec"
)

// Sidecars are containers of the task with what all containers have, and the service's container, and the one before it, wait for them.
func TestSidecars(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	image := spec.Image{Registry: "123456789012.dkr.ecr.eu-central-1.amazonaws.com", Repository: "collector", Digest: testDigest}
	if err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
		args.Before = &spec.Before{Command: []string{"migrate"}}
		args.Sidecars = map[string]spec.Sidecar{
			"otel": {
				Image: image, Command: []string{"--config", "env:CONFIG"}, Environment: map[string]string{"CONFIG": "a: b"},
				SecretsFrom: map[string]spec.SecretReference{"FLAG": othersParameter}, Optional: true, CPU: 32, Memory: 128, User: "10001:10001",
				Tmp: map[string]int{"/tmp": 16}, HealthCheck: &spec.ContainerHealthCheck{Command: []string{"/check"}},
			},
			"proxy": {Image: spec.Image{Registry: "ghcr.io", Repository: "proxy", Digest: testDigest}},
		}
		args.Access.Secrets = pulumi.StringMap{"KEY": pulumi.String("swordfish")}
		args.Access.SidecarSecrets = map[string]pulumi.StringMap{"otel": {"KEY": pulumi.String("swordfish")}}
		args.Access.Registry = &RegistryCredentials{Username: "me", Password: pulumi.String("swordfish")}
	})); err != nil {
		t.Fatal(err)
	}
	const (
		rest    = `"portMappings":[],`
		restart = `"restartPolicy":{"enabled":true,"restartAttemptPeriod":60},`
		logs    = `"stopTimeout":30,"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"dev-hello-0123456","awslogs-region":"eu-central-1",` +
			`"awslogs-stream-prefix":"hello","max-buffer-size":"25m","mode":"non-blocking"}}}`
		waits = `"dependsOn":[{"containerName":"otel","condition":"HEALTHY"},{"containerName":"proxy","condition":"START"}`
	)
	definitions := cloud.Resource(taskDefinitionType, "dev-hello").Inputs["containerDefinitions"].StringValue()
	for _, want := range []string{
		`[{"name":"before","image":"ghcr.io/hello@` + testDigest + `","repositoryCredentials":{"credentialsParameter":"arn:Secret/dev-hello-registry"},"essential":false,"command":["migrate"],`,
		waits + `],` + rest,
		`,{"name":"main","image":"ghcr.io/hello@` + testDigest + `","repositoryCredentials":{"credentialsParameter":"arn:Secret/dev-hello-registry"},"essential":true,"cpu":224,`,
		waits + `,{"containerName":"before","condition":"SUCCESS"}],"portMappings":[{"containerPort":8080`,
		`,{"name":"otel","image":"` + image.String() + `","essential":false,"cpu":32,"memory":128,"command":["--config","env:CONFIG"],` +
			`"environment":[{"name":"CONFIG","value":"a: b"}],"secrets":[{"name":"FLAG","valueFrom":"` + othersParameter + `"},` +
			`{"name":"KEY","valueFrom":"arn:Secret/dev-hello-environment:otel/KEY::version-1"}],` +
			`"healthCheck":{"command":["CMD","/check"],"interval":10,"timeout":5,"retries":3},` + rest + restart +
			`"user":"10001:10001","readonlyRootFilesystem":true,"linuxParameters":{"initProcessEnabled":true,"tmpfs":[{"containerPath":"/tmp","size":16}]},` + logs,
		`,{"name":"proxy","image":"ghcr.io/proxy@` + testDigest + `","repositoryCredentials":{"credentialsParameter":"arn:Secret/dev-hello-registry"},"essential":true,` +
			`"environment":[],` + rest + `"user":"65532:65532","readonlyRootFilesystem":true,"linuxParameters":{"initProcessEnabled":true},` + logs,
	} {
		at := strings.Index(definitions, want)
		if at < 0 {
			t.Fatalf("the containers lack, or have in another place,\n%s\n%s", want, definitions)
		}
		definitions = definitions[at+len(want)-1:]
	}
	listing := cloud.Listing()
	if secret := cloud.Resource("aws:secretsmanager/secretVersion:SecretVersion", "dev-hello-environment").Inputs["secretString"]; !secret.IsSecret() ||
		secret.SecretValue().Element.StringValue() != `{"KEY":"swordfish","otel/KEY":"swordfish"}` {
		t.Errorf("the secrets are %v", secret)
	}
	for _, want := range []string{`repository/collector\"]`, `\"Resource\":[\"` + othersParameter + `\"]`} {
		if n := strings.Count(listing, want); n != 1 {
			t.Errorf("%d policies have %s:\n%s", n, want, listing)
		}
	}
}

func TestSidecarsAreRefused(t *testing.T) {
	t.Parallel()
	image := spec.Image{Registry: "ghcr.io", Repository: "proxy", Digest: testDigest}
	for want, change := range map[string]func(*FargateServiceArgs){
		"sidecars.main: is the name of one": func(a *FargateServiceArgs) { a.Sidecars = map[string]spec.Sidecar{"main": {Image: image}} },
		"sidecars.otel: has secrets, and is not a sidecar": func(a *FargateServiceArgs) {
			a.Access.SidecarSecrets = map[string]pulumi.StringMap{"otel": {"A": pulumi.String("a")}}
		},
		"sidecars.otel.secrets.A: is in env too": func(a *FargateServiceArgs) {
			a.Sidecars = map[string]spec.Sidecar{"otel": {Image: image, Environment: map[string]string{"A": "a"}}}
			a.Access.SidecarSecrets = map[string]pulumi.StringMap{"otel": {"A": pulumi.String("a")}}
		},
	} {
		var cloud mocks.Cloud
		if err := cloud.Run(fargateService(change)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
		cloud.Expect(t, "")
	}
}
