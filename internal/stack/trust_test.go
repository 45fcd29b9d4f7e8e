package stack

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// trusting has the providers of a program with this repository's pins and a configuration.
func trusting() trust {
	return trust{
		plugins: []plugin{{"aws", "6.83.4"}, {"cloudflare", "5.49.1"}},
		settings: map[string]setting{
			"aws:region":          {value: "eu-central-1"},
			"aws:assumeRole":      {value: `{"roleArn":"arn:aws:iam::123456789012:role/slipway-deploy"}`},
			"aws:maxRetries":      {value: "5"},
			"aws:externalId":      {secret: true},
			"cloudflare:apiToken": {secret: true},
			"slipway:domain":      {value: "example.com"},
		},
		backend: "https://pulumi.example.com",
		keys:    []string{"awskms://alias/slipway?region=eu-central-1"},
	}
}

// stateOf is a state with a provider, its given inputs, and a resource of it.
func stateOf(t *testing.T, provider, inputs string) apitype.DeploymentV3 {
	t.Helper()
	return stateFrom(t, fmt.Sprintf(`{"resources": [
		{"urn": "urn:pulumi:pr-7::slipway::pulumi:pulumi:Stack::slipway-pr-7", "custom": false, "type": "pulumi:pulumi:Stack"},
		{"urn": "urn:pulumi:pr-7::slipway::pulumi:providers:%[1]s::default", "custom": true, "id": "1", "type": "pulumi:providers:%[1]s", "inputs": {%[2]s}},
		{"urn": "urn:pulumi:pr-7::slipway::%[1]s:ec2/vpc:Vpc::pr-7", "custom": true, "id": "vpc-1", "type": "%[1]s:ec2/vpc:Vpc",
			"provider": "urn:pulumi:pr-7::slipway::pulumi:providers:%[1]s::default::1"}
	]}`, provider, inputs))
}

func stateFrom(t *testing.T, text string) apitype.DeploymentV3 {
	t.Helper()
	var state apitype.DeploymentV3
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return state
}

// builtinOf is a state with the engine's own provider, as after the program's call for the stack's outputs.
func builtinOf(t *testing.T, inputs string) apitype.DeploymentV3 {
	t.Helper()
	return stateFrom(t, `{"resources": [{"urn": "urn:pulumi:pr-7::slipway::pulumi:providers:pulumi::default", "custom": true, "id": "1",
		"type": "pulumi:providers:pulumi", "inputs": {`+inputs+`}}]}`)
}

const encrypted = `{"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:a:b"}`

// States of the program itself are accepted, from today's engine and provider and from older ones.
func TestStatesOfTheProgramAreTrusted(t *testing.T) {
	for name, state := range map[string]apitype.DeploymentV3{
		"nothing":                          {},
		"what the program reads of itself": builtinOf(t, ``),
		"the same, with internals":         builtinOf(t, `"__internal": {}`),
		"the local cloud":                  stateOf(t, "aws", `"__internal": {}, "region": "eu-central-1", "version": "6.83.4"`),
		"an older provider":                stateOf(t, "aws", `"region": "eu-central-1", "version": "6.80.0"`),
		"what the configuration said then": stateOf(t, "aws", `"defaultTags": "{\"tags\": {\"Team\": \"web\"}}", "ignoreTags": {"keys": ["Team"]},
			"maxRetries": "25", "allowedAccountIds": "[\"123456789012\"]", "forbiddenAccountIds": ["210987654321"], "version": "6.83.4"`),
		"another region": stateOf(t, "aws", `"region": "us-gov-east-1", "version": "6.83.4"`),
		"added by the provider": stateOf(t, "aws",
			`"skipCredentialsValidation": "false", "skipRegionValidation": true, "skipMetadataApiCheck": "true", "version": "6.83.4"`),
		"the configuration's role": stateOf(t, "aws",
			`"assumeRole": "{\"roleArn\": \"arn:aws:iam::123456789012:role/slipway-deploy\"}", "maxRetries": 5, "version": "6.83.4"`),
		"the same as an object": stateOf(t, "aws",
			`"assumeRole": {"roleArn": "arn:aws:iam::123456789012:role/slipway-deploy"}, "version": "6.83.4"`),
		"a token":            stateOf(t, "cloudflare", `"apiToken": `+encrypted+`, "retries": "3", "rps": 4, "apiClientLogging": "false", "version": "5.49.1"`),
		"a passphrase":       stateFrom(t, `{"secrets_providers": {"type": "passphrase", "state": {"salt": "v1:a:b"}}}`),
		"Pulumi Cloud":       stateFrom(t, `{"secrets_providers": {"type": "service", "state": {"url": "https://api.pulumi.com", "owner": "acme"}}}`),
		"one's own":          stateFrom(t, `{"secrets_providers": {"type": "service", "state": {"url": "https://pulumi.example.com/"}}}`),
		"the key of a stack": stateFrom(t, `{"secrets_providers": {"type": "cloud", "state": {"url": "awskms://alias/slipway?region=eu-central-1"}}}`),
	} {
		if err := trusting().check(state); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each of these makes the engine start something else, or makes the provider call another endpoint or use another identity, with the
// credentials of the state's user.
func TestHostileStates(t *testing.T) {
	const provider = "resource default (pulumi:providers:aws): "
	says := func(key string) string {
		return provider + "the stack's configuration has another value of aws:" + key + ", or none"
	}
	for name, hostile := range map[string]struct {
		state apitype.DeploymentV3
		want  string
	}{
		"another plugin":    {stateOf(t, "evil", `"version": "1.0.0"`), `resource default (pulumi:providers:evil): go.mod pins no provider "evil"`},
		"code in the state": {stateOf(t, "pulumi-nodejs", `"version": "1.0.0"`), `go.mod pins no provider "pulumi-nodejs"`},
		"another stack's outputs": {
			stateFrom(t, `{"resources": [{"urn": "urn:pulumi:pr-7::slipway::pulumi:pulumi:StackReference::prod", "custom": true, "id": "acme/slipway/prod",
				"type": "pulumi:pulumi:StackReference", "provider": "urn:pulumi:pr-7::slipway::pulumi:providers:pulumi::default::1"}]}`),
			"resource prod (pulumi:pulumi:StackReference): it is the engine's own, which reads other stacks",
		},
		"the engine's provider behind a name": {
			stateFrom(t, `{"resources": [{"urn": "urn:pulumi:pr-7::slipway::aws:ec2/vpc:Vpc::a", "custom": true, "id": "a",
				"type": "aws:ec2/vpc:Vpc", "provider": "urn:pulumi:pr-7::slipway::pulumi:providers:pulumi::default::1"}]}`),
			"resource a (aws:ec2/vpc:Vpc): it is the engine's own",
		},
		"settings of the engine's":      {builtinOf(t, `"pluginDownloadURL": "https://evil.test"`), "it is the engine's own provider, and has settings"},
		"a version of the engine's":     {builtinOf(t, `"version": "1.0.0"`), "it is the engine's own provider, and has settings"},
		"a plugin behind the engine's":  {builtinOf(t, `"__internal": {"name": "evil"}`), "it is the engine's own provider, and has settings"},
		"an encrypted place of another": {builtinOf(t, `"__internal": "x"`), "it is the engine's own provider, and has settings"},
		"a place for plugins": {
			stateOf(t, "aws", `"version": "6.83.4", "__internal": {"pluginDownloadURL": "https://evil.test"}`),
			provider + "it says by itself which plugin it is (__internal: pluginDownloadURL)",
		},
		"a place as it was once": {stateOf(t, "aws", `"version": "6.83.4", "pluginDownloadURL": "https://evil.test"`), says("pluginDownloadURL")},
		"a plugin behind a name": {stateOf(t, "aws", `"version": "6.83.4", "__internal": {"name": "evil"}`), "__internal: name"},
		"a name as it was once":  {stateOf(t, "aws", `"version": "6.83.4", "name": "evil"`), says("name")},
		"a parameterized plugin": {
			stateOf(t, "aws", `"version": "6.83.4", "__internal": {"name": "terraform-provider", "parameterization": "e30=", "version": "1.0.0"}`),
			"__internal: name, parameterization, version",
		},
		"another environment": {
			stateOf(t, "aws", `"version": "6.83.4", "__internal": {"envVarMappings": {"PULUMI_CONFIG_PASSPHRASE": "AWS_PROFILE"}}`),
			"__internal: envVarMappings",
		},
		"an encrypted place":  {stateOf(t, "aws", `"version": "6.83.4", "__internal": `+encrypted), "__internal: 4dabf18193072939515e22adb298388d, ciphertext"},
		"internals as a text": {stateOf(t, "aws", `"version": "6.83.4", "__internal": "x"`), provider + "it says by itself which plugin it is"},
		"a newer version":     {stateOf(t, "aws", `"version": "6.90.0"`), provider + "its version is 6.90.0, and go.mod pins 6.83.4"},
		"a prerelease":        {stateOf(t, "aws", `"version": "6.83.4-evil"`), "its version is 6.83.4-evil"},
		"a build":             {stateOf(t, "aws", `"version": "6.83.4+evil"`), "its version is 6.83.4+evil"},
		"no version":          {stateOf(t, "aws", ``), "its version of the provider is not a plain one"},
		"an encrypted one":    {stateOf(t, "aws", `"version": `+encrypted), "its version of the provider is not a plain one"},
		"endpoints":           {stateOf(t, "aws", `"version": "6.83.4", "endpoints": "[{\"sts\": \"https://evil.test\"}]"`), says("endpoints")},
		"a profile":           {stateOf(t, "aws", `"version": "6.83.4", "profile": "admin"`), says("profile")},
		"files of profiles":   {stateOf(t, "aws", `"version": "6.83.4", "sharedConfigFiles": ["/tmp/evil"]`), says("sharedConfigFiles")},
		"a proxy":             {stateOf(t, "aws", `"version": "6.83.4", "httpsProxy": "http://evil.test", "insecure": true`), says("httpsProxy")},
		"another role":        {stateOf(t, "aws", `"version": "6.83.4", "assumeRole": "{\"roleArn\": \"arn:aws:iam::1:role/admin\"}"`), says("assumeRole")},
		"an encrypted role":   {stateOf(t, "aws", `"version": "6.83.4", "assumeRole": `+encrypted), says("assumeRole")},
		"a secret of another": {stateOf(t, "aws", `"version": "6.83.4", "externalId": `+encrypted), says("externalId")},
		"a token in a file":   {stateOf(t, "aws", `"version": "6.83.4", "assumeRoleWithWebIdentity": {"webIdentityTokenFile": "/etc/passwd"}`), says("assumeRoleWithWebIdentity")},
		"a region's host":     {stateOf(t, "aws", `"version": "6.83.4", "region": "evil.test#"`), says("region")},
		"a region's user":     {stateOf(t, "aws", `"version": "6.83.4", "region": "eu-central-1@evil.test/"`), says("region")},
		"who is asked of DNS": {stateOf(t, "cloudflare", `"version": "5.49.1", "apiHostname": "evil.test"`), "has another value of cloudflare:apiHostname"},
		"what is logged":      {stateOf(t, "cloudflare", `"version": "5.49.1", "apiClientLogging": true`), "has another value of cloudflare:apiClientLogging"},
		"a plain token":       {stateOf(t, "cloudflare", `"version": "5.49.1", "apiToken": "x"`), "has another value of cloudflare:apiToken"},
		"a provider that was": {stateFrom(t, `{"resources": [{"urn": "urn:pulumi:pr-7::slipway::pulumi:providers:evil::a", "custom": true, "delete": true,
			"type": "pulumi:providers:evil"}]}`), `go.mod pins no provider "evil"`},
		"a provider to be": {stateFrom(t, `{"pending_operations": [{"type": "creating", "resource": {
			"urn": "urn:pulumi:pr-7::slipway::pulumi:providers:evil::a", "custom": true, "type": "pulumi:providers:evil"}}]}`), `go.mod pins no provider "evil"`},
		"a provider by its URN": {stateFrom(t, `{"resources": [{"urn": "urn:pulumi:pr-7::slipway::pulumi:providers:evil::a", "custom": true,
			"type": "aws:ec2/vpc:Vpc"}]}`), "its URN says that it is a pulumi:providers:evil"},
		"one of the manifest": {
			stateFrom(t, `{"manifest": {"plugins": [{"name": "evil", "type": "resource", "version": "1.0.0"}]}, "resources": [
			{"urn": "urn:pulumi:pr-7::slipway::evil:index:Thing::a", "custom": true, "id": "a", "type": "evil:index:Thing"}]}`),
			"resource a (evil:index:Thing): it does not say which provider it has",
		},
		"an extension": {stateFrom(t, `{"extensions": {"x": {}}}`), "it has extensions or snippets"},
		"a snippet":    {stateFrom(t, `{"snippets": [{}]}`), "it has extensions or snippets"},
		"of a snippet": {
			stateFrom(t, `{"resources": [{"urn": "urn:pulumi:pr-7::slipway::a:b:C::d", "type": "a:b:C", "snippetID": "x"}]}`),
			"it comes from an extension or a snippet",
		},
		"another Pulumi Cloud": {stateFrom(t, `{"secrets_providers": {"type": "service", "state": {"url": "https://evil.test"}}}`), `encrypted by service "https://evil.test"`},
		"without TLS": {
			stateFrom(t, `{"secrets_providers": {"type": "service", "state": {"url": "https://api.pulumi.com", "insecure": true}}}`),
			`encrypted by service`,
		},
		"another key":      {stateFrom(t, `{"secrets_providers": {"type": "cloud", "state": {"url": "hashivault://evil"}}}`), `encrypted by cloud "hashivault://evil"`},
		"another keeper":   {stateFrom(t, `{"secrets_providers": {"type": "evil"}}`), `encrypted by evil ""`},
		"what is no state": {stateFrom(t, `{"secrets_providers": {"type": "service", "state": 7}}`), "does not say how its secrets are encrypted"},
	} {
		err := trusting().check(hostile.state)
		if err == nil || !strings.Contains(err.Error(), hostile.want) {
			t.Errorf("%s: error %v, want one that says %s", name, err, hostile.want)
		}
		if err != nil && (strings.Contains(err.Error(), "v1:a:b") || strings.Contains(err.Error(), "admin")) {
			t.Errorf("%s: the error quotes a value: %v", name, err)
		}
	}
}
