package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"slipway/components/mocks"
	"slipway/spec"
)

const (
	othersSecret    = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf"
	othersParameter = "arn:aws:ssm:eu-west-1:123456789012:parameter/app/flag"
)

// The container names where ECS finds the values, and the execution role may read exactly these. The task's own role may not.
func TestSecretsFrom(t *testing.T) {
	t.Parallel()
	var cloud mocks.Cloud
	if err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
		args.SecretsFrom = map[string]spec.SecretReference{
			"DB_URL": othersSecret + ":url::", "DB_USER": othersSecret + ":user:AWSPREVIOUS:", "FLAG": othersParameter,
		}
		args.Access.Secrets = pulumi.StringMap{"KEY": pulumi.String("swordfish")}
		args.Before = &spec.Before{Command: []string{"migrate"}}
	})); err != nil {
		t.Fatal(err)
	}
	definitions := cloud.Resource(taskDefinitionType, "dev-hello").Inputs["containerDefinitions"].StringValue()
	want := `"secrets":[{"name":"DB_URL","valueFrom":"` + othersSecret + `:url::"},{"name":"DB_USER","valueFrom":"` + othersSecret + `:user:AWSPREVIOUS:"},` +
		`{"name":"FLAG","valueFrom":"` + othersParameter + `"},{"name":"KEY","valueFrom":"arn:Secret/dev-hello-environment:KEY::version-1"}]`
	if n := strings.Count(definitions, want); n != 2 {
		t.Errorf("%d containers have %s, want the service's and the one before it: %s", n, want, definitions)
	}
	var policies []string
	for _, r := range cloud.Resources() {
		if r.Type == "aws:iam/rolePolicy:RolePolicy" && strings.Contains(r.Name, "-secret-") {
			policies = append(policies, r.Inputs["role"].StringValue()+" "+r.Inputs["policy"].StringValue())
		}
	}
	const execution = "dev-hello-execution-0123456 "
	wanted := execution + `{"Version":"2012-10-17","Statement":[{"Sid":"ReadSecret","Effect":"Allow","Action":["secretsmanager:GetSecretValue"],"Resource":["` + othersSecret + `"]}]}` + "\n" +
		execution + `{"Version":"2012-10-17","Statement":[{"Sid":"ReadParameter","Effect":"Allow","Action":["ssm:GetParameters"],"Resource":["` + othersParameter + `"]}]}`
	if got := strings.Join(policies, "\n"); got != wanted && got != swapped(wanted) {
		t.Errorf("the policies are\n%s\nwant\n%s", got, wanted)
	}
}

// swapped exchanges two lines: the policies' names, by which they are sorted, are hashes.
func swapped(lines string) string {
	first, second, _ := strings.Cut(lines, "\n")
	return second + "\n" + first
}

// A variable has one value.
func TestSecretsFromRefuses(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*FargateServiceArgs){
		"secretsFrom.A: is in env too":      func(a *FargateServiceArgs) { a.Environment = map[string]string{"A": "a"} },
		"env.A: is given twice":             func(a *FargateServiceArgs) { a.Access.Environment = pulumi.StringMap{"A": pulumi.String("a")} },
		"secrets.A: is in secretsFrom too":  func(a *FargateServiceArgs) { a.Access.Secrets = pulumi.StringMap{"A": pulumi.String("a")} },
		"secretsFrom.PORT: is set from the": func(a *FargateServiceArgs) { a.SecretsFrom["PORT"] = othersParameter },
		"secretsFrom.B: must be the ARN of": func(a *FargateServiceArgs) { a.SecretsFrom["B"] = "flag" },
	} {
		var cloud mocks.Cloud
		err := cloud.Run(fargateService(func(args *FargateServiceArgs) {
			args.SecretsFrom = map[string]spec.SecretReference{"A": othersParameter}
			change(args)
		}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
		cloud.Expect(t, "")
	}
}
